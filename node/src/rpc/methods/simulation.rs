//! `eth_simulateV1`.

use super::execution::CALL_GAS;
use crate::chain::Block;
use crate::node::Node;
use crate::request::{BlockId, BlockOverrides, CallRequest, StateOverrides};
use crate::rpc::RpcError;
use crate::rpc::json;
use crate::rpc::params::{Param, Params, mismatch};
use crate::rpc::text::List;
use crate::rpc::words;
use crate::simulate::blocks::{
    BlockOutcome, SimulatedBlock, Simulation, SimulationError, simulate,
};
use crate::simulate::{CallError, output};
use alloy_primitives::{Bytes, Log, U256};
use evm_kernel::native::simulate::{Call, Execution, Interrupt, Rejection};
use serde_json::{Value, json};
use std::sync::Arc;

/// `eth_simulateV1({blockStateCalls, traceTransfers, validation,
/// returnFullTransactions}, block)`.
pub(super) fn simulate_v1(
    node: &Node,
    params: &Params,
    interrupt: &Interrupt,
) -> Result<String, RpcError> {
    let Payload { simulation, full } = params.required(0)?;
    let id = params.optional(1)?.unwrap_or(BlockId::Latest);
    let base: Arc<Block> = match id {
        BlockId::Pending => node.pending(interrupt)?.block,
        id => node.block(id)?,
    };
    let outcomes = simulate(&base, simulation, CALL_GAS, interrupt)?;
    let mut list = List::default();
    for BlockOutcome { block, calls } in &outcomes {
        let mut object = json::block(block, full);
        let mut first_log = 0;
        let calls = calls.iter().enumerate();
        let calls: Vec<Value> = calls
            .map(|(index, (execution, logs))| {
                let shown = call(block, (index, first_log), execution, logs);
                first_log += logs.len() as u64;
                shown
            })
            .collect();
        if let Some(fields) = object.as_object_mut() {
            fields.insert("calls".into(), Value::Array(calls));
        }
        list.push(&object)?;
    }
    Ok(list.finish())
}

/// The result of a call.
fn call(
    block: &Block,
    (index, first_log): (usize, u64),
    execution: &Execution,
    logs: &[Log],
) -> Value {
    let logs: Vec<Value> = (first_log..)
        .zip(logs)
        .map(|(number, log)| json::log(&json::place_of(block, index, number), log))
        .collect();
    let most = execution.gas_used.saturating_add(execution.gas_refunded);
    let returned = if execution.success {
        execution.output.clone()
    } else {
        Bytes::new()
    };
    let mut shown = json!({
        "returnData": json::data(returned),
        "logs": logs,
        "gasUsed": json::quantity(execution.gas_used),
        "maxUsedGas": json::quantity(most),
        "status": json::quantity(execution.success.into()),
    });
    match output(execution.clone()) {
        Ok(_) => {}
        Err(CallError::Reverted(output)) => {
            shown["error"] = json!({
                "code": RpcError::REVERTED,
                "message": words::revert(&output),
                "data": json::data(output),
            });
        }
        Err(error) => {
            shown["error"] = json!({ "code": VM_ERROR, "message": words::call(&error) });
        }
    }
    shown
}

/// The code of a call that halts.
const VM_ERROR: i64 = -32015;

impl From<SimulationError> for RpcError {
    fn from(error: SimulationError) -> Self {
        let code = match error {
            SimulationError::Node(error) => return error.into(),
            SimulationError::Call(CallError::PriorityFee { .. }) => Self::INVALID_PARAMS,
            SimulationError::Call(error) => return error.into(),
            SimulationError::Rejected {
                rejection,
                call,
                base_fee,
            } => return rejected(&rejection, &call, base_fee),
            SimulationError::Empty => Self::INVALID_PARAMS,
            SimulationError::TooManyBlocks => -38026,
            SimulationError::Number { .. } => -38020,
            SimulationError::Time { .. } => -38021,
            SimulationError::BlockGas { .. } => -38015,
            SimulationError::Overrides(_) | SimulationError::Interrupted => Self::SERVER,
        };
        Self::new(code, error)
    }
}

/// A call that cannot be in its block, in go-ethereum's words.
fn rejected(rejection: &Rejection, call: &Call, base_fee: u64) -> RpcError {
    let code = match rejection {
        Rejection::NonceTooLow { .. } => -38010,
        Rejection::NonceTooHigh { .. } => -38011,
        Rejection::BelowBaseFee => -38012,
        Rejection::IntrinsicGas { .. } | Rejection::FloorGas { .. } => -38013,
        Rejection::InsufficientFunds { .. } => -38014,
        Rejection::NotAnEoa => -38024,
        Rejection::InitcodeSize => -38025,
        _ => RpcError::INTERNAL,
    };
    let words = words::rejected_call(rejection, call, U256::from(base_fee));
    let gas = call.gas_limit;
    RpcError::new(code, format_args!("err: {words} (supplied gas {gas})"))
}

/// The parameter.
struct Payload {
    simulation: Simulation,
    full: bool,
}

fn field<T: Param + Default>(value: &Value, name: &str) -> Result<T, String> {
    match value.get(name) {
        None | Some(Value::Null) => Ok(T::default()),
        Some(field) => T::read(field).map_err(|why| format!("{name}: {why}")),
    }
}

impl Param for Payload {
    fn read(value: &Value) -> Result<Self, String> {
        if !value.is_object() {
            return Err(mismatch(value, "simOpts"));
        }
        Ok(Self {
            simulation: Simulation {
                blocks: field(value, "blockStateCalls")?,
                trace_transfers: field(value, "traceTransfers")?,
                validation: field(value, "validation")?,
            },
            full: field(value, "returnFullTransactions")?,
        })
    }
}

impl Param for SimulatedBlock {
    fn read(value: &Value) -> Result<Self, String> {
        if !value.is_object() {
            return Err(mismatch(value, "simBlock"));
        }
        Ok(Self {
            overrides: field::<BlockOverrides>(value, "blockOverrides")?,
            state: field::<StateOverrides>(value, "stateOverrides")?,
            calls: field::<Vec<CallRequest>>(value, "calls")?,
        })
    }
}
