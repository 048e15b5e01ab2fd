//! Forks: the chain goes on from a block of another one.

use super::miner::{IDLE, Miner};
use super::snapshot::Snapshot;
use crate::chain::{Block, head};
use crate::clock::Setting;
use crate::error::{MinerError, NodeError};
use crate::fork::Fork;
use crate::pool::Candidate;
use crate::predeploys;
use alloy_primitives::{Address, KECCAK256_EMPTY};
use pvm::Durable;
use std::sync::Arc;
use storage::block::StoredHeader;
use storage::diff::{AccountChange, AccountDiff};
use storage::layout::CONFIG;
use storage::{Account, Config, Diff, Head, commit};

impl Miner {
    /// Makes the chain go on from a block of another one, or (`None`) from its own genesis.
    /// Snapshots are gone, and so is what waits in the pool. If it fails, nothing changes.
    ///
    /// # Errors
    /// If the other chain's node does not give what is needed at once.
    pub(super) fn restart(&mut self, fork: Option<Arc<Fork>>) -> Result<(), NodeError> {
        let Some(genesis) = self.genesis.clone() else {
            return Ok(());
        };
        let Some(fork) = fork else {
            return self.begin_again(genesis);
        };
        if self.node.store().lasts() {
            return Err(NodeError::KeptFork);
        }
        let storage = self.forked_storage(&genesis.durable, &fork)?;
        let block = Block {
            hash: fork.hash(),
            size: 0,
            transactions: Vec::new(),
            header: fork.header().clone(),
            state: Some(storage.clone()),
        };
        let start = Snapshot {
            durable: storage,
            layer1: genesis.layer1,
            newest: fork.number(),
            clock: Setting::default(),
            chain_id: self.fork_id(&fork),
        };
        let timestamp = fork.header().timestamp;
        self.node.restart(Arc::new(block), Some(fork), |_| Ok(()))?;
        self.snapshots.drop_from(0);
        self.restore(start)?;
        // As in anvil and Hardhat, time goes on from the block's.
        self.node.clock.set(timestamp);
        Ok(())
    }

    /// Makes the chain go on from its own genesis.
    fn begin_again(&mut self, genesis: Snapshot) -> Result<(), NodeError> {
        let first = Block::read(genesis.durable.clone())?;
        self.begin_with(genesis, Arc::new(first))
    }

    /// Makes a block the only one, with what was at a snapshot around it.
    pub(super) fn begin_with(
        &mut self,
        mut start: Snapshot,
        first: Arc<Block>,
    ) -> Result<(), NodeError> {
        let over = start.layer1.level();
        // Levels are never used twice.
        start.layer1.resume_at(self.machine.level());
        let state = self.node.restart(first, None, |batch| {
            batch.remove_messages_from(over)?;
            batch.remove_snapshots_from(0)?;
            batch.put_layer1(&start.layer1)?;
            batch.put_clock(start.clock)
        })?;
        if let Some(state) = state {
            start.durable = state;
        }
        self.snapshots.drop_from(0);
        self.restore(start)
    }

    /// The number of a fork.
    fn fork_id(&self, fork: &Fork) -> u64 {
        self.node.forked().chain_id.unwrap_or(fork.chain_id())
    }

    /// The storage after the fork's block: the kernel's own genesis with another head, and the
    /// other chain behind it.
    fn forked_storage(&self, genesis: &Durable, fork: &Fork) -> Result<Durable, NodeError> {
        let mut storage = genesis.clone();
        let config = CONFIG.get(&storage, &())?.unwrap_or_default();
        let header = fork.header();
        let genesis = head(&storage)?;
        // What the other chain has it has itself.
        let gone = predeploys::accounts(config.chain_id).map(|(address, _)| AccountDiff {
            address,
            account: AccountChange::Delete,
            had_code: false,
            cleared: true,
            slots: Vec::new(),
        });
        let mut accounts = self.funded(fork)?;
        accounts.extend(gone);
        let block = commit::Block {
            head: Head {
                number: header.number,
                hash: fork.hash(),
                state_root: header.state_root,
                timestamp: header.timestamp,
                gas_limit: header.gas_limit,
                gas_used: header.gas_used,
                base_fee: header.base_fee_per_gas,
                oldest: header.number,
                ..genesis
            },
            outdated: 0..1,
            header: Some(StoredHeader {
                hash: fork.hash(),
                rlp: header.encode().into(),
            }),
            diff: Diff {
                accounts,
                code: Vec::new(),
            },
            config: Some(Config {
                chain_id: self.fork_id(fork),
                // The base fee goes on from the block's.
                base_fee_floor: config.base_fee_floor.min(header.base_fee_per_gas),
                ..config
            }),
            ..commit::Block::default()
        };
        commit::block(&mut storage, &block)?;
        Ok(fork.behind(storage))
    }

    /// The accounts whose keys the node has: funded, with the nonces that they have on the other
    /// chain, and without code that somebody delegated them to there.
    fn funded(&self, fork: &Fork) -> Result<Vec<AccountDiff>, NodeError> {
        let addresses: Vec<Address> = self.node.accounts().iter().map(|one| one.address).collect();
        let there = fork.accounts(&addresses)?;
        let funded = addresses
            .into_iter()
            .zip(there)
            .map(|(address, account)| AccountDiff {
                address,
                account: AccountChange::Set(Account {
                    nonce: account.nonce,
                    balance: account.balance.max(self.node.forked().funds),
                    code_hash: KECCAK256_EMPTY,
                }),
                had_code: false,
                cleared: false,
                slots: Vec::new(),
            });
        Ok(funded.collect())
    }

    /// Puts transactions back into the pool whose block cannot be made now, and waits a little.
    pub(super) fn put_back(&self, batch: &[Arc<Candidate>]) -> MinerError {
        self.give_back(batch);
        let why = self.node.fork().and_then(|fork| fork.trouble().1);
        std::thread::sleep(IDLE);
        MinerError::Waiting(why.map_or_else(String::new, |why| why.to_string()))
    }
}
