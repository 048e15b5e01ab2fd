//! Checks of a transaction that need no state.

use alloy_primitives::U256;

use super::Transaction;

/// Rules of a mainnet fork, as far as transactions feel them. Cancun's are the
/// oldest that are known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fork {
    /// March 2024.
    Cancun,
    /// May 2025: floor gas (EIP-7623), set-code transactions (EIP-7702).
    Prague,
    /// December 2025: a cap on the gas of a transaction (EIP-7825).
    Osaka,
}

/// The rules of [`check`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The chain's number.
    pub chain_id: u64,
    /// The fork in force.
    pub fork: Fork,
    /// Gas that the transaction pays besides, of which Ethereum knows nothing: it is
    /// wanted on top, and no cap counts it. 0 on Ethereum.
    pub data_gas: u64,
    /// Most bytes of initcode: [`MAX_INITCODE_SIZE`] on Ethereum.
    pub max_initcode: usize,
}

/// Most bytes of initcode (EIP-3860).
pub const MAX_INITCODE_SIZE: usize = 49_152;

/// Most gas of a transaction since Osaka (EIP-7825).
pub const MAX_TRANSACTION_GAS: u64 = 1 << 24;

/// A transaction that no block can include, whatever the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTransaction {
    /// Bound to another chain (EIP-155).
    #[error("chain id {actual} instead of {expected}")]
    ChainId {
        /// This chain.
        expected: u64,
        /// The transaction's.
        actual: u64,
    },
    /// A type that the fork does not have yet.
    #[error("transaction type {0} not supported")]
    UnsupportedType(u8),
    /// Less gas than it costs before its first instruction.
    #[error("intrinsic gas too low: have {limit}, want {required}")]
    IntrinsicGas {
        /// Gas needed.
        required: u64,
        /// The transaction's gas limit.
        limit: u64,
    },
    /// Less gas than its data costs at least (EIP-7623).
    #[error("gas below the data's floor: have {limit}, want {required}")]
    FloorGas {
        /// Gas needed.
        required: u64,
        /// The transaction's gas limit.
        limit: u64,
    },
    /// More gas than a transaction may ask for (EIP-7825).
    #[error("gas limit {limit} above the cap {cap}")]
    GasCap {
        /// Most gas allowed.
        cap: u64,
        /// The transaction's gas limit.
        limit: u64,
    },
    /// Gas limit × price is above 2^256 - 1 wei.
    #[error("gas limit times price overflows")]
    FeeOverflow,
    /// A priority fee above the fee cap (EIP-1559).
    #[error("priority fee {priority} above the fee cap {max_fee}")]
    PriorityFeeAboveMaxFee {
        /// Wei per gas.
        priority: U256,
        /// Wei per gas.
        max_fee: U256,
    },
    /// Too much initcode (EIP-3860).
    #[error("initcode of {actual} bytes, limit {limit}")]
    InitcodeSize {
        /// Most bytes allowed.
        limit: usize,
        /// The transaction's bytes.
        actual: usize,
    },
    /// A set-code transaction that sets no code (EIP-7702).
    #[error("empty authorization list")]
    EmptyAuthorizationList,
}

/// Refuses what no block of this chain and fork can include.
///
/// Signature, nonce, balance, base fee and block gas limit are not looked at.
///
/// # Errors
/// The first rule that is broken.
pub fn check(transaction: &Transaction, rules: Rules) -> Result<(), InvalidTransaction> {
    if let Some(actual) = transaction.chain_id()
        && actual != rules.chain_id
    {
        return Err(InvalidTransaction::ChainId {
            expected: rules.chain_id,
            actual,
        });
    }
    if let Transaction::SetCode(set_code) = transaction {
        if rules.fork < Fork::Prague {
            return Err(InvalidTransaction::UnsupportedType(transaction.tx_type()));
        }
        if set_code.authorization_list.is_empty() {
            return Err(InvalidTransaction::EmptyAuthorizationList);
        }
    }
    check_fees(transaction)?;
    let actual = transaction.input().len();
    if transaction.kind().is_create() && actual > rules.max_initcode {
        return Err(InvalidTransaction::InitcodeSize {
            limit: rules.max_initcode,
            actual,
        });
    }
    check_gas(transaction, rules)
}

fn check_fees(transaction: &Transaction) -> Result<(), InvalidTransaction> {
    let max_fee = transaction.max_fee_per_gas();
    if let Some(priority) = transaction.max_priority_fee_per_gas()
        && priority > max_fee
    {
        return Err(InvalidTransaction::PriorityFeeAboveMaxFee { priority, max_fee });
    }
    match max_fee.checked_mul(U256::from(transaction.gas_limit())) {
        Some(_) => Ok(()),
        None => Err(InvalidTransaction::FeeOverflow),
    }
}

fn check_gas(transaction: &Transaction, rules: Rules) -> Result<(), InvalidTransaction> {
    let (fork, data_gas) = (rules.fork, rules.data_gas);
    let limit = transaction.gas_limit();
    let cap = MAX_TRANSACTION_GAS.saturating_add(data_gas);
    if fork >= Fork::Osaka && limit > cap {
        return Err(InvalidTransaction::GasCap { cap, limit });
    }
    let required = intrinsic_gas(transaction).saturating_add(data_gas);
    if limit < required {
        return Err(InvalidTransaction::IntrinsicGas { required, limit });
    }
    let required = floor_gas(transaction, fork).saturating_add(data_gas);
    if limit < required {
        return Err(InvalidTransaction::FloorGas { required, limit });
    }
    Ok(())
}

/// Gas that is used before the first instruction (Yellow Paper §6.2; EIP-2028,
/// EIP-2930, EIP-3860, EIP-7702). The same in every [`Fork`].
#[must_use]
pub fn intrinsic_gas(transaction: &Transaction) -> u64 {
    const CREATION: u64 = 32_000;
    const INITCODE_WORD: u64 = 2;
    const TOKEN: u64 = 4;
    const ADDRESS: u64 = 2_400;
    const STORAGE_KEY: u64 = 1_900;
    const AUTHORIZATION: u64 = 25_000;

    let input = transaction.input();
    let mut gas = TRANSACTION + TOKEN * tokens(input);
    if transaction.kind().is_create() {
        gas += CREATION + INITCODE_WORD * count(input.len().div_ceil(32));
    }
    for item in transaction.access_list() {
        gas += ADDRESS + STORAGE_KEY * count(item.storage_keys.len());
    }
    gas + AUTHORIZATION * count(transaction.authorization_list().len())
}

/// The least that a transaction pays for its data (EIP-7623); 0 before Prague.
#[must_use]
pub fn floor_gas(transaction: &Transaction, fork: Fork) -> u64 {
    const FLOOR_TOKEN: u64 = 10;
    if fork < Fork::Prague {
        return 0;
    }
    TRANSACTION + FLOOR_TOKEN * tokens(transaction.input())
}

/// Gas of a transaction that does nothing.
const TRANSACTION: u64 = 21_000;

/// The weight of call data: 1 a zero byte, 4 any other (EIP-7623).
fn tokens(input: &[u8]) -> u64 {
    let zeros = count(input.iter().filter(|byte| **byte == 0).count());
    count(input.len()) * 4 - zeros * 3
}

/// Lengths of things in memory fit 64 bits and stay far from overflow.
const fn count(length: usize) -> u64 {
    length as u64
}
