//! A client's request as a transaction: nonce, gas and fees filled in.

use super::call::{call_of, check_delegations};
use super::error::CallError;
use super::estimate;
use super::transaction::{Fees, Fields};
use crate::error::NodeError;
use crate::node::Node;
use crate::pending::Pending;
use crate::request::CallRequest;
use alloy_primitives::{Address, TxKind, U256};
use ethereum::transaction::Transaction;
use evm_kernel::native::simulate::Interrupt;

/// The priority fee that is suggested, in wei per gas: the rollup serves first
/// come, first served, so paying one buys nothing.
pub const PRIORITY_FEE: u64 = 0;

/// The request with a gas limit, with which it succeeds in the next block.
///
/// # Errors
/// [`CallError`] if the call fails or cannot be a transaction.
pub fn with_gas(
    node: &Node,
    mut request: CallRequest,
    interrupt: &Interrupt,
) -> Result<CallRequest, NodeError> {
    check(&request)?;
    if request.gas.is_none() {
        let Pending {
            block, environment, ..
        } = node.pending(interrupt)?;
        let call = call_of(&request, &environment, 0)?.until(interrupt);
        request.gas = Some(estimate::gas(block.state()?, &environment, &call)?);
    }
    Ok(request)
}

fn check(request: &CallRequest) -> Result<(), CallError> {
    if request.to.is_none() && request.input.is_empty() {
        return Err(CallError::EmptyCreation);
    }
    check_delegations(request)
}

/// The transaction that `sender` signs for a request of [`with_gas`]; what the request
/// leaves open is filled in.
///
/// # Errors
/// [`CallError`] if the call cannot be a transaction.
pub fn fill(node: &Node, request: &CallRequest, sender: Address) -> Result<Transaction, NodeError> {
    check(request)?;
    let fees = match request.gas_price {
        Some(price) => Fees::Price(price),
        None => dynamic(node, request)?,
    };
    let fields = Fields {
        chain_id: request.chain_id.unwrap_or_else(|| node.chain_id()),
        nonce: match request.nonce {
            Some(nonce) => nonce,
            None => node.pending_nonce(&sender)?,
        },
        gas_limit: request.gas.unwrap_or_default(),
        to: request.to.map_or(TxKind::Create, TxKind::Call),
        value: request.value,
        input: request.input.clone(),
        access_list: request.access_list.clone(),
        authorizations: request.authorization_list.clone().unwrap_or_default(),
        fees,
    };
    Ok(fields.transaction()?)
}

/// The fee cap and the priority fee.
fn dynamic(node: &Node, request: &CallRequest) -> Result<Fees, NodeError> {
    let priority = request
        .max_priority_fee_per_gas
        .unwrap_or(U256::from(PRIORITY_FEE));
    let max_fee = match request.max_fee_per_gas {
        Some(fee) => fee,
        None => U256::from(node.next_base_fee()?)
            .saturating_mul(U256::from(2))
            .saturating_add(priority),
    };
    Ok(Fees::Dynamic { max_fee, priority })
}
