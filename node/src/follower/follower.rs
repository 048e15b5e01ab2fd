//! The thread that owns the machine of a node in front of a rollup: it follows the rollup
//! node, publishes the blocks of each level, and posts what waits.

use super::ahead::{Ahead, Next};
use super::answers::{Block as Level, Head};
use super::bridge::{self, Questions};
use super::client::{At, Client, ClientError, form};
use super::error::FollowError;
use super::heard::Heard;
use super::poster::{Poster, Rollup};
use super::replica::Replica;
use super::snapshots::Snapshots;
use super::trouble::Trouble;
use super::watch::Watch;
use crate::chain::{self, Block};
use crate::error::NodeError;
use crate::finality::{Finality, Following};
use crate::miner::{Layer1Request, Request, RollupStatus};
use crate::node::{Node, nonce};
use crate::pool::{self, LevelLimits};
use crate::store::{Batch, StateName, StoreError};
use alloy_primitives::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};
use storage::layout::CONFIG;
use tokio::sync::mpsc::UnboundedReceiver;

/// The interval at which the thread wakes up while nothing happens.
const TURN: Duration = Duration::from_millis(50);

/// The pause after something that went wrong and may pass.
const PAUSE: Duration = Duration::from_secs(1);

/// The time after which a rollup node that tells of no head is in trouble, beyond the time
/// limit of a request: it is asked at least twice in that.
const SILENCE: Duration = Duration::from_secs(10);

/// The levels of a branch that are held at once; what is further behind is run level by
/// level.
const STEP: u32 = 32;

/// The longest branch that is looked at, in levels.
const LONGEST: usize = 100_000;

/// A level of a branch.
struct Step {
    head: Head,
    /// With its messages, if they are held.
    level: Option<Level>,
}

/// The hash of the newest block of a branch.
fn head_of(branch: &[Step]) -> &str {
    branch.first().map_or("", |step| &step.head.hash)
}

/// Follows a rollup until it is told to stop.
#[derive(Debug)]
pub(super) struct Follower {
    pub(super) replica: Replica,
    pub(super) node: Arc<Node>,
    pub(super) client: Client,
    pub(super) stop: Arc<AtomicBool>,
    pub(super) heads: Receiver<Head>,
    pub(super) requests: UnboundedReceiver<Request>,
    pub(super) poster: Poster,
    /// Transactions of blocks that left the chain.
    pub(super) unplaced: Vec<Bytes>,
    /// Requests of clients to the rollup node.
    pub(super) questions: Questions,
    /// The current trouble, as it was logged.
    pub(super) trouble: Trouble,
    /// The health of the rollup node.
    pub(super) watch: Watch,
    /// The time limit for an answer of the rollup node.
    pub(super) patience: Duration,
    pub(super) snapshots: Option<Snapshots>,
    /// The newest level that layer 1 has finalised.
    pub(super) finalized: Option<u32>,
    /// The newest level that a cemented commitment covers.
    pub(super) cemented: Option<u32>,
}

impl Follower {
    /// Follows until it is told to stop.
    ///
    /// # Errors
    /// Errors that do not pass: [`FollowError`].
    pub(super) fn run(mut self) -> Result<(), FollowError> {
        let mut wanted: Option<Head> = None;
        let (mut pause, mut heard) = (None, Heard::default());
        while !self.is_stopped() {
            self.serve();
            match self.heads.recv_timeout(TURN) {
                Ok(head) => {
                    heard.of(&head);
                    wanted = Some(head);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
            // Only the newest counts.
            while let Ok(head) = self.heads.try_recv() {
                heard.of(&head);
                wanted = Some(head);
            }
            if pause.is_some_and(|until| Instant::now() < until) {
                continue;
            }
            pause = None;
            let rollup = bridge::rollup(&self.replica);
            let mut turn = self.watch.look(&self.client, rollup);
            if let (Ok(()), Some(head)) = (&turn, &wanted) {
                turn = self.follow(&head.clone()).map(|()| wanted = None);
            }
            let turn = turn.and_then(|()| Ok(self.post()?));
            match turn.map(|()| self.watch.trouble(heard.level)) {
                Ok(_) if heard.since.elapsed() >= self.patience + SILENCE => {
                    self.trouble.begins(&FollowError::Silent);
                }
                Ok(Some(late)) => self.trouble.begins(&late),
                Ok(None) => self.trouble.ends(),
                Err(error) if error.passes() => {
                    self.trouble.begins(&error);
                    self.watch.again();
                    pause = Some(Instant::now() + PAUSE);
                }
                Err(error) => return Err(error),
            }
            self.tell(wanted.as_ref().map_or(0, |head| head.level));
        }
        Ok(())
    }

    /// Tells how it is doing; `head` is where it wants to go.
    fn tell(&self, head: u32) {
        let level = self.replica.next_level().saturating_sub(1);
        self.node.set_following(Following {
            level,
            head: head.max(level).max(self.watch.newest()),
            trouble: self.trouble.text(),
        });
    }

    /// Goes to where the rollup node is.
    fn follow(&mut self, head: &Head) -> Result<(), FollowError> {
        self.tell(head.level);
        if head.hash == self.replica.tip() {
            return Ok(());
        }
        if self.replica.levels().has(&head.hash) {
            return Err(self.behind(head));
        }
        self.catch_up(head.level)?;
        let Some(branch) = self.branch(head)? else {
            return Ok(());
        };
        if let Some(first) = branch.last()
            && first.head.predecessor != self.replica.tip()
        {
            self.go_back(&first.head.predecessor.clone())?;
        }
        for step in branch.into_iter().rev() {
            if self.is_stopped() {
                return Ok(());
            }
            let level = match step.level {
                Some(level) => level,
                None => self.client.block(At::Hash(&step.head.hash))?,
            };
            self.level(level.into())?;
            self.serve();
        }
        self.finality()?;
        let state = self.replica.durable().clone();
        let mut poster = std::mem::take(&mut self.poster);
        let followed = poster.follow(&self.node, &self.client, self.rollup(&state));
        self.poster = poster;
        Ok(followed?)
    }

    /// Runs levels one by one up to some levels before `head`.
    fn catch_up(&mut self, head: u32) -> Result<(), FollowError> {
        let mut told = Instant::now();
        let is_behind = |next: u32| next.saturating_add(STEP) < head;
        let first = self.replica.next_level();
        if !is_behind(first) {
            return Ok(());
        }
        let ahead = Ahead::start(self.client.clone(), first, self.replica.questions()?)?;
        while is_behind(self.replica.next_level()) && !self.is_stopped() {
            let next = ahead.next()?;
            if next.level.head.predecessor != self.replica.tip() {
                break;
            }
            let number = next.level.head.level;
            if told.elapsed() >= PAUSE {
                told = Instant::now();
                tracing::info!("catching up: level {number} of {head}");
            }
            self.level(next)?;
            self.serve();
            if number.is_multiple_of(STEP) {
                self.finality()?;
                self.tell(head);
            }
        }
        Ok(())
    }

    /// True if it was told to stop.
    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// The blocks from `head` back to one whose predecessor this node has, newest first; `None`
    /// if it was told to stop.
    fn branch(&self, head: &Head) -> Result<Option<Vec<Step>>, FollowError> {
        let oldest = self.replica.levels().oldest().map_or(0, |kept| kept.level);
        let mut branch: Vec<Step> = Vec::new();
        let (mut hash, mut level) = (head.hash.clone(), head.level);
        while !self.is_stopped() {
            let block = self.client.block(At::Hash(&hash))?;
            if block.head.level != level || block.head.hash != hash {
                let why = format_args!(
                    "it is block {} at level {}",
                    block.head.hash, block.head.level
                );
                return Err(form(&format!("block {hash} at level {level}"), &why).into());
            }
            hash.clone_from(&block.head.predecessor);
            let known = self.replica.levels().has(&hash);
            let of_step = block.head.clone();
            // More are asked for again when it is their turn.
            let level_of = (branch.len() < STEP as usize).then_some(block);
            branch.push(Step {
                head: of_step,
                level: level_of,
            });
            if known {
                return Ok(Some(branch));
            }
            if level <= oldest.saturating_add(1) {
                return Err(self.below_final(head, oldest)?);
            }
            if branch.len() >= LONGEST {
                let why = "no block that this node knows is among its predecessors";
                return Err(form(&format!("block {}", head_of(&branch)), &why).into());
            }
            level -= 1;
        }
        Ok(None)
    }

    /// The rollup node is at an earlier level of the same branch.
    fn behind(&self, head: &Head) -> FollowError {
        FollowError::Behind {
            head: head.level,
            level: self.replica.next_level().saturating_sub(1),
        }
    }

    /// The fault of a head that does not descend from the final level that this node knows: the
    /// rollup node is behind that, or on another chain.
    fn below_final(&self, head: &Head, oldest: u32) -> Result<FollowError, FollowError> {
        if head.level < oldest {
            return Ok(self.behind(head));
        }
        let theirs = self.client.hash(At::Level(oldest))?;
        if self.replica.levels().hash_at(oldest) == Some(&theirs) {
            let why = "its predecessors are not those of its levels";
            return Ok(form(&format!("block {}", head.hash), &why).into());
        }
        Ok(FollowError::TooDeep { oldest })
    }

    /// Goes back to the block of layer 1 with this hash.
    fn go_back(&mut self, hash: &str) -> Result<(), FollowError> {
        let before = self.replica.next_level().saturating_sub(1);
        let Some(newest) = self.replica.newest_after(hash) else {
            return Ok(());
        };
        let level = self.replica.levels().get(hash).map_or(0, |kept| kept.level);
        let gone = self.node.branch_off(newest, |batch, gone| {
            batch.remove_levels_from(level + 1)?;
            batch.put_waiting_again(gone)
        })?;
        self.replica.back_to(hash);
        if let Some(snapshots) = &self.snapshots {
            snapshots.went_back(before, level);
        }
        let now = self.replica.next_level().saturating_sub(1);
        tracing::warn!("layer 1 went back from level {before} to level {now}");
        self.node.ran(now);
        self.node.kernel.look(now, self.replica.durable());
        // A sender's transactions in order: what is behind a gap has less room.
        for block in gone.into_iter().rev() {
            let transactions = block.transactions.iter();
            let raws = transactions.map(|included| included.transaction.encode().into());
            self.unplaced.extend(raws);
        }
        Ok(())
    }

    /// Runs a level and publishes its blocks.
    fn level(&mut self, level: Next) -> Result<(), FollowError> {
        let start = Instant::now();
        let before = self.replica.tip().to_owned();
        let ran = self.replica.run(&self.client, level)?;
        self.node.metrics.level(ran.took);
        self.node.figures.keep(ran.figures);
        let replica = &self.replica;
        let kept = match ran.blocks.is_empty() {
            true => {
                let state = self.node.amend(ran.durable, |batch| replica.keep(batch));
                state.map(Some)
            }
            false => {
                let shown = self
                    .node
                    .publish(ran.blocks.clone(), |batch| replica.keep(batch));
                shown.map(|blocks| blocks.last().and_then(|block| block.state.clone()))
            }
        };
        let state = match kept {
            Ok(state) => state,
            Err(error) => {
                // It is run again when it can be written.
                self.replica.back_to(&before);
                return Err(error.into());
            }
        };
        self.replica.settle(state);
        self.settle(&ran.blocks);
        let level = self.replica.next_level().saturating_sub(1);
        self.node.ran(level);
        self.node.kernel.look(level, self.replica.durable());
        if let Some(snapshots) = &mut self.snapshots {
            snapshots.level(level);
        }
        for block in &ran.blocks {
            chain::tell(block, start.elapsed());
        }
        Ok(())
    }

    /// Takes what blocks included out of the pool.
    fn settle(&self, blocks: &[Arc<Block>]) {
        let included = blocks
            .iter()
            .flat_map(|block| &block.transactions)
            .map(|included| (included.transaction.hash, included.sender));
        let state = self.replica.durable();
        let next = |sender: &_| nonce(state, sender).unwrap_or_default();
        self.node.pool().settle(included, false, next);
    }

    /// Learns what is final on the branch that this node has.
    fn finality(&mut self) -> Result<(), FollowError> {
        let tip = self.replica.next_level().saturating_sub(1);
        let safe = self.client.level(At::Finalized)?.min(tip);
        // The rollup node may be on another branch by now; what is final there is not here.
        let Some(ours) = self.replica.levels().hash_at(safe) else {
            return Ok(());
        };
        if self.client.hash(At::Level(safe))? != ours {
            return Ok(());
        }
        // Before the first commitment is cemented there is none.
        let cemented = match self.client.level(At::Cemented) {
            Ok(level) => Some(level.min(safe)),
            Err(ClientError::Refused { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        let first = self.node.chain().first();
        let newest_at = |level| -> Result<u64, StoreError> {
            Ok(self.node.store().newest_at(level)?.unwrap_or(first))
        };
        let finalized = cemented.map_or(Ok(first), newest_at);
        self.node.set_finality(Finality {
            safe: Some(newest_at(safe)?),
            finalized: Some(finalized?),
        });
        (self.finalized, self.cemented) = (Some(safe), cemented);
        let oldest = |replica: &Replica| replica.levels().oldest().map_or(0, |kept| kept.level);
        let before = oldest(&self.replica);
        self.replica.finalise(safe);
        let oldest = oldest(&self.replica);
        if oldest == before {
            return Ok(());
        }
        let keep = |batch: &Batch<'_>| batch.remove_states_before(StateName::Level(oldest));
        Ok(self.node.keep(keep)?)
    }

    fn rollup<'a>(&'a self, state: &'a pvm::Durable) -> Rollup<'a> {
        let settled = self.replica.levels().oldest();
        Rollup {
            address: self.replica.rollup(),
            level: self.replica.next_level().saturating_sub(1),
            hash: self.replica.tip(),
            state,
            settled: settled.map_or(state, |kept| kept.machine.durable()),
            backlog: chain::head(state).is_ok_and(|head| head.backlog > 0),
        }
    }

    /// Posts what waits, and what blocks that are gone had.
    fn post(&mut self) -> Result<(), ClientError> {
        self.readmit();
        let state = self.replica.durable().clone();
        let config = CONFIG.get(&state, &()).ok().flatten().unwrap_or_default();
        let limits = LevelLimits {
            count: usize::MAX,
            work: config.level_budget,
            gas: u64::MAX,
            base_fee: self.node.next_base_fee().unwrap_or_default(),
        };
        let mut poster = std::mem::take(&mut self.poster);
        let posted = poster.post(&self.node, &self.client, self.rollup(&state), &limits);
        self.poster = poster;
        posted
    }

    /// Takes transactions of blocks that are gone into the pool again, unless another block has
    /// them or they can no longer be included.
    fn readmit(&mut self) {
        for raw in std::mem::take(&mut self.unplaced) {
            let hash = alloy_primitives::keccak256(&raw);
            // Calls of layer 1 are no transactions that somebody could post.
            let Ok(candidate) = pool::admit_again(raw.clone()) else {
                self.node.pool().put_gone(vec![hash]);
                continue;
            };
            if let Err(error) = self.node.take_again(candidate) {
                tracing::debug!("transaction {hash} is looked at again: {error}");
                self.unplaced.push(raw);
            }
        }
    }

    /// Answers requests, as long as a turn takes.
    fn serve(&mut self) {
        let start = Instant::now();
        while start.elapsed() < TURN
            && let Ok(request) = self.requests.try_recv()
        {
            // The client may be gone: nobody minds an answer that is not taken.
            match request {
                Request::Layer1(Layer1Request::Withdrawals(reply)) => {
                    let (outbox, durable) = (self.replica.outbox(), self.replica.durable().clone());
                    let client = self.client.clone();
                    self.questions.ask(reply, move || {
                        bridge::withdrawals(&outbox, &durable, &client)
                    });
                }
                Request::Layer1(Layer1Request::Outbox(level, reply)) => {
                    let outbox = self.replica.outbox();
                    match level {
                        Some(_) => {
                            let _ = reply.send(Ok(bridge::outbox(&outbox, level)));
                        }
                        None => self
                            .questions
                            .ask(reply, move || Ok(bridge::outbox(&outbox, level))),
                    }
                }
                Request::Layer1(Layer1Request::Inbox(level, reply)) => {
                    let newest = self.replica.next_level().saturating_sub(1);
                    let client = self.client.clone();
                    self.questions
                        .ask(reply, move || bridge::inbox(newest, &client, level));
                }
                Request::Layer1(Layer1Request::Proof(place, reply)) => {
                    let (rollup, client) = (bridge::rollup(&self.replica), self.client.clone());
                    self.questions
                        .ask(reply, move || bridge::proof(rollup, &client, place));
                }
                Request::Layer1(Layer1Request::Status(reply)) => {
                    let _ = reply.send(Ok(self.status()));
                }
                request => request.refuse(&|| NodeError::DevnetAlone),
            }
        }
    }

    /// The status of the node and of its rollup node.
    fn status(&self) -> RollupStatus {
        RollupStatus {
            rollup: bridge::rollup(&self.replica),
            level: self.replica.next_level().saturating_sub(1),
            hash: self.replica.tip().to_owned(),
            finalized: self.finalized,
            cemented: self.cemented,
            posted: self.poster.on_their_way(),
            kernel: self.node.kernel.now(),
            trouble: self.trouble.text(),
        }
    }
}
