//! Blocks, their contents and their logs.

use crate::chain::{Block, Included};
use crate::node::Node;
use crate::request::{BlockId, BlockRange, LogQuery};
use crate::rpc::RpcError;
use crate::rpc::json;
use crate::rpc::params::Params;
use alloy_primitives::{B64, Bloom};
use ethereum::Header;
use ethereum::header::EMPTY_ROOT;
use serde_json::Value;

/// `eth_getBlockByNumber(block, full)` and `eth_getBlockByHash`.
pub(super) fn block(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let id = params.required(0)?;
    let full = params.optional(1)?.unwrap_or(false);
    if id == BlockId::Pending {
        return pending(node, full);
    }
    Ok(node
        .find(id)
        .map_or(Value::Null, |block| json::block(&block, full)))
}

/// `eth_getHeaderByNumber(block)` and `eth_getHeaderByHash`.
pub(super) fn header(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let block = node.find(params.required(0)?);
    Ok(block.map_or(Value::Null, |block| Value::Object(json::header(&block))))
}

/// The block to come, as far as it is known: pending transactions, and no hash yet.
fn pending(node: &Node, full: bool) -> Result<Value, RpcError> {
    let latest = node.latest()?;
    let environment = node.next_environment(&latest)?;
    let header = Header {
        parent_hash: latest.hash,
        beneficiary: environment.beneficiary,
        transactions_root: EMPTY_ROOT,
        receipts_root: EMPTY_ROOT,
        logs_bloom: Bloom::ZERO,
        number: environment.number,
        gas_limit: environment.gas_limit,
        gas_used: 0,
        timestamp: environment.timestamp,
        nonce: B64::ZERO,
        base_fee_per_gas: environment.base_fee,
        ..latest.header.clone()
    };
    let size = header.encode().len() as u64;
    let block = Block {
        header,
        size,
        transactions: Vec::new(),
        ..Block::clone(&latest)
    };
    let mut object = json::block(&block, full);
    let waiting: Vec<Value> = node
        .pool()
        .pending()
        .map(|candidate| match full {
            true => json::pending_transaction(&candidate.transaction, &candidate.sender),
            false => json::data(candidate.transaction.hash),
        })
        .collect();
    object["transactions"] = Value::Array(waiting);
    object["hash"] = Value::Null;
    Ok(object)
}

/// `eth_getBlockTransactionCountByNumber(block)` and by hash.
pub(super) fn transaction_count(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let id = params.required(0)?;
    if id == BlockId::Pending {
        return Ok(json::quantity(node.pool().counts().0 as u64));
    }
    Ok(node.find(id).map_or(Value::Null, |block| {
        json::quantity(block.transactions.len() as u64)
    }))
}

/// `eth_getUncleCountByBlockNumber(block)` and by hash: always 0.
pub(super) fn ommer_count(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let block = node.find(params.required(0)?);
    Ok(block.map_or(Value::Null, |_| json::quantity(0)))
}

/// `eth_getTransactionByBlockNumberAndIndex(block, index)` and by hash.
pub(super) fn transaction(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let (block, index) = (node.find(params.required(0)?), params.required::<u64>(1)?);
    let found = block.as_ref().and_then(|block| {
        let index = usize::try_from(index).ok()?;
        Some(json::included_transaction(
            block,
            index,
            block.transactions.get(index)?,
        ))
    });
    Ok(found.unwrap_or_default())
}

/// `eth_getBlockReceipts(block)`.
pub(super) fn receipts(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let Some(block) = node.find(params.required(0)?) else {
        return Ok(Value::Null);
    };
    let receipt = |(index, included): (usize, &Included)| json::receipt(&block, index, included);
    Ok(block.transactions.iter().enumerate().map(receipt).collect())
}

/// `eth_getLogs(query)`.
pub(super) fn logs(node: &Node, params: &Params) -> Result<Value, RpcError> {
    logs_of(node, &params.required(0)?).map(Value::Array)
}

/// The most logs of an answer.
const MAX_LOGS: usize = 10_000;

/// The logs that a query asks for.
///
/// # Errors
/// If the range is invalid, the block unknown, or there are too many logs.
pub(super) fn logs_of(node: &Node, query: &LogQuery) -> Result<Vec<Value>, RpcError> {
    let (from, to) = range(node, query.blocks)?;
    let mut logs = Vec::new();
    node.chain()
        .for_each_log(&query.filter, from, to, |block, index, number, log| {
            logs.push(json::log(block, index, number, log));
            logs.len() <= MAX_LOGS
        });
    if logs.len() > MAX_LOGS {
        return Err(RpcError::limit(format_args!(
            "query returned more than {MAX_LOGS} results: ask for fewer blocks, addresses or topics"
        )));
    }
    Ok(logs)
}

fn range(node: &Node, range: BlockRange) -> Result<(u64, u64), RpcError> {
    match range {
        BlockRange::Hash(hash) => {
            let block = node.find(BlockId::Hash(hash));
            let number = block.map(|block| block.number());
            number
                .map(|number| (number, number))
                .ok_or_else(|| RpcError::server("unknown block"))
        }
        BlockRange::FromTo(from, to) => {
            // A poller may ask from the block after the newest on: nothing yet.
            if let (BlockId::Number(from), BlockId::Number(to)) = (from, to)
                && from > to
            {
                return Err(RpcError::invalid_params("invalid block range params"));
            }
            Ok((bound(node, from)?, bound(node, to)?))
        }
    }
}

/// The number that a bound of a range stands for.
fn bound(node: &Node, id: BlockId) -> Result<u64, RpcError> {
    match id {
        BlockId::Number(number) => Ok(number),
        id => Ok(node.block(id)?.number()),
    }
}
