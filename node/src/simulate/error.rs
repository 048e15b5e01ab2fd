//! Why a call fails or cannot be tried.

use alloy_primitives::{Address, Bytes, U256};
use evm_kernel::KernelError;
use evm_kernel::native::simulate::{HaltReason, Rejection};
use storage::StorageError;

/// Why a call fails or cannot be tried.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The execution reverted with this output.
    #[error("execution reverted with {0}")]
    Reverted(Bytes),
    /// The execution halted.
    #[error("execution halted: {0}")]
    Halted(HaltReason),
    /// The execution halted at this, in go-ethereum's words.
    #[error("execution halted: {0}")]
    HaltedAt(String),
    /// The kernel does not execute such a call.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The call is for another chain.
    #[error("call for chain {actual} on chain {expected}")]
    ChainId {
        /// This chain.
        expected: u64,
        /// The call's.
        actual: u64,
    },
    /// The priority fee is above the fee cap.
    #[error("priority fee {priority} of {sender} is above the fee cap {max_fee}")]
    PriorityFee {
        /// The caller.
        sender: Address,
        /// Wei per gas.
        priority: U256,
        /// Wei per gas.
        max_fee: U256,
    },
    /// The call pays for gas in a block whose base fee is over 64 bits.
    #[error("a base fee over 64 bits: {0} wei")]
    BaseFee(U256),
    /// The caller does not have the value to send.
    #[error("insufficient balance for the value")]
    Value,
    /// The call fails with all the gas that it may use.
    #[error("more than {0} gas needed")]
    Allowance(u64),
    /// A creation without initcode.
    #[error("contract creation without initcode")]
    EmptyCreation,
    /// A set-code transaction without delegations (EIP-7702).
    #[error("set-code transaction without delegations")]
    EmptyAuthorizations,
    /// A set-code transaction without a receiver (EIP-7702).
    #[error("set-code transaction without a receiver")]
    SetCodeCreation,
    /// The kernel cannot read its state.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// Durable storage cannot be read.
    #[error(transparent)]
    Storage(#[from] StorageError),
}
