//! What the rollup itself cannot do.

use alloc::string::String;
use core::fmt;
use host::HostError;
use storage::StorageError;

/// A failure that is no user's fault. It ends the run; the queue is durable, so
/// the next level takes up where this one stopped.
#[derive(Clone, Debug)]
pub enum KernelError {
    /// The machine refused a host call.
    Host(HostError),
    /// Durable storage could not be read or written.
    Storage(StorageError),
    /// The engine failed on a transaction that it had accepted.
    Engine(String),
    /// The state is there, but the head or the configuration is not.
    MissingState,
}

impl From<HostError> for KernelError {
    fn from(error: HostError) -> Self {
        Self::Host(error)
    }
}

impl From<StorageError> for KernelError {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

impl fmt::Display for KernelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(error) => write!(f, "host: {error}"),
            Self::Storage(error) => write!(f, "{error}"),
            Self::Engine(error) => write!(f, "the engine failed: {error}"),
            Self::MissingState => f.write_str("the state has no head or no configuration"),
        }
    }
}

impl core::error::Error for KernelError {}
