//! A whole chain on one machine: kernel, layer 1 of our own, JSON-RPC.

use crate::accounts::{self, Account};
use crate::error::MinerError;
use crate::fork::{self, Forked};
use crate::miner::{Miner, MinerHandle};
use crate::node::Node;
use crate::port::Port;
use crate::rpc::access::Access;
use crate::rpc::{listener, server};
use crate::store::SavedDevnet;
use crate::version::client_version;
use alloy_primitives::U256;
use layer1::Layer1;
use pvm::{DebugSink, Durable, Machine, Metering};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

mod error;
mod options;
mod start;

pub use error::DevnetError;
pub use options::{BALANCE, CONNECTIONS, KEEP_STATES, MAX_CODE_SIZE_LIMIT, Options, Plan};

use start::{Kept, Start};

/// The most bytes of a kernel's file.
const MAX_KERNEL: u64 = 128 << 20;

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
        if let Err(error) = self.node().keep_dropped() {
            tracing::warn!("why transactions were dropped is not kept: {error}");
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

/// The kernel's module.
fn module(path: &Path) -> Result<Vec<u8>, DevnetError> {
    let module = pvm::files::read(path, MAX_KERNEL).map_err(|source| DevnetError::Kernel {
        path: path.to_path_buf(),
        source,
    })?;
    if !module.starts_with(b"\0asm") {
        return Err(DevnetError::NoModule {
            path: path.to_path_buf(),
        });
    }
    Ok(module)
}

/// Starts a devnet: when it returns, block 0 is there and the port answers.
///
/// # Errors
/// [`DevnetError`].
pub async fn devnet(options: Options) -> Result<Handle, DevnetError> {
    let access = Access::new(options.host, &options.cors)?.with_hosts(&options.allowed_hosts);
    let kernel = module(&options.kernel)?;
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
    miner.node().set_logging(true);
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
        .with_scripts(options.js_tracers)
        .forking(Forked::new(options.fork_chain_id, options.balance));
    node.start_keeper()
        .map_err(|error| DevnetError::Thread(error.to_string()))?;
    node.set_post(options.post);
    // A chain that begins elsewhere does not go on from the block that is made first.
    node.set_logging(options.fork.is_none() && options.state.is_none());
    node.abis.replace(options.names.clone());
    Ok(Arc::new(node))
}

/// A listener at the address of the options, and where it is.
fn bound(options: &Options) -> Result<(TcpListener, SocketAddr), DevnetError> {
    let address = SocketAddr::new(options.host, options.port);
    let listened = Port::bind(address).and_then(|port| {
        let address = port.address()?;
        Ok((port.listen()?, address))
    });
    listened.map_err(|source| DevnetError::Listen { address, source })
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
