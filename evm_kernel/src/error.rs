//! Errors of the rollup itself.

use alloc::string::String;
use host::HostError;
use storage::{SetupError, StorageError};

/// A failure that is no user's fault. It ends the run; the queue is durable, so
/// the next level takes up where this one stopped.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KernelError {
    /// The machine refused a host call.
    #[error("host: {0}")]
    Host(#[from] HostError),
    /// Durable storage could not be read or written.
    #[error("{0}")]
    Storage(#[from] StorageError),
    /// The setup file is invalid: the rollup does not start.
    #[error("{0}. The rollup does not start")]
    Setup(#[from] SetupError),
    /// The engine failed on a transaction that it had accepted.
    #[error("the engine failed: {0}")]
    Engine(String),
    /// The state is there, but the head or the configuration is not.
    #[error("the state has no head or no configuration")]
    MissingState,
}
