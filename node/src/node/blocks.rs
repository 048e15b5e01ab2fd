//! The node's blocks: kept, then shown; found.

use super::{Node, lock};
use crate::chain::Block;
use crate::dropped::Unsaved;
use crate::error::NodeError;
use crate::fork::Fork;
use crate::pool::DropReason;
use crate::request::BlockId;
use crate::store::bounds::READ_STATES;
use crate::store::{Batch, StateName, StoreError};
use alloy_primitives::B256;
use pvm::Durable;
use std::sync::Arc;

impl Node {
    /// Keeps blocks, with what else is to be written, and then shows them, in order. Gives
    /// them as they are shown: with states behind the store.
    ///
    /// # Errors
    /// If the store cannot be written; nothing has changed then.
    pub(crate) fn publish(
        &self,
        mut blocks: Vec<Arc<Block>>,
        with: impl FnOnce(&Batch<'_>) -> Result<(), StoreError>,
    ) -> Result<Vec<Arc<Block>>, StoreError> {
        let (gone, newest) = (self.gone(), self.chain().newest());
        let dropped = match self.store.lasts() {
            true => self.dropped.unsaved(self.pool().left()),
            false => Unsaved::default(),
        };
        let wrote = self.store.write(|batch| {
            batch.remove_unshown(newest)?;
            for block in &mut blocks {
                batch.put_block(block)?;
                self.put_state(batch, block)?;
            }
            if self.store.lasts() {
                let included = blocks.iter().flat_map(|block| &block.transactions);
                let included = included.map(|included| included.transaction.hash);
                batch.remove_waiting(included.chain(gone.iter().copied()))?;
                batch.put_dropped(&dropped.dropped, &dropped.forgotten)?;
            }
            with(batch)
        });
        if let Err(error) = wrote {
            self.pool().put_gone(gone);
            return Err(error);
        }
        if self.store.lasts() {
            self.dropped.saved(&dropped);
        }
        let count = blocks.iter().map(|block| block.transactions.len()).sum();
        self.metrics.transactions(count);
        let mut chain = self.chain_mut();
        for block in &blocks {
            chain.push(Arc::clone(block));
        }
        if self.store.is_anew()
            && let Err(error) = chain.let_go()
        {
            // The blocks are kept and shown: their states stay in memory until the next time.
            tracing::warn!("states stay in memory: {error}");
            self.store.set_anew();
        }
        let newest = chain.newest().unwrap_or_default();
        drop(chain);
        self.head.send_replace(newest);
        Ok(blocks)
    }

    /// The transactions that left the pool, and did not come back.
    fn gone(&self) -> Vec<B256> {
        let mut pool = self.pool();
        let mut gone = pool.take_gone();
        gone.retain(|hash| pool.get(hash).is_none());
        gone
    }

    /// Keeps the state behind a block, which then is behind the store; those that are too old
    /// go.
    fn put_state(&self, batch: &Batch<'_>, block: &mut Arc<Block>) -> Result<(), StoreError> {
        if !self.store.lasts() {
            return Ok(());
        }
        let number = block.number();
        if let Some(state) = &block.state {
            let state = batch.put_state(StateName::Block(number), state)?;
            Arc::make_mut(block).state = Some(state);
        }
        let kept = self.keep_states.saturating_add(READ_STATES);
        let oldest = (number + 1).saturating_sub(kept);
        batch.remove_states_before(StateName::Block(oldest))
    }

    /// Makes `state` the state after the newest block. Gives it as it is behind the store.
    ///
    /// # Errors
    /// If the store cannot be written; nothing has changed then.
    pub(crate) fn amend(
        &self,
        state: Durable,
        with: impl FnOnce(&Batch<'_>) -> Result<(), StoreError>,
    ) -> Result<Durable, StoreError> {
        let newest = self.chain().newest().unwrap_or_default();
        let state = self.keep_newest(newest, state, with)?;
        self.chain_mut().amend(state.clone());
        Ok(state)
    }

    fn keep_newest(
        &self,
        newest: u64,
        state: Durable,
        with: impl FnOnce(&Batch<'_>) -> Result<(), StoreError>,
    ) -> Result<Durable, StoreError> {
        if !self.store.lasts() {
            return Ok(state);
        }
        self.store.write(|batch| {
            let state = batch.put_state(StateName::Block(newest), &state)?;
            with(batch)?;
            Ok(state)
        })
    }

    /// Writes what only a restart needs.
    ///
    /// # Errors
    /// If the store cannot be written.
    pub(crate) fn keep(
        &self,
        with: impl FnOnce(&Batch<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        match self.store.lasts() {
            true => self.store.write(with),
            false => Ok(()),
        }
    }

    /// Writes which transactions left the pool since the last block, and why: when somebody asked
    /// for that, and when the node ends.
    ///
    /// # Errors
    /// If the store cannot be written.
    pub(crate) fn keep_dropped(&self) -> Result<(), StoreError> {
        let unsaved = self.dropped.unsaved(self.pool().left());
        let gone = self.gone();
        if unsaved.dropped.is_empty() && gone.is_empty() {
            return Ok(());
        }
        let wrote = self.keep(|batch| {
            batch.remove_waiting(gone.iter().copied())?;
            batch.put_dropped(&unsaved.dropped, &unsaved.forgotten)
        });
        match wrote {
            Ok(()) => self.dropped.saved(&unsaved),
            Err(_) => self.pool().put_gone(gone),
        }
        wrote
    }

    /// Writes the clock's setting.
    ///
    /// # Errors
    /// If the store cannot be written.
    pub(crate) fn keep_clock(&self) -> Result<(), NodeError> {
        let clock = self.clock.setting();
        Ok(self.keep(|batch| batch.put_clock(clock))?)
    }

    /// Makes `first` the only block, and empties the pool. Gives the state as it is behind the
    /// store.
    ///
    /// # Errors
    /// If the store cannot be written; nothing has changed then.
    pub(crate) fn restart(
        &self,
        mut first: Arc<Block>,
        fork: Option<Arc<Fork>>,
        with: impl FnOnce(&Batch<'_>) -> Result<(), StoreError>,
    ) -> Result<Option<Durable>, StoreError> {
        self.store.write(|batch| {
            batch.remove_after(None)?;
            batch.remove_states_from(StateName::Block(0))?;
            batch.put_block(&first)?;
            self.put_state(batch, &mut first)?;
            if self.store.lasts() {
                batch.clear_waiting()?;
                with(batch)?;
            }
            Ok(())
        })?;
        self.forked.set(fork);
        let newest = first.number();
        let state = first.state.clone();
        let mut chain = self.chain_mut();
        chain.truncate(None);
        chain.push(first);
        drop(chain);
        self.pool().clear(DropReason::Rewound);
        self.filters.rewind(newest);
        self.head.send_replace(newest);
        Ok(state)
    }

    /// Goes back to block `newest`, with `state` after it, and empties the pool. Gives the
    /// state as it is behind the store.
    ///
    /// # Errors
    /// If the store cannot be written; nothing has changed then.
    pub(crate) fn rewind(
        &self,
        newest: u64,
        state: Durable,
        with: impl FnOnce(&Batch<'_>) -> Result<(), StoreError>,
    ) -> Result<Durable, StoreError> {
        let state = self.store.write(|batch| {
            batch.remove_after(Some(newest))?;
            if !self.store.lasts() {
                return Ok(state);
            }
            batch.remove_states_from(StateName::Block(newest + 1))?;
            let state = batch.put_state(StateName::Block(newest), &state)?;
            batch.clear_waiting()?;
            with(batch)?;
            Ok(state)
        })?;
        let mut chain = self.chain_mut();
        chain.truncate(Some(newest));
        chain.amend(state.clone());
        drop(chain);
        self.pool().clear(DropReason::Rewound);
        self.filters.rewind(newest);
        self.head.send_replace(newest);
        Ok(state)
    }

    /// Goes back to block `newest` (`None`: to before the first), since another branch
    /// replaces those after it, which are given, newest first. What waits in the pool stays.
    ///
    /// # Errors
    /// If the store cannot be written; nothing has changed then.
    pub(crate) fn branch_off(
        &self,
        newest: Option<u64>,
        with: impl FnOnce(&Batch<'_>, &[Arc<Block>]) -> Result<(), StoreError>,
    ) -> Result<Vec<Arc<Block>>, StoreError> {
        let gone = self.chain().after(newest)?;
        // Before those of the blocks that go are kept again.
        let forgotten = self.gone();
        let wrote = self.store.write(|batch| {
            batch.remove_waiting(forgotten.iter().copied())?;
            batch.remove_after(newest)?;
            let first = newest.map_or(0, |newest| newest + 1);
            batch.remove_states_from(StateName::Block(first))?;
            with(batch, &gone)
        });
        if let Err(error) = wrote {
            self.pool().put_gone(forgotten);
            return Err(error);
        }
        self.chain_mut().fork(newest, &gone);
        self.head.send_replace(newest.unwrap_or_default());
        Ok(gone)
    }

    /// Tells that a level of layer 1 has run.
    pub(crate) fn ran(&self, level: u32) {
        let mut following = lock(&self.following);
        following.level = level;
        following.head = following.head.max(level);
    }

    /// The newest block.
    ///
    /// # Errors
    /// Before genesis.
    pub fn latest(&self) -> Result<Arc<Block>, NodeError> {
        let latest = self.chain().latest()?;
        latest.ok_or(NodeError::UnknownBlock(BlockId::Latest))
    }

    /// The block with this id, `pending` being what [`Node::pending`] gave last, or the
    /// newest; `None` if there is no such block.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn find(&self, id: BlockId) -> Result<Option<Arc<Block>>, NodeError> {
        if id == BlockId::Pending {
            let Some(latest) = self.chain().latest()? else {
                return Ok(None);
            };
            let pending = self.kept.last(&latest);
            return Ok(Some(pending.map_or(latest, |pending| pending.block)));
        }
        let finality = self.finality();
        let chain = self.chain();
        let newest = || chain.newest().unwrap_or_default();
        Ok(match id {
            BlockId::Latest | BlockId::Pending => chain.latest(),
            BlockId::Safe => chain.number(finality.safe.unwrap_or_else(newest)),
            BlockId::Finalized => chain.number(finality.finalized.unwrap_or_else(newest)),
            BlockId::Number(number) => chain.number(number),
            BlockId::Hash(hash) => chain.hash(&hash),
        }?)
    }

    /// The block with this id, as [`Node::find`] gives it.
    ///
    /// # Errors
    /// [`NodeError::UnknownBlock`]; if the store cannot be read.
    pub fn block(&self, id: BlockId) -> Result<Arc<Block>, NodeError> {
        self.find(id)?.ok_or(NodeError::UnknownBlock(id))
    }

    /// The blocks from `from` to `to`, both included, as far as there are.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn blocks(&self, from: u64, to: u64) -> Result<Vec<Arc<Block>>, NodeError> {
        let numbers = self.chain().range(from, to);
        let blocks = numbers.filter_map(|number| self.chain().number(number).transpose());
        Ok(blocks.collect::<Result<_, _>>()?)
    }

    /// The block of a transaction, and its index there.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn transaction(&self, hash: &B256) -> Result<Option<(Arc<Block>, usize)>, NodeError> {
        Ok(self.chain().transaction(hash)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::Chain;
    use crate::node::BlockTime;
    use ethereum::Header;

    fn block(number: u64) -> Arc<Block> {
        let header = Header {
            number,
            ..Header::default()
        };
        Arc::new(Block {
            hash: B256::left_padding_from(&number.to_be_bytes()),
            header,
            size: 0,
            transactions: Vec::new(),
            state: Some(Durable::new()),
        })
    }

    #[test]
    fn a_block_that_is_kept_is_shown_though_states_stay_in_memory() {
        let chain = Chain::passing(8).unwrap();
        let node = Node::new(Vec::new(), 1, BlockTime::Manual, chain);
        node.publish(vec![block(0)], |_| Ok(())).unwrap();
        // The state is in memory alone: it cannot be read from the store.
        node.store.set_anew();
        node.publish(vec![block(1)], |_| Ok(())).unwrap();
        assert_eq!(*node.head.borrow(), 1);
        assert_eq!(node.latest().unwrap().hash, block(1).hash);
        assert!(node.store.is_anew(), "it is tried again");
    }

    #[test]
    fn what_left_the_pool_is_not_forgotten_with_a_branch_that_is_not_kept() {
        let chain = Chain::passing(8).unwrap();
        let node = Node::new(Vec::new(), 1, BlockTime::Manual, chain);
        node.publish(vec![block(0), block(1)], |_| Ok(())).unwrap();
        let left = B256::repeat_byte(7);
        node.pool().tell_gone();
        node.pool().put_gone(vec![left]);
        let failed = node.branch_off(Some(0), |_, _| Err(StoreError::Closed));
        failed.unwrap_err();
        assert_eq!(node.pool().take_gone(), [left]);
        assert_eq!(node.latest().unwrap().hash, block(1).hash);
    }
}
