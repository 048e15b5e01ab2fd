//! Methods for explorers that others do not offer: page by page, each call with a bound
//! on what it reads.

use crate::chain::{Block, Included};
use crate::node::Node;
use crate::request::BlockId;
use crate::rpc::RpcError;
use crate::rpc::json;
use crate::rpc::params::Params;
use alloy_primitives::{Address, U256};
use host::ReadStore;
use serde_json::{Value, json};
use storage::layout::{ACCOUNTS, HEAD, SLOTS};

/// The most entries of a page.
const MAX_PAGE: u64 = 100;

/// The entries of a page if nobody says how many.
const PAGE: u64 = 25;

/// The blocks that one call looks through.
const LOOKED: u64 = 1_000;

/// `rollup_getTransactionsOf(address, before?, size?)`: the transactions that an address sent,
/// received, was created by or logged something in, newest first; `before` is `{block, index}`,
/// the `next` of the page before. A page may have none, and a `next`: then 1,000 blocks were
/// looked through.
pub(super) fn transactions_of(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let address: Address = params.required(0)?;
    let before = params.optional::<Value>(1)?;
    let size = size(params, 2)?;
    let (first, newest) = (node.chain().first(), node.latest()?.number());
    let at = |name| Some(before.as_ref()?.get(name)?.as_u64().unwrap_or(u64::MAX));
    // Of this block those before the index, and all of the blocks before.
    let (start, mut end) = match (at("block"), at("index")) {
        (Some(block), index) if block <= newest => (block, index.unwrap_or(0)),
        _ => (newest, u64::MAX),
    };
    let lowest = start.saturating_sub(LOOKED - 1).max(first);
    let mut found = Vec::new();
    let mut next = (lowest > first).then_some((lowest, 0));
    'blocks: for number in (lowest..=start).rev() {
        let Some(block) = node.find(BlockId::Number(number))? else {
            continue;
        };
        let places = block.transactions.iter().enumerate().rev();
        for (index, included) in places.filter(|(_, included)| concerns(included, &address)) {
            if index as u64 >= end {
                continue;
            }
            if found.len() as u64 >= size {
                next = Some((number, index as u64 + 1));
                break 'blocks;
            }
            found.push(entry(&block, index, included));
        }
        end = u64::MAX;
    }
    let next = next.map(|(block, index)| json!({ "block": block, "index": index }));
    Ok(json!({ "transactions": found, "next": next, "from": lowest, "to": start }))
}

/// True if an account sent or got a transaction, was created by it, or logged in it.
pub(super) fn concerns(included: &Included, address: &Address) -> bool {
    included.sender == *address
        || included.transaction.transaction.kind().to() == Some(address)
        || included.created() == Some(*address)
        || included
            .receipt
            .logs
            .iter()
            .any(|log| log.address == *address)
}

/// A transaction with what came of it, and the first four bytes of its input.
fn entry(block: &Block, index: usize, included: &Included) -> Value {
    let transaction = &included.transaction.transaction;
    let input = transaction.input();
    json!({
        "hash": json::data(included.transaction.hash),
        "blockNumber": json::quantity(block.number()),
        "transactionIndex": json::quantity(index as u64),
        "timestamp": json::quantity(block.header.timestamp),
        "from": json::address(&included.sender),
        "to": transaction.kind().to().map(json::address),
        "contractAddress": included.created().map(|created| json::address(&created)),
        "value": json::word(transaction.value()),
        "status": json::quantity(included.receipt.success.into()),
        "gasUsed": json::quantity(included.receipt.gas_used),
        "input": json::data(input.get(..4).unwrap_or(input)),
    })
}

fn size(params: &Params, index: usize) -> Result<u64, RpcError> {
    let size = params.optional::<u64>(index)?.unwrap_or(PAGE);
    Ok(size.clamp(1, MAX_PAGE))
}

/// `rollup_getSlots(address, after?, size?, block?)`: the slots of an account that are not zero,
/// in order, after the slot `after`.
pub(super) fn slots(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let address: Address = params.required(0)?;
    let after: Option<U256> = params.optional(1)?;
    let size = usize::try_from(size(params, 2)?).unwrap_or(1);
    let id = params.optional(3)?.unwrap_or_default();
    let block = node.block(id)?;
    let state = block.state()?;
    let path = ACCOUNTS.path(&address).map_err(RpcError::from)?;
    let names = state.children(path.as_path().to_string());
    let names = names.map_err(RpcError::internal)?;
    let keys = names.iter().filter_map(|name| {
        let key = host::path::decode_key::<32>(name.as_bytes())?;
        Some(U256::from_be_bytes(key))
    });
    let mut keys: Vec<U256> = keys
        .filter(|key| after.is_none_or(|after| *key > after))
        .collect();
    keys.sort_unstable();
    let more = keys.len() > size;
    keys.truncate(size);
    let slots: Result<Vec<Value>, RpcError> =
        keys.iter().map(|key| slot(state, address, *key)).collect();
    let next = keys.last().filter(|_| more).map(|key| json::word(*key));
    Ok(json!({ "slots": slots?, "next": next }))
}

fn slot(state: &impl ReadStore, address: Address, slot: U256) -> Result<Value, RpcError> {
    let value = SLOTS.get(state, &(address, slot))?.unwrap_or_default();
    Ok(json!({
        "slot": json::data(slot.to_be_bytes::<32>()),
        "value": json::data(value.to_be_bytes::<32>()),
    }))
}

/// `rollup_getLevelOf(block)`: the level of layer 1 that a block was made at; null if its state is
/// no longer kept.
pub(super) fn level_of(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let block = node.block(params.optional(0)?.unwrap_or_default())?;
    Ok(made_at(&block)?.map_or(Value::Null, Value::from))
}

fn made_at(block: &Block) -> Result<Option<u32>, RpcError> {
    let Some(state) = &block.state else {
        return Ok(None);
    };
    let head = HEAD.get(state, &())?;
    let own = head.filter(|head| head.number == block.number());
    Ok(own.map(|head| head.level))
}

/// `rollup_getLevelFigures(level)`: what a level took; null if it is not kept.
pub(super) fn level_figures(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let level: u64 = params.required(0)?;
    let kept = u32::try_from(level).ok();
    let Some(figures) = kept.and_then(|level| node.figures.of(level)) else {
        return Ok(Value::Null);
    };
    let wall = u64::try_from(figures.wall.as_micros()).unwrap_or(u64::MAX);
    let mut object = json!({
        "level": figures.level,
        "runs": figures.runs,
        "traps": figures.traps,
        "microseconds": wall,
        "instructions": null,
        "bytesRead": null,
        "bytesWritten": null,
        "hostCalls": null,
    });
    // All of these are counted together, or none.
    if figures.instructions > 0 {
        object["instructions"] = figures.instructions.into();
        object["bytesRead"] = figures.bytes_read.into();
        object["bytesWritten"] = figures.bytes_written.into();
        object["hostCalls"] = json!(figures.host_calls);
    }
    Ok(object)
}

/// `rollup_getBlocksOf(level)`: the first and the last block that were made at a level; null if
/// there is none, or their states are no longer kept.
pub(super) fn blocks_of(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let level: u64 = params.required(0)?;
    let (first, newest) = (node.chain().first(), node.latest()?.number());
    let kept = node.keep_states().saturating_sub(1);
    let lowest = newest.saturating_sub(kept).max(first);
    // Levels grow with blocks: the first block of a level that is not below `wanted`.
    let reaching = |wanted: u64| -> Result<u64, RpcError> {
        let (mut low, mut high) = (lowest, newest + 1);
        while low < high {
            let middle = low + (high - low) / 2;
            let made = match node.find(BlockId::Number(middle))? {
                Some(block) => made_at(&block)?,
                None => None,
            };
            match made {
                Some(made) if u64::from(made) >= wanted => high = middle,
                _ => low = middle + 1,
            }
        }
        Ok(low)
    };
    let (start, end) = (reaching(level)?, reaching(level.saturating_add(1))?);
    if start >= end {
        return Ok(Value::Null);
    }
    Ok(json!({ "first": start, "last": end - 1 }))
}
