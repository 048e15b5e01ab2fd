//! Options of a double, and the reasons why it refuses an order.

use layer1::Failure;
use layer1::devnet::Contracts;
use layer1::outbox::Parameters;
use pvm::Version;
use std::net::SocketAddr;
use std::path::PathBuf;

/// The options of a double.
#[derive(Clone, Debug)]
pub struct Options {
    /// The rollup's address: the 20 bytes behind `sr1…`.
    pub rollup: [u8; 20],
    /// The version of its machine at the origination.
    pub version: Version,
    /// The level of the origination.
    pub origination_level: u32,
    /// The folder of preimage pages that the kernel may reveal.
    pub preimages: Option<PathBuf>,
    /// The constants of layer 1; its `origination` is the level above.
    pub parameters: Parameters,
    /// The contracts' addresses on layer 1.
    pub contracts: Contracts,
    /// A level is final if so many come after it.
    pub finality: u32,
    /// The least seconds between the timestamps of two levels.
    pub block_seconds: u32,
    /// The most operations of the batcher in a level.
    pub operations: usize,
    /// The time of the origination, in seconds since 1970 [default: now].
    pub timestamp: Option<u64>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            rollup: pvm::options::DEFAULT_ROLLUP,
            version: Version::default(),
            origination_level: 1_000,
            preimages: None,
            parameters: Parameters::default(),
            contracts: Contracts::default(),
            finality: 2,
            block_seconds: 1,
            operations: 16,
            timestamp: None,
        }
    }
}

/// Why a double does not do what it is told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DoubleError {
    /// The machine cannot run.
    #[error(transparent)]
    Machine(#[from] pvm::Error),
    /// Layer 1 refuses an operation.
    #[error(transparent)]
    Layer1(#[from] Failure),
    /// A message of an outbox cannot be executed.
    #[error(transparent)]
    Execute(#[from] layer1::chain::ExecuteError),
    /// Layer 1 has no governance contract.
    #[error("layer 1 has no governance")]
    NoGovernance,
    /// A reorganisation of what is final.
    #[error("cannot go back {depth} levels: level {finalised} is final")]
    Final {
        /// The number of levels.
        depth: u32,
        /// The final level.
        finalised: u32,
    },
    /// The port cannot be used.
    #[error("cannot listen at {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
}
