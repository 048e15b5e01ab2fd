//! Options of a node in front of a rollup, and the reasons why it does not start.

use super::client::{ClientError, PATIENCE};
use super::error::FollowError;
use super::snapshots::SnapshotPlan;
use crate::abis::Names;
use crate::dropped::Dropped;
use crate::miner::Post;
use crate::rpc::access::InvalidOrigin;
use crate::rpc::site::SharedSite;
use crate::store::{Identity, StoreError, Words};
use alloy_primitives::{B256, hex, keccak256};
use messages::hash::blake2b_256;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// The state that the node starts from.
#[derive(Clone, Debug)]
pub enum Origin {
    /// Its origination: every level since is run. The rollup node must have them all.
    Genesis {
        /// The originated kernel or its installer.
        kernel: Vec<u8>,
        /// The level of the origination.
        level: u32,
    },
    /// The durable storage of the rollup node after the newest level that layer 1 has
    /// finalised, which is trusted.
    Storage {
        /// The level of the origination, if kernels may ask for it.
        level: Option<u32>,
    },
}

impl Origin {
    /// Whose store it is that begins there.
    pub(super) fn identity(&self, rollup: Option<[u8; 20]>) -> Identity {
        let (kernel, level) = match self {
            Self::Genesis { kernel, level } => (Some(kernel), Some(*level)),
            // The kernel is what is found there.
            Self::Storage { level } => (None, *level),
        };
        let hash = |kernel: &Vec<u8>| format!("blake2b {}", hex::encode(blake2b_256(kernel)));
        let words = Words {
            kernel: kernel.map_or("none, a copy of durable storage".into(), hash),
            genesis: level.map_or("no origination level".into(), |level| {
                format!("origination level {level}")
            }),
        };
        let level = level.map_or(Vec::new(), |level| level.to_be_bytes().to_vec());
        Identity {
            kind: "node",
            rollup,
            kernel: kernel.map_or(B256::ZERO, keccak256),
            genesis: keccak256(level),
            words,
        }
    }
}

/// The options of a node in front of a rollup.
#[derive(Clone, Debug)]
pub struct Options {
    /// The URL of the rollup node: `http://HOST:PORT`.
    pub rollup_node: String,
    /// The address that the rollup has to have: `sr1…`.
    pub rollup: Option<String>,
    /// The state that the node starts from.
    pub origin: Origin,
    /// The address to listen at.
    pub host: IpAddr,
    /// The port; 0 for any free port.
    pub port: u16,
    /// The way transactions are posted.
    pub post: Post,
    /// The origin whose pages may call; `*`: any.
    pub cors: String,
    /// The folder of preimage pages that the kernel may reveal.
    pub preimages: Option<PathBuf>,
    /// The URL below which pages are that are not in the folder; they are kept there.
    pub preimages_endpoint: Option<String>,
    /// The time limit for an answer of the rollup node.
    pub patience: Duration,
    /// Every so many levels are compared with what the rollup node has.
    pub verify_every: u32,
    /// The most connections at once; then an idle one makes room.
    pub connections: usize,
    /// The number of blocks whose states are kept.
    pub keep_states: u64,
    /// The folder of its store; `None`: nothing is there after a restart.
    pub data_dir: Option<PathBuf>,
    /// When snapshots of the folder are written; `None`: never, as without a folder.
    pub snapshots: Option<SnapshotPlan>,
    /// The maker of pages for browsers.
    pub site: SharedSite,
    /// `true` if callers may send tracers in JavaScript.
    pub js_tracers: bool,
    /// Names for bytes, as they are shown there.
    pub names: Names,
    /// Transactions that the kernel dropped, with its reasons.
    pub dropped: Dropped,
}

impl Options {
    /// A node on any free port of the loopback that compares every level.
    #[must_use]
    pub fn new(rollup_node: impl Into<String>, origin: Origin) -> Self {
        Self {
            rollup_node: rollup_node.into(),
            rollup: None,
            origin,
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 0,
            post: Post::default(),
            cors: "*".into(),
            preimages: None,
            preimages_endpoint: None,
            patience: PATIENCE,
            verify_every: 1,
            connections: crate::devnet::CONNECTIONS,
            keep_states: crate::devnet::KEEP_STATES,
            data_dir: None,
            snapshots: None,
            site: None,
            js_tracers: false,
            names: Names::default(),
            dropped: Dropped::default(),
        }
    }
}

/// Why a node does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
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
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The rollup cannot be followed.
    #[error(transparent)]
    Follow(#[from] FollowError),
    /// The rollup node's address of the rollup is invalid.
    #[error("the rollup node's rollup has no valid address: {0}")]
    Address(String),
    /// The rollup has no EVM kernel, or another one.
    #[error(
        "the durable storage of the rollup has no settings of the EVM kernel: it runs another kernel"
    )]
    NoSettings,
    /// The rollup cannot have been originated at the level that is given.
    #[error("--origination-level {given} cannot be right: {why}")]
    OriginationLevel {
        /// The level that is given.
        given: u32,
        /// The value that the rollup node has instead.
        why: String,
    },
    /// The rollup's machine is of a version that this program does not know.
    #[error("the rollup's machine is of version {found:?}, which this program does not know")]
    OtherMachine {
        /// The rollup node's answer.
        found: String,
    },
    /// There is no folder for snapshots.
    #[error("cannot use the folder of snapshots: {0}")]
    Snapshots(String),
    /// It was told to stop.
    #[error("stopped")]
    Stopped,
    /// A thread could not be made, or died at once.
    #[error("cannot start a thread: {0}")]
    Thread(String),
}

impl From<ClientError> for StartError {
    fn from(error: ClientError) -> Self {
        FollowError::from(error).into()
    }
}
