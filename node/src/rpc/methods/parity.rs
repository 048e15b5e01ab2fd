//! Traces as Parity gave them, which indexers ask for.

use super::debug::{parent, place};
use super::execution;
use crate::chain::Block;
use crate::node::Node;
use crate::request::{BlockId, CallRequest, StateOverrides};
use crate::rpc::RpcError;
use crate::rpc::params::{Param, Params};
use crate::rpc::past;
use crate::rpc::text::{self, List};
use crate::simulate::blocks::moves;
use crate::simulate::call_of;
use crate::simulate::overrides::Overridden;
use crate::trace::{Before, Bounded, Budget, Looked, TraceFailure, Watched, replay};
use alloy_primitives::map::HashSet;
use alloy_rpc_types_eth::TransactionInfo;
use alloy_rpc_types_trace::filter::TraceFilter;
use alloy_rpc_types_trace::parity::{
    LocalizedTransactionTrace, TraceResults, TraceResultsWithTransactionHash, TraceType,
};
use evm_kernel::native::simulate::{Call, Environment, Interrupt};
use evm_kernel::native::trace::{Replay, Traced};
use host::ReadStore;
use revm_inspectors::tracing::{TracingInspector, TracingInspectorConfig};
use serde_json::Value;
use std::ops::Range;

/// `trace_transaction(hash)`; null if there is no such transaction.
pub(super) fn transaction(
    node: &Node,
    params: &Params,
    interrupt: &Interrupt,
) -> Result<String, RpcError> {
    let Ok((block, index)) = place(node, &params.required(0)?) else {
        return Ok("null".into());
    };
    let mut list = List::default();
    localized(node, &block, index..index + 1, interrupt, |trace| {
        list.push(&trace).map(|()| true)
    })?;
    Ok(list.finish())
}

/// `trace_get(hash, [index])`: the trace at this place in the tree of calls; null if there
/// is none.
pub(super) fn get(node: &Node, params: &Params, interrupt: &Interrupt) -> Result<String, RpcError> {
    let Ok((block, index)) = place(node, &params.required(0)?) else {
        return Ok("null".into());
    };
    let wanted: Vec<u64> = params.required(1)?;
    let wanted: Vec<usize> = wanted
        .into_iter()
        .map(|index| usize::try_from(index).unwrap_or(usize::MAX))
        .collect();
    let mut found = String::from("null");
    localized(node, &block, index..index + 1, interrupt, |trace| {
        if trace.trace.trace_address == wanted {
            found = text::value(&trace)?;
            return Ok(false);
        }
        Ok(true)
    })?;
    Ok(found)
}

/// `trace_block(block)`; null if there is no such block.
pub(super) fn block(
    node: &Node,
    params: &Params,
    interrupt: &Interrupt,
) -> Result<String, RpcError> {
    let Some(block) = node.find(params.required(0)?)? else {
        return Ok("null".into());
    };
    let mut list = List::default();
    localized(node, &block, 0..usize::MAX, interrupt, |trace| {
        list.push(&trace).map(|()| true)
    })?;
    Ok(list.finish())
}

/// The most blocks of a filter.
const MAX_BLOCKS: u64 = 1_000;

/// `trace_filter(filter)`: the traces of some blocks that pass.
pub(super) fn filter(
    node: &Node,
    params: &Params,
    interrupt: &Interrupt,
) -> Result<String, RpcError> {
    let FilterParam { filter, from, to } = params.required(0)?;
    let newest = node.latest()?.number();
    let number = |id| match id {
        BlockId::Number(number) => Ok(number),
        id => node.block(id).map(|block| block.number()),
    };
    let (from, to) = (number(from)?, number(to)?);
    past::check_here(node, from)?;
    if from > to || to > newest {
        return Err(RpcError::invalid_params("invalid block range params"));
    }
    if to - from >= MAX_BLOCKS {
        return Err(RpcError::invalid_params(format_args!(
            "block range too large: at most {MAX_BLOCKS} blocks"
        )));
    }
    let matcher = filter.matcher();
    let (mut skip, mut left) = (filter.after.unwrap_or(0), filter.count.unwrap_or(u64::MAX));
    let mut list = List::default();
    for number in from..=to {
        let block = node.block(BlockId::Number(number))?;
        if left == 0 {
            break;
        }
        localized(node, &block, 0..usize::MAX, interrupt, |trace| {
            if !matcher.matches(&trace.trace) {
                return Ok(true);
            }
            if skip > 0 {
                skip -= 1;
                return Ok(true);
            }
            list.push(&trace)?;
            left -= 1;
            Ok(left > 0)
        })?;
    }
    Ok(list.finish())
}

/// `trace_replayTransaction(hash, types)`.
pub(super) fn replay_transaction(
    node: &Node,
    params: &Params,
    interrupt: &Interrupt,
) -> Result<String, RpcError> {
    let (block, index) = place(node, &params.required(0)?)?;
    let types = types(params, 1)?;
    let mut text = String::new();
    results(
        (node, &block),
        index..index + 1,
        &types,
        interrupt,
        |_, results| {
            text = text::value(&results)?;
            Ok(())
        },
    )?;
    Ok(text)
}

/// `trace_replayBlockTransactions(block, types)`.
pub(super) fn replay_block(
    node: &Node,
    params: &Params,
    interrupt: &Interrupt,
) -> Result<String, RpcError> {
    let Some(block) = node.find(params.required(0)?)? else {
        return Ok("null".into());
    };
    let types = types(params, 1)?;
    let mut list = List::default();
    results(
        (node, &block),
        0..usize::MAX,
        &types,
        interrupt,
        |index, full_trace| {
            let included = block.transactions.get(index);
            list.push(&TraceResultsWithTransactionHash {
                full_trace,
                transaction_hash: included
                    .map_or_else(Default::default, |included| included.transaction.hash),
            })
        },
    )?;
    Ok(list.finish())
}

/// `trace_call(call, types, block, overrides)`.
pub(super) fn call(
    node: &Node,
    params: &Params,
    interrupt: &Interrupt,
) -> Result<String, RpcError> {
    let request: CallRequest = params.required(0)?;
    let types = types(params, 1)?;
    let id = params.optional(2)?.unwrap_or(BlockId::Latest);
    let (state, environment) = execution::block(node, id, interrupt)?;
    let call = call_of(&request, &environment, execution::gas_of(&request))?;
    match params.optional::<StateOverrides>(3)? {
        None => trace_call(node, (&state, &environment), (&call, &types), interrupt),
        Some(overrides) => {
            let moves = moves(&overrides, &environment)?;
            let call = Call { moves, ..call };
            let state = Overridden::new(&state, &overrides)?;
            trace_call(node, (&state, &environment), (&call, &types), interrupt)
        }
    }
}

fn trace_call(
    node: &Node,
    (state, environment): (&impl ReadStore, &Environment),
    (call, types): (&Call, &HashSet<TraceType>),
    interrupt: &Interrupt,
) -> Result<String, RpcError> {
    let inspector = TracingInspector::new(TracingInspectorConfig::from_parity_config(types));
    let inspector = Bounded::new(inspector, Budget::new(&node.load));
    let mut replay = Replay::view(state, environment, inspector).map_err(RpcError::internal)?;
    replay.interrupt_by(interrupt.clone());
    let traced = replay.call(call);
    if let Some(over) = replay.inspector().overdrawn() {
        return Err(TraceFailure::Overdrawn(over).into());
    }
    if interrupt.is_set() {
        return Err(TraceFailure::Interrupted.into());
    }
    let traced = traced.map_err(TraceFailure::from)?;
    let inspector = std::mem::take(replay.inspector().tracer());
    // What it takes is counted until the text is there.
    text::value(&results_of(inspector, &traced, types, state)?)
}

/// Gives the traces of a block's transactions, one by one, until `each` says so (`false`).
pub(super) fn localized(
    node: &Node,
    block: &Block,
    wanted: Range<usize>,
    interrupt: &Interrupt,
    mut each: impl FnMut(LocalizedTransactionTrace) -> Result<bool, RpcError>,
) -> Result<(), RpcError> {
    if block.transactions.is_empty() {
        return Ok(());
    }
    let parent = parent(node, block)?;
    let config = TracingInspectorConfig::default_parity();
    let inspector = Bounded::new(TracingInspector::new(config), Budget::new(&node.load));
    let mut more = true;
    replay(
        (block, &parent),
        wanted,
        inspector,
        interrupt,
        |mut looked| {
            if !more {
                return Ok(());
            }
            let info = TransactionInfo {
                hash: Some(looked.included.transaction.hash),
                index: Some(looked.index as u64),
                block_hash: Some(block.hash),
                block_number: Some(block.number()),
                base_fee: Some(block.header.base_fee_per_gas),
                block_timestamp: Some(block.header.timestamp),
            };
            let gas_used = looked.traced.gas_used;
            let inspector = take(&mut looked, config);
            let builder = inspector
                .into_parity_builder()
                .with_transaction_gas_used(gas_used);
            for trace in builder.into_localized_transaction_traces_iter(info) {
                more = each(trace)?;
                if !more {
                    break;
                }
            }
            Ok::<_, RpcError>(())
        },
    )
}

/// Takes the inspector with what it saw, and puts a fresh one in its place.
fn take(
    looked: &mut Looked<'_, '_, Bounded<TracingInspector>>,
    config: TracingInspectorConfig,
) -> TracingInspector {
    let fresh = TracingInspector::new(config);
    looked.replay.inspector().replace(fresh)
}

/// Gives what the transactions of a block did, one by one, with their places.
fn results(
    (node, block): (&Node, &Block),
    wanted: Range<usize>,
    types: &HashSet<TraceType>,
    interrupt: &Interrupt,
    mut each: impl FnMut(usize, TraceResults) -> Result<(), RpcError>,
) -> Result<(), RpcError> {
    if block.transactions.is_empty() {
        return Ok(());
    }
    let parent = parent(node, block)?;
    let config = TracingInspectorConfig::from_parity_config(types);
    let inspector = Bounded::new(TracingInspector::new(config), Budget::new(&node.load));
    replay(
        (block, &parent),
        wanted,
        inspector,
        interrupt,
        |mut looked| {
            let (index, state) = (looked.index, looked.state);
            let traced = looked.traced.clone();
            let inspector = take(&mut looked, config);
            each(index, results_of(inspector, &traced, types, state)?)
        },
    )
}

fn results_of(
    inspector: TracingInspector,
    traced: &Traced,
    types: &HashSet<TraceType>,
    state: &impl ReadStore,
) -> Result<TraceResults, RpcError> {
    let before = Before {
        state,
        accounts: &traced.before,
    };
    inspector
        .into_parity_builder()
        .with_transaction_gas_used(traced.gas_used)
        .into_trace_results_with_state(&traced.result, types, before)
        .map_err(RpcError::internal)
}

/// The filter of [`filter`], whose blocks may be tags.
struct FilterParam {
    filter: TraceFilter,
    from: BlockId,
    to: BlockId,
}

impl Param for FilterParam {
    fn read(value: &Value) -> Result<Self, String> {
        let mut rest = value.clone();
        let mut bound = |name: &str| {
            let bound = rest.as_object_mut().and_then(|fields| fields.remove(name));
            match bound {
                None | Some(Value::Null) => Ok(BlockId::Latest),
                Some(bound) => BlockId::read(&bound).map_err(|why| format!("{name}: {why}")),
            }
        };
        let (from, to) = (bound("fromBlock")?, bound("toBlock")?);
        let Serde(filter) = Serde::read(&rest)?;
        Ok(Self { filter, from, to })
    }
}

fn types(params: &Params, index: usize) -> Result<HashSet<TraceType>, RpcError> {
    Ok(params.required::<Serde<HashSet<TraceType>>>(index)?.0)
}

/// A value with a JSON form of its own.
struct Serde<T>(T);

impl<T: serde::de::DeserializeOwned> Param for Serde<T> {
    fn read(value: &Value) -> Result<Self, String> {
        let read = serde_json::from_value(value.clone()).map(Self);
        read.map_err(|error| error.to_string())
    }
}
