//! Why the node does not do what it is asked: facts; `rpc` has the words that
//! clients expect.

use crate::chain::ChainError;
use crate::pool::{AdmissionError, DropReason, PoolError};
use crate::request::BlockId;
use crate::simulate::CallError;
use crate::store::StoreError;
use alloy_primitives::Address;
use ethereum::SignatureError;
use evm_kernel::KernelError;
use layer1::Failure;
use layer1::chain::ExecuteError;
use pvm::Status;
use storage::StorageError;

/// Why the node does not do what it is asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NodeError {
    /// There is no such block.
    #[error("no block {0:?}")]
    UnknownBlock(BlockId),
    /// The node has no key for the account.
    #[error("no key for account {0}")]
    UnknownAccount(Address),
    /// The transaction can never be included.
    #[error(transparent)]
    Admission(#[from] AdmissionError),
    /// The pool does not take the transaction.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// The transaction left the pool and is in no block.
    #[error(transparent)]
    Dropped(#[from] DropReason),
    /// A call fails.
    #[error(transparent)]
    Call(#[from] CallError),
    /// Layer 1 refuses an operation.
    #[error(transparent)]
    Layer1(#[from] Failure),
    /// Layer 1 does not execute an outbox message.
    #[error(transparent)]
    Execute(#[from] ExecuteError),
    /// The outbox has no fast withdrawal at this place.
    #[error("no fast withdrawal in the outbox at that place")]
    NoFastWithdrawal,
    /// A fast withdrawal of more mutez than a call can carry.
    #[error("the amount of the fast withdrawal is over 2^64 mutez: {0}")]
    FastWithdrawalAmount(std::num::TryFromIntError),
    /// The token wrapper is not on layer 1.
    #[error("no token wrapper")]
    NoTokenWrapper,
    /// The governance contract is not on layer 1.
    #[error("no governance contract")]
    NoGovernance,
    /// The kernel waits for a preimage; no level can end before it is there.
    #[error("the chain waits: {0}")]
    Waiting(String),
    /// A message to layer 1 cannot be executed yet.
    #[error("not cemented yet: it can be executed once the commitment of level {0} is")]
    NotCemented(u32),
    /// Only a devnet does this.
    #[error("this node follows a rollup: only a devnet does this")]
    DevnetAlone,
    /// Only a node in front of a rollup does this.
    #[error("only a node in front of a rollup does this")]
    RollupAlone,
    /// The rollup node does not answer, or refuses.
    #[error(transparent)]
    RollupNode(#[from] crate::follower::ClientError),
    /// The rollup node is asked for much by others.
    #[error("too many requests are with the rollup node at once: try again")]
    Busy,
    /// A timestamp that layer 1 cannot have.
    #[error("timestamp {0} is too far ahead")]
    TooLate(u64),
    /// It took too long, or nobody waits for it.
    #[error("execution aborted")]
    Interrupted,
    /// The devnet has stopped.
    #[error("the devnet stopped")]
    Stopped,
    /// The chain is not so long.
    #[error(
        "Rollback depth must not exceed current chain height: current height {height}, depth {depth}"
    )]
    Depth {
        /// The number of the newest block.
        height: u64,
        /// The number of blocks.
        depth: u64,
    },
    /// The chain goes on from another one's block, which stays.
    #[error("fork: the chain does not go back beyond block {0}, which it goes on from")]
    BeforeFork(u64),
    /// The other chain's node does not give what a fork needs.
    #[error(transparent)]
    Fork(#[from] crate::fork::RemoteError),
    /// A level failed.
    #[error(transparent)]
    Miner(#[from] MinerError),
    /// A block cannot be read.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A chain with a store does not go on from another one.
    #[error("a devnet with a store does not fork: start one without --data-dir")]
    KeptFork,
    /// A transaction waits, but would not be there after a restart.
    #[error("the transaction could not be written to the store: {0}")]
    NotKept(std::sync::Arc<StoreError>),
    /// The kernel cannot read its state.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// Durable storage cannot be read or written.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A key does not sign.
    #[error(transparent)]
    Signature(#[from] SignatureError),
}

/// Why no more levels can run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MinerError {
    /// The machine cannot run the level.
    #[error(transparent)]
    Machine(#[from] pvm::Error),
    /// The kernel asks for a preimage that is not there, or the level cannot be written; it
    /// is run again.
    #[error("the chain waits: {0}")]
    Waiting(String),
    /// The rollup is stuck forever, or lost its inputs.
    #[error("level {level} did not end as it should: {status}")]
    Level {
        /// Its number.
        level: u32,
        /// The end status.
        status: Status,
    },
    /// The blocks of the level cannot be read.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A block cannot be made.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// Durable storage cannot be read or written.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// True if an error comes from what another chain has and could not be asked for.
pub(crate) fn is_unavailable(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut causes = std::iter::successors(Some(error), |error| error.source());
    causes.any(|cause| {
        cause.downcast_ref::<host::HostError>() == Some(&host::HostError::Unknown(pvm::UNAVAILABLE))
    })
}
