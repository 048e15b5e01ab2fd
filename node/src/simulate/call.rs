//! A client's request as a call of the kernel, and its execution.

use super::error::CallError;
use crate::request::{BlockOverrides, CallRequest};
use alloy_primitives::{Bytes, U256};
use evm_kernel::native::simulate::{
    self, Call, Environment, Execution, Moves, Rejection, Simulated,
};
use host::ReadStore;

/// Applies block overrides. What does not fit 64 bits is the highest number there: see
/// [`see`].
pub fn apply(overrides: &BlockOverrides, environment: &mut Environment) {
    let set = |field: &mut u64, value: Option<u64>| *field = value.unwrap_or(*field);
    let fitting = |value: Option<U256>| value.map(|value| value.saturating_to::<u64>());
    set(&mut environment.number, fitting(overrides.number));
    set(&mut environment.timestamp, overrides.time);
    set(&mut environment.gas_limit, overrides.gas_limit);
    set(&mut environment.base_fee, fitting(overrides.base_fee));
    environment.beneficiary = overrides.fee_recipient.unwrap_or(environment.beneficiary);
    environment.prevrandao = overrides.prevrandao.unwrap_or(environment.prevrandao);
}

/// Lets a call see what a block under `overrides` has over 64 bits: its number.
///
/// A base fee over 64 bits cannot be seen: without a gas price there is none, as in
/// go-ethereum, and hardly a call can pay it.
///
/// # Errors
/// [`CallError::BaseFee`] if the call pays such a base fee, [`Rejection::BelowBaseFee`] if it
/// does not.
pub fn see(overrides: &BlockOverrides, call: &mut Call) -> Result<(), CallError> {
    let is_wide = |value: &U256| *value > U256::from(u64::MAX);
    if let Some(base_fee) = overrides.base_fee.filter(is_wide)
        && !call.gas_price.is_zero()
    {
        return Err(match call.gas_price < base_fee {
            true => Rejection::BelowBaseFee.into(),
            false => CallError::BaseFee(base_fee),
        });
    }
    call.number = overrides.number.filter(is_wide);
    Ok(())
}

/// A request as the kernel's call with this gas limit.
///
/// # Errors
/// If it names another chain, or a priority fee above its fee cap.
pub fn call_of(
    request: &CallRequest,
    environment: &Environment,
    gas_limit: u64,
) -> Result<Call, CallError> {
    if let Some(actual) = request.chain_id
        && actual != environment.chain_id
    {
        return Err(CallError::ChainId {
            expected: environment.chain_id,
            actual,
        });
    }
    check_delegations(request)?;
    let (gas_price, priority_fee) = fees(request)?;
    Ok(Call {
        from: request.from.unwrap_or_default(),
        to: request.to,
        gas_limit,
        gas_price,
        priority_fee,
        value: request.value,
        input: request.input.clone(),
        access_list: request.access_list.clone().unwrap_or_default(),
        authorizations: request.authorization_list.clone().unwrap_or_default(),
        nonce: None,
        interrupt: None,
        moves: Moves::default(),
        number: None,
    })
}

/// Delegations are those of a call, and there is one at least (EIP-7702).
pub(super) fn check_delegations(request: &CallRequest) -> Result<(), CallError> {
    match &request.authorization_list {
        None => Ok(()),
        Some(list) if list.is_empty() => Err(CallError::EmptyAuthorizations),
        Some(_) if request.to.is_none() => Err(CallError::SetCodeCreation),
        Some(_) => Ok(()),
    }
}

/// The fee cap and the priority fee, in wei per gas; zero if the caller names no price.
fn fees(request: &CallRequest) -> Result<(U256, Option<U256>), CallError> {
    if let Some(price) = request.gas_price {
        return Ok((price, None));
    }
    let priority = request.max_priority_fee_per_gas.unwrap_or_default();
    let max_fee = request.max_fee_per_gas.unwrap_or_default();
    if priority > max_fee && !max_fee.is_zero() {
        return Err(CallError::PriorityFee {
            sender: request.from.unwrap_or_default(),
            priority,
            max_fee,
        });
    }
    Ok((max_fee, (!max_fee.is_zero()).then_some(priority)))
}

/// Executes a call on a store, without changing it.
///
/// # Errors
/// [`CallError::Rejected`] and [`CallError::Kernel`]; a halt or revert is an [`Execution`].
pub fn execute(
    store: &impl ReadStore,
    environment: &Environment,
    call: &Call,
) -> Result<Execution, CallError> {
    match simulate::call(store, environment, call)? {
        Simulated::Executed(execution) => Ok(execution),
        Simulated::Rejected(rejection) => Err(rejection.into()),
    }
}

/// The output of a call that succeeded.
///
/// # Errors
/// [`CallError::Halted`] and [`CallError::Reverted`].
pub fn output(execution: Execution) -> Result<Bytes, CallError> {
    match execution {
        Execution {
            success: true,
            output,
            ..
        } => Ok(output),
        Execution {
            halt: Some(halt), ..
        } => Err(CallError::Halted(halt)),
        Execution { output, .. } => Err(CallError::Reverted(output)),
    }
}
