//! All blocks, indexed by number, block hash and transaction hash.

use super::archive::{Archive, Kept};
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
pub type Candidates = (Kept, Option<Vec<u32>>);

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
        let Some(block) = block.load() else { continue };
        match numbers {
            None => {
                for (index, number, log) in block.logs() {
                    if filter.matches(log) {
                        each(&block, index, number, log)?;
                    }
                }
            }
            Some(numbers) => {
                for number in numbers.iter().map(|number| u64::from(*number)) {
                    if let Some((index, log)) = block.log(number)
                        && filter.matches(log)
                    {
                        each(&block, index, number, log)?;
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
    /// The number of blocks whose states are kept, and which are in memory.
    keep_states: u64,
    /// The number of the first block.
    first: u64,
    blocks: Vec<Kept>,
    /// Where older blocks are; `None`: there is no place for files.
    archive: Option<Arc<Archive>>,
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
            archive: archive(),
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
        self.blocks.push(Kept::here(block));
        // Genesis stays: it is what a chain can be told from.
        let old = old
            .filter(|old| *old > 0)
            .and_then(|old| self.position(old));
        if let Some(old) = old.and_then(|old| self.blocks.get_mut(old)) {
            if let Some(block) = old.change() {
                block.state = None;
            }
            if let Some(archive) = &self.archive {
                old.put_away(archive);
            }
        }
    }

    /// Forgets all blocks, and begins with this one.
    pub fn restart(&mut self, first: Arc<Block>) {
        self.forget_after(None);
        self.push(first);
    }

    /// Forgets the blocks after number `newest`; gives them, newest first.
    pub fn truncate(&mut self, newest: u64) -> Vec<Arc<Block>> {
        self.forget_after(Some(newest))
    }

    fn forget_after(&mut self, newest: Option<u64>) -> Vec<Arc<Block>> {
        let mut forgotten = Vec::new();
        let rest = newest.map_or(0, |newest| {
            newest.saturating_add(1).saturating_sub(self.first)
        });
        let rest = usize::try_from(rest).unwrap_or(usize::MAX);
        while self.blocks.len() > rest
            && let Some(kept) = self.blocks.pop()
        {
            self.by_hash.remove(&kept.hash());
            let Some(block) = kept.load() else { continue };
            for included in &block.transactions {
                self.transactions.remove(&included.transaction.hash);
            }
            self.logs.remove(&block);
            forgotten.push(block);
        }
        forgotten
    }

    /// As [`Chain::truncate`], for blocks that another branch replaces (`None`: all):
    /// listeners are told that their logs are gone.
    pub fn fork(&mut self, newest: Option<u64>) -> Vec<Arc<Block>> {
        let gone = self.forget_after(newest);
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
        if let Some(newest) = self.blocks.last_mut().and_then(Kept::change) {
            newest.state = Some(state);
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
        let mut last = None;
        for place in places {
            if last != Some(place.block) {
                let index = self.position(place.block.into());
                let Some(block) = index.and_then(|index| self.blocks.get(index)) else {
                    continue;
                };
                found.push((block.clone(), Some(Vec::new())));
                last = Some(place.block);
            }
            if let Some((_, Some(logs))) = found.last_mut() {
                logs.push(place.log);
            }
        }
        found
    }

    /// The number of the first block.
    #[must_use]
    pub const fn first(&self) -> u64 {
        self.first
    }

    /// The newest block; `None` before genesis.
    #[must_use]
    pub fn latest(&self) -> Option<Arc<Block>> {
        self.blocks.last().and_then(Kept::load)
    }

    /// The block with this number.
    #[must_use]
    pub fn number(&self, number: u64) -> Option<Arc<Block>> {
        self.blocks.get(self.position(number)?)?.load()
    }

    /// The block with this hash.
    #[must_use]
    pub fn hash(&self, hash: &B256) -> Option<Arc<Block>> {
        self.number(*self.by_hash.get(hash)?)
    }

    /// The block and the index in it of a transaction.
    #[must_use]
    pub fn transaction(&self, hash: &B256) -> Option<(Arc<Block>, usize)> {
        let (number, index) = self.transactions.get(hash)?;
        Some((self.number(*number)?, *index))
    }

    /// The blocks from `from` to `to`, both included, as far as there are.
    #[must_use]
    pub fn range(&self, from: u64, to: u64) -> &[Kept] {
        let bound = |number: u64| {
            usize::try_from(number.saturating_sub(self.first))
                .unwrap_or(usize::MAX)
                .min(self.blocks.len())
        };
        let (start, end) = (bound(from), bound(to.saturating_add(1)));
        self.blocks.get(start..end).unwrap_or_default()
    }
}

fn archive() -> Option<Arc<Archive>> {
    match Archive::new() {
        Ok(archive) => Some(Arc::new(archive)),
        Err(error) => {
            tracing::warn!("old blocks stay in memory: no file can be made for them: {error}");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::{Address, Bytes, LogData};
    use ethereum::Header;
    use ethereum::transaction::{Legacy, Transaction, sign};
    use storage::block::StoredReceipt;

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
        chain.fork(Some(1));
        let gone = chain.removed_since(seen);
        let numbers: Vec<u64> = gone.iter().map(|block| block.number()).collect();
        assert_eq!(numbers, [3, 2]);
        assert!(chain.removed_since(chain.removals()).is_empty());
        chain.push(block(2, 2));
        assert!(chain.hash(&block(2, 1).hash).is_none());
        assert_eq!(chain.latest().unwrap().hash, block(2, 2).hash);
    }

    /// A block with a transaction that made a log.
    fn logging(number: u64) -> Arc<Block> {
        let header = Header {
            number,
            ..Header::default()
        };
        let transfer = Legacy {
            nonce: number,
            ..Legacy::default()
        };
        let signed = sign(Transaction::Legacy(transfer), &[1; 32]).unwrap();
        let log = Log {
            address: Address::repeat_byte(7),
            data: LogData::new_unchecked(Vec::new(), Bytes::from(vec![9; 99])),
        };
        let receipt = StoredReceipt {
            success: true,
            gas_used: 21_000,
            data_gas: 0,
            logs: vec![log],
        };
        let stored = storage::block::StoredTransaction {
            sender: Address::repeat_byte(1),
            raw: signed.encode().into(),
        };
        let rlp: Bytes = header.encode().into();
        let hash = alloy_primitives::keccak256(&rlp);
        let header = storage::block::StoredHeader { hash, rlp };
        let parts = (header, vec![stored], vec![receipt]);
        Arc::new(Block::of_parts(number, parts, Some(Durable::new())).unwrap())
    }

    fn same(a: &Block, b: &Block) {
        let parts = |block: &Block| (block.hash, block.header.clone(), block.size);
        assert_eq!(parts(a), parts(b));
        let included = |block: &Block| {
            let included = block.transactions.iter().map(|one| {
                let hash = one.transaction.hash;
                (hash, one.sender, one.receipt.clone(), one.first_log)
            });
            included.collect::<Vec<_>>()
        };
        assert_eq!(included(a), included(b));
    }

    #[test]
    fn blocks_that_are_put_away_are_read_back_as_they_were() {
        let mut chain = Chain::new(2);
        let blocks: Vec<_> = (0..10).map(logging).collect();
        blocks.iter().cloned().for_each(|block| chain.push(block));
        for (number, expected) in (0..).zip(&blocks) {
            let found = chain.number(number).unwrap();
            same(&found, expected);
            let has_state = number == 0 || number > 7;
            assert_eq!(found.state.is_some(), has_state, "{number}");
            let hash = expected.transactions[0].transaction.hash;
            same(&chain.transaction(&hash).unwrap().0, expected);
            same(&chain.hash(&expected.hash).unwrap(), expected);
        }
        let filter = LogFilter::new(vec![Address::repeat_byte(7)], Vec::new());
        let mut found = Vec::new();
        let candidates = chain.candidates(&filter, 1, 8);
        for_each_log(&candidates, &filter, |block, _, _, _| {
            found.push(block.number());
            Ok::<_, ()>(())
        })
        .unwrap();
        assert_eq!(found, (1..=8).collect::<Vec<_>>());
    }

    #[test]
    fn the_chain_goes_back_behind_what_was_put_away() {
        let mut chain = Chain::new(2);
        (0..10).map(logging).for_each(|block| chain.push(block));
        chain.truncate(3);
        chain.amend(Durable::new());
        let newest = chain.latest().unwrap();
        assert_eq!(newest.number(), 3);
        assert!(newest.state.is_some());
        let gone = logging(4).transactions[0].transaction.hash;
        assert!(chain.transaction(&gone).is_none());
        let filter = LogFilter::new(vec![Address::repeat_byte(7)], Vec::new());
        assert_eq!(chain.candidates(&filter, 0, 9).len(), 4);
        chain.push(logging(4));
        assert!(chain.transaction(&gone).is_some());
    }
}
