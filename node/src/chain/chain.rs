//! All blocks, indexed by number, block hash and transaction hash.

use super::block::Block;
use super::log_filter::LogFilter;
use super::log_index::LogIndex;
use alloy_primitives::{B256, Log};
use pvm::Durable;
use std::collections::HashMap;
use std::sync::Arc;

/// A block, and the numbers of those of its logs that may pass a filter; `None`: all.
pub type Candidates = (Arc<Block>, Option<Vec<u32>>);

/// Calls `each` with the logs among `candidates` that pass, in order: block, index of
/// the transaction, number of the log, log. Stops where `each` does.
///
/// # Errors
/// Those of `each`.
pub fn for_each_log<E>(
    candidates: &[Candidates],
    filter: &LogFilter,
    mut each: impl FnMut(&Block, usize, u64, &Log) -> Result<(), E>,
) -> Result<(), E> {
    for (block, numbers) in candidates {
        match numbers {
            None => {
                for (index, number, log) in block.logs() {
                    if filter.matches(log) {
                        each(block, index, number, log)?;
                    }
                }
            }
            Some(numbers) => {
                for number in numbers.iter().map(|number| u64::from(*number)) {
                    if let Some((index, log)) = block.log(number)
                        && filter.matches(log)
                    {
                        each(block, index, number, log)?;
                    }
                }
            }
        }
    }
    Ok(())
}

/// All blocks, from number 0 on.
#[derive(Debug)]
pub struct Chain {
    /// The number of blocks whose states are kept.
    keep_states: u64,
    blocks: Vec<Arc<Block>>,
    by_hash: HashMap<B256, u64>,
    transactions: HashMap<B256, (u64, usize)>,
    logs: LogIndex,
}

impl Chain {
    /// No blocks yet; the states of the newest `keep_states` will be kept, one at least.
    #[must_use]
    pub fn new(keep_states: u64) -> Self {
        Self {
            keep_states: keep_states.max(1),
            blocks: Vec::new(),
            by_hash: HashMap::new(),
            transactions: HashMap::new(),
            logs: LogIndex::default(),
        }
    }

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
        let old = block.number().checked_sub(self.keep_states);
        self.blocks.push(block);
        // Genesis stays: it is what a chain can be told from.
        let old = old
            .filter(|old| *old > 0)
            .and_then(|old| usize::try_from(old).ok());
        if let Some(old) = old.and_then(|old| self.blocks.get_mut(old)) {
            Arc::make_mut(old).state = None;
        }
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
            Arc::make_mut(newest).state = Some(state);
        }
    }

    /// The blocks from `from` to `to` that may have logs that pass, each with the
    /// numbers of these logs; no numbers: all of them. To be looked at without the
    /// chain's lock.
    #[must_use]
    pub fn candidates(&self, filter: &LogFilter, from: u64, to: u64) -> Vec<Candidates> {
        let Some(places) = self.logs.find(filter, from, to) else {
            let blocks = self.range(from, to).iter().cloned();
            return blocks.map(|block| (block, None)).collect();
        };
        let mut found: Vec<Candidates> = Vec::new();
        for place in places {
            let number = u64::from(place.block);
            if found
                .last()
                .is_none_or(|(block, _)| block.number() != number)
            {
                let Some(block) = self.number(number) else {
                    continue;
                };
                found.push((Arc::clone(block), Some(Vec::new())));
            }
            if let Some((_, Some(logs))) = found.last_mut() {
                logs.push(place.log);
            }
        }
        found
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
