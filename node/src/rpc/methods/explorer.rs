//! Methods for explorers that others do not offer: page by page, each call with a bound
//! on what it reads.

use crate::chain::{self, Block, Included};
use crate::error::NodeError;
use crate::node::Node;
use crate::request::{BlockId, LogQuery};
use crate::rpc::RpcError;
use crate::rpc::json;
use crate::rpc::params::Params;
use alloy_primitives::{Address, U256};
use host::ReadStore;
use serde_json::{Value, json};
use storage::Head;
use storage::layout::{ACCOUNTS, CONFIG, HEAD, SLOTS};

/// The most entries of a page.
const MAX_PAGE: u64 = 100;

/// The entries of a page if nobody says how many.
const PAGE: u64 = 25;

/// `rollup_getTransactionsOf(address, before?, size?)`: the transactions that an address sent,
/// received, was created by, logged something in or got a deposit by, newest first; `before` is
/// `{block, index}`, the `next` of the page before. A page may have none, and a `next`: then a
/// million blocks were looked through.
pub(super) fn transactions_of(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let address: Address = params.required(0)?;
    let before = params.optional::<Value>(1)?;
    let size = usize::try_from(size(params, 2)?).unwrap_or(1);
    let (first, newest) = (node.chain().first(), node.latest()?.number());
    let at = |name| Some(before.as_ref()?.get(name)?.as_u64().unwrap_or(u64::MAX));
    // Of this block those before the index, and all of the blocks before.
    let end = match (at("block"), at("index")) {
        (Some(block), index) if block <= newest => {
            (block, usize::try_from(index.unwrap_or(0)).unwrap_or(0))
        }
        _ => (newest + 1, 0),
    };
    let looked = node
        .store()
        .places_of_account(&address, first, end, size + 1)
        .map_err(NodeError::from)?;
    let mut found = Vec::new();
    for (number, index) in looked.places.iter().copied().take(size) {
        let block = node.find(BlockId::Number(number))?;
        let included = block.as_ref().and_then(|block| {
            let included = block.transactions.get(index)?;
            concerns(included, &address).then(|| entry(block, index, included))
        });
        found.extend(included);
    }
    let next = match looked.places.get(size - 1) {
        Some((block, index)) if looked.places.len() > size => Some((*block, *index)),
        _ if looked.from > first => Some((looked.from, 0)),
        _ => None,
    };
    let from = next.map_or(looked.from, |(block, _)| block);
    let next = next.map(|(block, index)| json!({ "block": block, "index": index }));
    let to = if end.1 == 0 {
        end.0.saturating_sub(1)
    } else {
        end.0
    };
    Ok(json!({ "transactions": found, "next": next, "from": from, "to": to.max(first) }))
}

/// True if an account sent or got a transaction, was created by it, logged in it, or got a deposit
/// by it.
pub(super) fn concerns(included: &Included, address: &Address) -> bool {
    let transaction = &included.transaction.transaction;
    chain::parties(included.sender, transaction, &included.receipt).contains(address)
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
    let path = path.as_path().to_string();
    let after = after.map(|slot| step(address, slot)).transpose()?;
    // The account's own values are beside its slots, under names that are no keys.
    let mut keys = Vec::new();
    let mut place = after;
    while keys.len() <= size {
        let names = state.children_after(path.as_str(), place.as_deref(), size + 1, key_rank);
        let names = names.map_err(RpcError::internal)?;
        let all = names.len() <= size;
        place = names.last().cloned();
        keys.extend(
            names
                .iter()
                .filter_map(|name| host::path::decode_key::<32>(name)),
        );
        if all {
            break;
        }
    }
    let more = keys.len() > size;
    keys.truncate(size);
    let keys: Vec<U256> = keys.into_iter().map(U256::from_be_bytes).collect();
    let slots: Result<Vec<Value>, RpcError> =
        keys.iter().map(|key| slot(state, address, *key)).collect();
    let next = keys.last().filter(|_| more).map(|key| json::word(*key));
    Ok(json!({ "slots": slots?, "next": next }))
}

/// A slot's name in durable storage, below its account.
fn step(address: Address, slot: U256) -> Result<Vec<u8>, RpcError> {
    let path = SLOTS.path(&(address, slot)).map_err(RpcError::from)?;
    let mut steps = path.as_path().as_bytes().rsplit(|byte| *byte == b'/');
    Ok(steps.next().unwrap_or_default().to_vec())
}

/// Where a byte of a key's name stands, so that names are in the order of their keys: the names
/// are base64url.
fn key_rank(byte: u8) -> u8 {
    match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'-' => 62,
        b'_' => 63,
        // No name of a key has any of these.
        other => other | 128,
    }
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
    Ok(own_head(block)?.map(|head| head.level))
}

/// The kernel's own record of a block, if its state is kept.
fn own_head(block: &Block) -> Result<Option<Head>, RpcError> {
    let Some(state) = &block.state else {
        return Ok(None);
    };
    let head = HEAD.get(state, &())?;
    Ok(head.filter(|head| head.number == block.number()))
}

/// `rollup_getNewestLogs(filter, before?, size?)`: logs that pass a filter (`address`, `topics`), newest
/// first; `before` is `{block, log}`, the `next` of the page before. A page may have few, and a `next`:
/// then they lie far apart.
pub(super) fn newest_logs(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let query: LogQuery = params.required(0)?;
    let before = params.optional::<Value>(1)?;
    let size = usize::try_from(size(params, 2)?).unwrap_or(1);
    let at = |name| Some(before.as_ref()?.get(name)?.as_u64().unwrap_or(u64::MAX));
    let before = match (at("block"), at("log")) {
        (Some(block), log) => (block, log.unwrap_or(0)),
        _ => (u64::MAX, u64::MAX),
    };
    let first = node.chain().first();
    let found = node
        .store()
        .newest_logs(&query.filter, (first, before), size)
        .map_err(NodeError::from)?;
    let logs: Vec<Value> = found
        .logs
        .iter()
        .map(|(place, log)| json::log(place, log))
        .collect();
    let next = found
        .next
        .map(|(block, log)| json!({ "block": block, "log": log }));
    Ok(json!({ "logs": logs, "next": next }))
}

/// `rollup_getReceipt(hash, from?, size?)`: a receipt with its logs from number `from` on, and how
/// many it has (`logCount`); null if no block has the transaction.
pub(super) fn receipt(node: &Node, params: &Params) -> Result<Value, RpcError> {
    /// The most logs of an answer, as of a page of `eth_getLogs` that is shown.
    const MAX_LOGS: u64 = 1_000;
    let from = params.optional::<u64>(1)?.unwrap_or_default();
    let size = params.optional::<u64>(2)?.unwrap_or(PAGE).min(MAX_LOGS);
    let Some((block, index)) = node.transaction(&params.required(0)?)? else {
        return Ok(Value::Null);
    };
    let Some(included) = block.transactions.get(index) else {
        return Ok(Value::Null);
    };
    let at = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let all = (included.first_log..).zip(&included.receipt.logs);
    let logs = all.skip(at(from)).take(at(size));
    let logs: Vec<Value> = logs
        .map(|(number, log)| json::log(&json::place_of(&block, index, number), log))
        .collect();
    let mut receipt = json::receipt_with(&block, index, included, &logs);
    receipt["logCount"] = included.receipt.logs.len().into();
    Ok(receipt)
}

/// `rollup_getBlockFigures(block)`: the work of a block's transactions, which its base fee follows as
/// it follows gas, that of its level so far, and how much a level may do; null if its state is no
/// longer kept.
pub(super) fn block_figures(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let block = node.block(params.optional(0)?.unwrap_or_default())?;
    let Some(head) = own_head(&block)? else {
        return Ok(Value::Null);
    };
    let parent = match block.number().checked_sub(1) {
        Some(number) => node.find(BlockId::Number(number))?,
        None => None,
    };
    let parent = parent
        .map(|parent| own_head(&parent))
        .transpose()?
        .flatten();
    // The head counts all blocks of a level together.
    let before = parent.filter(|parent| parent.level == head.level);
    let before = before.map_or(0, |parent| parent.paid_work);
    let config = CONFIG.get(block.state()?, &())?;
    Ok(json!({
        "level": head.level,
        "work": head.paid_work.saturating_sub(before),
        "levelWork": head.level_work,
        "levelBudget": config.map(|config| config.level_budget),
    }))
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
