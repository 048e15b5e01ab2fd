//! Starts a node in front of a rollup.

use super::answers::{Block as Level, Head};
use super::bridge;
use super::client::{At, Client, ClientError};
use super::copy::copy;
use super::error::FollowError;
use super::follower::Follower;
use super::heads::monitor;
use super::levels::Kept;
use super::machine::{known_version, machine, pages};
use super::options::{Options, Origin, StartError};
use super::origination;
use super::poster::Poster;
use super::replica::Replica;
use super::snapshots::Snapshots;
use super::trouble::Trouble;
use super::watch::Watch;
use crate::chain::{self, Block, Chain, ChainError};
use crate::finality::Finality;
use crate::miner::MinerHandle;
use crate::node::{BlockTime, Node};
use crate::port::Port;
use crate::rpc::access::Access;
use crate::rpc::{listener, server};
use crate::store::{SavedLevel, Store, StoreError};
use host::reserved::{KERNEL, VERSION};
use layer1::outbox::OutboxPosition;
use messages::address;
use pvm::{Durable, Machine, Saved};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use storage::layout::CONFIG;
use tokio::sync::oneshot;

/// The pause before the rollup node is asked again.
const PAUSE: Duration = Duration::from_secs(1);

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

    /// True if the rollup can no longer be followed.
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
        let ended = self.thread.take().map(std::thread::JoinHandle::join);
        if let Err(error) = self.node().keep_dropped() {
            tracing::warn!("why transactions were dropped is not kept: {error}");
        }
        self.node().store().close();
        match ended {
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
    let port = Port::bind(address).map_err(listen)?;
    let address = port.address().map_err(listen)?;
    let (site, names) = (options.site.clone(), options.names.clone());
    let (connections, connected) = (options.connections, Arc::clone(&stop));
    let (started, start) = oneshot::channel();
    let (ending, ended) = oneshot::channel::<()>();
    let thread = std::thread::Builder::new()
        .name("machine".into())
        .spawn(move || {
            // Dropped when the thread ends, whatever ends it.
            let _ending = ending;
            let follower = Start::of(&options, &connected)
                .and_then(|start| start.follower(&options, connected));
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
    miner.node().abis.replace(names);
    let listener = port.listen().map_err(listen)?;
    let router = server::router(miner.clone(), access, site);
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
    /// Blocks that are not in the store yet.
    blocks: Vec<Arc<Block>>,
    chain_id: u64,
    /// The store; `None`: it is made when there is something to keep.
    store: Option<Arc<Store>>,
}

impl Start {
    /// Goes on from the store, or asks until the rollup node has what it takes.
    fn of(options: &Options, stop: &AtomicBool) -> Result<Self, StartError> {
        if let Some(folder) = &options.data_dir {
            Store::prepare(folder)?;
        }
        if let Some(folder) = options
            .data_dir
            .as_ref()
            .filter(|folder| Store::is_in(folder))
        {
            let rollup = match &options.rollup {
                Some(rollup) => Some(
                    address::rollup(rollup)
                        .map_err(|error| StartError::Address(error.to_string()))?,
                ),
                None => None,
            };
            let store = Store::open(folder, &options.origin.identity(rollup))?;
            let name = store.name();
            if store.bounds().map_err(|error| error.of(&name))?.is_some() {
                return Self::of_store(options, store).map_err(|error| match error {
                    StartError::Store(error) => error.of(&name).into(),
                    error => error,
                });
            }
            // It stopped before the first block was there.
            store.close();
        }
        Self::wait(options, stop)
    }

    /// Goes on where the node stopped; the rollup node need not be there.
    fn of_store(options: &Options, store: Arc<Store>) -> Result<Self, StartError> {
        let client = Client::with_patience(&options.rollup_node, options.patience);
        let mut levels = store.levels()?.into_iter();
        let lost = || StoreError::State("after the newest level".into());
        let (first, state) = levels.next().ok_or_else(lost)?;
        let rollup = store.rollup()?;
        let level = match options.origin {
            Origin::Genesis { level, .. } => level,
            Origin::Storage { level } => level.unwrap_or_default(),
        };
        let machine = machine(options, rollup, (level, first.level + 1), state)?;
        let saved = machine.save();
        let kept = |saved: SavedLevel, machine: Saved| Kept {
            hash: saved.hash,
            level: saved.level,
            machine,
            newest: saved.newest,
        };
        let mut replica = Replica::new(
            machine,
            kept(first, saved.clone()),
            options.verify_every,
            pages(options),
        );
        let outbox = store.outbox()?.into_iter();
        let outbox = outbox.map(|(level, index, message)| {
            let place = OutboxPosition { level, index };
            (place, message)
        });
        let mut levels_kept = Vec::new();
        for (level, state) in levels {
            let machine = saved.at(state, level.level + 1).map_err(StoreError::from)?;
            levels_kept.push(kept(level, machine));
        }
        replica.go_on(levels_kept, outbox.collect());
        tracing::info!(
            "the folder has all up to level {}: going on from there",
            replica.next_level().saturating_sub(1)
        );
        let start = Self::with(client, replica, Vec::new())?;
        Ok(Self {
            store: Some(store),
            ..start
        })
    }

    /// Asks until the rollup node has what it takes.
    fn wait(options: &Options, stop: &AtomicBool) -> Result<Self, StartError> {
        let mut told = None;
        loop {
            match Self::new(options, stop) {
                Err(StartError::Follow(error)) if error.passes() || no_block_yet(&error) => {
                    let text = error.to_string();
                    if told.as_ref() != Some(&text) {
                        tracing::warn!("waiting: {text}");
                        told = Some(text);
                    } else if let FollowError::Client(ClientError::Refused { .. }) = error {
                        // It refuses levels that it never has in no other words.
                        origination::check(options)?;
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
        let client = Client::with_patience(&options.rollup_node, options.patience);
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
                if let Some(version) = client.value(At::Hash(&at), &VERSION.to_string())? {
                    durable
                        .write(VERSION, version)
                        .map_err(|error| FollowError::from(pvm::Error::from(error)))?;
                }
                known_version(&durable)?;
                let machine = machine(options, address, (*level, *level + 1), durable)?;
                Self::first_block(client, options, machine, (at, *level))
            }
            Origin::Storage { level } => {
                let at = client.block(At::Finalized)?.head;
                tracing::info!(
                    "copying the durable storage of the rollup node after level {}: it is trusted, not checked",
                    at.level
                );
                let durable = copy(&client, &at.hash, stop)?;
                known_version(&durable)?;
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
        let mut replica = Replica::new(machine, start, options.verify_every, pages(options));
        let next = client.hash(At::Level(level + 1))?;
        let first: Level = client.block(At::Hash(&next))?;
        let ran = replica.run(&client, first.into())?;
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
        let replica = Replica::new(machine, start, options.verify_every, pages(options));
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
            store: None,
        })
    }

    /// The thread's work, and the handle of its node.
    fn follower(
        self,
        options: &Options,
        stop: Arc<AtomicBool>,
    ) -> Result<(Follower, MinerHandle), StartError> {
        let mut replica = self.replica;
        let (store, goes_on) = match (self.store, &options.data_dir) {
            (Some(store), _) => (store, true),
            (None, Some(folder)) => {
                let identity = options.origin.identity(Some(replica.rollup()));
                (Store::open(folder, &identity)?, false)
            }
            (None, None) => (Store::passing()?, false),
        };
        let chain = Chain::new(store, options.keep_states)?;
        let node = Node::new(Vec::new(), self.chain_id, BlockTime::Manual, chain);
        let mut node = node.with_scripts(options.js_tracers);
        node.start_keeper()
            .map_err(|error| StartError::Thread(error.to_string()))?;
        node.set_post(options.post);
        node.follow_rollup();
        node.dropped = options.dropped.clone();
        let oldest = replica.levels().oldest();
        let safe = oldest.and_then(|kept| kept.newest).filter(|_| goes_on);
        if goes_on {
            // As far as it was told last.
            let first = node.chain().first();
            node.set_finality(Finality {
                safe,
                finalized: Some(first),
            });
            node.take_waiting()?;
        } else {
            let shown = node.publish(self.blocks, |batch| replica.keep_all(batch))?;
            let state = shown.last().and_then(|block| block.state.clone());
            replica.settle(state);
        }
        tell_kernel(&node, &replica);
        let node = Arc::new(node);
        let (handle, requests) = MinerHandle::new(Arc::clone(&node));
        let heads = monitor(self.client.clone(), Arc::clone(&stop))
            .map_err(|error| StartError::Thread(error.to_string()))?;
        let snapshots = snapshots(options, &node)?;
        let follower = Follower {
            replica,
            node,
            client: self.client,
            stop,
            heads,
            requests,
            poster: Poster::default(),
            unplaced: Vec::new(),
            questions: bridge::Questions::default(),
            trouble: Trouble::default(),
            watch: Watch::default(),
            patience: options.patience,
            snapshots,
            finalized: None,
            cemented: None,
        };
        Ok((follower, handle))
    }
}

/// The writer of snapshots, if any are wanted and there is a store to write.
fn snapshots(options: &Options, node: &Node) -> Result<Option<Snapshots>, StartError> {
    let plan = options.snapshots.clone().filter(|_| node.store().lasts());
    let snapshots = plan.map(|plan| {
        let folder = plan.folder.display().to_string();
        let is_file = plan.folder.is_file();
        Snapshots::new(plan, Arc::clone(node.store())).map_err(|error| {
            StartError::Snapshots(match is_file {
                true => format!("{folder}: it is not a folder"),
                false => format!("{folder}: {error}"),
            })
        })
    });
    snapshots.transpose()
}

/// Tells which kernel the node begins with.
fn tell_kernel(node: &Node, replica: &Replica) {
    let level = replica.next_level().saturating_sub(1);
    node.kernel.look(level, replica.durable());
    if let Some(kernel) = node.kernel.now() {
        tracing::info!(
            "after level {level} the rollup has the kernel with the blake2b hash {} ({} bytes), on \
             a machine of version {}",
            kernel.hash,
            kernel.bytes,
            kernel.machine
        );
    }
}

/// True if the rollup has not run yet.
const fn no_block_yet(error: &FollowError) -> bool {
    matches!(error, FollowError::Chain(ChainError::NoHead))
}
