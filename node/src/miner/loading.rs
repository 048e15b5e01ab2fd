//! Dumps: accounts, or a whole chain.

use super::miner::Miner;
use super::snapshot::Snapshot;
use crate::chain::Block;
use crate::chain_file::ChainDump;
use crate::clock::Setting;
use crate::error::NodeError;
use crate::genesis::GenesisAccount;
use crate::state_file::Dump;
use alloy_primitives::{Address, KECCAK256_EMPTY, keccak256};
use pvm::Durable;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use storage::diff::{AccountChange, AccountDiff};
use storage::layout::ACCOUNTS;
use storage::{Account, Config, Diff, StorageError, commit};

impl Miner {
    /// Puts accounts into the newest state, or makes the chain that of the dump.
    pub(super) fn load(&mut self, dump: Dump) -> Result<(), NodeError> {
        let Dump { accounts, chain } = dump;
        for account in accounts.values().filter(|account| !account.code.is_empty()) {
            self.narrator.sees_code(&account.code);
        }
        match chain {
            None => {
                let diff = diff(self.machine.durable(), accounts)?;
                self.amend(|block| block.diff = diff)
            }
            Some(chain) => self.resume(&chain, accounts),
        }
    }

    /// Makes the chain that of a dump. Snapshots are gone, and so is what waits in the pool.
    fn resume(
        &mut self,
        dump: &ChainDump,
        accounts: BTreeMap<Address, GenesisAccount>,
    ) -> Result<(), NodeError> {
        let Some(genesis) = self.genesis.clone() else {
            return Ok(());
        };
        let (mut storage, head) = dump.storage(&genesis.durable)?;
        let chain_id = self.node.chain_id();
        let block = commit::Block {
            head,
            diff: diff(&storage, accounts)?,
            config: Some(Config {
                chain_id,
                ..dump.config.clone()
            }),
            ..commit::Block::default()
        };
        commit::block(&mut storage, &block)?;
        let newest = Block::read(storage.clone())?;
        let older = dump.blocks.iter().take(dump.blocks.len().saturating_sub(1));
        let mut blocks = older.cloned().chain([Arc::new(newest)]);
        let start = Snapshot {
            durable: storage,
            layer1: genesis.layer1,
            newest: head.number,
            clock: Setting::default(),
            chain_id,
        };
        if let Some(first) = blocks.next() {
            self.begin_with(start, first)?;
        }
        let shown = self.node.publish(blocks.collect(), |_| Ok(()))?;
        if let Some(state) = shown.last().and_then(|block| block.state.clone()) {
            *self.machine.durable_mut() = state;
        }
        Ok(())
    }
}

/// Changes of accounts in a storage.
fn diff(
    storage: &Durable,
    accounts: BTreeMap<Address, GenesisAccount>,
) -> Result<Diff, StorageError> {
    let mut diff = Diff::default();
    let mut codes = BTreeSet::new();
    for (address, loaded) in accounts {
        let before = ACCOUNTS.get(storage, &address)?;
        let had_code = before.is_some_and(|account| account.has_code());
        let account = Account {
            nonce: loaded.nonce,
            balance: loaded.balance,
            code_hash: match loaded.code.is_empty() {
                true => KECCAK256_EMPTY,
                false => keccak256(&loaded.code),
            },
        };
        diff.accounts.push(AccountDiff {
            address,
            account: match (account.is_empty(), before) {
                (true, Some(_)) => AccountChange::Delete,
                (true, None) => AccountChange::Keep,
                (false, _) => AccountChange::Set(account),
            },
            had_code,
            cleared: false,
            slots: loaded.storage.into_iter().collect(),
        });
        if account.has_code() && codes.insert(account.code_hash) {
            diff.code.push((account.code_hash, loaded.code));
        }
    }
    Ok(diff)
}
