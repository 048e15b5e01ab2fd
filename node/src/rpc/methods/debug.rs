//! Traces as go-ethereum gives them, and blocks as bytes.

use super::execution;
use crate::chain::Block;
use crate::node::Node;
use crate::request::{BlockId, BlockOverrides, CallRequest, StateOverrides};
use crate::rpc::RpcError;
use crate::rpc::error::rejected;
use crate::rpc::json;
use crate::rpc::load::{Channel, MAX_ANSWER};
use crate::rpc::params::{Param, Params};
use crate::rpc::text::{self, List};
use crate::simulate::blocks::moves;
use crate::simulate::overrides::Overridden;
use crate::simulate::{apply, call_of, see};
use crate::trace::steps::{BoundedText, Steps};
use crate::trace::{Before, Looked, TraceFailure, replay};
use alloy_primitives::B256;
use alloy_rpc_types_trace::geth::GethDebugTracingOptions;
use ethereum::receipt::Receipt;
use evm_kernel::native::simulate::{Call, Environment, Interrupt};
use evm_kernel::native::trace::{Replay, Traced};
use host::ReadStore;
use pvm::Durable;
use revm::context::BlockEnv;
use revm::context_interface::either::Either;
use revm_inspectors::tracing::{DebugInspector, TransactionContext};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::sync::Arc;

/// `debug_traceTransaction(hash, options)`.
pub(super) fn transaction(
    node: &Node,
    params: &Params,
    interrupt: &Interrupt,
) -> Result<String, RpcError> {
    let (block, index) = place(node, &params.required(0)?)?;
    let inspector = Options::read_at(params, 1)?.inspector()?;
    let mut traced = String::new();
    let parent = parent(node, &block)?;
    let wanted = index..index + 1;
    replay((&block, &parent), wanted, inspector, interrupt, |looked| {
        traced = geth(looked, &block)?;
        Ok::<_, RpcError>(())
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
    let inspector = Options::read_at(params, 1)?.inspector()?;
    let parent = parent(node, &block)?;
    let mut list = List::default();
    let all = 0..usize::MAX;
    replay((&block, &parent), all, inspector, interrupt, |looked| {
        let hash = looked.included.transaction.hash;
        let result = geth(looked, &block)?;
        list.push_text(&format!(r#"{{"txHash":"{hash}","result":{result}}}"#))
    })?;
    Ok(list.finish())
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
    let mut steps = Steps::new(options.tracing.config, out);
    steps.begin().map_err(left)?;
    let parent = parent(node, &block)?;
    let wanted = index..index + 1;
    replay((&block, &parent), wanted, steps, interrupt, |looked| {
        let steps = looked.replay.inspector();
        steps.end(&looked.traced.result.result).map_err(left)?;
        steps.out().flush().map_err(left)
    })
}

/// The inspector.
type Tracer = Either<DebugInspector, Steps<BoundedText>>;

/// The inspector's result, as JSON; it is ready for the next transaction then.
fn geth(looked: Looked<'_, '_, Tracer>, block: &Block) -> Result<String, RpcError> {
    let context = TransactionContext {
        block_hash: Some(block.hash),
        tx_index: Some(looked.index),
        tx_hash: Some(looked.included.transaction.hash),
    };
    let Looked {
        traced,
        replay,
        state,
        ..
    } = looked;
    let surroundings = replay.block().clone();
    result(
        replay.inspector(),
        (Some(context), &surroundings),
        &traced,
        state,
    )
}

fn result(
    inspector: &mut Tracer,
    (context, block): (Option<TransactionContext>, &BlockEnv),
    traced: &Traced,
    state: &impl ReadStore,
) -> Result<String, RpcError> {
    let (transaction, result) = (&traced.transaction, &traced.result);
    match inspector {
        Either::Left(inspector) => {
            let mut before = Before {
                state,
                accounts: &traced.before,
            };
            let trace = inspector
                .get_result(context, transaction, block, result, &mut before)
                .map_err(RpcError::internal)?;
            inspector.fuse().map_err(RpcError::internal)?;
            text::value(&trace)
        }
        Either::Right(steps) => {
            steps.end(&result.result).map_err(|_| text::too_large())?;
            let text = steps.out().take();
            steps.begin().map_err(|_| text::too_large())?;
            Ok(text)
        }
    }
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
    let (state, mut environment) = execution::block(node, id, interrupt)?;
    if let Some(overrides) = &options.block {
        apply(overrides, &mut environment);
    }
    let gas_limit = execution::gas_of(&request);
    let mut call = call_of(&request, &environment, gas_limit)?;
    see(&options.block.unwrap_or_default(), &mut call)?;
    let inspector = options.inspector()?;
    if let Some(index) = options.index {
        let block = node.block(id)?;
        let place = (node, &*block, index);
        return call_within(place, (&environment, &call), inspector, interrupt);
    }
    match &options.state {
        None => trace_call(&state, &environment, &call, inspector, interrupt),
        Some(overrides) => {
            let moves = moves(overrides, &environment)?;
            let call = Call { moves, ..call };
            let state = Overridden::new(&state, overrides)?;
            trace_call(&state, &environment, &call, inspector, interrupt)
        }
    }
}

fn trace_call(
    state: &impl ReadStore,
    environment: &Environment,
    call: &Call,
    inspector: Tracer,
    interrupt: &Interrupt,
) -> Result<String, RpcError> {
    let mut replay = Replay::view(state, environment, inspector).map_err(RpcError::internal)?;
    replay.interrupt_by(interrupt.clone());
    try_call(&mut replay, state, call, interrupt)
}

/// Traces a call before the transaction at an index of a block, in surroundings of its own.
fn call_within(
    (node, block, index): (&Node, &Block, u64),
    (environment, call): (&Environment, &Call),
    inspector: Tracer,
    interrupt: &Interrupt,
) -> Result<String, RpcError> {
    let parent = parent(node, block)?;
    let state: &Durable = parent.state()?;
    let mut replay = Replay::new(state, &block.header, inspector).map_err(RpcError::internal)?;
    replay.interrupt_by(interrupt.clone());
    let index = usize::try_from(index).unwrap_or(usize::MAX);
    for included in block.transactions.iter().take(index) {
        let run = replay.run(included.sender, &included.transaction);
        run.map_err(TraceFailure::from)?;
    }
    replay.set_surroundings(environment);
    try_call(&mut replay, state, call, interrupt)
}

fn try_call<'s, S: ReadStore>(
    replay: &mut Replay<'s, S, Tracer>,
    state: &'s S,
    call: &Call,
    interrupt: &Interrupt,
) -> Result<String, RpcError> {
    let traced = replay.call(call);
    if interrupt.is_set() {
        return Err(TraceFailure::Interrupted.into());
    }
    let traced = traced.map_err(TraceFailure::from)?;
    let block = replay.block().clone();
    result(replay.inspector(), (None, &block), &traced, state)
}

/// The options of a trace.
#[derive(Clone, Debug, Default)]
struct Options {
    tracing: GethDebugTracingOptions,
    state: Option<StateOverrides>,
    block: Option<BlockOverrides>,
    index: Option<u64>,
}

impl Options {
    fn read_at(params: &Params, index: usize) -> Result<Self, RpcError> {
        Ok(params.optional(index)?.unwrap_or_default())
    }

    fn inspector(&self) -> Result<Tracer, RpcError> {
        let named = self.tracing.tracer.as_ref();
        if named.is_some_and(|tracer| !tracer.as_str().is_empty()) {
            let inspector = DebugInspector::new(self.tracing.clone());
            return inspector.map(Either::Left).map_err(RpcError::server);
        }
        let mut steps = Steps::new(self.tracing.config, BoundedText::new(MAX_ANSWER));
        steps.begin().map_err(|_| text::too_large())?;
        Ok(Either::Right(steps))
    }
}

/// The multiplexer's tracers without options have none, not an empty object.
fn without_empty_configs(options: &mut Map<String, Value>) {
    let tracers = options
        .get_mut("tracerConfig")
        .and_then(Value::as_object_mut);
    for (name, config) in tracers.into_iter().flatten() {
        let is_empty = config.as_object().is_some_and(Map::is_empty);
        if is_empty && ["4byteTracer", "noopTracer"].contains(&name.as_str()) {
            *config = Value::Null;
        }
    }
}

impl Param for Options {
    fn read(value: &Value) -> Result<Self, String> {
        fn field<T: Param>(value: &Value, name: &str) -> Result<Option<T>, String> {
            match value.get(name) {
                None | Some(Value::Null) => Ok(None),
                Some(field) => T::read(field)
                    .map(Some)
                    .map_err(|why| format!("{name}: {why}")),
            }
        }
        let (state, block) = (
            field(value, "stateOverrides")?,
            field(value, "blockOverrides")?,
        );
        let index = field(value, "txIndex")?;
        let mut tracing = value.clone();
        if let Some(fields) = tracing.as_object_mut() {
            for name in ["stateOverrides", "blockOverrides", "txIndex"] {
                fields.remove(name);
            }
            without_empty_configs(fields);
        }
        Ok(Self {
            tracing: serde_json::from_value(tracing).map_err(|error| error.to_string())?,
            state,
            block,
            index,
        })
    }
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
            TraceFailure::Storage(_) | TraceFailure::Kernel(_) => Self::internal(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::U256;
    use serde_json::json;

    #[test]
    fn options_are_those_of_go_ethereum() {
        let read = |value: Value| Options::read(&value).unwrap();
        let options = read(json!({
            "tracer": "callTracer",
            "tracerConfig": { "onlyTopCall": true },
            "timeout": "10s",
            "txIndex": "0x2",
            "blockOverrides": { "number": "0x7" },
        }));
        assert_eq!(options.index, Some(2));
        assert_eq!(options.block.unwrap().number, Some(U256::from(7)));
        assert!(read(json!({ "enableMemory": true })).inspector().is_ok());
        let unknown = read(json!({ "tracer": "{step: function() {}}" }));
        assert!(unknown.inspector().is_err());
        assert!(Options::read(&json!([1])).is_err());
    }
}
