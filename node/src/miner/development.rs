//! What a developer does to the chain between levels: mining, going back,
//! changing accounts, sending as somebody else.
//!
//! All of it runs on the miner's thread, which owns the machine. Changes of
//! accounts go through the storage crate's own commit, as an amendment of the
//! newest block: its hash stays, and no level made them, so that they are no
//! part of what a replay of the inbox gives. The same holds for the blocks of
//! [`Miner::send_as`]: the kernel's own steps make them, run natively, since
//! what nobody signed cannot pass the inbox.

use super::miner::{Miner, MinerError};
use crate::chain::{Block, head};
use crate::clock::Setting;
use crate::node::Node;
use crate::rpc::RpcError;
use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256, keccak256};
use ethereum::SignedTransaction;
use layer1::Layer1;
use pvm::Durable;
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use storage::diff::{AccountChange, AccountDiff};
use storage::layout::{ACCOUNTS, CONFIG};
use storage::{Account, Config, Diff, Head, commit};
use tokio::sync::oneshot;

type Request = Box<dyn FnOnce(&mut Miner) + Send>;

/// What the miner is asked to do, in order.
#[derive(Default)]
pub(crate) struct Requests(Mutex<VecDeque<Request>>);

impl Requests {
    pub(crate) fn next(&self) -> Option<Request> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_empty()
    }
}

impl fmt::Debug for Requests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Requests").finish_non_exhaustive()
    }
}

impl Node {
    /// Has the miner do something between two levels, and gives what came of it.
    ///
    /// # Errors
    /// What went wrong there; the miner goes on.
    pub async fn control<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Miner) -> Result<T, RpcError> + Send + 'static,
    ) -> Result<T, RpcError> {
        let (done, outcome) = oneshot::channel();
        let request: Request = Box::new(|miner| {
            // The client may be gone.
            let _ = done.send(act(miner));
        });
        self.requests
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push_back(request);
        self.wake();
        outcome
            .await
            .map_err(|_| RpcError::server("the devnet ended"))?
    }
}

/// What [`Miner::revert`] goes back to.
#[derive(Debug)]
pub(crate) struct Snapshot {
    durable: Durable,
    layer1: Layer1,
    newest: u64,
    clock: Setting,
}

/// What becomes of an account; what is none stays.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// Its balance, in wei.
    pub balance: Option<U256>,
    /// Its nonce.
    pub nonce: Option<u64>,
    /// Its code.
    pub code: Option<Bytes>,
    /// A slot, and what it holds.
    pub slot: Option<(U256, U256)>,
}

impl Miner {
    /// Runs `count` levels, `interval` seconds apart where they should be so;
    /// the first takes what waits.
    ///
    /// # Errors
    /// Where a level fails.
    pub fn mine(&mut self, count: u64, interval: Option<u64>) -> Result<(), RpcError> {
        for index in 0..count {
            if let Some(interval) = interval.filter(|_| index > 0) {
                self.node
                    .clock
                    .want(self.timestamp.saturating_add(interval));
            }
            self.mine_one().map_err(RpcError::internal)?;
        }
        Ok(())
    }

    /// Remembers the chain as it is; gives a number to go back to it by.
    #[must_use]
    pub fn snapshot(&mut self) -> u64 {
        let id = self.snapshots.last_key_value().map_or(0, |(id, _)| id + 1);
        let id = id.max(self.next_snapshot);
        self.next_snapshot = id + 1;
        let snapshot = Snapshot {
            durable: self.machine.durable().clone(),
            layer1: self.layer1.clone(),
            newest: self.newest.unwrap_or_default(),
            clock: self.node.clock.setting(),
        };
        self.snapshots.insert(id, snapshot);
        id
    }

    /// Makes the chain what it was at a snapshot, which is used up, and so are
    /// those after it. What waits in the pool is dropped. `false` where there is
    /// no such snapshot.
    ///
    /// # Errors
    /// Where the snapshot has no block.
    pub fn revert(&mut self, id: u64) -> Result<bool, RpcError> {
        let Some(snapshot) = self.snapshots.split_off(&id).remove(&id) else {
            return Ok(false);
        };
        let head = head(&snapshot.durable).map_err(RpcError::internal)?;
        self.newest = Some(snapshot.newest);
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
    /// Where durable storage refuses.
    pub fn change(&mut self, address: Address, change: Change) -> Result<(), RpcError> {
        let durable = self.machine.durable();
        let old = ACCOUNTS
            .get(durable, &address)
            .map_err(RpcError::internal)?;
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
    /// Where durable storage refuses.
    pub fn set_next_base_fee(&mut self, base_fee: u64) -> Result<(), RpcError> {
        let config = CONFIG
            .get(self.machine.durable(), &())
            .map_err(RpcError::internal)?;
        self.amend(|block| {
            // A block that used just its target leaves the base fee as it is.
            block.head = Head {
                gas_used: block.head.gas_limit / 2,
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
    ///
    /// # Errors
    /// Why it cannot be in a block.
    pub fn send_as(
        &mut self,
        sender: Address,
        transaction: SignedTransaction,
    ) -> Result<B256, RpcError> {
        let hash = transaction.hash;
        let mut durable = self.machine.durable().clone();
        let timestamp = self.node.clock.stamp(self.timestamp);
        let block =
            evm_kernel::native::impersonate::block(&durable, timestamp, transaction, sender)
                .map_err(RpcError::internal)?
                .map_err(RpcError::server)?;
        commit::block(&mut durable, &block).map_err(RpcError::internal)?;
        let block = Block::read(durable.clone()).map_err(RpcError::internal)?;
        self.timestamp = timestamp;
        self.newest = Some(block.number());
        *self.machine.durable_mut() = durable;
        let blocks = [Arc::new(block)];
        self.node.publish(blocks.iter().cloned());
        self.settle(&blocks, self.backlog == 0);
        Ok(hash)
    }

    /// Commits changes without a new block.
    fn amend(&mut self, change: impl FnOnce(&mut commit::Block)) -> Result<(), RpcError> {
        let mut durable = self.machine.durable().clone();
        let mut block = commit::Block {
            head: head(&durable).map_err(RpcError::internal)?,
            ..commit::Block::default()
        };
        change(&mut block);
        commit::block(&mut durable, &block).map_err(RpcError::internal)?;
        *self.machine.durable_mut() = durable.clone();
        self.node.amend(durable);
        Ok(())
    }

    fn mine_one(&mut self) -> Result<(), MinerError> {
        let limits = self.limits(usize::MAX);
        self.fill_level(&limits)
    }
}
