//! The state that servers and miner share: blocks, pool, accounts.

mod blocks;

use crate::abis::Given;
use crate::accounts::Account;
use crate::chain::{Block, Chain};
use crate::clock::Clock;
use crate::disputes::Disputes;
use crate::dropped::Dropped;
use crate::error::NodeError;
use crate::figures::Figures;
use crate::filters::Filters;
use crate::finality::{Finality, Following};
use crate::fork::{Fork, Forked};
use crate::impersonation::Impersonation;
use crate::installed::Installed;
use crate::keeper::Keeper;
use crate::load::Load;
use crate::metrics::{Gauges, Metrics};
use crate::miner::posting::{Post, Poster};
use crate::pending;
use crate::pool::Pool;
use crate::proofs::Proofs;
use crate::rpc::texts::Texts;
use crate::store::Store;
use crate::version::{client_version, instance};
use alloy_primitives::{Address, B256, Bytes};
use evm_kernel::inputs::encode::Batching;
use evm_kernel::native::simulate::Environment;
use host::ReadStore;
use pvm::Durable;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{
    Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
};
use std::time::Duration;
use storage::StorageError;
use storage::layout::ACCOUNTS;
use tokio::sync::{broadcast, watch};

/// The number of arrivals that a slow listener may lag behind.
const ARRIVALS: usize = 4096;

/// The most lines of the kernel that are kept of a level.
const KERNEL_LOG: usize = 1_000;

/// When levels run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BlockTime {
    /// As soon as a transaction arrives; what arrives meanwhile shares the next.
    #[default]
    Auto,
    /// Periodically, transactions or not.
    Every(Duration),
    /// On request (`evm_mine`).
    Manual,
}

/// The node's state. Readers work on what is published and never wait for a
/// running level.
#[derive(Debug)]
pub struct Node {
    chain: RwLock<Chain>,
    store: Arc<Store>,
    pool: Mutex<Pool>,
    /// Wakes the miner.
    pub(crate) work: Condvar,
    head: watch::Sender<u64>,
    arrivals: broadcast::Sender<B256>,
    accounts: Vec<Account>,
    chain_id: AtomicU64,
    keep_states: u64,
    /// The node's name.
    client: String,
    /// Another for each start.
    instance: B256,
    /// True if callers may send tracers in JavaScript.
    scripts: bool,
    /// True if it logs its requests.
    logging: AtomicBool,
    poster: Mutex<Poster>,
    block_time: Mutex<BlockTime>,
    /// The time of levels.
    pub clock: Clock,
    /// Accounts that may send without a signature.
    pub impersonation: Impersonation,
    /// State roots and proofs.
    pub proofs: Proofs,
    /// Disputes about levels.
    pub(crate) disputes: Disputes,
    /// The filters that clients installed.
    pub filters: Filters,
    /// Figures of the newest levels.
    pub figures: Figures,
    /// The kernel after the newest level.
    pub kernel: Installed,
    /// Names for bytes.
    pub abis: Given,
    /// Transactions that the kernel dropped, with its reasons.
    pub dropped: Dropped,
    /// The block to come.
    pub(crate) kept: pending::Kept,
    /// Its counters.
    pub(crate) metrics: Metrics,
    /// Its concurrent work.
    pub(crate) load: Load,
    /// Messages of subscribers.
    pub(crate) texts: Texts,
    stopping: watch::Sender<bool>,
    /// The kernel's log of the current level.
    kernel_log: Arc<Mutex<Vec<String>>>,
    /// Held from the choice of a nonce until it is used.
    choosing: Mutex<()>,
    /// Writes what waits, before its hash is told; `None`: nothing is there after a restart.
    keeper: Option<Keeper>,
    finality: Mutex<Finality>,
    /// It is in front of a rollup, and not the rollup itself.
    follows: AtomicBool,
    following: Mutex<Following>,
    /// The block of another chain that this one goes on from.
    forked: Forked,
}

impl Node {
    /// A node with the blocks of a chain.
    #[must_use]
    pub fn new(accounts: Vec<Account>, chain_id: u64, block_time: BlockTime, chain: Chain) -> Self {
        Self {
            store: Arc::clone(chain.store()),
            keep_states: chain.keep_states(),
            head: watch::Sender::new(chain.newest().unwrap_or_default()),
            chain: RwLock::new(chain),
            pool: Mutex::default(),
            work: Condvar::new(),
            arrivals: broadcast::Sender::new(ARRIVALS),
            accounts,
            chain_id: AtomicU64::new(chain_id),
            client: client_version(),
            instance: instance(),
            scripts: false,
            logging: AtomicBool::new(true),
            poster: Mutex::default(),
            block_time: Mutex::new(block_time),
            clock: Clock::default(),
            impersonation: Impersonation::default(),
            proofs: Proofs::default(),
            disputes: Disputes::default(),
            filters: Filters::default(),
            figures: Figures::default(),
            kernel: Installed::default(),
            abis: Given::default(),
            dropped: Dropped::default(),
            kept: pending::Kept::default(),
            metrics: Metrics::default(),
            load: Load::default(),
            texts: Texts::default(),
            stopping: watch::Sender::new(false),
            kernel_log: Arc::default(),
            choosing: Mutex::default(),
            keeper: None,
            finality: Mutex::default(),
            follows: AtomicBool::new(false),
            following: Mutex::default(),
            forked: Forked::default(),
        }
    }

    /// Keeps what waits, if its store lasts.
    ///
    /// # Errors
    /// If there is no thread for that.
    pub(crate) fn start_keeper(&mut self) -> std::io::Result<()> {
        if self.store.lasts() {
            self.pool().tell_gone();
            self.keeper = Some(Keeper::start(Arc::clone(&self.store))?);
        }
        Ok(())
    }

    /// Keeps a transaction that waits; returns when it is there after a restart.
    ///
    /// # Errors
    /// If the store cannot be written.
    pub(crate) async fn keep_waiting(&self, hash: &B256) -> Result<(), NodeError> {
        let Some(keeper) = &self.keeper else {
            return Ok(());
        };
        let candidate = self.pool().get(hash).map(Arc::clone);
        // What is gone has its fate, which a block's commit kept.
        let Some(candidate) = candidate else {
            return Ok(());
        };
        keeper.keep(candidate).await?;
        if self.pool().get(hash).is_none() {
            // It left while it was written.
            self.pool().put_gone(vec![*hash]);
        }
        Ok(())
    }

    /// Its status; `None`: it is no node in front of a rollup.
    #[must_use]
    pub fn following(&self) -> Option<Following> {
        self.follows().then(|| lock(&self.following).clone())
    }

    /// Tells how it is doing.
    pub(crate) fn set_following(&self, following: Following) {
        *lock(&self.following) = following;
    }

    /// True if it is in front of a rollup, without the methods of developers.
    #[must_use]
    pub fn follows(&self) -> bool {
        self.follows.load(Ordering::Relaxed)
    }

    /// The current trouble, with the rollup node or with the store.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        let following = self.following().and_then(|following| following.unready());
        following.or_else(|| self.store.trouble())
    }

    /// Its counters, in the text form of Prometheus.
    #[must_use]
    pub fn metrics(&self) -> String {
        let newest = self.chain().newest();
        let (pending, parked) = self.pool().counts();
        self.metrics.text(&Gauges {
            block: newest.unwrap_or_default(),
            following: self.following(),
            kernel: self.kernel.now(),
            ready: newest.is_some() && self.trouble().is_none(),
            pool: (pending as u64, parked as u64),
            store: self.store.size(),
        })
    }

    /// Puts it in front of a rollup.
    pub(crate) fn follow_rollup(&self) {
        self.follows.store(true, Ordering::Relaxed);
    }

    /// Which blocks stay.
    #[must_use]
    pub fn finality(&self) -> Finality {
        *lock(&self.finality)
    }

    /// Tells which blocks stay.
    pub(crate) fn set_finality(&self, finality: Finality) {
        *lock(&self.finality) = finality;
    }

    /// With another name for clients.
    #[must_use]
    pub fn named(mut self, client: String) -> Self {
        self.client = client;
        self
    }

    /// With tracers in JavaScript, or without.
    #[must_use]
    pub const fn with_scripts(mut self, scripts: bool) -> Self {
        self.scripts = scripts;
        self
    }

    /// Returns `true` if callers may send tracers in JavaScript.
    pub(crate) const fn runs_scripts(&self) -> bool {
        self.scripts
    }

    /// The node's name.
    #[must_use]
    pub fn client(&self) -> &str {
        &self.client
    }

    /// A number that no other start has.
    pub(crate) const fn instance(&self) -> B256 {
        self.instance
    }

    /// The number of blocks whose states are kept.
    pub(crate) const fn keep_states(&self) -> u64 {
        self.keep_states
    }

    /// True if it logs what it does.
    pub(crate) fn is_logging(&self) -> bool {
        self.logging.load(Ordering::Relaxed)
    }

    /// Logs what it does, or no longer.
    pub fn set_logging(&self, on: bool) {
        self.logging.store(on, Ordering::Relaxed);
    }

    /// Changes the chain's number.
    pub(crate) fn set_chain_id(&self, chain_id: u64) {
        self.chain_id.store(chain_id, Ordering::Relaxed);
    }

    /// Posts transactions like this from now on.
    pub fn set_post(&self, post: Post) {
        lock(&self.poster).post = post;
    }

    /// The inbox messages that bring these raw transactions to the rollup with this
    /// address, whose durable storage is `state`.
    pub(crate) fn posted(
        &self,
        state: &Durable,
        rollup: &[u8; 20],
        raws: &[Bytes],
    ) -> Vec<Vec<u8>> {
        let batching = Batching {
            rollup: *rollup,
            chain_id: self.chain_id(),
            points: false,
        };
        lock(&self.poster).messages(state, &batching, raws)
    }

    /// The blocks.
    pub fn chain(&self) -> RwLockReadGuard<'_, Chain> {
        self.chain.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn chain_mut(&self) -> RwLockWriteGuard<'_, Chain> {
        self.chain.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The node's store.
    #[must_use]
    pub const fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// The pending transactions.
    pub fn pool(&self) -> MutexGuard<'_, Pool> {
        lock(&self.pool)
    }

    /// Tells the number of the newest block whenever it changes.
    #[must_use]
    pub fn heads(&self) -> watch::Receiver<u64> {
        self.head.subscribe()
    }

    /// Tells the miner and listeners of a transaction that the pool took.
    pub(crate) fn announce(&self, hash: B256) {
        self.work.notify_one();
        // Nobody may be listening.
        let _ = self.arrivals.send(hash);
    }

    /// Tells the hashes of transactions that arrive.
    #[must_use]
    pub fn arrivals(&self) -> broadcast::Receiver<B256> {
        self.arrivals.subscribe()
    }

    /// The accounts whose keys the node has.
    #[must_use]
    pub fn accounts(&self) -> &[Account] {
        &self.accounts
    }

    /// The account at `address`.
    ///
    /// # Errors
    /// [`NodeError::UnknownAccount`] if the node does not have its key.
    pub fn account(&self, address: &Address) -> Result<&Account, NodeError> {
        self.accounts
            .iter()
            .find(|account| account.address == *address)
            .ok_or(NodeError::UnknownAccount(*address))
    }

    /// The chain's number.
    #[must_use]
    pub fn chain_id(&self) -> u64 {
        self.chain_id.load(Ordering::Relaxed)
    }

    /// When levels run.
    #[must_use]
    pub fn block_time(&self) -> BlockTime {
        *lock(&self.block_time)
    }

    /// The sink of the kernel's lines, for [`Node::take_kernel_log`].
    pub(crate) fn kernel_log(&self) -> impl Fn(&str) + Send + Sync + 'static {
        let (log, dropped) = (Arc::clone(&self.kernel_log), self.dropped.clone());
        move |line| {
            dropped.hear(line);
            let mut log = lock(&log);
            if log.len() < KERNEL_LOG {
                log.push(line.trim_end().to_owned());
            }
        }
    }

    /// Takes what the kernel said since the last time.
    pub(crate) fn take_kernel_log(&self) -> Vec<String> {
        std::mem::take(&mut *lock(&self.kernel_log))
    }

    /// Tells when the node ends: connections do, too.
    pub(crate) fn ending(&self) -> watch::Receiver<bool> {
        self.stopping.subscribe()
    }

    /// Ends all connections.
    pub(crate) fn end(&self) {
        self.stopping.send_replace(true);
    }

    /// Holds up who chooses a nonce, until this one is used.
    pub(crate) fn choosing(&self) -> MutexGuard<'_, ()> {
        lock(&self.choosing)
    }

    /// Changes when levels run.
    pub fn set_block_time(&self, block_time: BlockTime) {
        *lock(&self.block_time) = block_time;
        self.wake();
    }

    /// Wakes the miner for what is not a transaction.
    pub(crate) fn wake(&self) {
        // Under the lock, so that the miner is not between its check and its wait.
        let _pool = self.pool();
        self.work.notify_all();
    }

    /// The block of another chain that this one goes on from, if there is one.
    #[must_use]
    pub fn fork(&self) -> Option<Arc<Fork>> {
        self.forked.now()
    }

    /// The settings of forks.
    pub(crate) const fn forked(&self) -> &Forked {
        &self.forked
    }

    /// With forks that are made so.
    #[must_use]
    pub fn forking(mut self, forked: Forked) -> Self {
        self.forked = forked;
        self
    }

    /// The environment of the next block.
    ///
    /// # Errors
    /// If durable storage cannot be read.
    pub fn next_environment(&self, latest: &Block) -> Result<Environment, NodeError> {
        let timestamp = self.clock.level(latest.header.timestamp);
        Ok(Environment::next(latest.state()?, timestamp)?)
    }

    /// The base fee of the next block, in wei per gas.
    ///
    /// # Errors
    /// If durable storage cannot be read.
    pub fn next_base_fee(&self) -> Result<u64, NodeError> {
        Ok(self.next_environment(&*self.latest()?)?.base_fee)
    }

    /// The nonce of `address` after its pending transactions.
    ///
    /// # Errors
    /// If durable storage cannot be read.
    pub fn pending_nonce(&self, address: &Address) -> Result<u64, NodeError> {
        let pool = self.pool();
        let next = nonce(self.latest()?.state()?, address)?;
        Ok(pool.next_nonce(address, next))
    }
}

/// The nonce of `address` in a state.
///
/// # Errors
/// If durable storage cannot be read.
pub fn nonce(state: &impl ReadStore, address: &Address) -> Result<u64, StorageError> {
    let account = ACCOUNTS.get(state, address)?;
    Ok(account.map_or(0, |account| account.nonce))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
