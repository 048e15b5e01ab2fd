//! Methods for Otterscan, beyond Ethereum's own.

use super::debug::{parent, place};
use super::explorer::concerns;
use super::parity::localized;
use crate::chain::{Block, Included};
use crate::node::Node;
use crate::request::BlockId;
use crate::rpc::RpcError;
use crate::rpc::json;
use crate::rpc::params::{AnyBlock, Params};
use crate::rpc::past;
use crate::rpc::text;
use crate::trace::named::Named;
use crate::trace::{Bounded, Budget, Looked, Watched, replay};
use alloy_primitives::{Address, B256, U256};
use alloy_rpc_types_trace::parity::{
    Action, CallType, CreationMethod, LocalizedTransactionTrace, TraceOutput,
};
use evm_kernel::native::simulate::Interrupt;
use evm_kernel::native::trace::Observer;
use pvm::Durable;
use revm::inspector::NoOpInspector;
use revm_inspectors::otterscan::InternalOperationsInspector;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use storage::layout::ACCOUNTS;

/// The version of these methods.
const API_LEVEL: u64 = 8;

/// The most transactions of a page.
const MAX_PAGE: u64 = 25;

/// `ots_getApiLevel()`.
pub(super) fn api_level(_: &Node, _: &Params) -> Result<Value, RpcError> {
    Ok(Value::from(API_LEVEL))
}

/// `erigon_getHeaderByNumber(block)`.
pub(super) fn header(node: &Node, params: &Params) -> Result<Value, RpcError> {
    super::blocks::header_of(node, block_id(params)?)
}

/// The block that the first parameter names; its number may be a JSON number.
fn block_id(params: &Params) -> Result<BlockId, RpcError> {
    let AnyBlock(id) = params.required(0)?;
    Ok(id)
}

/// `ots_hasCode(address, block)`.
pub(super) fn has_code(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let address: Address = params.required(0)?;
    let id = params.optional(1)?.map(|AnyBlock(id)| id);
    let block = node.block(id.unwrap_or_default())?;
    Ok(Value::Bool(is_contract(block.state()?, &address)?))
}

fn is_contract(state: &Durable, address: &Address) -> Result<bool, RpcError> {
    let account = ACCOUNTS.get(state, address)?;
    Ok(account.is_some_and(|account| account.has_code()))
}

/// Executes the transaction that the first parameter names again; gives what `tell` says
/// of it.
fn again<I: for<'s> Observer<'s, Durable> + Watched>(
    node: &Node,
    params: &Params,
    interrupt: &Interrupt,
    inspector: I,
    tell: impl Fn(Looked<'_, '_, I>) -> Result<String, RpcError>,
) -> Result<String, RpcError> {
    let (block, index) = place(node, &params.required(0)?)?;
    let parent = parent(node, &block)?;
    let mut text = String::new();
    let wanted = index..index + 1;
    replay((&block, &parent), wanted, inspector, interrupt, |looked| {
        text = tell(looked)?;
        Ok::<_, RpcError>(())
    })?;
    Ok(text)
}

/// `ots_getInternalOperations(hash)`: transfers, creations and self-destructs within.
pub(super) fn internal_operations(
    node: &Node,
    params: &Params,
    interrupt: &Interrupt,
) -> Result<String, RpcError> {
    let inspector = InternalOperationsInspector::default();
    let inspector = Bounded::new(inspector, Budget::new(&node.load));
    again(node, params, interrupt, inspector, |looked| {
        text::value(&looked.replay.inspector().tracer().operations())
    })
}

/// `ots_getTransactionError(hash)`: what it reverted with.
pub(super) fn transaction_error(
    node: &Node,
    params: &Params,
    interrupt: &Interrupt,
) -> Result<String, RpcError> {
    again(node, params, interrupt, NoOpInspector, |looked| {
        let result = &looked.traced.result.result;
        let failed = (!looked.traced.success).then(|| result.output().cloned());
        Ok(json::data(failed.flatten().unwrap_or_default()).to_string())
    })
}

/// `ots_traceTransaction(hash)`: the tree of calls as a list.
pub(super) fn trace_transaction(
    node: &Node,
    params: &Params,
    interrupt: &Interrupt,
) -> Result<String, RpcError> {
    let (block, index) = place(node, &params.required(0)?)?;
    let mut entries = text::List::default();
    localized(node, &block, index..index + 1, interrupt, |trace| {
        entries.push(&entry(&trace)).map(|()| true)
    })?;
    Ok(entries.finish())
}

fn entry(trace: &LocalizedTransactionTrace) -> Value {
    let depth = trace.trace.trace_address.len();
    match &trace.trace.action {
        Action::Call(call) => {
            let kind = match call.call_type {
                CallType::StaticCall => "STATICCALL",
                CallType::DelegateCall => "DELEGATECALL",
                CallType::CallCode => "CALLCODE",
                _ => "CALL",
            };
            let value = match call.call_type {
                CallType::StaticCall | CallType::DelegateCall => Value::Null,
                _ => json::word(call.value),
            };
            let output = match &trace.trace.result {
                Some(TraceOutput::Call(result)) => json::data(&result.output),
                _ => json::data([]),
            };
            json!({
                "type": kind, "depth": depth, "from": json::address(&call.from),
                "to": json::address(&call.to), "value": value,
                "input": json::data(&call.input), "output": output,
            })
        }
        Action::Create(create) => {
            let kind = match create.creation_method {
                CreationMethod::Create2 => "CREATE2",
                _ => "CREATE",
            };
            let (to, output) = match &trace.trace.result {
                Some(TraceOutput::Create(created)) => {
                    (json::address(&created.address), json::data(&created.code))
                }
                _ => (Value::Null, json::data([])),
            };
            json!({
                "type": kind, "depth": depth, "from": json::address(&create.from),
                "to": to, "value": json::word(create.value),
                "input": json::data(&create.init), "output": output,
            })
        }
        Action::Selfdestruct(gone) => json!({
            "type": "SELFDESTRUCT", "depth": depth, "from": json::address(&gone.address),
            "to": json::address(&gone.refund_address), "value": json::word(gone.balance),
            "input": "0x", "output": "0x",
        }),
        Action::Reward(_) => Value::Null,
    }
}

/// `ots_getBlockDetails(block)` and `ots_getBlockDetailsByHash`.
pub(super) fn details(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let Some(block) = node.find(block_id(params)?)? else {
        return Ok(Value::Null);
    };
    let mut object = json::block_without_transactions(&block);
    object.remove("logsBloom");
    object.insert("logsBloom".into(), Value::Null);
    object.insert(
        "transactionCount".into(),
        Value::from(block.transactions.len()),
    );
    let fees = block.transactions.iter().map(|included| {
        let price = included.gas_price(block.header.base_fee_per_gas);
        price.saturating_mul(U256::from(included.receipt.gas_used))
    });
    let fees = fees.fold(U256::ZERO, U256::saturating_add);
    Ok(json!({
        "block": object,
        "issuance": { "blockReward": "0x0", "uncleReward": "0x0", "issuance": "0x0" },
        "totalFees": json::word(fees),
    }))
}

/// `ots_getBlockTransactions(block, page, size)`: a page of a block, the newest
/// transaction on page 0.
pub(super) fn block_transactions(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let Some(block) = node.find(block_id(params)?)? else {
        return Ok(Value::Null);
    };
    let (page, size): (u64, u64) = (params.required(1)?, page_size(params, 2)?);
    let count = block.transactions.len() as u64;
    let end = count.saturating_sub(page.saturating_mul(size));
    let start = end.saturating_sub(size);
    let at = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let wanted = block.transactions.iter().enumerate();
    let wanted = wanted.skip(at(start)).take(at(end - start));
    let (mut transactions, mut receipts) = (Vec::new(), Vec::new());
    for (index, included) in wanted {
        let mut transaction = json::included_transaction(&block, index, included);
        // The method's name, and no more, is shown.
        if let Some(input) = transaction["input"].as_str() {
            transaction["input"] = Value::from(input.chars().take(10).collect::<String>());
        }
        transactions.push(transaction);
        receipts.push(slim_receipt(&block, index, included));
    }
    let mut fullblock = json::block_without_transactions(&block);
    fullblock.insert("transactionCount".into(), Value::from(count));
    fullblock.insert("transactions".into(), Value::Array(transactions));
    Ok(json!({ "fullblock": fullblock, "receipts": receipts }))
}

/// A receipt without logs, with the block's time.
fn slim_receipt(block: &Block, index: usize, included: &Included) -> Value {
    let mut receipt = json::receipt_with(block, index, included, &[]);
    receipt["logs"] = Value::Null;
    receipt["logsBloom"] = Value::Null;
    receipt["timestamp"] = json::quantity(block.header.timestamp);
    receipt
}

fn page_size(params: &Params, index: usize) -> Result<u64, RpcError> {
    Ok(params.required::<u64>(index)?.min(MAX_PAGE))
}

/// `ots_searchTransactionsBefore(address, block, size)`: those that have to do with an
/// address in the blocks before one (0: in all), the newest first.
pub(super) fn search_before(
    node: &Node,
    params: &Params,
    interrupt: &Interrupt,
) -> Result<String, RpcError> {
    let before: u64 = params.required(1)?;
    let newest = node.latest()?.number();
    let last = if before == 0 {
        newest
    } else {
        (before - 1).min(newest)
    };
    let (page, more) = Page::search(node, params, (1..=last).rev(), interrupt)?;
    page.finish(before == 0, !more)
}

/// `ots_searchTransactionsAfter(address, block, size)`: in the blocks after one, the
/// newest first.
pub(super) fn search_after(
    node: &Node,
    params: &Params,
    interrupt: &Interrupt,
) -> Result<String, RpcError> {
    let after: u64 = params.required(1)?;
    let numbers = after.saturating_add(1)..=node.latest()?.number();
    let (mut page, more) = Page::search(node, params, numbers, interrupt)?;
    page.entries.reverse();
    page.finish(!more, after == 0)
}

/// A page of a search; a block's transactions are not torn apart.
struct Page {
    /// By block: transactions and receipts.
    entries: Vec<Vec<(Value, Value)>>,
}

impl Page {
    /// Looks through blocks for what has to do with the address that the first parameter
    /// names, until the page is full; tells whether blocks are left.
    fn search(
        node: &Node,
        params: &Params,
        mut numbers: impl Iterator<Item = u64>,
        interrupt: &Interrupt,
    ) -> Result<(Self, bool), RpcError> {
        let address: Address = params.required(0)?;
        let size = usize::try_from(page_size(params, 2)?).unwrap_or(usize::MAX);
        let mut entries: Vec<Vec<(Value, Value)>> = Vec::new();
        while let Some(number) = numbers.next() {
            past::check_here(node, number)?;
            let block = node.block(BlockId::Number(number))?;
            let found = concerned(node, &block, &address, interrupt)?;
            let newest_first = found.into_iter().rev();
            let of_block: Vec<_> = newest_first
                .filter_map(|index| {
                    let included = block.transactions.get(index)?;
                    let transaction = json::included_transaction(&block, index, included);
                    Some((transaction, slim_receipt(&block, index, included)))
                })
                .collect();
            if !of_block.is_empty() {
                entries.push(of_block);
            }
            if entries.iter().map(Vec::len).sum::<usize>() >= size {
                return Ok((Self { entries }, numbers.next().is_some()));
            }
        }
        Ok((Self { entries }, false))
    }

    fn finish(self, first: bool, last: bool) -> Result<String, RpcError> {
        let (transactions, receipts): (Vec<Value>, Vec<Value>) =
            self.entries.into_iter().flatten().unzip();
        text::value(&json!({
            "txs": transactions,
            "receipts": receipts,
            "firstPage": first,
            "lastPage": last,
        }))
    }
}

/// The places of a block's transactions that have to do with an address: by their calls,
/// or by their logs.
fn concerned(
    node: &Node,
    block: &Block,
    address: &Address,
    interrupt: &Interrupt,
) -> Result<Vec<usize>, RpcError> {
    let word = address.into_word();
    let mut found: Vec<usize> = block
        .transactions
        .iter()
        .enumerate()
        .filter(|(_, included)| {
            let logs = &included.receipt.logs;
            concerns(included, address) || logs.iter().any(|log| log.topics().contains(&word))
        })
        .map(|(index, _)| index)
        .collect();
    if found.len() < block.transactions.len() {
        let parent = parent(node, block)?;
        let (all, named) = (0..usize::MAX, Named::new(*address));
        replay((block, &*parent), all, named, interrupt, |looked| {
            if looked.replay.inspector().take().0 {
                found.push(looked.index);
            }
            Ok::<_, RpcError>(())
        })?;
        found.sort_unstable();
        found.dedup();
    }
    Ok(found)
}

/// `ots_getTransactionBySenderAndNonce(address, nonce)`: its hash.
pub(super) fn by_sender_and_nonce(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let found = sent_at(node, params)?;
    let hash = found.and_then(|(block, index)| {
        let included = block.transactions.get(index)?;
        Some(json::data(included.transaction.hash))
    });
    Ok(hash.unwrap_or_default())
}

/// `eth_getTransactionBySenderAndNonce(address, nonce)`.
pub(super) fn transaction_by_sender_and_nonce(
    node: &Node,
    params: &Params,
) -> Result<Value, RpcError> {
    let found = sent_at(node, params)?;
    let transaction = found.and_then(|(block, index)| {
        let included = block.transactions.get(index)?;
        Some(json::included_transaction(&block, index, included))
    });
    Ok(transaction.unwrap_or_default())
}

/// The block and the place in it of the transaction of a sender with a nonce.
fn sent_at(node: &Node, params: &Params) -> Result<Option<(Arc<Block>, usize)>, RpcError> {
    let sender: Address = params.required(0)?;
    let nonce: u64 = params.required(1)?;
    let newest = node.latest()?.number();
    let before = node.fork().map_or(0, |fork| fork.number());
    for number in before + 1..=newest {
        let block: Arc<Block> = node.block(BlockId::Number(number))?;
        let found = block.transactions.iter().position(|included| {
            included.sender == sender
                && included.transaction.transaction.nonce() == nonce
                && included.transaction.transaction.chain_id().is_some()
        });
        if let Some(index) = found {
            return Ok(Some((block, index)));
        }
    }
    past::check_here(node, 1)?;
    Ok(None)
}

/// `ots_getContractCreator(address)`: the transaction and the account that created it; null
/// if it is no contract, or one of genesis.
pub(super) fn contract_creator(
    node: &Node,
    params: &Params,
    interrupt: &Interrupt,
) -> Result<String, RpcError> {
    let address: Address = params.required(0)?;
    let newest = node.latest()?;
    if !is_contract(newest.state()?, &address)? {
        return Ok("null".into());
    }
    // The first block whose state has it, among those that are kept.
    let before = node.fork().map_or(0, |fork| fork.number());
    if before > 0 && is_contract(node.block(BlockId::Number(before))?.state()?, &address)? {
        past::check_here(node, before)?;
    }
    let (mut without, mut with) = (before, newest.number());
    while with - without > 1 {
        let middle = without + (with - without) / 2;
        let block = node.block(BlockId::Number(middle))?;
        match block.state() {
            Ok(state) if is_contract(state, &address)? => with = middle,
            _ => without = middle,
        }
    }
    let block = node.block(BlockId::Number(with))?;
    if block.transactions.is_empty() {
        return Ok("null".into());
    }
    let mut creator: Option<(B256, Address)> = None;
    let (all, named) = (0..usize::MAX, Named::new(address));
    let before = parent(node, &block)?;
    replay((&*block, &*before), all, named, interrupt, |looked| {
        let (_, from) = looked.replay.inspector().take();
        let hash = looked.included.transaction.hash;
        creator = creator.or_else(|| from.map(|from| (hash, from)));
        Ok::<_, RpcError>(())
    })?;
    let object = creator.map(|(hash, creator)| {
        Map::from_iter([
            ("hash".to_owned(), json::data(hash)),
            ("creator".to_owned(), json::address(&creator)),
        ])
    });
    text::value(&object)
}
