//! Starts a node in front of a rollup.

use super::answers::{Block as Level, Head};
use super::bridge;
use super::client::{At, Client, ClientError};
use super::follower::Follower;
use super::levels::Kept;
use super::poster::Poster;
use super::replica::{FollowError, Replica};
use crate::chain::{self, Block};
use crate::miner::{MinerHandle, Post};
use crate::node::{BlockTime, Node};
use crate::rpc::access::{Access, InvalidOrigin};
use crate::rpc::{listener, server};
use host::reserved::KERNEL;
use messages::address;
use pvm::{DebugSink, Durable, Machine};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;
use storage::layout::CONFIG;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// The pause before the rollup node is asked again.
const PAUSE: Duration = Duration::from_secs(1);

/// What the rollup is known from at the start.
#[derive(Clone, Debug)]
pub enum Origin {
    /// Its origination: every level since is run. The rollup node must have them all.
    Genesis {
        /// What was originated: the kernel or its installer.
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

/// The options of a node in front of a rollup.
#[derive(Clone, Debug)]
pub struct Options {
    /// The URL of the rollup node: `http://HOST:PORT`.
    pub rollup_node: String,
    /// The address that the rollup has to have: `sr1…`.
    pub rollup: Option<String>,
    /// What the rollup is known from.
    pub origin: Origin,
    /// The address to listen at.
    pub host: IpAddr,
    /// The port; 0 for any free port.
    pub port: u16,
    /// How transactions are posted.
    pub post: Post,
    /// The origin whose pages may call; `*`: any.
    pub cors: String,
    /// The folder of preimage pages that the kernel may reveal.
    pub preimages: Option<PathBuf>,
    /// Every so many levels are compared with what the rollup node has.
    pub verify_every: u32,
    /// The most connections at once; then an idle one makes room.
    pub connections: usize,
    /// The number of blocks whose states are kept.
    pub keep_states: u64,
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
            verify_every: 1,
            connections: crate::devnet::CONNECTIONS,
            keep_states: crate::devnet::KEEP_STATES,
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
    /// The rollup cannot be followed.
    #[error(transparent)]
    Follow(#[from] FollowError),
    /// The rollup node's address of the rollup is invalid.
    #[error("the rollup node's rollup has no valid address: {0}")]
    Address(String),
    /// The rollup has no EVM kernel, or another one.
    #[error("the rollup has no settings of this kernel in its durable storage")]
    NoSettings,
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

/// A running node. It stops when this is dropped.
#[derive(Debug)]
pub struct Handle {
    address: SocketAddr,
    miner: MinerHandle,
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<Result<(), FollowError>>>,
    server: tokio::task::JoinHandle<()>,
}

impl Handle {
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

    /// The state of the node, for use in the same process.
    #[must_use]
    pub const fn node(&self) -> &Arc<Node> {
        self.miner.node()
    }

    /// The handle that answers calls, for use in the same process.
    #[must_use]
    pub const fn miner(&self) -> &MinerHandle {
        &self.miner
    }

    /// Whether the rollup can no longer be followed.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.thread
            .as_ref()
            .is_none_or(std::thread::JoinHandle::is_finished)
    }

    /// Waits until the server ends, which it does when the rollup can no longer be
    /// followed.
    pub async fn finished(&mut self) {
        // Aborted or panicked: it is over either way.
        let _ = (&mut self.server).await;
    }

    /// Stops the node, and waits for a level that runs.
    ///
    /// # Errors
    /// Why the rollup could no longer be followed, if that is why it ended.
    pub fn stop(mut self) -> Result<(), FollowError> {
        self.halt();
        match self.thread.take().map(std::thread::JoinHandle::join) {
            Some(Ok(ended)) => ended,
            _ => Ok(()),
        }
    }

    fn halt(&self) {
        self.server.abort();
        self.node().end();
        self.stop.store(true, Ordering::Relaxed);
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.halt();
    }
}

/// Starts a node: when it returns, the rollup's first block is there and the port answers.
/// Until the rollup node answers, it waits; `stop` ends that.
///
/// # Errors
/// [`StartError`].
pub async fn start(options: Options, stop: Arc<AtomicBool>) -> Result<Handle, StartError> {
    let access = Access::new(options.host, &options.cors)?;
    let address = SocketAddr::new(options.host, options.port);
    let listen = |source| StartError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(listen)?;
    let address = listener.local_addr().map_err(listen)?;
    let (connections, connected) = (options.connections, Arc::clone(&stop));
    let (started, start) = oneshot::channel();
    let (ending, ended) = oneshot::channel::<()>();
    let thread = std::thread::Builder::new()
        .name("machine".into())
        .spawn(move || {
            // Dropped when the thread ends, whatever ends it.
            let _ending = ending;
            let follower = match Start::wait(&options, &connected) {
                Ok(start) => start.follower(&options, connected),
                Err(error) => Err(error),
            };
            match follower {
                Ok((follower, handle)) => {
                    if started.send(Ok(handle)).is_err() {
                        return Ok(());
                    }
                    let ended = follower.run();
                    if let Err(error) = &ended {
                        tracing::error!("the node stopped: {error}");
                    }
                    ended
                }
                Err(error) => {
                    let _ = started.send(Err(error));
                    Ok(())
                }
            }
        });
    let thread = thread.map_err(|error| StartError::Thread(error.to_string()))?;
    let miner = start
        .await
        .map_err(|error| StartError::Thread(error.to_string()))??;
    let router = server::router(miner.clone(), access);
    let node = Arc::clone(miner.node());
    let server = tokio::spawn(async move {
        listener::serve(listener, router, connections, ended).await;
        node.end();
    });
    Ok(Handle {
        address,
        miner,
        stop,
        thread: Some(thread),
        server,
    })
}

/// A replica that has blocks.
struct Start {
    client: Client,
    replica: Replica,
    blocks: Vec<Arc<Block>>,
    chain_id: u64,
}

impl Start {
    /// Asks until the rollup node has what it takes.
    fn wait(options: &Options, stop: &AtomicBool) -> Result<Self, StartError> {
        let mut told = None;
        loop {
            match Self::new(options, stop) {
                Err(StartError::Follow(error)) if error.passes() => {
                    let error = error.to_string();
                    if told.as_ref() != Some(&error) {
                        tracing::warn!("waiting: {error}");
                        told = Some(error);
                    }
                }
                done => return done,
            }
            std::thread::sleep(PAUSE);
            if stop.load(Ordering::Relaxed) {
                return Err(StartError::Stopped);
            }
        }
    }

    fn new(options: &Options, stop: &AtomicBool) -> Result<Self, StartError> {
        let client = Client::new(&options.rollup_node);
        let rollup = client.rollup_address()?;
        if let Some(wanted) = options.rollup.as_ref().filter(|wanted| **wanted != rollup) {
            return Err(FollowError::OtherRollup {
                found: rollup,
                wanted: wanted.clone(),
            }
            .into());
        }
        let address =
            address::rollup(&rollup).map_err(|error| StartError::Address(error.to_string()))?;
        tracing::info!("rollup {rollup}");
        match &options.origin {
            Origin::Genesis { kernel, level } => {
                let mut durable = Durable::new();
                durable
                    .write(KERNEL, kernel)
                    .map_err(|error| FollowError::from(pvm::Error::from(error)))?;
                let at = client.hash(At::Level(*level))?;
                let machine = machine(options, address, (*level, *level + 1), durable)?;
                Self::first_block(client, options, machine, (at, *level))
            }
            Origin::Storage { level } => {
                let at = client.block(At::Finalized)?.head;
                tracing::info!(
                    "copying durable storage after level {}: it is trusted",
                    at.level
                );
                let durable = copy(&client, &at.hash, stop)?;
                let levels = (level.unwrap_or_default(), at.level + 1);
                let machine = machine(options, address, levels, durable)?;
                Self::of_storage(client, options, machine, at)
            }
        }
    }

    /// Runs the first level, which makes block 0.
    fn first_block(
        client: Client,
        options: &Options,
        machine: Machine,
        (hash, level): (String, u32),
    ) -> Result<Self, StartError> {
        let start = Kept {
            hash,
            level,
            machine: machine.save(),
            newest: None,
        };
        let mut replica = Replica::new(machine, start, options.verify_every);
        let next = client.hash(At::Level(level + 1))?;
        let first: Level = client.block(At::Hash(&next))?;
        let ran = replica.run(&client, first)?;
        Self::with(client, replica, ran.blocks)
    }

    /// Reads the blocks that a storage still has.
    fn of_storage(
        client: Client,
        options: &Options,
        machine: Machine,
        at: Head,
    ) -> Result<Self, StartError> {
        let state = machine.durable().clone();
        let newest = chain::head(&state).map_err(FollowError::from)?.number;
        let mut blocks = Vec::new();
        for number in (0..=newest).rev() {
            let Ok(mut block) = Block::read_number(number, state.clone()) else {
                break;
            };
            if number < newest {
                block.state = None;
            }
            blocks.push(Arc::new(block));
        }
        blocks.reverse();
        let start = Kept {
            hash: at.hash,
            level: at.level,
            machine: machine.save(),
            newest: Some(newest),
        };
        let replica = Replica::new(machine, start, options.verify_every);
        Self::with(client, replica, blocks)
    }

    fn with(client: Client, replica: Replica, blocks: Vec<Arc<Block>>) -> Result<Self, StartError> {
        let config = CONFIG
            .get(replica.durable(), &())
            .map_err(FollowError::from)?;
        let chain_id = config.ok_or(StartError::NoSettings)?.chain_id;
        Ok(Self {
            client,
            replica,
            blocks,
            chain_id,
        })
    }

    /// The thread's work, and the handle of its node.
    fn follower(
        self,
        options: &Options,
        stop: Arc<AtomicBool>,
    ) -> Result<(Follower, MinerHandle), StartError> {
        let node = Node::new(
            Vec::new(),
            self.chain_id,
            BlockTime::Manual,
            options.keep_states,
        );
        let node = Arc::new(node);
        node.set_post(options.post);
        node.follow_rollup();
        node.publish(self.blocks);
        let (handle, requests) = MinerHandle::new(Arc::clone(&node));
        let heads = monitor(self.client.clone(), Arc::clone(&stop))
            .map_err(|error| StartError::Thread(error.to_string()))?;
        let follower = Follower {
            replica: self.replica,
            node,
            client: self.client,
            stop,
            heads,
            requests,
            poster: Poster::default(),
            unplaced: Vec::new(),
            questions: bridge::Questions::default(),
            trouble: None,
            finalized: None,
            cemented: None,
        };
        Ok((follower, handle))
    }
}

/// The rollup's machine, originated at one level and about to run another.
fn machine(
    options: &Options,
    rollup: [u8; 20],
    (origination_level, first_level): (u32, u32),
    durable: Durable,
) -> Result<Machine, FollowError> {
    let options = pvm::Options {
        rollup,
        origination_level,
        first_level,
        preimages: options.preimages.clone(),
        // Each commit of a block is recorded: blocks keep their states.
        checkpoints: vec![storage::layout::STATE.to_string()],
        debug: DebugSink::Call(Arc::new(|line| {
            tracing::debug!(target: "node::kernel", "{}", line.trim_end());
        })),
        ..pvm::Options::default()
    };
    Ok(Machine::from_durable(durable, options)?)
}

/// Durable storage after a block, value by value.
fn copy(client: &Client, hash: &str, stop: &AtomicBool) -> Result<Durable, StartError> {
    let mut durable = Durable::new();
    let (mut open, mut count, mut told) = (vec![String::new()], 0_u64, std::time::Instant::now());
    while let Some(path) = open.pop() {
        if stop.load(Ordering::Relaxed) {
            return Err(StartError::Stopped);
        }
        for name in client.subkeys(At::Hash(hash), &path)? {
            if !name.is_empty() {
                open.push(format!("{path}/{name}"));
                continue;
            }
            // Between two questions nothing changes: it is one block.
            if let Some(value) = client.value(At::Hash(hash), &path)? {
                durable
                    .write(&*path, &value)
                    .map_err(|error| FollowError::from(pvm::Error::from(error)))?;
                count += 1;
            }
        }
        if told.elapsed() >= PAUSE {
            told = std::time::Instant::now();
            tracing::info!("{count} values");
        }
    }
    tracing::info!("{count} values in all");
    Ok(durable)
}

/// A thread that hears of new heads, and asks again after each end of a stream.
fn monitor(client: Client, stop: Arc<AtomicBool>) -> std::io::Result<Receiver<Head>> {
    let (heads, heard) = channel();
    let listen = move || {
        let mut told = false;
        while !stop.load(Ordering::Relaxed) {
            // What came between two streams.
            let newest = client.block(At::Head).map(|block| block.head);
            let streamed = newest.and_then(|head| {
                told = false;
                if heads.send(head).is_err() {
                    return Ok(false);
                }
                let mut listening = true;
                client.monitor(|head| {
                    listening = heads.send(head).is_ok() && !stop.load(Ordering::Relaxed);
                    listening
                })?;
                Ok(listening)
            });
            match streamed {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    if !std::mem::replace(&mut told, true) {
                        tracing::warn!("{error}");
                    }
                    std::thread::sleep(PAUSE);
                }
            }
        }
    };
    std::thread::Builder::new()
        .name("heads".into())
        .spawn(listen)?;
    Ok(heard)
}
