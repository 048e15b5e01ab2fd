//! A client's request as a call of the kernel, and its execution.

use super::error::CallError;
use crate::request::{BlockOverrides, CallRequest};
use alloy_primitives::{Bytes, U256};
use evm_kernel::native::simulate::{self, Call, Environment, Execution, Simulated};
use host::ReadStore;

/// Applies block overrides.
pub fn apply(overrides: &BlockOverrides, environment: &mut Environment) {
    let set = |field: &mut u64, value: Option<u64>| *field = value.unwrap_or(*field);
    set(&mut environment.number, overrides.number);
    set(&mut environment.timestamp, overrides.time);
    set(&mut environment.gas_limit, overrides.gas_limit);
    set(&mut environment.base_fee, overrides.base_fee);
    environment.beneficiary = overrides.fee_recipient.unwrap_or(environment.beneficiary);
    environment.prevrandao = overrides.prevrandao.unwrap_or(environment.prevrandao);
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
    Ok(Call {
        from: request.from.unwrap_or_default(),
        to: request.to,
        gas_limit,
        gas_price: gas_price(request, environment.base_fee)?,
        value: request.value,
        input: request.input.clone(),
        access_list: request.access_list.clone().unwrap_or_default(),
        authorizations: request.authorization_list.clone().unwrap_or_default(),
        nonce: None,
    })
}

/// Wei per gas that the caller pays; zero if it names no price.
fn gas_price(request: &CallRequest, base_fee: u64) -> Result<U256, CallError> {
    if let Some(price) = request.gas_price {
        return Ok(price);
    }
    let priority = request.max_priority_fee_per_gas.unwrap_or_default();
    let Some(max_fee) = request.max_fee_per_gas.filter(|fee| !fee.is_zero()) else {
        return Ok(U256::ZERO);
    };
    if priority > max_fee {
        return Err(CallError::PriorityFee {
            sender: request.from.unwrap_or_default(),
            priority,
            max_fee,
        });
    }
    Ok(max_fee.min(priority.saturating_add(U256::from(base_fee))))
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
