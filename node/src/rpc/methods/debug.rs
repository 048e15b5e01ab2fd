//! Traces as go-ethereum gives them, and blocks as bytes.

mod tracer;

use super::execution;
use crate::chain::Block;
use crate::node::Node;
use crate::request::{BlockId, CallRequest};
use crate::rpc::RpcError;
use crate::rpc::error::rejected;
use crate::rpc::json;
use crate::rpc::load::Channel;
use crate::rpc::params::Params;
use crate::rpc::text::List;
use crate::simulate::amended;
use crate::simulate::blocks::override_state;
use crate::simulate::{apply, call_of, see};
use crate::trace::js::Place;
use crate::trace::steps::Steps;
use crate::trace::{Looked, Overdrawn, TraceFailure, Watched, replay};
use alloy_primitives::B256;
use ethereum::receipt::Receipt;
use evm_kernel::native::simulate::{Call, Environment, Interrupt};
use evm_kernel::native::trace::Replay;
use pvm::Durable;
use serde_json::Value;
use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;
use tracer::{Options, Tracer, nobody, result};

pub(in crate::rpc) use tracer::names_script;

/// `debug_traceTransaction(hash, options)`.
pub(super) fn transaction(
    node: &Node,
    params: &Params,
    interrupt: &Interrupt,
) -> Result<String, RpcError> {
    let (block, index) = place(node, &params.required(0)?)?;
    let options = Options::read_at(params, 1)?;
    let mut traced = String::new();
    let wanted = (&*block, index..index + 1);
    traces(node, wanted, &options, interrupt, |_, trace| {
        traced = trace;
        Ok(())
    })?;
    Ok(traced)
}

/// `debug_traceBlockByNumber(block, options)` and `debug_traceBlockByHash`.
pub(super) fn block(
    node: &Node,
    params: &Params,
    interrupt: &Interrupt,
) -> Result<String, RpcError> {
    let id = params.required(0)?;
    let block = node.find(id)?.ok_or_else(|| not_found(id))?;
    let options = Options::read_at(params, 1)?;
    let mut list = List::default();
    let all = (&*block, 0..usize::MAX);
    traces(node, all, &options, interrupt, |hash, trace| {
        list.push_text(&format!(r#"{{"txHash":"{hash}","result":{trace}}}"#))
    })?;
    Ok(list.finish())
}

/// Traces transactions of a block; each hash with its trace is given to `each`.
fn traces(
    node: &Node,
    (block, wanted): (&Block, Range<usize>),
    options: &Options,
    interrupt: &Interrupt,
    mut each: impl FnMut(B256, String) -> Result<(), RpcError>,
) -> Result<(), RpcError> {
    let parent = parent(node, block)?;
    let state = parent.state().map_err(TraceFailure::from)?;
    let tracers = options.tracers(node, state, interrupt)?;
    let places = (block, &*parent);
    if let Some(measuring) = tracers.measuring {
        let each = |_: Looked<'_, '_, Tracer>| Ok::<_, RpcError>(());
        replay(places, wanted.clone(), measuring, interrupt, each)?;
    }
    let traced = replay(places, wanted, tracers.tracing, interrupt, |looked| {
        let hash = looked.included.transaction.hash;
        each(hash, geth(looked, block)?)
    });
    tracers.failure.rather(traced)
}

fn not_found(id: BlockId) -> RpcError {
    RpcError::server(match id {
        BlockId::Hash(hash) => format!("block {hash} not found"),
        BlockId::Number(number) => format!("block #{number} not found"),
        BlockId::Latest | BlockId::Safe | BlockId::Finalized | BlockId::Pending => {
            "block not found".into()
        }
    })
}

/// Writes the trace of `debug_traceTransaction` piece by piece.
pub(in crate::rpc) fn stream_transaction(
    node: &Node,
    params: &Params,
    interrupt: &Interrupt,
    out: Channel,
) -> Result<(), RpcError> {
    let left = |_| RpcError::server("the client left");
    let (block, index) = place(node, &params.required(0)?)?;
    let options = Options::read_at(params, 1)?;
    let mut steps = Steps::new(options.config(), out);
    steps.begin().map_err(left)?;
    let parent = parent(node, &block)?;
    let wanted = index..index + 1;
    replay((&block, &parent), wanted, steps, interrupt, |looked| {
        let steps = looked.replay.inspector();
        steps.end(&looked.traced.result.result).map_err(left)?;
        steps.out().flush().map_err(left)
    })
}

/// The inspector's result, as JSON; it is ready for the next transaction then.
fn geth(looked: Looked<'_, '_, Tracer>, block: &Block) -> Result<String, RpcError> {
    let place = Place {
        block: block.hash,
        index: looked.index,
        hash: looked.included.transaction.hash,
    };
    let Looked {
        traced,
        replay,
        state,
        ..
    } = looked;
    let surroundings = replay.block().clone();
    let place = (Some(place), &surroundings);
    result(replay.inspector(), place, &traced, state)
}

/// `debug_traceCall(call, block, options)`.
pub(super) fn call(
    node: &Node,
    params: &Params,
    interrupt: &Interrupt,
) -> Result<String, RpcError> {
    let request: CallRequest = params.required(0)?;
    let id = params.optional(1)?.unwrap_or(BlockId::Latest);
    let options = Options::read_at(params, 2)?;
    let (mut state, mut environment) = execution::block(node, id, interrupt)?;
    if let Some(index) = options.index {
        state = before(node, &*node.block(id)?, index, interrupt)?;
    }
    if let Some(overrides) = &options.block {
        apply(overrides, &mut environment);
    }
    let gas_limit = execution::gas_of(&request);
    let mut call = call_of(&request, &environment, gas_limit)?;
    see(&options.block.unwrap_or_default(), &mut call)?;
    if let Some(overrides) = &options.state {
        call.moves = override_state(&mut state, overrides, &environment)?;
    }
    let tracers = options.tracers(node, &state, interrupt)?;
    let place = (&state, &environment);
    if let Some(measuring) = tracers.measuring {
        trace_call(place, &call, measuring, interrupt)?;
    }
    let traced = trace_call(place, &call, tracers.tracing, interrupt);
    tracers.failure.rather(traced)
}

fn trace_call(
    (state, environment): (&Durable, &Environment),
    call: &Call,
    inspector: Tracer,
    interrupt: &Interrupt,
) -> Result<String, RpcError> {
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
    let block = replay.block().clone();
    result(replay.inspector(), (None, &block), &traced, state)
}

/// The state before the transaction at an index of a block.
fn before(
    node: &Node,
    block: &Block,
    index: u64,
    interrupt: &Interrupt,
) -> Result<Durable, RpcError> {
    let parent = parent(node, block)?;
    let before: &Durable = parent.state().map_err(TraceFailure::from)?;
    let count = block.transactions.len();
    let index = usize::try_from(index).unwrap_or(usize::MAX);
    // The first place is there in an empty block, too.
    if index >= count.max(1) {
        let message = format_args!(
            "transaction index {index} out of range for block {}",
            block.hash
        );
        return Err(RpcError::server(message));
    }
    let mut state = before.clone();
    amended::set_parent(&mut state, block.number(), block.header.parent_hash)
        .map_err(TraceFailure::from)?;
    let mut replay = Replay::new(before, &block.header, nobody()).map_err(TraceFailure::from)?;
    replay.interrupt_by(interrupt.clone());
    for included in block.transactions.iter().take(index) {
        let ran = replay.run(included.sender, &included.transaction);
        if interrupt.is_set() {
            return Err(TraceFailure::Interrupted.into());
        }
        let changed = ran.map_err(TraceFailure::from)?.result.state;
        amended::change_accounts(&mut state, &changed).map_err(TraceFailure::from)?;
    }
    Ok(state)
}

/// The block of a transaction and its place there.
pub(super) fn place(node: &Node, hash: &B256) -> Result<(Arc<Block>, usize), RpcError> {
    let place = node.transaction(hash)?;
    place.ok_or_else(|| RpcError::server("transaction not found"))
}

/// The block before.
pub(super) fn parent(node: &Node, block: &Block) -> Result<Arc<Block>, RpcError> {
    let number = block.number().checked_sub(1).ok_or(TraceFailure::Genesis)?;
    Ok(node.block(BlockId::Number(number))?)
}

/// `debug_getRawHeader(block)`: its RLP.
pub(super) fn raw_header(node: &Node, params: &Params) -> Result<Value, RpcError> {
    Ok(json::data(node.block(params.required(0)?)?.header.encode()))
}

/// `debug_getRawBlock(block)`: its RLP.
pub(super) fn raw_block(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let block = node.block(params.required(0)?)?;
    Ok(json::data(block.encode()))
}

/// `debug_getRawReceipts(block)`: the EIP-2718 bytes of each.
pub(super) fn raw_receipts(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let block = node.block(params.required(0)?)?;
    let receipts = block.transactions.iter().map(|included| {
        let receipt = Receipt {
            tx_type: included.transaction.transaction.tx_type(),
            status: included.receipt.success,
            cumulative_gas_used: included.cumulative_gas_used,
            logs: Cow::Borrowed(&included.receipt.logs),
        };
        let bloom = alloy_primitives::logs_bloom(&included.receipt.logs);
        json::data(receipt.encode_2718(&bloom))
    });
    Ok(receipts.collect())
}

/// `rollup_` and `debug_` methods say what is rejected in the words of calls.
impl From<TraceFailure> for RpcError {
    fn from(error: TraceFailure) -> Self {
        match error {
            TraceFailure::Chain(error) => error.into(),
            TraceFailure::Rejected(why) => rejected(why),
            TraceFailure::Genesis | TraceFailure::Differs { .. } | TraceFailure::Interrupted => {
                Self::server(error)
            }
            TraceFailure::Overdrawn(over @ Overdrawn::One) => Self::new(Self::TOO_LARGE, over),
            TraceFailure::Overdrawn(over @ Overdrawn::All) => Self::limit(over),
            TraceFailure::Storage(_) | TraceFailure::Kernel(_) => Self::internal(error),
        }
    }
}
