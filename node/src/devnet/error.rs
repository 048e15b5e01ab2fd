//! Why a devnet does not start.

use crate::error::{MinerError, NodeError};
use crate::fork::ForkError;
use crate::genesis::GenesisError;
use crate::rpc::access::InvalidOrigin;
use crate::store::StoreError;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why a devnet does not start.
#[derive(Debug, thiserror::Error)]
pub enum DevnetError {
    /// The kernel's file cannot be read.
    #[error("no kernel at {}: build it with `make kernel`", .path.display())]
    Kernel {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The kernel's file is something else.
    #[error("{} is not a wasm module: a kernel is the compiled .wasm", .path.display())]
    NoModule {
        /// The file.
        path: PathBuf,
    },
    /// The port cannot be used.
    #[error("cannot listen at {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// Invalid CORS origin.
    #[error(transparent)]
    Cors(#[from] InvalidOrigin),
    /// The accounts cannot be derived.
    #[error("cannot derive the accounts: {0}")]
    Accounts(String),
    /// The start of the chain cannot be put together.
    #[error(transparent)]
    Genesis(#[from] GenesisError),
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Layer 1 cannot be set up.
    #[error("cannot set up layer 1: {0}")]
    Layer1(#[from] layer1::Failure),
    /// The first level failed.
    #[error("cannot start the kernel: {0}")]
    Start(#[from] MinerError),
    /// The other chain cannot be gone on from.
    #[error("cannot fork: {0}")]
    Fork(#[from] ForkError),
    /// The chain cannot go on from what the options name.
    #[error("cannot go on from another chain: {0}")]
    Begin(#[from] NodeError),
    /// The thread that runs levels could not be made, or died at once.
    #[error("cannot start the machine's thread: {0}")]
    Thread(String),
}
