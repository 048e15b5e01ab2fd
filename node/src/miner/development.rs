//! Development requests between levels: mining, snapshots, changes of accounts,
//! impersonation.
//!
//! All of it runs on the miner's thread, which owns the machine. Changes of
//! accounts go through the storage crate's own commit, as an amendment of the
//! newest block: its hash stays, and no level made them, so that they are no
//! part of what a replay of the inbox gives. The same holds for the blocks of
//! transactions that nobody signed: the kernel's own steps make them, run natively, since
//! they cannot pass the inbox.

use super::miner::Miner;
use super::requests::{Change, DevelopmentRequest, Setting};
use super::snapshot::{self, Snapshot};
use crate::chain::{Block, head};
use crate::error::{MinerError, NodeError, is_unavailable};
use crate::node::nonce;
use crate::pool::{Candidate, DropReason, LevelLimits};
use crate::request::{BlockId, Submission};
use crate::simulate::fill::{fill, with_gas};
use crate::store::{Batch, StateName};
use alloy_primitives::{Address, KECCAK256_EMPTY, keccak256};
use evm_kernel::native::impersonate::{self, Surroundings};
use evm_kernel::native::simulate::Interrupt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;
use storage::diff::{AccountChange, AccountDiff};
use storage::layout::{ACCOUNTS, CONFIG};
use storage::{Account, Config, Diff, Head, commit};

impl Miner {
    /// Serves a request. The client may be gone: nobody minds an answer that is
    /// not taken.
    pub(super) fn develop(&mut self, request: DevelopmentRequest) {
        match request {
            DevelopmentRequest::Mine(count, interval, reply) => {
                let mined = self.mine_for(count, interval, &|| !reply.is_closed());
                let _ = reply.send(mined);
            }
            DevelopmentRequest::Snapshot(reply) => {
                let _ = reply.send(self.snapshot());
            }
            DevelopmentRequest::Revert(id, reply) => {
                let _ = reply.send(self.revert(id));
            }
            DevelopmentRequest::Change(address, change, reply) => {
                let _ = reply.send(self.change(address, change));
            }
            DevelopmentRequest::SetNextBaseFee(base_fee, reply) => {
                let _ = reply.send(self.set_next_base_fee(base_fee));
            }
            DevelopmentRequest::Set(setting, reply) => {
                let _ = reply.send(self.set(setting));
            }
            DevelopmentRequest::Load(dump, reply) => {
                let _ = reply.send(self.load(*dump));
            }
            DevelopmentRequest::Reset(fork, reply) => {
                let _ = reply.send(self.restart(fork));
            }
            DevelopmentRequest::Rollback(depth, reply) => {
                let _ = reply.send(self.rollback(depth).map(|_| ()));
            }
            DevelopmentRequest::Reorg(depth, blocks, reply) => {
                let _ = reply.send(self.reorg(depth, blocks));
            }
        }
    }

    /// Runs `count` levels, `interval` seconds apart where they should be so;
    /// the first takes what waits.
    ///
    /// # Errors
    /// If a level fails.
    pub(super) fn mine(&mut self, count: u64, interval: Option<u64>) -> Result<(), NodeError> {
        self.mine_for(count, interval, &|| true)
    }

    /// As [`Miner::mine`], as long as somebody waits for it.
    fn mine_for(
        &mut self,
        count: u64,
        interval: Option<u64>,
        waits: &dyn Fn() -> bool,
    ) -> Result<(), NodeError> {
        for index in 0..count {
            if !waits() {
                return Err(NodeError::Interrupted);
            }
            if self.stop.load(Ordering::Relaxed) {
                return Err(NodeError::Stopped);
            }
            if let Some(interval) = interval.filter(|_| index > 0) {
                let wanted = self.timestamp.saturating_add(interval);
                if wanted > crate::clock::LATEST {
                    return Err(NodeError::TooLate(wanted));
                }
                self.node.clock.want(wanted);
            }
            self.mine_one()?;
        }
        Ok(())
    }

    /// Remembers the chain as it is; gives a number to go back to it by.
    ///
    /// # Errors
    /// If the store cannot be written.
    fn snapshot(&mut self) -> Result<u64, NodeError> {
        let (id, now) = (self.snapshots.next(), self.now());
        let oldest = self.snapshots.oldest();
        self.node.keep(|batch| {
            if let Some(oldest) = oldest {
                batch.remove_snapshot(oldest)?;
            }
            snapshot::keep(batch, id, &now)
        })?;
        self.snapshots.keep(now);
        Ok(id)
    }

    /// The chain as it is.
    pub(super) fn now(&self) -> Snapshot {
        Snapshot {
            durable: self.machine.durable().clone(),
            layer1: self.layer1.clone(),
            newest: self.newest.unwrap_or_default(),
            clock: self.node.clock.setting(),
            chain_id: self.node.chain_id(),
        }
    }

    /// Makes the chain what it was at a snapshot, which is used up, and so are
    /// those after it. What waits in the pool is dropped. `false` where there is
    /// no such snapshot.
    ///
    /// # Errors
    /// If the snapshot has no block.
    fn revert(&mut self, id: u64) -> Result<bool, NodeError> {
        let Some(snapshot) = self.snapshots.get(id).cloned() else {
            return Ok(false);
        };
        self.go_back(snapshot, id)?;
        self.snapshots.drop_from(id);
        Ok(true)
    }

    /// Goes back to a snapshot; those from number `used` on are used up.
    fn go_back(&mut self, mut snapshot: Snapshot, used: u64) -> Result<(), NodeError> {
        let newest = snapshot.newest;
        let over = snapshot.layer1.level();
        // Levels are never used twice.
        snapshot.layer1.resume_at(self.machine.level());
        let durable = snapshot.durable.clone();
        snapshot.durable = self.node.rewind(newest, durable, |batch| {
            batch.remove_messages_from(over)?;
            batch.remove_snapshots_from(used)?;
            batch.put_layer1(&snapshot.layer1)?;
            batch.put_clock(snapshot.clock)
        })?;
        self.restore(snapshot)
    }

    /// Makes machine, layer 1 and clock what they were; the blocks stay.
    pub(super) fn restore(&mut self, snapshot: Snapshot) -> Result<(), NodeError> {
        let head = head(&snapshot.durable)?;
        self.newest = Some(snapshot.newest);
        self.waiting = None;
        self.prevrandao = None;
        self.timestamp = head.timestamp;
        self.backlog = head.backlog;
        self.node.clock.restore(snapshot.clock);
        self.node.set_chain_id(snapshot.chain_id);
        self.layer1 = snapshot.layer1;
        // Levels are never used twice.
        self.layer1.resume_at(self.machine.level());
        *self.machine.durable_mut() = snapshot.durable;
        Ok(())
    }

    /// Goes so many blocks back, and gives them, newest first; what waits in the pool stays.
    fn rollback(&mut self, depth: u64) -> Result<Vec<Arc<Block>>, NodeError> {
        let height = self.newest.unwrap_or_default();
        let newest = height.checked_sub(depth);
        let newest = newest.ok_or(NodeError::Depth { height, depth })?;
        if let Some(fork) = self.node.fork().filter(|fork| newest < fork.number()) {
            return Err(NodeError::BeforeFork(fork.number()));
        }
        let block = self.node.block(BlockId::Number(newest))?;
        let state = block.state()?.clone();
        let head = head(&state)?;
        let gone = self.node.branch_off(Some(newest), |batch, _| {
            // It may have been changed since.
            batch.put_state(StateName::Block(newest), &state).map(drop)
        })?;
        let state = self.node.amend(state, |batch| self.keep_position(batch))?;
        self.newest = Some(newest);
        self.waiting = None;
        self.timestamp = head.timestamp;
        self.backlog = head.backlog;
        *self.machine.durable_mut() = state.clone();
        let next = |sender: &Address| nonce(&state, sender).unwrap_or_default();
        self.node.pool().went_back(next);
        Ok(gone)
    }

    /// Goes so many blocks back and makes as many others; if one cannot be made, those from
    /// before are back.
    fn reorg(&mut self, depth: u64, blocks: Vec<Vec<Submission>>) -> Result<(), NodeError> {
        let before = self.now();
        let kept = before.newest.saturating_sub(depth);
        self.node.keep(|batch| batch.set_aside(kept))?;
        let mut gone = self.rollback(depth)?;
        let made = self.make(blocks);
        if made.is_err() {
            let durable = before.durable.clone();
            self.restore(before)?;
            gone.reverse();
            self.node.branch_off(Some(kept), |_, _| Ok(()))?;
            self.node.publish(gone, |_| Ok(()))?;
            let durable = self
                .node
                .amend(durable, |batch| self.keep_position(batch))?;
            *self.machine.durable_mut() = durable;
        }
        self.node
            .keep(|batch| batch.remove_states_from(StateName::Aside(0)))?;
        made
    }

    /// Makes blocks of transactions.
    fn make(&mut self, blocks: Vec<Vec<Submission>>) -> Result<(), NodeError> {
        for submissions in blocks {
            for submission in submissions {
                self.submit(submission)?;
            }
            self.mine_one()?;
        }
        Ok(())
    }

    fn submit(&self, submission: Submission) -> Result<(), NodeError> {
        let request = match submission {
            Submission::Raw(raw) => return self.node.submit(raw).map(|_| ()),
            Submission::Request(request) => request,
        };
        let sender = request.from.unwrap_or_default();
        let request = with_gas(&self.node, *request, &Interrupt::default())?;
        let transaction = fill(&self.node, &request, sender)?;
        match self.node.account(&sender) {
            Ok(account) => {
                let signed = account.sign(transaction)?;
                self.node.submit(signed.encode().into())?;
            }
            Err(_) => {
                self.node.submit_unsigned(sender, transaction)?;
            }
        }
        Ok(())
    }

    /// Changes a setting, from the next block on.
    fn set(&mut self, setting: Setting) -> Result<(), NodeError> {
        let config = CONFIG.get(self.machine.durable(), &())?.unwrap_or_default();
        let changed = match setting {
            Setting::Prevrandao(word) => {
                self.prevrandao = Some(word);
                return Ok(());
            }
            Setting::GasLimit(block_gas_limit) => Config {
                block_gas_limit,
                ..config
            },
            Setting::FeeRecipient(fee_recipient) => Config {
                fee_recipient,
                ..config
            },
            Setting::BaseFeeFloor(base_fee_floor) => Config {
                base_fee_floor,
                ..config
            },
            Setting::ChainId(chain_id) => Config { chain_id, ..config },
        };
        if let Setting::ChainId(chain_id) = setting {
            self.node.set_chain_id(chain_id);
        }
        self.amend(|block| block.config = Some(changed))
    }

    /// Changes an account, as of the newest block.
    ///
    /// # Errors
    /// If durable storage cannot be read or written.
    fn change(&mut self, address: Address, change: Change) -> Result<(), NodeError> {
        let durable = self.machine.durable();
        let old = ACCOUNTS.get(durable, &address)?;
        let before = old.unwrap_or_default();
        let code_hash = match &change.code {
            Some(code) if code.is_empty() => KECCAK256_EMPTY,
            Some(code) => keccak256(code),
            None => before.code_hash,
        };
        let account = Account {
            nonce: change.nonce.unwrap_or(before.nonce),
            balance: change.balance.unwrap_or(before.balance),
            code_hash,
        };
        let diff = AccountDiff {
            address,
            account: match old {
                _ if account == before => AccountChange::Keep,
                // An empty account is none (EIP-161).
                Some(_) if account.is_empty() => AccountChange::Delete,
                _ => AccountChange::Set(account),
            },
            had_code: before.has_code(),
            cleared: false,
            slots: change.slot.into_iter().collect(),
        };
        let code = change.code.filter(|code| !code.is_empty());
        if let Some(code) = &code {
            self.narrator.sees_code(code);
        }
        let diff = Diff {
            accounts: vec![diff],
            code: code.map(|code| (code_hash, code)).into_iter().collect(),
        };
        self.amend(|block| block.diff = diff)
    }

    /// Sets the base fee of the block to come, in wei per gas; the floor gives
    /// way where it is higher.
    ///
    /// # Errors
    /// If durable storage cannot be read or written.
    fn set_next_base_fee(&mut self, base_fee: u64) -> Result<(), NodeError> {
        let config = CONFIG.get(self.machine.durable(), &())?;
        self.amend(|block| {
            // A block that used just its target leaves the base fee as it is.
            block.head = Head {
                gas_used: block.head.gas_limit / 2,
                paid_work: 0,
                base_fee,
                ..block.head
            };
            block.config = config.map(|config| Config {
                base_fee_floor: config.base_fee_floor.min(base_fee),
                ..config
            });
        })
    }

    /// Makes a block of transactions some of which cannot pass the inbox, or of which
    /// somebody chose PREVRANDAO.
    pub(super) fn native_block(&mut self, batch: &[Arc<Candidate>]) -> Result<(), MinerError> {
        let start = Instant::now();
        let mut durable = self.machine.durable().clone();
        let surroundings = Surroundings {
            timestamp: self.node.clock.stamp(self.timestamp),
            prevrandao: self.prevrandao.take(),
        };
        let transactions = batch
            .iter()
            .map(|one| (one.sender, one.transaction.clone()));
        let made = match impersonate::block(&durable, surroundings, transactions) {
            Err(error) if is_unavailable(&error) => return Err(self.put_back(batch)),
            made => made?,
        };
        let written = commit::block(&mut durable, &made.block).map_err(MinerError::from);
        let blocks = match written.and_then(|()| Ok(Block::read(durable.clone())?)) {
            Err(error) if is_unavailable(&error) => return Err(self.put_back(batch)),
            read => vec![Arc::new(read?)],
        };
        let keep = |write: &Batch<'_>| match self.node.store().lasts() {
            true => self.keep_position(write),
            false => Ok(()),
        };
        let blocks = match self.node.publish(blocks, keep) {
            Ok(blocks) => blocks,
            Err(error) => {
                self.prevrandao = surroundings.prevrandao;
                self.give_back(batch);
                tracing::warn!("no block is made: {error}");
                return Err(error.into());
            }
        };
        if let Some(state) = blocks.last().and_then(|block| block.state.clone()) {
            durable = state;
        }
        self.timestamp = surroundings.timestamp;
        self.newest = blocks.last().map(|block| block.number());
        *self.machine.durable_mut() = durable.clone();
        self.settle(&blocks, false);
        {
            let mut pool = self.node.pool();
            let next = |sender: &_| nonce(&durable, sender).unwrap_or_default();
            let mut dropped = Vec::new();
            for (hash, why) in &made.rejected {
                tracing::warn!("transaction {hash} is dropped: {why}");
                self.node.dropped.tell(*hash, &why.to_string());
                dropped.push((*hash, DropReason::Kernel));
            }
            pool.discard_all(&dropped, next);
            pool.resend(&made.left, next);
        }
        self.log(&blocks, start);
        Ok(())
    }

    /// Commits changes without a new block.
    pub(super) fn amend(
        &mut self,
        change: impl FnOnce(&mut commit::Block),
    ) -> Result<(), NodeError> {
        let mut durable = self.machine.durable().clone();
        let mut block = commit::Block {
            head: head(&durable)?,
            ..commit::Block::default()
        };
        change(&mut block);
        commit::block(&mut durable, &block)?;
        let durable = self
            .node
            .amend(durable, |batch| self.keep_position(batch))?;
        *self.machine.durable_mut() = durable;
        Ok(())
    }

    /// Makes one block.
    fn mine_one(&mut self) -> Result<(), MinerError> {
        let gas = CONFIG.get(self.machine.durable(), &())?;
        let gas = gas.map_or(u64::MAX, |config| config.block_gas_limit);
        let limits = LevelLimits {
            gas,
            ..self.limits(usize::MAX)
        };
        self.fill_level(&limits)
    }
}
