//! Development requests between levels: mining, snapshots, changes of accounts,
//! impersonation.
//!
//! All of it runs on the miner's thread, which owns the machine. Changes of
//! accounts go through the storage crate's own commit, as an amendment of the
//! newest block: its hash stays, and no level made them, so that they are no
//! part of what a replay of the inbox gives. The same holds for the blocks of
//! `send_as`: the kernel's own steps make them, run natively, since
//! what nobody signed cannot pass the inbox.

use super::miner::Miner;
use super::requests::{Change, DevelopmentRequest};
use super::snapshot::Snapshot;
use crate::chain::{Block, head};
use crate::error::{MinerError, NodeError};
use crate::request::CallRequest;
use crate::simulate::CallError;
use crate::simulate::fill::fill;
use alloy_primitives::{Address, B256, KECCAK256_EMPTY, U256, keccak256};
use ethereum::Signature;
use evm_kernel::native::impersonate::{self, Impersonated};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use storage::diff::{AccountChange, AccountDiff};
use storage::layout::{ACCOUNTS, CONFIG};
use storage::{Account, Config, Diff, Head, commit};

impl Miner {
    /// Serves a request. The client may be gone: nobody minds an answer that is
    /// not taken.
    pub(super) fn develop(&mut self, request: DevelopmentRequest) {
        match request {
            DevelopmentRequest::Mine(count, interval, reply) => {
                let _ = reply.send(self.mine(count, interval));
            }
            DevelopmentRequest::Snapshot(reply) => {
                let _ = reply.send(Ok(self.snapshot()));
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
            DevelopmentRequest::SendAs(sender, request, reply) => {
                let _ = reply.send(self.send_as(sender, &request));
            }
        }
    }

    /// Runs `count` levels, `interval` seconds apart where they should be so;
    /// the first takes what waits.
    ///
    /// # Errors
    /// If a level fails.
    pub(super) fn mine(&mut self, count: u64, interval: Option<u64>) -> Result<(), NodeError> {
        for index in 0..count {
            if self.stop.load(Ordering::Relaxed) {
                return Err(NodeError::Stopped);
            }
            if let Some(interval) = interval.filter(|_| index > 0) {
                self.node
                    .clock
                    .want(self.timestamp.saturating_add(interval));
            }
            self.mine_one()?;
        }
        Ok(())
    }

    /// Remembers the chain as it is; gives a number to go back to it by.
    fn snapshot(&mut self) -> u64 {
        self.snapshots.keep(Snapshot {
            durable: self.machine.durable().clone(),
            layer1: self.layer1.clone(),
            newest: self.newest.unwrap_or_default(),
            clock: self.node.clock.setting(),
        })
    }

    /// Makes the chain what it was at a snapshot, which is used up, and so are
    /// those after it. What waits in the pool is dropped. `false` where there is
    /// no such snapshot.
    ///
    /// # Errors
    /// If the snapshot has no block.
    fn revert(&mut self, id: u64) -> Result<bool, NodeError> {
        let Some(snapshot) = self.snapshots.take(id) else {
            return Ok(false);
        };
        let head = head(&snapshot.durable)?;
        self.newest = Some(snapshot.newest);
        self.waiting = None;
        self.timestamp = head.timestamp;
        self.backlog = head.backlog;
        self.node.clock.restore(snapshot.clock);
        self.layer1 = snapshot.layer1;
        // Levels are never used twice.
        self.layer1.resume_at(self.machine.level());
        *self.machine.durable_mut() = snapshot.durable.clone();
        self.node.rewind(snapshot.newest, snapshot.durable);
        Ok(true)
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

    /// Makes a block of a transaction as if `sender` had signed it.
    fn send_as(&mut self, sender: Address, request: &CallRequest) -> Result<B256, NodeError> {
        let transaction = fill(&self.node, request, sender)?.with_signature(placeholder(sender));
        let hash = transaction.hash;
        let mut durable = self.machine.durable().clone();
        let timestamp = self.node.clock.stamp(self.timestamp);
        let block = match impersonate::block(&durable, timestamp, transaction, sender)? {
            Impersonated::Block(block) => block,
            Impersonated::Rejected(rejection) => return Err(CallError::from(rejection).into()),
        };
        commit::block(&mut durable, &block)?;
        let block = Block::read(durable.clone())?;
        self.timestamp = timestamp;
        self.newest = Some(block.number());
        *self.machine.durable_mut() = durable;
        let blocks = [Arc::new(block)];
        self.node.publish(blocks.iter().cloned());
        self.settle(&blocks, self.backlog == 0);
        for block in &blocks {
            self.tell(block);
        }
        Ok(hash)
    }

    /// Commits changes without a new block.
    fn amend(&mut self, change: impl FnOnce(&mut commit::Block)) -> Result<(), NodeError> {
        let mut durable = self.machine.durable().clone();
        let mut block = commit::Block {
            head: head(&durable)?,
            ..commit::Block::default()
        };
        change(&mut block);
        commit::block(&mut durable, &block)?;
        *self.machine.durable_mut() = durable.clone();
        self.node.amend(durable);
        Ok(())
    }

    fn mine_one(&mut self) -> Result<(), MinerError> {
        let limits = self.limits(usize::MAX);
        self.fill_level(&limits)
    }
}

/// The stand-in for the signature that an impersonated sender did not make: it
/// keeps the hashes of transactions of several senders apart.
fn placeholder(sender: Address) -> Signature {
    Signature {
        r: U256::from_be_slice(sender.as_slice()).max(U256::ONE),
        s: U256::ONE,
        y_parity: false,
    }
}
