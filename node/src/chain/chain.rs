//! The chain: its newest blocks in memory, all of them in the store.

use super::block::Block;
use crate::store::bounds::{
    CACHED_BLOCKS, CACHED_BYTES, RECENT_BLOCKS, RECENT_BYTES, REMOVED_BLOCKS,
};
use crate::store::{StateName, Store, StoreError};
use alloy_primitives::B256;
use pvm::Durable;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// All blocks, from the first that the node knows on.
#[derive(Debug)]
pub struct Chain {
    /// The number of blocks whose states are kept.
    keep_states: u64,
    store: Arc<Store>,
    /// The numbers of the first block and of the newest.
    bounds: Option<(u64, u64)>,
    /// The newest blocks, oldest first, with their states.
    recent: Recent,
    /// The states of the newest blocks, oldest first.
    states: VecDeque<Option<Durable>>,
    /// Genesis stays: it is what a chain can be told from.
    genesis: Option<Durable>,
    /// Older blocks that somebody asked for.
    cache: Cache,
    /// The blocks that left the chain last, oldest departure first.
    removed: VecDeque<Arc<Block>>,
    /// The number of blocks that ever left it so.
    removals: u64,
}

impl Chain {
    /// The blocks of a store; the states of the newest `keep_states` are kept, one at least.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn new(store: Arc<Store>, keep_states: u64) -> Result<Self, StoreError> {
        Ok(Self {
            keep_states: keep_states.max(1),
            bounds: store.bounds()?,
            store,
            recent: Recent::default(),
            states: VecDeque::new(),
            genesis: None,
            cache: Cache::default(),
            removed: VecDeque::new(),
            removals: 0,
        })
    }

    /// No blocks yet, in a store that ends with the process.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn passing(keep_states: u64) -> Result<Self, StoreError> {
        Self::new(Store::passing()?, keep_states)
    }

    /// The number of blocks whose states are kept.
    #[must_use]
    pub const fn keep_states(&self) -> u64 {
        self.keep_states
    }

    /// The store of all blocks.
    #[must_use]
    pub const fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// Adds the block after the newest, which the store has. The first may have any number.
    pub fn push(&mut self, block: Arc<Block>) {
        let number = block.number();
        let newest = self.newest();
        debug_assert!(
            newest.is_none_or(|newest| number == newest + 1),
            "blocks come in order"
        );
        let first = self.bounds.map_or(number, |(first, _)| first);
        self.bounds = Some((first, number));
        let kept = usize::try_from(self.keep_states).unwrap_or(usize::MAX);
        // A store that lasts has the states, too.
        if !self.store.lasts() {
            if number == 0 {
                self.genesis.clone_from(&block.state);
            }
            self.states.push_back(block.state.clone());
            if self.states.len() > kept {
                self.states.pop_front();
            }
        }
        if let Some(old) = number.checked_sub(self.keep_states) {
            // It was read with its state.
            self.cache.forget(old);
        }
        self.recent.push(block, kept);
    }

    /// Forgets the blocks after number `newest` (`None`: all), which the store no longer has.
    pub fn truncate(&mut self, newest: Option<u64>) {
        let Some((first, last)) = self.bounds else {
            return;
        };
        let newest = newest.filter(|newest| *newest >= first);
        let gone = last - newest.unwrap_or(first).min(last) + u64::from(newest.is_none());
        let gone = usize::try_from(gone).unwrap_or(usize::MAX);
        self.bounds = newest.map(|newest| (first, newest.min(last)));
        self.states.truncate(self.states.len().saturating_sub(gone));
        if newest.is_none() {
            self.genesis = None;
        }
        self.recent.pop(gone);
        self.cache.clear();
    }

    /// As [`Chain::truncate`], for blocks that another branch replaces: listeners are told
    /// that the logs of `gone` are gone.
    pub fn fork(&mut self, newest: Option<u64>, gone: &[Arc<Block>]) {
        self.truncate(newest);
        for block in gone {
            if self.removed.len() >= REMOVED_BLOCKS {
                self.removed.pop_front();
            }
            let mut block = (**block).clone();
            block.state = None;
            self.removed.push_back(Arc::new(block));
            self.removals += 1;
        }
    }

    /// The blocks after number `newest` (`None`: all), newest first.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn after(&self, newest: Option<u64>) -> Result<Vec<Arc<Block>>, StoreError> {
        let Some((first, last)) = self.bounds else {
            return Ok(Vec::new());
        };
        let next = newest.map_or(first, |newest| newest.saturating_add(1).max(first));
        let blocks = (next..=last).rev();
        blocks
            .filter_map(|number| self.number(number).transpose())
            .collect()
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

    /// Makes `state` the state after the newest block.
    pub fn amend(&mut self, state: Durable) {
        if !self.store.lasts() {
            // It was no longer kept if the chain went far back.
            self.states.pop_back();
            self.states.push_back(Some(state.clone()));
        }
        match self.recent.blocks.back_mut() {
            Some(newest) => Arc::make_mut(newest).state = Some(state),
            None => self.cache.clear(),
        }
    }

    /// Takes the states of blocks out of memory but for their roots.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn let_go(&mut self) -> Result<(), StoreError> {
        self.cache.clear();
        for block in &mut self.recent.blocks {
            if let Some(state) = &block.state {
                let state = self.store.let_go(state)?;
                Arc::make_mut(block).state = Some(state);
            }
        }
        Ok(())
    }

    /// The number of the first block.
    #[must_use]
    pub fn first(&self) -> u64 {
        self.bounds.map_or(0, |(first, _)| first)
    }

    /// The number of the newest block; `None` before genesis.
    #[must_use]
    pub fn newest(&self) -> Option<u64> {
        self.bounds.map(|(_, newest)| newest)
    }

    /// The newest block; `None` before genesis.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn latest(&self) -> Result<Option<Arc<Block>>, StoreError> {
        match self.newest() {
            Some(newest) => self.number(newest),
            None => Ok(None),
        }
    }

    /// The block with this number.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn number(&self, number: u64) -> Result<Option<Arc<Block>>, StoreError> {
        let Some((first, newest)) = self.bounds else {
            return Ok(None);
        };
        if number < first || number > newest {
            return Ok(None);
        }
        let known = self.recent.behind(newest - number);
        if let Some(block) = known.or_else(|| self.cache.get(number)) {
            return Ok(Some(block));
        }
        let Some(mut block) = self.store.block(number)? else {
            return Ok(None);
        };
        block.state = self.state(newest - number, number)?;
        let block = Arc::new(block);
        self.cache.keep(&block);
        Ok(Some(block))
    }

    /// The state after a block, if it is kept.
    fn state(&self, behind: u64, number: u64) -> Result<Option<Durable>, StoreError> {
        if behind >= self.keep_states && number > 0 {
            return Ok(None);
        }
        if self.store.lasts() {
            return self.store.state(StateName::Block(number));
        }
        let place = usize::try_from(behind + 1).ok();
        let place = place.and_then(|place| self.states.len().checked_sub(place));
        Ok(match place.and_then(|place| self.states.get(place)) {
            Some(state) => state.clone(),
            None if number == 0 => self.genesis.clone(),
            None => None,
        })
    }

    /// The block with this hash.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn hash(&self, hash: &B256) -> Result<Option<Arc<Block>>, StoreError> {
        if let Some(block) = self.recent.hash(hash) {
            return Ok(Some(block));
        }
        match self.store.number_of(hash)? {
            Some(number) => self.number(number),
            None => Ok(None),
        }
    }

    /// The block and the index in it of a transaction.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn transaction(&self, hash: &B256) -> Result<Option<(Arc<Block>, usize)>, StoreError> {
        let Some((number, index)) = self.store.place_of(hash)? else {
            return Ok(None);
        };
        Ok(self.number(number)?.map(|block| (block, index)))
    }

    /// The numbers from `from` to `to`, both included, as far as there are blocks.
    #[must_use]
    pub fn range(&self, from: u64, to: u64) -> std::ops::Range<u64> {
        match self.bounds {
            Some((first, newest)) => from.max(first)..to.min(newest).saturating_add(1),
            None => 0..0,
        }
    }
}

/// The newest blocks.
#[derive(Debug, Default)]
struct Recent {
    blocks: VecDeque<Arc<Block>>,
    bytes: u64,
}

impl Recent {
    fn push(&mut self, block: Arc<Block>, most: usize) {
        self.bytes += weight(&block);
        self.blocks.push_back(block);
        let most = most.min(RECENT_BLOCKS);
        while self.blocks.len() > most || self.blocks.len() > 1 && self.bytes > RECENT_BYTES {
            let Some(block) = self.blocks.pop_front() else {
                return;
            };
            self.bytes -= weight(&block);
        }
    }

    fn pop(&mut self, count: usize) {
        let rest = self.blocks.len().saturating_sub(count);
        for block in self.blocks.drain(rest..) {
            self.bytes -= weight(&block);
        }
    }

    /// The block so many before the newest.
    fn behind(&self, behind: u64) -> Option<Arc<Block>> {
        let behind = usize::try_from(behind).ok()?.checked_add(1)?;
        let place = self.blocks.len().checked_sub(behind)?;
        self.blocks.get(place).cloned()
    }

    fn hash(&self, hash: &B256) -> Option<Arc<Block>> {
        let found = self.blocks.iter().rev().find(|block| block.hash == *hash);
        found.cloned()
    }
}

/// The bytes of a block in memory, about.
fn weight(block: &Block) -> u64 {
    let logs = block.logs().map(|(.., log)| log.data.data.len() as u64);
    /// A transaction and a receipt as Rust has them.
    const EACH: u64 = 768;
    block.size + block.transactions.len() as u64 * EACH + logs.sum::<u64>()
}

/// Blocks that were read, the last asked for at the end.
#[derive(Debug, Default)]
struct Cache(Mutex<VecDeque<Arc<Block>>>);

impl Cache {
    fn get(&self, number: u64) -> Option<Arc<Block>> {
        let mut blocks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = blocks.iter().rposition(|block| block.number() == number)?;
        let block = blocks.remove(place)?;
        blocks.push_back(Arc::clone(&block));
        Some(block)
    }

    fn keep(&self, block: &Arc<Block>) {
        let mut blocks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        blocks.push_back(Arc::clone(block));
        let mut bytes: u64 = blocks.iter().map(|block| weight(block)).sum();
        while blocks.len() > CACHED_BLOCKS || bytes > CACHED_BYTES {
            let Some(block) = blocks.pop_front() else {
                return;
            };
            bytes -= weight(&block);
        }
    }

    fn forget(&self, number: u64) {
        let mut blocks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        blocks.retain(|block| block.number() != number);
    }

    fn clear(&self) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::LogFilter;
    use alloy_primitives::{Address, Bytes, Log, LogData};
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

    /// Adds a block, as a node does.
    fn add(chain: &mut Chain, block: Arc<Block>) {
        chain.store.write(|batch| batch.put_block(&block)).unwrap();
        chain.push(block);
    }

    /// Goes back, as a node does.
    fn back(chain: &mut Chain, newest: u64, forks: bool) -> usize {
        let gone = chain.after(Some(newest)).unwrap();
        chain
            .store
            .write(|batch| batch.remove_after(Some(newest)))
            .unwrap();
        match forks {
            true => chain.fork(Some(newest), &gone),
            false => chain.truncate(Some(newest)),
        }
        gone.len()
    }

    #[test]
    fn a_chain_may_start_anywhere() {
        let mut chain = Chain::passing(2).unwrap();
        for number in 7..12 {
            add(&mut chain, block(number, 1));
        }
        assert!(chain.number(6).unwrap().is_none());
        assert_eq!(chain.number(7).unwrap().unwrap().number(), 7);
        assert_eq!(chain.range(0, 8), 7..9);
        assert!(chain.number(9).unwrap().unwrap().state.is_none());
        assert!(chain.number(10).unwrap().unwrap().state.is_some());
    }

    #[test]
    fn what_left_for_another_branch_is_told_once() {
        let mut chain = Chain::passing(100).unwrap();
        for number in 0..5 {
            add(&mut chain, block(number, 1));
        }
        let seen = chain.removals();
        assert_eq!(back(&mut chain, 3, false), 1);
        assert!(chain.removed_since(seen).is_empty());
        back(&mut chain, 1, true);
        let gone = chain.removed_since(seen);
        let numbers: Vec<u64> = gone.iter().map(|block| block.number()).collect();
        assert_eq!(numbers, [3, 2]);
        assert!(chain.removed_since(chain.removals()).is_empty());
        add(&mut chain, block(2, 2));
        assert!(chain.hash(&block(2, 1).hash).unwrap().is_none());
        assert_eq!(chain.latest().unwrap().unwrap().hash, block(2, 2).hash);
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

    /// The blocks with logs that pass.
    fn found(chain: &Chain, filter: &LogFilter, from: u64, to: u64) -> Vec<u64> {
        let mut found = Vec::new();
        let each = |place: crate::store::LogPlace, _: &Log| {
            found.push(place.number);
            Ok::<_, ()>(())
        };
        let searched = chain.store.for_each_log(filter, (from, to), each);
        searched.unwrap().unwrap();
        found
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
        let mut chain = Chain::passing(2).unwrap();
        let blocks: Vec<_> = (0..10).map(logging).collect();
        blocks
            .iter()
            .cloned()
            .for_each(|block| add(&mut chain, block));
        for (number, expected) in (0..).zip(&blocks) {
            let found = chain.number(number).unwrap().unwrap();
            same(&found, expected);
            let has_state = number == 0 || number > 7;
            assert_eq!(found.state.is_some(), has_state, "{number}");
            let hash = expected.transactions[0].transaction.hash;
            same(&chain.transaction(&hash).unwrap().unwrap().0, expected);
            same(&chain.hash(&expected.hash).unwrap().unwrap(), expected);
        }
        let filter = LogFilter::new(vec![Address::repeat_byte(7)], Vec::new());
        assert_eq!(found(&chain, &filter, 1, 8), (1..=8).collect::<Vec<_>>());
    }

    #[test]
    fn the_chain_goes_back_behind_what_was_put_away() {
        let mut chain = Chain::passing(2).unwrap();
        (0..10)
            .map(logging)
            .for_each(|block| add(&mut chain, block));
        back(&mut chain, 3, false);
        chain.amend(Durable::new());
        let newest = chain.latest().unwrap().unwrap();
        assert_eq!(newest.number(), 3);
        assert!(newest.state.is_some());
        let gone = logging(4).transactions[0].transaction.hash;
        assert!(chain.transaction(&gone).unwrap().is_none());
        let filter = LogFilter::new(vec![Address::repeat_byte(7)], Vec::new());
        assert_eq!(found(&chain, &filter, 0, 9), [0, 1, 2, 3]);
        add(&mut chain, logging(4));
        assert!(chain.transaction(&gone).unwrap().is_some());
    }
}
