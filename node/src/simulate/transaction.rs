//! The fields of a call as a transaction of the type that they ask for.

use super::error::CallError;
use alloy_primitives::{Bytes, TxKind, U256};
use ethereum::transaction::{
    AccessListItem, Eip1559, Eip2930, Eip7702, Legacy, SignedAuthorization, Transaction,
};

/// The fields of a transaction of any type.
#[derive(Clone, Debug)]
pub(super) struct Fields {
    pub(super) chain_id: u64,
    pub(super) nonce: u64,
    pub(super) gas_limit: u64,
    pub(super) to: TxKind,
    pub(super) value: U256,
    pub(super) input: Bytes,
    /// `None`: a transaction with one price is one of the first kind.
    pub(super) access_list: Option<Vec<AccessListItem>>,
    /// If there are any, it is a set-code transaction (EIP-7702).
    pub(super) authorizations: Vec<SignedAuthorization>,
    pub(super) fees: Fees,
}

/// A transaction's price for a unit of gas, in wei.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fees {
    /// This.
    Price(U256),
    /// The base fee and a priority fee, up to a cap (EIP-1559).
    Dynamic { max_fee: U256, priority: U256 },
}

impl Fields {
    /// The transaction.
    ///
    /// # Errors
    /// [`CallError::SetCodeCreation`].
    #[expect(clippy::too_many_lines, reason = "the fields of each type")]
    pub(super) fn transaction(self) -> Result<Transaction, CallError> {
        let Self {
            chain_id,
            nonce,
            gas_limit,
            to,
            value,
            input,
            access_list,
            authorizations,
            fees,
        } = self;
        let (max_fee_per_gas, max_priority_fee_per_gas) = match fees {
            Fees::Price(price) => (price, price),
            Fees::Dynamic { max_fee, priority } => (max_fee, priority),
        };
        if !authorizations.is_empty() {
            return Ok(Transaction::SetCode(Eip7702 {
                chain_id,
                nonce,
                max_priority_fee_per_gas,
                max_fee_per_gas,
                gas_limit,
                to: *to.to().ok_or(CallError::SetCodeCreation)?,
                value,
                input,
                access_list: access_list.unwrap_or_default(),
                authorization_list: authorizations,
            }));
        }
        Ok(match (fees, access_list) {
            (Fees::Price(gas_price), None) => Transaction::Legacy(Legacy {
                chain_id: Some(chain_id),
                nonce,
                gas_price,
                gas_limit,
                to,
                value,
                input,
            }),
            (Fees::Price(gas_price), Some(access_list)) => Transaction::AccessList(Eip2930 {
                chain_id,
                nonce,
                gas_price,
                gas_limit,
                to,
                value,
                input,
                access_list,
            }),
            (Fees::Dynamic { .. }, access_list) => Transaction::DynamicFee(Eip1559 {
                chain_id,
                nonce,
                max_priority_fee_per_gas,
                max_fee_per_gas,
                gas_limit,
                to,
                value,
                input,
                access_list: access_list.unwrap_or_default(),
            }),
        })
    }
}
