//! A whole chain on one machine: kernel, layer 1 of our own, JSON-RPC.

use crate::accounts::{self, Account};
use crate::chain::{Chain, ChainError};
use crate::error::{MinerError, NodeError};
use crate::fork::{self, ForkError, Forked};
use crate::genesis::{Genesis, GenesisError};
use crate::miner::{Miner, MinerHandle};
use crate::node::Node;
use crate::predeploys;
use crate::rpc::access::{Access, InvalidOrigin};
use crate::rpc::{listener, server};
use crate::state_file::Dump;
use crate::store::{Identity, SavedDevnet, Store, StoreError};
use crate::version::client_version;
use alloy_primitives::{B256, Keccak256, U256, keccak256};
use evm_kernel::native::code_size;
use layer1::Layer1;
use layer1::devnet::Contracts;
use pvm::{DebugSink, Durable, Machine, Metering};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use storage::Config;
use storage::layout::CONFIG;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::oneshot;

mod options;

pub use options::{BALANCE, CONNECTIONS, KEEP_STATES, MAX_CODE_SIZE_LIMIT, Options, Plan};

/// The kernel's path in durable storage.
const KERNEL: &str = "/kernel/boot.wasm";
/// The most bytes of a kernel's file.
const MAX_KERNEL: u64 = 128 << 20;

/// The bytes that the system keeps for a client that does not read.
const SEND_BUFFER: u32 = 256 << 10;
/// The connections that wait to be taken.
const BACKLOG: u32 = 1_024;

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

/// A running devnet. It stops when this is dropped.
#[derive(Debug)]
pub struct Handle {
    address: SocketAddr,
    miner: MinerHandle,
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
    server: tokio::task::JoinHandle<()>,
    balance: U256,
}

impl Handle {
    /// The initial balance of each funded account, in wei; 0 in a rehearsal.
    #[must_use]
    pub const fn balance(&self) -> U256 {
        self.balance
    }

    /// Its address.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL, for HTTP clients.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The funded accounts.
    #[must_use]
    pub fn accounts(&self) -> &[Account] {
        self.node().accounts()
    }

    /// The state of the node, for use in the same process.
    #[must_use]
    pub const fn node(&self) -> &Arc<Node> {
        self.miner.node()
    }

    /// The handle of the miner, for use in the same process.
    #[must_use]
    pub const fn miner(&self) -> &MinerHandle {
        &self.miner
    }

    /// Waits until the server ends, which it does when the machine fails.
    pub async fn finished(&mut self) {
        // Aborted or panicked: it is over either way.
        let _ = (&mut self.server).await;
    }

    /// Stops the devnet and waits for a level that runs. The port is free once
    /// the runtime has had a turn.
    pub fn stop(mut self) {
        self.halt();
        if let Some(thread) = self.thread.take() {
            // It has said already what went wrong.
            let _ = thread.join();
        }
        self.node().store().close();
    }

    fn halt(&self) {
        self.server.abort();
        self.node().end();
        self.stop.store(true, Ordering::Relaxed);
        self.node().wake();
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.halt();
    }
}

/// Starts a devnet: when it returns, block 0 is there and the port answers.
///
/// # Errors
/// [`DevnetError`].
pub async fn devnet(options: Options) -> Result<Handle, DevnetError> {
    let access = Access::new(options.host, &options.cors)?.with_hosts(&options.allowed_hosts);
    let kernel =
        pvm::files::read(&options.kernel, MAX_KERNEL).map_err(|source| DevnetError::Kernel {
            path: options.kernel.clone(),
            source,
        })?;
    let (listener, address) = bound(&options)?;
    let fork = fork::connect(options.fork.clone()).await?;
    let accounts = accounts::derive_from(&options.mnemonic, options.accounts)
        .map_err(|error| DevnetError::Accounts(error.to_string()))?;
    let mut start = Start::of(&options, &kernel, &accounts)?;
    let Kept {
        chain,
        chain_id,
        layer1,
        saved,
    } = start.kept(&options)?;
    let node = Node::new(accounts, chain_id, options.block_time, chain);
    let node = prepared(node, &options)?;
    if let Some(timestamp) = options.timestamp.filter(|_| saved.is_none()) {
        node.clock.want(timestamp);
    }
    let stop = Arc::new(AtomicBool::new(false));
    let machine = pvm::Options {
        first_level: saved.as_ref().map_or(0, |saved| saved.layer1.level()),
        ..machine_options(&options, node.kernel_log())
    };
    let Running {
        thread,
        miner,
        ended,
    } = spawn_miner(
        (start.storage, machine),
        node,
        (layer1, saved),
        Arc::clone(&stop),
    )
    .await?;
    miner.begin(fork, options.state).await?;
    let router = server::router(miner.clone(), access, options.site);
    let most = options.connections;
    let ending = Arc::clone(miner.node());
    let server = tokio::spawn(async move {
        listener::serve(listener, router, most, ended).await;
        ending.end();
    });
    Ok(Handle {
        address,
        miner,
        stop,
        thread: Some(thread),
        server,
        balance: match options.plan {
            Some(_) => U256::ZERO,
            None => options.balance,
        },
    })
}

/// The node with what the options say of it.
fn prepared(node: Node, options: &Options) -> Result<Arc<Node>, DevnetError> {
    let client = options.client_version.clone();
    let mut node = node
        .named(client.unwrap_or_else(|| format!("anvil/{}", client_version())))
        .forking(Forked::new(options.fork_chain_id, options.balance));
    node.start_keeper()
        .map_err(|error| DevnetError::Thread(error.to_string()))?;
    node.set_post(options.post);
    Ok(Arc::new(node))
}

/// A listener at the address of the options, and where it is.
fn bound(options: &Options) -> Result<(TcpListener, SocketAddr), DevnetError> {
    let address = SocketAddr::new(options.host, options.port);
    let failed = |source| DevnetError::Listen { address, source };
    let listener = listen(address).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

/// A listener whose connections hold few bytes for clients that do not read.
fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()
    } else {
        TcpSocket::new_v6()
    }?;
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// The initial state of a devnet.
struct Start {
    storage: Durable,
    config: Config,
}

impl Start {
    /// The planned rollup, or else the kernel in its place with rich accounts.
    fn of(options: &Options, kernel: &[u8], accounts: &[Account]) -> Result<Self, GenesisError> {
        let mut start = Self::as_ever(options, kernel, accounts)?;
        if let Some(limit) = options.code_size_limit {
            let wrote = start.storage.write(code_size::PATH, limit.to_be_bytes());
            wrote.map_err(|why| storage::StorageError::from(host::HostError::from(why)))?;
        }
        Ok(start)
    }

    fn as_ever(
        options: &Options,
        kernel: &[u8],
        accounts: &[Account],
    ) -> Result<Self, GenesisError> {
        if let Some(plan) = &options.plan {
            let mut storage = Durable::new();
            let wrote = storage.write(KERNEL, &plan.installer);
            wrote.map_err(|why| storage::StorageError::from(host::HostError::from(why)))?;
            return Ok(Self {
                storage,
                config: plan.config.clone(),
            });
        }
        let genesis = genesis(options, accounts);
        Ok(Self {
            storage: durable(kernel, &genesis)?,
            config: genesis.config,
        })
    }
}

impl Start {
    /// Opens the store of this chain.
    fn store(&self, options: &Options, rollup: [u8; 20]) -> Result<Arc<Store>, StoreError> {
        let Some(folder) = &options.data_dir else {
            return Store::passing();
        };
        let (mut kernel, mut genesis) = (B256::ZERO, Keccak256::new());
        for (path, value) in self.storage.values("")? {
            if path == KERNEL {
                kernel = keccak256(value.bytes());
                continue;
            }
            for part in [path.as_bytes(), &value.bytes()] {
                genesis.update((part.len() as u64).to_be_bytes());
                genesis.update(part);
            }
        }
        let identity = Identity {
            kind: "devnet",
            rollup: Some(rollup),
            kernel,
            genesis: genesis.finalize(),
        };
        Store::open(folder, &identity)
    }
}

/// The state that a devnet continues from, or begins with.
struct Kept {
    chain: Chain,
    chain_id: u64,
    layer1: Layer1,
    /// `None`: it begins.
    saved: Option<SavedDevnet>,
}

impl Start {
    /// Reads the store; the storage becomes that of the newest block there.
    fn kept(&mut self, options: &Options) -> Result<Kept, DevnetError> {
        let at = contracts(&self.config);
        let rollup = pvm::Options::default().rollup;
        let mut layer1 = layer1::devnet::layer1_with(rollup, options.layer1, &at)?;
        let store = self.store(options, rollup)?;
        let saved = store.devnet(layer1.clone())?;
        let chain = Chain::new(store, options.keep_states)?;
        let mut chain_id = self.config.chain_id;
        if let Some(saved) = &saved {
            layer1 = saved.layer1.clone();
            let newest = chain.latest()?;
            let newest = newest.ok_or(MinerError::Chain(ChainError::NoHead))?;
            self.storage = newest.state().map_err(MinerError::from)?.clone();
            let config = CONFIG.get(&self.storage, &()).map_err(MinerError::from)?;
            chain_id = config.map_or(chain_id, |config| config.chain_id);
        }
        Ok(Kept {
            chain,
            chain_id,
            layer1,
            saved,
        })
    }
}

/// The contracts of layer 1, at the addresses in the configuration.
fn contracts(config: &Config) -> Contracts {
    let default = Contracts::default();
    Contracts {
        exchanger: config.ticketer.unwrap_or(default.exchanger),
        delayed_inbox: config.delayed_bridge.unwrap_or(default.delayed_inbox),
        governance: config.kernel_governance.unwrap_or(default.governance),
        ..default
    }
}

/// The start of the chain, with rich accounts and the bridge of our layer 1.
fn genesis(options: &Options, accounts: &[Account]) -> Genesis {
    let mut genesis = options.genesis.clone();
    let contracts = Contracts::default();
    let config = &mut genesis.config;
    config.chain_id = options.chain_id;
    config.ticketer.get_or_insert(contracts.exchanger);
    config.delayed_bridge.get_or_insert(contracts.delayed_inbox);
    config.kernel_governance.get_or_insert(contracts.governance);
    for account in accounts {
        let account = genesis.alloc.entry(account.address).or_default();
        account.balance = account.balance.max(options.balance);
    }
    if options.predeploys {
        for (address, account) in predeploys::accounts(options.chain_id) {
            genesis.alloc.entry(address).or_insert(account);
        }
    }
    if let Some(Dump {
        accounts,
        chain: None,
    }) = &options.state
    {
        genesis.alloc.extend(accounts.clone());
    }
    genesis
}

/// The rollup's durable storage before its first level.
fn durable(kernel: &[u8], genesis: &Genesis) -> Result<Durable, GenesisError> {
    let mut storage = Durable::new();
    let put = |storage: &mut Durable, path: &str, value: &[u8]| {
        storage
            .write(path, value)
            .map_err(|why| storage::StorageError::from(host::HostError::from(why)))
    };
    put(&mut storage, KERNEL, kernel)?;
    for set in genesis.setup()? {
        put(&mut storage, &set.to, &set.value)?;
    }
    Ok(storage)
}

/// The thread that owns the machine.
struct Running {
    thread: std::thread::JoinHandle<()>,
    miner: MinerHandle,
    /// Resolves when the thread ends.
    ended: oneshot::Receiver<()>,
}

/// Starts the thread that owns the machine and waits for its first level.
async fn spawn_miner(
    (storage, options): (Durable, pvm::Options),
    node: Arc<Node>,
    (layer1, saved): (Layer1, Option<SavedDevnet>),
    stop: Arc<AtomicBool>,
) -> Result<Running, DevnetError> {
    let (started, start) = oneshot::channel();
    let (ending, ended) = oneshot::channel::<()>();
    let thread = std::thread::Builder::new()
        .name("machine".into())
        .spawn(move || {
            // Dropped when the thread ends, whatever ends it.
            let _ending = ending;
            let miner = Machine::from_durable(storage, options)
                .map_err(MinerError::from)
                .and_then(|machine| Miner::start(machine, node, layer1, saved, stop));
            let (miner, handle) = match miner {
                Ok(started) => started,
                Err(error) => {
                    let _ = started.send(Err(error));
                    return;
                }
            };
            if started.send(Ok(handle)).is_ok()
                && let Err(error) = miner.run()
            {
                tracing::error!("the miner stopped: {error}");
            }
        });
    let thread = thread.map_err(|error| DevnetError::Thread(error.to_string()))?;
    let miner = start
        .await
        .map_err(|error| DevnetError::Thread(error.to_string()))??;
    Ok(Running {
        thread,
        miner,
        ended,
    })
}

/// A run that takes longer is counted, so that it ends at the machine's limit.
const PATIENCE: Duration = Duration::from_secs(10);

fn machine_options(options: &Options, log: impl Fn(&str) + Send + Sync + 'static) -> pvm::Options {
    pvm::Options {
        preimages: options.preimages.clone(),
        max_instructions: options.max_instructions,
        // Who counts instructions counts calls of the host, too.
        metering: match options.max_instructions {
            Some(_) => Metering::Full,
            None => Metering::Off,
        },
        patience: options.max_instructions.is_none().then_some(PATIENCE),
        // Each commit of a block is recorded: blocks keep their states.
        checkpoints: vec![storage::layout::STATE.to_string()],
        debug: DebugSink::Call(Arc::new(move |line| {
            tracing::debug!(target: "node::kernel", "{}", line.trim_end());
            log(line);
        })),
        ..pvm::Options::default()
    }
}
