//! Options of a devnet.

use crate::abis::Names;
use crate::accounts;
use crate::fork::ForkOptions;
use crate::genesis::Genesis;
use crate::miner::Post;
use crate::node::BlockTime;
use crate::rpc::site::SharedSite;
use crate::state_file::Dump;
use alloy_primitives::U256;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use storage::Config;

/// The initial balance of each account: 10,000 units of 10^18 wei.
pub const BALANCE: u128 = 10_000 * 1_000_000_000_000_000_000;

/// The most connections by default.
pub const CONNECTIONS: usize = 4_096;

/// The highest limit of code size: no transaction is longer.
pub const MAX_CODE_SIZE_LIMIT: u64 = 131_072;

/// The number of blocks whose states are kept by default.
pub const KEEP_STATES: u64 = 4_096;

/// The options of a devnet.
#[derive(Clone, Debug)]
pub struct Options {
    /// The kernel's module.
    pub kernel: PathBuf,
    /// The address to listen at.
    pub host: IpAddr,
    /// The port; 0 for any free port.
    pub port: u16,
    /// When levels run.
    pub block_time: BlockTime,
    /// The way transactions are posted.
    pub post: Post,
    /// The chain's number.
    pub chain_id: u64,
    /// The number of funded accounts.
    pub accounts: u32,
    /// The start of the chain, besides the funded accounts.
    pub genesis: Genesis,
    /// The origin whose pages may call; `*`: any.
    pub cors: String,
    /// The delays of layer 1 until an outbox message can be executed.
    pub layer1: layer1::outbox::Parameters,
    /// The folder of preimage pages that the kernel may reveal, for upgrades.
    pub preimages: Option<PathBuf>,
    /// The originated kernel, instead of a kernel in its place with funded accounts. Its
    /// pages are in `preimages`.
    pub plan: Option<Plan>,
    /// The time of block 0, in seconds since 1970; the clock goes on from there.
    pub timestamp: Option<u64>,
    /// The most connections at once; then an idle one makes room.
    pub connections: usize,
    /// The number of blocks whose states are kept.
    pub keep_states: u64,
    /// The most instructions of a run of the kernel, which is counted then; `None`: the
    /// machine's own limit.
    pub max_instructions: Option<u64>,
    /// True if the contracts that tools expect are there ([`crate::predeploys`]).
    pub predeploys: bool,
    /// The node's name; `None`: its own name behind that of anvil, which tools
    /// accept.
    pub client_version: Option<String>,
    /// The mnemonic of the accounts.
    pub mnemonic: String,
    /// The balance of each account, in wei.
    pub balance: U256,
    /// Names in a request's `Host` that lead here, too.
    pub allowed_hosts: Vec<String>,
    /// A dump to start from, as [`state_file`] reads it.
    ///
    /// [`state_file`]: crate::state_file
    pub state: Option<Dump>,
    /// The block of another chain to go on from.
    pub fork: Option<ForkOptions>,
    /// The number of a chain that goes on from another one; `None`: that one's.
    pub fork_chain_id: Option<u64>,
    /// The folder of its store; `None`: nothing is there after a restart.
    pub data_dir: Option<PathBuf>,
    /// The most bytes of a contract's code, and half of the most of initcode, of a new chain;
    /// `None`: Ethereum's. Blocks with transactions are made natively then.
    pub code_size_limit: Option<u64>,
    /// The maker of pages for browsers.
    pub site: SharedSite,
    /// `true` if callers may send tracers in JavaScript.
    pub js_tracers: bool,
    /// Names for bytes, as they are shown there.
    pub names: Names,
}

/// A rollup as it is originated.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The installer.
    pub installer: Vec<u8>,
    /// The configuration that its setup makes: layer 1 has its contracts where this
    /// names them.
    pub config: Config,
}

impl Options {
    /// The default devnet of a kernel, on any free port of the loopback.
    #[must_use]
    pub fn new(kernel: impl Into<PathBuf>) -> Self {
        Self {
            kernel: kernel.into(),
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 0,
            block_time: BlockTime::Auto,
            post: Post::default(),
            chain_id: Config::default().chain_id,
            accounts: 10,
            genesis: Genesis::default(),
            cors: "*".into(),
            layer1: layer1::outbox::Parameters::default(),
            preimages: None,
            plan: None,
            timestamp: None,
            connections: CONNECTIONS,
            keep_states: KEEP_STATES,
            max_instructions: None,
            predeploys: true,
            client_version: None,
            mnemonic: accounts::MNEMONIC.into(),
            balance: U256::from(BALANCE),
            allowed_hosts: Vec::new(),
            state: None,
            fork: None,
            fork_chain_id: None,
            data_dir: None,
            code_size_limit: None,
            site: None,
            js_tracers: true,
            names: Names::default(),
        }
    }
}
