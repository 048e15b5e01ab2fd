//! Signed transaction → what the engine takes. The rules that need the state
//! (nonce, balance, intrinsic gas of the revision) are the engine's own; it
//! refuses before it changes anything.

use crate::environment::Environment;
use crate::execute::data_fee::DataFee;
use alloc::boxed::Box;
use alloc::vec::Vec;
use alloy_primitives::U256;
use ethereum::transaction::{Deposit, SignedAuthorization};
use ethereum::{Recovered, SignedTransaction};
use revm::context::TxEnv;
use revm::context_interface::either::Either;
use revm::context_interface::transaction::{
    AccessList, RecoveredAuthority, RecoveredAuthorization,
};

/// A transaction that [`crate::execute::executor`] can take.
#[derive(Debug)]
pub(crate) struct ValidTransaction {
    pub(crate) environment: TxEnv,
    /// Wei for a unit of gas in this block.
    pub(crate) gas_price: U256,
    /// Its payment for its bytes: not in the environment's gas limit.
    pub(crate) data: DataFee,
}

/// Why a transaction is refused here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Underfunded {
    /// No account can pay 2^128 wei for a unit of gas.
    #[error("insufficient funds: the fee is over 2^128 wei for a unit of gas")]
    Fee,
    /// It does not pay for its bytes on layer 1.
    #[error("intrinsic gas too low: have {limit}, its bytes alone want {required}")]
    Data { limit: u64, required: u64 },
    /// It does not pay for its delegations (EIP-7702), so nobody looks who signed
    /// them.
    #[error("intrinsic gas too low: have {limit}, the delegations want {required}")]
    Delegations { limit: u64, required: u64 },
}

/// Gas of a delegation before anything runs (EIP-7702).
const DELEGATION: u64 = 25_000;

/// Makes what the engine takes, in `block`.
pub(crate) fn transaction(
    signed: &Recovered<Box<SignedTransaction>>,
    block: &Environment,
) -> Result<ValidTransaction, Underfunded> {
    let transaction = &signed.transaction.transaction;
    let gas_price = transaction.effective_gas_price(block.base_fee);
    let data = DataFee {
        gas: block.data_gas(signed.raw.len(), gas_price),
        gas_price,
    };
    let gas_limit = transaction
        .gas_limit()
        .checked_sub(data.gas)
        .ok_or(Underfunded::Data {
            limit: transaction.gas_limit(),
            required: data.gas,
        })?;
    let delegations = transaction.authorization_list();
    let (limit, required) = (gas_limit, DELEGATION * delegations.len() as u64);
    if limit < required {
        return Err(Underfunded::Delegations { limit, required });
    }
    let fee = |wei: U256| u128::try_from(wei).map_err(|_| Underfunded::Fee);
    let environment = TxEnv {
        tx_type: transaction.tx_type(),
        caller: signed.sender,
        gas_limit,
        gas_price: fee(transaction.max_fee_per_gas())?,
        kind: transaction.kind(),
        value: transaction.value(),
        data: transaction.input().clone(),
        nonce: transaction.nonce(),
        chain_id: transaction.chain_id(),
        access_list: AccessList(transaction.access_list().to_vec()),
        gas_priority_fee: transaction
            .max_priority_fee_per_gas()
            .map(fee)
            .transpose()?,
        blob_hashes: Vec::new(),
        max_fee_per_blob_gas: 0,
        authorization_list: authorizations(delegations),
    };
    Ok(ValidTransaction {
        environment,
        gas_price,
        data,
    })
}

/// A deposit as the engine takes it.
pub(crate) fn deposit(deposit: &Deposit) -> TxEnv {
    TxEnv {
        caller: deposit.from,
        gas_limit: deposit.gas_limit,
        kind: deposit.to,
        value: deposit.value,
        data: deposit.input.clone(),
        ..TxEnv::default()
    }
}

/// Authorizations (EIP-7702) as the engine has them, with who gave each.
pub(crate) fn authorizations(
    list: &[SignedAuthorization],
) -> Vec<Either<SignedAuthorization, RecoveredAuthorization>> {
    list.iter()
        .map(|signed| {
            let authority = ethereum::authority(signed)
                .map_or(RecoveredAuthority::Invalid, RecoveredAuthority::Valid);
            Either::Right(RecoveredAuthorization::new_unchecked(
                signed.inner().clone(),
                authority,
            ))
        })
        .collect()
}
