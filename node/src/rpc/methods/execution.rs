//! Calls that are tried and not sent: the kernel's own execution on a
//! read-only view.

use crate::node::Node;
use crate::rpc::RpcError;
use crate::rpc::json;
use crate::rpc::params::{BlockId, BlockOverrides, CallRequest, Params, StateOverrides};
use crate::simulate::estimate::{self, halt_in_words};
use crate::simulate::overrides::{Overridden, Recording};
use crate::simulate::revert;
use alloy_primitives::{Address, B256, U256};
use ethereum::transaction::AccessListItem;
use evm_kernel::native::simulate::{self, Call, Environment, Outcome};
use host::ReadStore;
use pvm::Durable;
use serde_json::{Value, json};

/// The gas of a call that names none, and the most that it gets, as in
/// go-ethereum.
const CALL_GAS: u64 = 50_000_000;

/// `eth_call(call, block, overrides, block overrides)`.
pub(super) fn call(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let request: CallRequest = params.required(0)?;
    let (state, mut environment) = at(node, params.optional(1)?.unwrap_or_default())?;
    overridden(&mut environment, params)?;
    let gas_limit = request.gas.unwrap_or(CALL_GAS).min(CALL_GAS);
    let call = Call {
        gas_limit,
        ..to_call(&request, &environment)?
    };
    let outcome = match params.optional::<StateOverrides>(2)? {
        None => try_call(&state, &environment, &call)?,
        Some(overrides) => {
            let view = Overridden::new(&state, &overrides).map_err(RpcError::internal)?;
            try_call(&view, &environment, &call)?
        }
    };
    output(outcome).map(json::data)
}

/// `eth_estimateGas(call, block, overrides, block overrides)`; by default against
/// the block to come.
pub(super) fn estimate(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let request: CallRequest = params.required(0)?;
    let (state, mut environment) = at(node, params.optional(1)?.unwrap_or(BlockId::Pending))?;
    overridden(&mut environment, params)?;
    match params.optional::<StateOverrides>(2)? {
        None => gas(&state, &environment, &request),
        Some(overrides) => {
            let view = Overridden::new(&state, &overrides).map_err(RpcError::internal)?;
            gas(&view, &environment, &request)
        }
    }
    .map(json::quantity)
}

/// The gas limit with which a request succeeds in the block to come.
///
/// # Errors
/// A revert, or why no gas limit is enough.
pub(super) fn pending_gas(node: &Node, request: &CallRequest) -> Result<u64, RpcError> {
    let (state, environment) = at(node, BlockId::Pending)?;
    gas(&state, &environment, request)
}

fn gas(
    store: &impl ReadStore,
    environment: &Environment,
    request: &CallRequest,
) -> Result<u64, RpcError> {
    let call = to_call(request, environment)?;
    let gas_limit = request.gas.unwrap_or(0);
    estimate::gas(store, environment, &Call { gas_limit, ..call })
}

/// `eth_createAccessList(call, block)`: the accounts and slots that a call looks
/// at, and the gas that it uses when it names them.
pub(super) fn create_access_list(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let request: CallRequest = params.required(0)?;
    let (state, environment) = at(node, params.optional(1)?.unwrap_or(BlockId::Pending))?;
    let gas_limit = request.gas.unwrap_or(environment.gas_limit).min(CALL_GAS);
    let call = Call {
        gas_limit,
        ..to_call(&request, &environment)?
    };
    let recording = Recording::new(&state);
    try_call(&recording, &environment, &call)?;
    let access_list = access_list(recording, &call, &environment);
    let call = Call {
        access_list: access_list.clone(),
        ..call
    };
    let outcome = try_call(&state, &environment, &call)?;
    let mut result = json!({
        "accessList": json::access_list(&access_list),
        "gasUsed": json::quantity(outcome.gas_used),
    });
    if let Err(error) = output(outcome) {
        result["error"] = Value::String(error.message);
    }
    Ok(result)
}

fn access_list<S: ReadStore>(
    recording: Recording<'_, S>,
    call: &Call,
    environment: &Environment,
) -> Vec<AccessListItem> {
    // These are warm anyway: naming them pays only where slots are named too.
    let is_warm = |address: &Address| {
        *address == call.from
            || Some(*address) == call.to
            || *address == environment.beneficiary
            || (U256::from_be_slice(address.as_slice()) <= U256::from(0x100))
    };
    recording
        .into_seen()
        .into_iter()
        .filter(|(address, slots)| !slots.is_empty() || !is_warm(address))
        .map(|(address, slots)| AccessListItem {
            address,
            storage_keys: slots.into_iter().map(B256::from).collect(),
        })
        .collect()
}

/// State and environment of a block; `pending` is the one to come.
fn at(node: &Node, id: BlockId) -> Result<(Durable, Environment), RpcError> {
    let block = node.block(id)?;
    let environment = match id {
        BlockId::Pending => node.next_environment(&block)?,
        _ => Environment::of_head(&block.state).map_err(RpcError::internal)?,
    };
    Ok((block.state.clone(), environment))
}

/// Applies the block overrides among the parameters of a call.
fn overridden(environment: &mut Environment, params: &Params) -> Result<(), RpcError> {
    let Some(overrides) = params.optional::<BlockOverrides>(3)? else {
        return Ok(());
    };
    let set = |place: &mut u64, value: Option<u64>| *place = value.unwrap_or(*place);
    set(&mut environment.number, overrides.number);
    set(&mut environment.timestamp, overrides.time);
    set(&mut environment.gas_limit, overrides.gas_limit);
    set(&mut environment.base_fee, overrides.base_fee);
    environment.beneficiary = overrides.fee_recipient.unwrap_or(environment.beneficiary);
    environment.prevrandao = overrides.prevrandao.unwrap_or(environment.prevrandao);
    Ok(())
}

/// A request as the kernel's simulation takes it; the gas limit is the caller's
/// matter.
fn to_call(request: &CallRequest, environment: &Environment) -> Result<Call, RpcError> {
    if let Some(chain_id) = request.chain_id
        && chain_id != environment.chain_id
    {
        return Err(RpcError::server(format_args!(
            "chainId does not match node's (have={chain_id}, want={})",
            environment.chain_id
        )));
    }
    Ok(Call {
        from: request.from.unwrap_or_default(),
        to: request.to,
        gas_limit: 0,
        gas_price: gas_price(request, environment.base_fee)?,
        value: request.value,
        input: request.input.clone(),
        access_list: request.access_list.clone().unwrap_or_default(),
        authorizations: request.authorization_list.clone().unwrap_or_default(),
        nonce: None,
    })
}

/// What the caller would pay for a unit of gas; zero where it names no price.
fn gas_price(request: &CallRequest, base_fee: u64) -> Result<U256, RpcError> {
    if let Some(price) = request.gas_price {
        return Ok(price);
    }
    let tip = request.max_priority_fee_per_gas.unwrap_or_default();
    let Some(cap) = request.max_fee_per_gas.filter(|cap| !cap.is_zero()) else {
        return Ok(U256::ZERO);
    };
    if tip > cap {
        return Err(RpcError::server(format_args!(
            "max priority fee per gas higher than max fee per gas: address {}, maxPriorityFeePerGas: {tip}, maxFeePerGas: {cap}",
            request.from.unwrap_or_default()
        )));
    }
    Ok(cap.min(tip.saturating_add(U256::from(base_fee))))
}

fn try_call(
    store: &impl ReadStore,
    environment: &Environment,
    call: &Call,
) -> Result<Outcome, RpcError> {
    simulate::call(store, environment, call)
        .map_err(RpcError::internal)?
        .map_err(RpcError::server)
}

/// What a call gave, or how it failed.
fn output(outcome: Outcome) -> Result<alloy_primitives::Bytes, RpcError> {
    match outcome {
        Outcome {
            success: true,
            output,
            ..
        } => Ok(output),
        Outcome {
            halt: Some(halt), ..
        } => Err(RpcError::server(halt_in_words(&halt))),
        Outcome { output, .. } => Err(revert::error(&output)),
    }
}
