//! Transactions: what users sign (EIP-155, EIP-2718, EIP-2930, EIP-1559, EIP-7702).
//!
//! [`decode`] turns raw bytes into a [`SignedTransaction`], and
//! [`SignedTransaction::encode`] gives the same bytes back. Who signed is
//! [`crate::senders()`]' matter; whether the transaction can ever be included is
//! [`check`]'s.

mod check;
mod decode;
mod encode;

/// An account of an access list with its slots (EIP-2930).
pub use alloy_eip2930::AccessListItem;
/// An account's consent to run another account's code as its own (EIP-7702), as it is signed, and
/// with the signature. Whether it holds is found at execution; [`crate::authority`] tells who
/// signed.
pub use alloy_eip7702::{Authorization, SignedAuthorization};

use alloc::vec::Vec;
use alloy_primitives::{Address, B256, Bytes, TxKind, U256};

pub use check::{
    Fork, InvalidTransaction, MAX_INITCODE_SIZE, MAX_TRANSACTION_GAS, Rules, check, floor_gas,
    intrinsic_gas,
};
pub use decode::{DecodeError, decode, decode_included, decode_with_hash};
#[cfg(feature = "std")]
pub use encode::sign;

use crate::Signature;

/// Numbers of the transaction types (EIP-2718).
pub mod tx_type {
    /// The untyped transaction of the Yellow Paper.
    pub const LEGACY: u8 = 0;
    /// EIP-2930.
    pub const ACCESS_LIST: u8 = 1;
    /// EIP-1559.
    pub const DYNAMIC_FEE: u8 = 2;
    /// EIP-4844, which a rollup does not take.
    pub const BLOB: u8 = 3;
    /// EIP-7702.
    pub const SET_CODE: u8 = 4;
    /// A deposit of layer 1, as the OP Stack has it: nobody signs it, and nobody
    /// may send it.
    pub const DEPOSIT: u8 = 0x7e;
}

/// An unsigned transaction of any type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transaction {
    /// Type 0.
    Legacy(Legacy),
    /// Type 1.
    AccessList(Eip2930),
    /// Type 2.
    DynamicFee(Eip1559),
    /// Type 4.
    SetCode(Eip7702),
    /// Type 126.
    Deposit(Deposit),
}

/// A transaction without a type byte.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Legacy {
    /// The chain that it is bound to (EIP-155); none: valid on every chain.
    pub chain_id: Option<u64>,
    /// Transactions that the sender made before this one.
    pub nonce: u64,
    /// Wei per gas.
    pub gas_price: U256,
    /// Most gas that it may use.
    pub gas_limit: u64,
    /// The account called, or a creation.
    pub to: TxKind,
    /// Wei moved to the account called or created.
    pub value: U256,
    /// Call data, or initcode of a creation.
    pub input: Bytes,
}

/// A transaction with an access list (EIP-2930).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Eip2930 {
    /// The chain that it is bound to.
    pub chain_id: u64,
    /// Transactions that the sender made before this one.
    pub nonce: u64,
    /// Wei per gas.
    pub gas_price: U256,
    /// Most gas that it may use.
    pub gas_limit: u64,
    /// The account called, or a creation.
    pub to: TxKind,
    /// Wei moved to the account called or created.
    pub value: U256,
    /// Call data, or initcode of a creation.
    pub input: Bytes,
    /// Accounts and slots that are warm from the start.
    pub access_list: Vec<AccessListItem>,
}

/// A transaction with a fee cap and a priority fee (EIP-1559).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Eip1559 {
    /// The chain that it is bound to.
    pub chain_id: u64,
    /// Transactions that the sender made before this one.
    pub nonce: u64,
    /// Most wei per gas that go to the block's fee recipient.
    pub max_priority_fee_per_gas: U256,
    /// Most wei per gas, base fee included.
    pub max_fee_per_gas: U256,
    /// Most gas that it may use.
    pub gas_limit: u64,
    /// The account called, or a creation.
    pub to: TxKind,
    /// Wei moved to the account called or created.
    pub value: U256,
    /// Call data, or initcode of a creation.
    pub input: Bytes,
    /// Accounts and slots that are warm from the start.
    pub access_list: Vec<AccessListItem>,
}

/// A transaction that sets the code of accounts (EIP-7702). It cannot create.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Eip7702 {
    /// The chain that it is bound to.
    pub chain_id: u64,
    /// Transactions that the sender made before this one.
    pub nonce: u64,
    /// Most wei per gas that go to the block's fee recipient.
    pub max_priority_fee_per_gas: U256,
    /// Most wei per gas, base fee included.
    pub max_fee_per_gas: U256,
    /// Most gas that it may use.
    pub gas_limit: u64,
    /// The account called.
    pub to: Address,
    /// Wei moved to the account called.
    pub value: U256,
    /// Call data.
    pub input: Bytes,
    /// Accounts and slots that are warm from the start.
    pub access_list: Vec<AccessListItem>,
    /// Authorizations: accounts that delegate to code.
    pub authorization_list: Vec<SignedAuthorization>,
}

/// A transaction that layer 1 causes: wei appear at `from`, which then calls. The type of
/// the OP Stack (its specification, "Deposited transactions"), so that tools
/// know it: `7e ++ rlp([source_hash, from, to, mint, value, gas_limit, 0, input])`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deposit {
    /// Distinguishes it from others with the same fields.
    pub source_hash: B256,
    /// The caller.
    pub from: Address,
    /// The account called.
    pub to: TxKind,
    /// Wei that appear at `from`.
    pub mint: U256,
    /// Wei moved to the account called.
    pub value: U256,
    /// Most gas that it may use; nobody pays for it.
    pub gas_limit: u64,
    /// Call data.
    pub input: Bytes,
    /// Always 0: it is not encoded.
    pub nonce: u64,
}

/// A transaction with its signature and its two hashes.
///
/// [`decode`] and [`sign`] make it; the hashes are those of the other fields as
/// long as nobody changes these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedTransaction {
    /// The unsigned transaction.
    pub transaction: Transaction,
    /// By whom it was signed, in other words.
    pub signature: Signature,
    /// keccak256 of the raw bytes.
    pub hash: B256,
    /// The hash that was signed.
    pub signing_hash: B256,
}

/// Gives the same field of whichever type.
macro_rules! field {
    ($transaction:expr, $field:ident) => {
        match $transaction {
            Transaction::Legacy(transaction) => &transaction.$field,
            Transaction::AccessList(transaction) => &transaction.$field,
            Transaction::DynamicFee(transaction) => &transaction.$field,
            Transaction::SetCode(transaction) => &transaction.$field,
            Transaction::Deposit(transaction) => &transaction.$field,
        }
    };
}

impl Transaction {
    /// Its EIP-2718 type: one of [`tx_type`].
    #[must_use]
    pub const fn tx_type(&self) -> u8 {
        match self {
            Self::Legacy(_) => tx_type::LEGACY,
            Self::AccessList(_) => tx_type::ACCESS_LIST,
            Self::DynamicFee(_) => tx_type::DYNAMIC_FEE,
            Self::SetCode(_) => tx_type::SET_CODE,
            Self::Deposit(_) => tx_type::DEPOSIT,
        }
    }

    /// The chain that it is bound to; none for a legacy transaction without EIP-155
    /// and for a deposit.
    #[must_use]
    pub const fn chain_id(&self) -> Option<u64> {
        match self {
            Self::Legacy(transaction) => transaction.chain_id,
            Self::AccessList(transaction) => Some(transaction.chain_id),
            Self::DynamicFee(transaction) => Some(transaction.chain_id),
            Self::SetCode(transaction) => Some(transaction.chain_id),
            Self::Deposit(_) => None,
        }
    }

    /// Transactions that the sender made before this one.
    #[must_use]
    pub const fn nonce(&self) -> u64 {
        *field!(self, nonce)
    }

    /// Most gas that it may use.
    #[must_use]
    pub const fn gas_limit(&self) -> u64 {
        *field!(self, gas_limit)
    }

    /// Most wei per gas: the fee cap, or the gas price if there is no cap.
    #[must_use]
    pub const fn max_fee_per_gas(&self) -> U256 {
        match self {
            Self::Legacy(transaction) => transaction.gas_price,
            Self::AccessList(transaction) => transaction.gas_price,
            Self::DynamicFee(transaction) => transaction.max_fee_per_gas,
            Self::SetCode(transaction) => transaction.max_fee_per_gas,
            Self::Deposit(_) => U256::ZERO,
        }
    }

    /// Most wei per gas for the fee recipient; none for types with one gas price.
    #[must_use]
    pub const fn max_priority_fee_per_gas(&self) -> Option<U256> {
        match self {
            Self::Legacy(_) | Self::AccessList(_) | Self::Deposit(_) => None,
            Self::DynamicFee(transaction) => Some(transaction.max_priority_fee_per_gas),
            Self::SetCode(transaction) => Some(transaction.max_priority_fee_per_gas),
        }
    }

    /// Wei per gas that the sender pays in a block with this base fee (EIP-1559).
    #[must_use]
    pub fn effective_gas_price(&self, base_fee: u64) -> U256 {
        let most = self.max_fee_per_gas();
        match self.max_priority_fee_per_gas() {
            Some(priority) => most.min(priority.saturating_add(U256::from(base_fee))),
            None => most,
        }
    }

    /// The account called, or a creation.
    #[must_use]
    pub const fn kind(&self) -> TxKind {
        match self {
            Self::Legacy(transaction) => transaction.to,
            Self::AccessList(transaction) => transaction.to,
            Self::DynamicFee(transaction) => transaction.to,
            Self::SetCode(transaction) => TxKind::Call(transaction.to),
            Self::Deposit(transaction) => transaction.to,
        }
    }

    /// Wei moved to the account called or created.
    #[must_use]
    pub const fn value(&self) -> U256 {
        *field!(self, value)
    }

    /// Call data, or initcode of a creation. A clone shares the bytes.
    #[must_use]
    pub const fn input(&self) -> &Bytes {
        field!(self, input)
    }

    /// Accounts and slots that are warm from the start.
    #[must_use]
    pub fn access_list(&self) -> &[AccessListItem] {
        match self {
            Self::Legacy(_) | Self::Deposit(_) => &[],
            Self::AccessList(transaction) => &transaction.access_list,
            Self::DynamicFee(transaction) => &transaction.access_list,
            Self::SetCode(transaction) => &transaction.access_list,
        }
    }

    /// Authorizations: accounts that delegate to code.
    #[must_use]
    pub fn authorization_list(&self) -> &[SignedAuthorization] {
        match self {
            Self::SetCode(transaction) => &transaction.authorization_list,
            _ => &[],
        }
    }
}
