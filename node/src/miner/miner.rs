//! The one thread that owns the machine: it feeds levels and publishes what the
//! kernel made of them.

use super::handle::MinerHandle;
use super::narrator::Narrator;
use super::requests::Request;
use super::snapshot::{self, Snapshot, Snapshots};
use crate::chain::{self, Block, ChainError};
use crate::error::{MinerError, NodeError, is_unavailable};
use crate::figures::LevelFigures;
use crate::node::{BlockTime, Node, nonce};
use crate::pool::{Candidate, LevelLimits};
use crate::request::BlockId;
use crate::store::{Batch, GENESIS, SavedDevnet, StoreError};
use alloy_primitives::{B256, Bytes, keccak256};
use evm_kernel::native::code_size;
use layer1::Layer1;
use layer1::chain::Before;
use pvm::{Durable, Inbox, Machine, Saved, Status};
use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};
use storage::layout::CONFIG;
use tokio::sync::mpsc;

/// Most transactions of a level that runs at once: more would keep the first of
/// them waiting for its receipt.
const AUTO_COUNT: usize = 256;

/// The interval of levels while transactions wait for a lower base fee.
pub(super) const IDLE: Duration = Duration::from_secs(1);

/// A level that waits for a preimage, as it does on a rollup node, for what another chain has, or
/// for a place to be written to.
#[derive(Debug)]
pub(super) struct Waiting {
    inbox: Vec<Vec<u8>>,
    /// The reason why it waits.
    pub(super) why: String,
}

/// Runs levels until it is told to stop.
#[derive(Debug)]
pub struct Miner {
    pub(super) machine: Machine,
    pub(super) node: Arc<Node>,
    /// The layer 1 around the machine.
    pub(super) layer1: Layer1,
    pub(super) stop: Arc<AtomicBool>,
    /// The timestamp of the last level, in seconds since 1970.
    pub(super) timestamp: u64,
    /// The number of the newest block that is published.
    pub(super) newest: Option<u64>,
    /// Bytes that wait in the kernel's queue.
    pub(super) backlog: u64,
    pub(super) snapshots: Snapshots,
    /// Behind block 0.
    pub(super) genesis: Option<Snapshot>,
    /// PREVRANDAO of the next block, where somebody chose it.
    pub(super) prevrandao: Option<B256>,
    pub(super) waiting: Option<Waiting>,
    pub(super) narrator: Narrator,
    /// The kernel's log of the last level.
    pub(super) said: Vec<String>,
    requests: mpsc::UnboundedReceiver<Request>,
}

impl Miner {
    /// A miner that has made block 0, or goes on from what was saved, and its handle.
    ///
    /// # Errors
    /// If the first level fails, or the store does.
    pub fn start(
        machine: Machine,
        node: Arc<Node>,
        layer1: Layer1,
        saved: Option<SavedDevnet>,
        stop: Arc<AtomicBool>,
    ) -> Result<(Self, MinerHandle), MinerError> {
        let (handle, requests) = MinerHandle::new(Arc::clone(&node));
        node.disputes.run_as(machine.options());
        let narrator = Narrator::start(Arc::clone(&node));
        let mut miner = Self {
            machine,
            node,
            layer1,
            stop,
            timestamp: 0,
            newest: None,
            backlog: 0,
            snapshots: Snapshots::default(),
            genesis: None,
            prevrandao: None,
            waiting: None,
            narrator,
            said: Vec::new(),
            requests,
        };
        match saved {
            Some(saved) => miner.go_on(saved)?,
            None => {
                miner.level(&[])?;
                miner.genesis = Some(miner.now());
            }
        }
        Ok((miner, handle))
    }

    /// Goes on from what was saved.
    fn go_on(&mut self, saved: SavedDevnet) -> Result<(), MinerError> {
        let head = chain::head(self.machine.durable())?;
        self.timestamp = head.timestamp;
        self.backlog = head.backlog;
        self.newest = self.node.chain().newest();
        self.node.clock.restore(saved.clock);
        self.snapshots = Snapshots::from(saved.next_snapshot);
        for snapshot in saved.snapshots {
            let (id, snapshot) = snapshot::read(self.node.store(), snapshot)?;
            match id {
                GENESIS => self.genesis = Some(snapshot),
                id => self.snapshots.put(id, snapshot),
            }
        }
        self.node.take_waiting()?;
        Ok(())
    }

    /// Runs levels until it is told to stop, or one fails.
    ///
    /// # Errors
    /// Why a level failed.
    pub fn run(mut self) -> Result<(), MinerError> {
        let mut last = Instant::now();
        loop {
            let due = self.wait(last);
            if self.stop.load(Ordering::Relaxed) {
                return Ok(());
            }
            if let Ok(request) = self.requests.try_recv() {
                match (request, &self.waiting) {
                    (request, Some(waiting)) if !request.goes_while_waiting() => {
                        request.refuse(&|| NodeError::Waiting(waiting.why.clone()));
                    }
                    (Request::Development(request), _) => self.develop(request),
                    (Request::Layer1(request), _) => self.serve_layer1(request),
                }
                continue;
            }
            if due {
                last = Instant::now();
                let count = match self.node.block_time() {
                    BlockTime::Auto => AUTO_COUNT,
                    BlockTime::Every(_) | BlockTime::Manual => usize::MAX,
                };
                let limits = self.limits(count);
                let waited = self.waiting.is_some();
                match self.fill_level(&limits) {
                    Err(MinerError::Waiting(why)) if !waited => {
                        tracing::warn!("the chain waits: {why}");
                    }
                    Err(MinerError::Waiting(_)) => {}
                    // It is made when it can be written.
                    Err(MinerError::Store(_)) => std::thread::sleep(IDLE),
                    ran => ran?,
                }
            }
        }
    }

    /// Runs a level with what waits.
    pub(super) fn fill_level(&mut self, limits: &LevelLimits) -> Result<(), MinerError> {
        // What the kernel could not do yet comes first.
        let batch = if self.backlog > 0 || self.waiting.is_some() {
            Vec::new()
        } else {
            self.node.pool().take_whole(limits)
        };
        // These cannot pass the inbox, or the kernel has other rules for them.
        let native = batch.iter().any(|one| one.unsigned)
            || self.prevrandao.is_some()
            || (!batch.is_empty() && self.has_own_code_size());
        if native && self.backlog == 0 && self.waiting.is_none() {
            if !self.layer1.has_messages() {
                return self.native_block(&batch);
            }
            // What layer 1 brought comes first.
            self.give_back(&batch);
            return self.level(&[]);
        }
        let raws: Vec<Bytes> = batch.iter().map(|one| one.raw.clone()).collect();
        self.level(&raws)
    }

    /// True if code may have another size than the kernel allows.
    fn has_own_code_size(&self) -> bool {
        code_size::limit(self.machine.durable()).is_ok_and(|limit| limit.is_some())
    }

    /// Makes transactions ready again that were taken from the pool.
    pub(super) fn give_back(&self, batch: &[Arc<Candidate>]) {
        let hashes: Vec<B256> = batch.iter().map(|one| one.transaction.hash).collect();
        // Who was admitted has been asked for, where the chain goes on from another one.
        let next = |sender: &_| nonce(self.machine.durable(), sender).unwrap_or_default();
        self.node.pool().resend(&hashes, next);
    }

    pub(super) fn limits(&self, count: usize) -> LevelLimits {
        // Governance may have changed it.
        let config = CONFIG.get(self.machine.durable(), &()).ok().flatten();
        LevelLimits {
            count,
            work: config.map_or(0, |config| config.level_budget),
            gas: u64::MAX,
            base_fee: self.base_fee(),
        }
    }

    /// The base fee of the block to come, in wei per gas.
    fn base_fee(&self) -> u64 {
        let next = self
            .node
            .latest()
            .and_then(|latest| self.node.next_environment(&latest));
        next.map_or(0, |environment| environment.base_fee)
    }

    /// Waits until there is something to do; tells whether a level is due, the
    /// last one having run at `last`.
    fn wait(&self, last: Instant) -> bool {
        let base_fee = self.base_fee();
        let start = Instant::now();
        let mut pool = self.node.pool();
        while self.requests.is_empty() && !self.stop.load(Ordering::Relaxed) {
            let left = match self.node.block_time() {
                // A rollup node tries again, too.
                _ if self.waiting.is_some() => match IDLE.checked_sub(last.elapsed()) {
                    Some(left) if !left.is_zero() => left,
                    _ => return true,
                },
                BlockTime::Auto if self.backlog > 0 || pool.has_ready(base_fee) => return true,
                // These wait for a lower base fee, which empty blocks bring.
                BlockTime::Auto if pool.has_any_ready() && start.elapsed() >= IDLE => return true,
                BlockTime::Auto | BlockTime::Manual => IDLE,
                BlockTime::Every(period) => match period.checked_sub(last.elapsed()) {
                    Some(left) if !left.is_zero() => left,
                    _ => return true,
                },
            };
            let woken = self.node.work.wait_timeout(pool, left);
            pool = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        false
    }

    /// Runs a level with these transactions and publishes its blocks.
    fn level(&mut self, batch: &[Bytes]) -> Result<(), MinerError> {
        let number = self.machine.level();
        // A level that waits is run again as it is.
        let inbox = match self.waiting.take() {
            Some(Waiting { inbox, .. }) => inbox,
            None => self.inbox(batch),
        };
        let start = Instant::now();
        let before = (self.machine.save(), self.layer1.before_level());
        let report = match self.machine.run_messages(inbox.clone()) {
            Err(missing @ (pvm::Error::Reveal(_) | pvm::Error::Unavailable(_))) => {
                let why = missing.to_string();
                self.waiting = Some(Waiting {
                    inbox,
                    why: why.clone(),
                });
                return Err(MinerError::Waiting(why));
            }
            ran => ran?,
        };
        self.node.metrics.level(start.elapsed());
        self.said = self.node.take_kernel_log();
        for run in &report.runs {
            if let Some(trap) = &run.trap {
                tracing::warn!("the kernel trapped at level {number}: {trap}");
            }
        }
        if report.status != Status::Yielded {
            return Err(MinerError::Level {
                level: number,
                status: report.status,
            });
        }
        let figures = LevelFigures::of(&report);
        let outbox = report.outbox;
        self.layer1.end_level(number, inbox.clone(), outbox.clone());
        let (blocks, backlog) = match self.read(&report.checkpoints, &report.durable) {
            Err(error) if is_unavailable(&error) => {
                return Err(self.take_back(number, before, (inbox, &error)));
            }
            read => read?,
        };
        let newest = blocks
            .last()
            .map_or(self.newest, |block| Some(block.number()));
        let wrote = self.node.publish(blocks, |batch| {
            self.keep_level(batch, (number, &inbox, &outbox), newest)
        });
        let blocks = match wrote {
            Ok(blocks) => blocks,
            // It is run again as it is, when it can be written.
            Err(error) => return Err(self.take_back(number, before, (inbox, &error))),
        };
        if let Some(state) = blocks.last().and_then(|block| block.state.clone()) {
            *self.machine.durable_mut() = state;
        }
        self.newest = newest;
        self.backlog = backlog;
        self.node.figures.keep(figures);
        self.node.kernel.look(number, self.machine.durable());
        self.settle(&blocks, self.backlog == 0);
        self.log(&blocks, start);
        Ok(())
    }

    /// Writes what a restart needs of a level.
    fn keep_level(
        &self,
        batch: &Batch<'_>,
        (level, inbox, outbox): (u32, &[Vec<u8>], &[Vec<u8>]),
        newest: Option<u64>,
    ) -> Result<(), StoreError> {
        if !self.node.store().lasts() {
            return Ok(());
        }
        let oldest = self.layer1.oldest_inbox().unwrap_or_default();
        batch.put_inbox(level, inbox, oldest)?;
        batch.put_outbox(level, outbox)?;
        self.keep_position(batch)?;
        // It is behind block 0.
        if self.newest.is_none() {
            let genesis = Snapshot {
                newest: newest.unwrap_or_default(),
                ..self.now()
            };
            snapshot::keep(batch, GENESIS, &genesis)?;
        }
        Ok(())
    }

    /// Writes where all but the blocks is.
    pub(super) fn keep_position(&self, batch: &Batch<'_>) -> Result<(), StoreError> {
        batch.put_layer1(&self.layer1)?;
        batch.put_clock(self.node.clock.setting())
    }

    /// The blocks that a level made, and the bytes that wait in the kernel's queue after it.
    fn read(
        &self,
        checkpoints: &[Durable],
        durable: &Durable,
    ) -> Result<(Vec<Arc<Block>>, u64), ChainError> {
        let blocks = chain::read_new(self.newest, checkpoints, durable)?;
        Ok((blocks, chain::head(durable)?.backlog))
    }

    /// Makes all what it was before a level that cannot be read or written, and waits with it.
    fn take_back(
        &mut self,
        level: u32,
        (machine, layer1): (Saved, Before),
        (inbox, error): (Vec<Vec<u8>>, &dyn Error),
    ) -> MinerError {
        self.machine.restore(machine);
        self.layer1.take_back(level, layer1);
        let why = error.to_string();
        self.waiting = Some(Waiting {
            inbox,
            why: why.clone(),
        });
        MinerError::Waiting(why)
    }

    /// The inbox of the next level, with these transactions.
    fn inbox(&mut self, batch: &[Bytes]) -> Vec<Vec<u8>> {
        self.timestamp = self.node.clock.stamp(self.timestamp);
        let rollup = self.machine.options().rollup;
        let posted = self.node.posted(self.machine.durable(), &rollup, batch);
        let messages = self.layer1.messages().iter().cloned();
        Inbox {
            timestamp: i64::try_from(self.timestamp).unwrap_or(i64::MAX),
            predecessor: predecessor(self.machine.level()).0,
            messages: messages.chain(posted).collect(),
        }
        .wrapped()
    }

    /// Tells the operator of blocks.
    pub(super) fn log(&mut self, blocks: &[Arc<Block>], start: Instant) {
        if !self.node.is_logging() {
            return;
        }
        for block in blocks {
            chain::tell(block, start.elapsed());
            self.tell(block);
        }
    }

    /// Tells what happened within a block.
    pub(super) fn tell(&mut self, block: &Arc<Block>) {
        let parent = block.number().checked_sub(1).map(BlockId::Number);
        if let Some(Ok(parent)) = parent.map(|parent| self.node.block(parent)) {
            self.narrator.tell(block, &parent);
        }
    }

    /// Tells the pool what became of what it gave; `drained`: nothing waits with
    /// the kernel.
    pub(super) fn settle(&self, blocks: &[Arc<Block>], drained: bool) {
        let included = blocks
            .iter()
            .flat_map(|block| &block.transactions)
            .map(|included| (included.transaction.hash, included.sender));
        let state = self.machine.durable();
        let next = |sender: &_| nonce(state, sender).unwrap_or_default();
        let dropped = self.node.pool().settle(included, drained, next);
        for hash in dropped {
            let why = self.node.dropped.why(&hash);
            let why = why.map_or_else(String::new, |why| format!(": {why}"));
            tracing::warn!("transaction {hash} was dropped by the kernel{why}");
        }
    }
}

/// The hash of the layer 1 block before a level: the devnet plays layer 1.
fn predecessor(level: u32) -> B256 {
    keccak256([b"devnet level ".as_slice(), &level.to_be_bytes()].concat())
}
