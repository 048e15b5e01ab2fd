//! Starts a node in front of a rollup.

use super::answers::{Block as Level, Head};
use super::bridge;
use super::client::{At, Client, form};
use super::follower::Follower;
use super::levels::Kept;
use super::options::{Options, Origin, StartError};
use super::poster::Poster;
use super::replica::{FollowError, Replica};
use crate::chain::{self, Block, ChainError};
use crate::miner::MinerHandle;
use crate::node::{BlockTime, Node};
use crate::rpc::access::Access;
use crate::rpc::{listener, server};
use host::reserved::KERNEL;
use messages::address;
use pvm::{DebugSink, Durable, Machine};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;
use storage::layout::CONFIG;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// The pause before the rollup node is asked again.
const PAUSE: Duration = Duration::from_secs(1);

/// The most keys of durable storage that wait to be copied.
const MAX_KEYS: usize = 10_000_000;

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
    // A port that is taken is told at once; until there is something to say nobody is let in.
    let listener = TcpListener::bind(address).await.map_err(listen)?;
    let address = listener.local_addr().map_err(listen)?;
    drop(listener);
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
    let listener = TcpListener::bind(address).await.map_err(listen)?;
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
                Err(StartError::Follow(error)) if error.passes() || no_block_yet(&error) => {
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

/// Whether the rollup has not run yet.
const fn no_block_yet(error: &FollowError) -> bool {
    matches!(error, FollowError::Chain(ChainError::NoHead))
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
                let below = format!("{path}/{name}");
                let is_step = !name.contains('/') && host::Path::new(below.as_bytes()).is_ok();
                if !is_step || open.len() >= MAX_KEYS {
                    let why = format_args!("{name:?} is no name of a key, or there are too many");
                    return Err(form(&format!("the keys below {path:?}"), &why).into());
                }
                open.push(below);
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
            let opened = std::time::Instant::now();
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
                // A stream that ends at once is no reason to hurry.
                Ok(true) => std::thread::sleep(PAUSE.saturating_sub(opened.elapsed())),
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
