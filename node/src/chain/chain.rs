//! All blocks, indexed by number, block hash and transaction hash.

use super::block::Block;
use super::log_filter::LogFilter;
use super::log_index::LogIndex;
use alloy_primitives::{B256, Log};
use pvm::Durable;
use std::collections::HashMap;
use std::sync::Arc;

/// All blocks, from number 0 on.
#[derive(Debug, Default)]
pub struct Chain {
    blocks: Vec<Arc<Block>>,
    by_hash: HashMap<B256, u64>,
    transactions: HashMap<B256, (u64, usize)>,
    logs: LogIndex,
}

impl Chain {
    /// Adds the block after the newest.
    pub fn push(&mut self, block: Arc<Block>) {
        debug_assert_eq!(
            block.number(),
            self.blocks.len() as u64,
            "blocks come in order"
        );
        self.by_hash.insert(block.hash, block.number());
        for (index, included) in block.transactions.iter().enumerate() {
            self.transactions
                .insert(included.transaction.hash, (block.number(), index));
        }
        self.logs.insert(&block);
        self.blocks.push(block);
    }

    /// Forgets the blocks after number `newest`.
    pub fn truncate(&mut self, newest: u64) {
        while let Some(block) = self.blocks.pop_if(|block| block.number() > newest) {
            self.by_hash.remove(&block.hash);
            for included in &block.transactions {
                self.transactions.remove(&included.transaction.hash);
            }
            self.logs.remove(&block);
        }
    }

    /// Makes `state` the state after the newest block.
    pub fn amend(&mut self, state: Durable) {
        if let Some(newest) = self.blocks.last_mut() {
            Arc::make_mut(newest).state = state;
        }
    }

    /// Calls `each` with the wanted logs of the blocks from `from` to `to`, in
    /// order: block, index of the transaction, number of the log, log. Stops
    /// when `each` says so (`false`).
    pub fn for_each_log(
        &self,
        filter: &LogFilter,
        from: u64,
        to: u64,
        mut each: impl FnMut(&Block, usize, u64, &Log) -> bool,
    ) {
        let mut see = |block: &Block, index, number, log: &Log| {
            !filter.matches(log) || each(block, index, number, log)
        };
        let Some(places) = self.logs.find(filter, from, to) else {
            for block in self.range(from, to) {
                for (index, number, log) in block.logs() {
                    if !see(block, index, number, log) {
                        return;
                    }
                }
            }
            return;
        };
        for place in places {
            let number = u64::from(place.log);
            if let Some(block) = self.number(place.block.into())
                && let Some((index, log)) = block.log(number)
                && !see(block, index, number, log)
            {
                return;
            }
        }
    }

    /// The newest block; `None` before genesis.
    #[must_use]
    pub fn latest(&self) -> Option<&Arc<Block>> {
        self.blocks.last()
    }

    /// The block with this number.
    #[must_use]
    pub fn number(&self, number: u64) -> Option<&Arc<Block>> {
        self.blocks.get(usize::try_from(number).ok()?)
    }

    /// The block with this hash.
    #[must_use]
    pub fn hash(&self, hash: &B256) -> Option<&Arc<Block>> {
        self.number(*self.by_hash.get(hash)?)
    }

    /// The block and the index in it of a transaction.
    #[must_use]
    pub fn transaction(&self, hash: &B256) -> Option<(&Arc<Block>, usize)> {
        let (number, index) = self.transactions.get(hash)?;
        Some((self.number(*number)?, *index))
    }

    /// The blocks from `from` to `to`, both included, as far as there are.
    #[must_use]
    pub fn range(&self, from: u64, to: u64) -> &[Arc<Block>] {
        let bound = |number: u64| {
            usize::try_from(number)
                .unwrap_or(usize::MAX)
                .min(self.blocks.len())
        };
        let (start, end) = (bound(from), bound(to.saturating_add(1)));
        self.blocks.get(start..end).unwrap_or_default()
    }
}
