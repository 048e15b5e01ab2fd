//! Blocks, their contents and their logs.

use super::Reply;
use crate::chain::{Block, LogFilter};
use crate::error::NodeError;
use crate::node::Node;
use crate::request::{BlockId, BlockRange, LogQuery};
use crate::rpc::RpcError;
use crate::rpc::json;
use crate::rpc::params::Params;
use crate::rpc::past;
use crate::rpc::text::{self, List};
use crate::store::LogPlace;
use alloy_primitives::{B64, Bloom, Log};
use ethereum::Header;
use ethereum::header::EMPTY_ROOT;
use serde_json::{Map, Value};
use std::sync::Arc;

/// The most transactions or logs of what is written at once.
pub(super) const FEW: usize = 64;

/// `eth_getBlockByNumber(block, full)` and `eth_getBlockByHash`.
pub(super) fn block(node: &Node, params: &Params) -> Result<Reply, RpcError> {
    let id = params.required(0)?;
    let full = params.optional(1)?.unwrap_or(false);
    if id == BlockId::Pending {
        return pending(node, full);
    }
    let Some(block) = node.find(id)? else {
        return Ok(Reply::Small(Value::Null));
    };
    if block.transactions.len() <= FEW {
        return Ok(Reply::Small(json::block(&block, full)));
    }
    Ok(Reply::Large(Box::new(move |_| {
        let mut list = List::default();
        for (index, included) in block.transactions.iter().enumerate() {
            list.push(&json::transaction_of(&block, index, included, full))?;
        }
        let rest = json::block_without_transactions(&block);
        Ok(text::with_field(rest, "transactions", &list.finish()))
    })))
}

/// `eth_getHeaderByNumber(block)` and `eth_getHeaderByHash`.
pub(super) fn header(node: &Node, params: &Params) -> Result<Value, RpcError> {
    header_of(node, params.required(0)?)
}

/// A block's header; null if there is no such block.
pub(super) fn header_of(node: &Node, id: BlockId) -> Result<Value, RpcError> {
    if id == BlockId::Pending {
        let mut header = json::header(&*to_come(node)?);
        conceal(&mut header);
        return Ok(Value::Object(header));
    }
    let block = node.find(id)?;
    Ok(block.map_or(Value::Null, |block| Value::Object(json::header(&block))))
}

/// The block to come, as far as it is known.
fn pending(node: &Node, full: bool) -> Result<Reply, RpcError> {
    let block = to_come(node)?;
    Ok(Reply::Large(Box::new(move |_| {
        let mut list = List::default();
        for (index, included) in block.transactions.iter().enumerate() {
            let mut transaction = json::transaction_of(&block, index, included, full);
            if let Some(fields) = transaction.as_object_mut() {
                fields.insert("blockHash".into(), Value::Null);
            }
            list.push(&transaction)?;
        }
        let mut rest = json::block_without_transactions(&block);
        conceal(&mut rest);
        Ok(text::with_field(rest, "transactions", &list.finish()))
    })))
}

/// Takes out what is known of a whole block only.
fn conceal(header: &mut Map<String, Value>) {
    for name in ["hash", "nonce", "miner"] {
        header.insert(name.into(), Value::Null);
    }
}

/// The block to come; an empty one where nothing waits.
fn to_come(node: &Node) -> Result<Arc<Block>, RpcError> {
    let latest = node.latest()?;
    if let Some(block) = node.find(BlockId::Pending)?
        && block.hash != latest.hash
    {
        return Ok(block);
    }
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
    let mut block = Block {
        header,
        transactions: Vec::new(),
        ..Block::clone(&latest)
    };
    block.size = block.encode().len() as u64;
    Ok(Arc::new(block))
}

/// `eth_getBlockTransactionCountByNumber(block)` and by hash.
pub(super) fn transaction_count(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let id = params.required(0)?;
    if id == BlockId::Pending {
        let count = to_come(node)?.transactions.len();
        return Ok(json::quantity(count as u64));
    }
    Ok(node.find(id)?.map_or(Value::Null, |block| {
        json::quantity(block.transactions.len() as u64)
    }))
}

/// `eth_getUncleCountByBlockNumber(block)` and by hash: always 0.
pub(super) fn ommer_count(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let block = node.find(params.required(0)?)?;
    Ok(block.map_or(Value::Null, |_| json::quantity(0)))
}

/// `eth_getTransactionByBlockNumberAndIndex(block, index)` and by hash.
pub(super) fn transaction(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let (block, index) = (node.find(params.required(0)?)?, params.required::<u64>(1)?);
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

/// `eth_getRawTransactionByBlockNumberAndIndex(block, index)` and by hash.
pub(super) fn raw_transaction(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let (block, index) = (node.find(params.required(0)?)?, params.required::<u64>(1)?);
    let included = block.as_ref().and_then(|block| {
        let index = usize::try_from(index).ok()?;
        block.transactions.get(index)
    });
    Ok(included.map_or(Value::Null, |included| {
        json::data(included.transaction.encode())
    }))
}

/// `eth_getBlockReceipts(block)`.
pub(super) fn receipts(node: &Node, params: &Params) -> Result<Reply, RpcError> {
    let found = match params.required(0)? {
        BlockId::Pending => Some(to_come(node)?),
        id => node.find(id)?,
    };
    let Some(block) = found else {
        return Ok(Reply::Small(Value::Null));
    };
    let write = move |_: &Node| {
        let receipts = block.transactions.iter().enumerate();
        text::list(receipts.map(|(index, included)| json::receipt(&block, index, included)))
    };
    Ok(Reply::Large(Box::new(write)))
}

/// `eth_getLogs(query)`.
pub(super) fn logs(node: &Node, params: &Params) -> Result<Reply, RpcError> {
    logs_of(node, params.required(0)?)
}

/// The most logs of an answer, unless they are of one block: nobody could ask for less of it.
const MAX_LOGS: usize = 10_000;

/// The logs that a query asks for.
///
/// # Errors
/// If the range is invalid, the block unknown, or there are too many logs.
pub(super) fn logs_of(node: &Node, query: LogQuery) -> Result<Reply, RpcError> {
    if let BlockRange::Hash(hash) = query.blocks
        && let Some(fork) = node.fork()
        && (hash == fork.hash() || node.find(BlockId::Hash(hash))?.is_none())
    {
        let query = past::logs_of_block(&query.filter, hash);
        return Ok(Reply::Large(Box::new(move |_| past::logs(&fork, &query))));
    }
    let (from, to) = range(node, query.blocks)?;
    let filter = query.filter;
    Ok(Reply::Large(Box::new(move |node| {
        list_between(node, &filter, &[], (from, to))
    })))
}

/// The logs of blocks that are gone, and those from one block to another, both included.
///
/// # Errors
/// If there are too many, or too many bytes of them; if they cannot be read.
pub(super) fn list_between(
    node: &Node,
    filter: &LogFilter,
    gone: &[Arc<Block>],
    (from, to): (u64, u64),
) -> Result<String, RpcError> {
    let fork = node.fork().filter(|fork| from <= fork.number());
    let most = match from == to {
        true => usize::MAX,
        false => MAX_LOGS,
    };
    let (mut list, mut count, mut next) = (List::default(), 0, from);
    if let Some(fork) = fork {
        let last = to.min(fork.number());
        let logs = past::logs(&fork, &past::logs_between(filter, from, last))?;
        let logs: Vec<Value> = serde_json::from_str(&logs).map_err(RpcError::internal)?;
        for log in &logs {
            count += 1;
            if count > most {
                return Err(too_many_logs());
            }
            list.push(log)?;
        }
        next = last.saturating_add(1);
    }
    for block in gone {
        for (index, number, log) in block.logs().filter(|(.., log)| filter.matches(log)) {
            list.push(&json::removed_log(block, index, number, log))?;
        }
    }
    let each = |place: LogPlace, log: &Log| {
        count += 1;
        if count > most {
            return Err(too_many_logs());
        }
        list.push(&json::log(&place, log))
    };
    let listed = node.store().for_each_log(filter, (next, to), each);
    listed.map_err(NodeError::from)??;
    Ok(list.finish())
}

fn too_many_logs() -> RpcError {
    RpcError::limit(format_args!(
        "query returned more than {MAX_LOGS} results: ask for fewer blocks, addresses or topics"
    ))
}

fn range(node: &Node, range: BlockRange) -> Result<(u64, u64), RpcError> {
    match range {
        BlockRange::Hash(hash) => {
            let block = node.find(BlockId::Hash(hash))?;
            let number = block.map(|block| block.number());
            number
                .map(|number| (number, number))
                .ok_or_else(|| RpcError::server("unknown block"))
        }
        BlockRange::FromTo(from, to) => {
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
    let newest = node.latest()?.number();
    match id {
        BlockId::Number(number) if number > newest => Err(RpcError::invalid_params(
            "block range extends beyond current head block",
        )),
        BlockId::Number(number) => Ok(number),
        BlockId::Pending => Err(RpcError::invalid_params("pending logs are not supported")),
        id => Ok(node.block(id)?.number()),
    }
}
