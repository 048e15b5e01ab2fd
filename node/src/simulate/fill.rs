//! A client's request as a transaction: nonce, gas and fees filled in.

use super::call::{call_of, check_delegations};
use super::error::CallError;
use super::estimate;
use crate::error::NodeError;
use crate::node::Node;
use crate::pending::Pending;
use crate::request::CallRequest;
use alloy_primitives::{Address, TxKind, U256};
use ethereum::transaction::{Eip1559, Eip2930, Eip7702, Legacy, Transaction};
use evm_kernel::native::simulate::Interrupt;

/// The priority fee that is suggested, in wei per gas: the rollup serves first
/// come, first served, so paying one buys nothing.
pub const PRIORITY_FEE: u64 = 0;

/// The request with a gas limit, with which it succeeds in the next block.
///
/// # Errors
/// [`CallError`] if the call fails or is none of a transaction.
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
/// [`CallError`] if the call is none of a transaction.
pub fn fill(node: &Node, request: &CallRequest, sender: Address) -> Result<Transaction, NodeError> {
    check(request)?;
    let open = Common {
        chain_id: request.chain_id.unwrap_or_else(|| node.chain_id()),
        nonce: match request.nonce {
            Some(nonce) => nonce,
            None => node.pending_nonce(&sender)?,
        },
        gas_limit: request.gas.unwrap_or_default(),
        to: request.to.map_or(TxKind::Create, TxKind::Call),
    };
    match request.gas_price {
        Some(gas_price) => Ok(open.priced(request, gas_price)),
        None => open.dynamic(node, request),
    }
}

/// The fields that transactions of all types have.
struct Common {
    chain_id: u64,
    nonce: u64,
    gas_limit: u64,
    to: TxKind,
}

impl Common {
    /// A transaction with one gas price.
    fn priced(self, request: &CallRequest, gas_price: U256) -> Transaction {
        let Self {
            chain_id,
            nonce,
            gas_limit,
            to,
        } = self;
        let (value, input) = (request.value, request.input.clone());
        match request.access_list.clone() {
            None => Transaction::Legacy(Legacy {
                chain_id: Some(chain_id),
                nonce,
                gas_price,
                gas_limit,
                to,
                value,
                input,
            }),
            Some(access_list) => Transaction::AccessList(Eip2930 {
                chain_id,
                nonce,
                gas_price,
                gas_limit,
                to,
                value,
                input,
                access_list,
            }),
        }
    }

    /// A transaction with a fee cap and a priority fee.
    fn dynamic(self, node: &Node, request: &CallRequest) -> Result<Transaction, NodeError> {
        let Self {
            chain_id,
            nonce,
            gas_limit,
            to,
        } = self;
        let (value, input) = (request.value, request.input.clone());
        let access_list = request.access_list.clone().unwrap_or_default();
        let max_priority_fee_per_gas = request
            .max_priority_fee_per_gas
            .unwrap_or(U256::from(PRIORITY_FEE));
        let max_fee_per_gas = match request.max_fee_per_gas {
            Some(fee) => fee,
            None => U256::from(node.next_base_fee()?)
                .saturating_mul(U256::from(2))
                .saturating_add(max_priority_fee_per_gas),
        };
        if let Some(authorization_list) = request.authorization_list.clone() {
            return Ok(Transaction::SetCode(Eip7702 {
                chain_id,
                nonce,
                max_priority_fee_per_gas,
                max_fee_per_gas,
                gas_limit,
                to: request.to.ok_or(CallError::SetCodeCreation)?,
                value,
                input,
                access_list,
                authorization_list,
            }));
        }
        Ok(Transaction::DynamicFee(Eip1559 {
            chain_id,
            nonce,
            max_priority_fee_per_gas,
            max_fee_per_gas,
            gas_limit,
            to,
            value,
            input,
            access_list,
        }))
    }
}
