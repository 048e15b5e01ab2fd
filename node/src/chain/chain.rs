//! All blocks, indexed by number, block hash and transaction hash.

use super::block::Block;
use super::log_filter::LogFilter;
use super::log_index::LogIndex;
use alloy_primitives::{B256, Log};
use pvm::Durable;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// The blocks that are remembered after they left the chain.
const REMEMBERED: usize = 1_024;

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

/// All blocks, from the first that the node knows on.
#[derive(Debug)]
pub struct Chain {
    /// The number of blocks whose states are kept.
    keep_states: u64,
    /// The number of the first block.
    first: u64,
    blocks: Vec<Arc<Block>>,
    /// The blocks that left the chain last, oldest departure first.
    removed: VecDeque<Arc<Block>>,
    /// The number of blocks that ever left it so.
    removals: u64,
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
            first: 0,
            blocks: Vec::new(),
            removed: VecDeque::new(),
            removals: 0,
            by_hash: HashMap::new(),
            transactions: HashMap::new(),
            logs: LogIndex::default(),
        }
    }

    /// Adds the block after the newest. The first may have any number.
    pub fn push(&mut self, block: Arc<Block>) {
        if self.blocks.is_empty() {
            self.first = block.number();
        }
        debug_assert_eq!(
            block.number(),
            self.first + self.blocks.len() as u64,
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
            .and_then(|old| self.position(old));
        if let Some(old) = old.and_then(|old| self.blocks.get_mut(old)) {
            Arc::make_mut(old).state = None;
        }
    }

    /// Forgets the blocks after number `newest`; gives them, newest first.
    pub fn truncate(&mut self, newest: u64) -> Vec<Arc<Block>> {
        let mut forgotten = Vec::new();
        while let Some(block) = self.blocks.pop_if(|block| block.number() > newest) {
            self.by_hash.remove(&block.hash);
            for included in &block.transactions {
                self.transactions.remove(&included.transaction.hash);
            }
            self.logs.remove(&block);
            forgotten.push(block);
        }
        forgotten
    }

    /// As [`Chain::truncate`], for blocks that another branch replaces: listeners are told
    /// that their logs are gone.
    pub fn fork(&mut self, newest: u64) -> Vec<Arc<Block>> {
        let gone = self.truncate(newest);
        for block in &gone {
            if self.removed.len() >= REMEMBERED {
                self.removed.pop_front();
            }
            let mut block = (**block).clone();
            block.state = None;
            self.removed.push_back(Arc::new(block));
            self.removals += 1;
        }
        gone
    }

    /// The number of blocks that ever left the chain for another branch.
    #[must_use]
    pub const fn removals(&self) -> u64 {
        self.removals
    }

    /// The blocks that left the chain for another branch since there were `seen` of them,
    /// in the order of their departure; at most the last 1,024.
    #[must_use]
    pub fn removed_since(&self, seen: u64) -> Vec<Arc<Block>> {
        let unseen = usize::try_from(self.removals.saturating_sub(seen)).unwrap_or(usize::MAX);
        let skipped = self.removed.len().saturating_sub(unseen);
        self.removed.iter().skip(skipped).cloned().collect()
    }

    /// Where the block with this number is, if it can be there.
    fn position(&self, number: u64) -> Option<usize> {
        usize::try_from(number.checked_sub(self.first)?).ok()
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
        self.blocks.get(self.position(number)?)
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
            usize::try_from(number.saturating_sub(self.first))
                .unwrap_or(usize::MAX)
                .min(self.blocks.len())
        };
        let (start, end) = (bound(from), bound(to.saturating_add(1)));
        self.blocks.get(start..end).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ethereum::Header;

    fn block(number: u64, branch: u8) -> Arc<Block> {
        Arc::new(Block {
            hash: B256::repeat_byte(branch) ^ B256::left_padding_from(&number.to_be_bytes()),
            header: Header {
                number,
                ..Header::default()
            },
            size: 0,
            transactions: Vec::new(),
            state: Some(Durable::new()),
        })
    }

    #[test]
    fn a_chain_may_start_anywhere() {
        let mut chain = Chain::new(2);
        for number in 7..12 {
            chain.push(block(number, 1));
        }
        assert!(chain.number(6).is_none());
        assert_eq!(chain.number(7).unwrap().number(), 7);
        assert_eq!(chain.range(0, 8).len(), 2);
        assert!(chain.number(9).unwrap().state.is_none());
        assert!(chain.number(10).unwrap().state.is_some());
    }

    #[test]
    fn what_left_for_another_branch_is_told_once() {
        let mut chain = Chain::new(100);
        for number in 0..5 {
            chain.push(block(number, 1));
        }
        let seen = chain.removals();
        assert_eq!(chain.truncate(3).len(), 1);
        assert!(chain.removed_since(seen).is_empty());
        chain.fork(1);
        let gone = chain.removed_since(seen);
        let numbers: Vec<u64> = gone.iter().map(|block| block.number()).collect();
        assert_eq!(numbers, [3, 2]);
        assert!(chain.removed_since(chain.removals()).is_empty());
        chain.push(block(2, 2));
        assert!(chain.hash(&block(2, 1).hash).is_none());
        assert_eq!(chain.latest().unwrap().hash, block(2, 2).hash);
    }
}
