//! A level that ran, as a data folder has it: the state before it, its messages, the root
//! after it.

use crate::chain::{self, ChainError};
use crate::store::{StateName, Store, StoreError};
use alloy_primitives::{B256, hex};
use pvm::{Durable, NodeHash};
use std::path::Path;
use std::sync::Arc;

/// A level that ran.
#[derive(Clone, Debug)]
pub struct RecordedLevel {
    /// Its number.
    pub level: u32,
    /// The rollup's address: the 20 bytes behind `sr1…`.
    pub rollup: [u8; 20],
    /// The level of its origination.
    pub origination_level: u32,
    /// Durable storage before it.
    pub before: Durable,
    /// All of its messages, those of layer 1 included.
    pub messages: Vec<Vec<u8>>,
    /// The root of durable storage after it.
    pub after: NodeHash,
}

/// Why a folder does not have a level.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordedError {
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A state cannot be read.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// There is no block at all.
    #[error("the folder has no block yet")]
    Empty,
    /// The level is one of the future.
    #[error("level {level} did not run yet: the newest block is of level {newest}")]
    Later {
        /// The level.
        level: u32,
        /// That of the newest block.
        newest: u32,
    },
    /// States are kept behind blocks.
    #[error("level {level} made no block: the next block is of level {next}")]
    NoBlock {
        /// The level.
        level: u32,
        /// That of the next block.
        next: u32,
    },
    /// The folder begins after it.
    #[error(
        "level {level} is not in the folder: its oldest block with a state is of level {next} (states \
         are kept for as many blocks as --keep-states says)"
    )]
    Before {
        /// The level.
        level: u32,
        /// That of the oldest block.
        next: u32,
    },
    /// A state is too old.
    #[error(
        "the state before level {0} is not kept: states are kept for as many blocks as --keep-states says, \
         and from the level on at which the folder begins"
    )]
    Pruned(u32),
    /// The messages are not there.
    #[error("the messages of level {0} are not kept")]
    NoMessages(u32),
    /// There is no such transaction.
    #[error("no block has the transaction {0}")]
    NoTransaction(B256),
}

/// A data folder of a devnet or a node that does not run.
#[derive(Debug)]
pub struct DataDir(Arc<Store>);

/// The meta row with the level of the rollup's origination, in four bytes, little-endian;
/// 0 if there is none.
pub(crate) const ORIGINATION: &str = "origination";

impl DataDir {
    /// A store that the node itself has open.
    pub(crate) fn of(store: &Arc<Store>) -> Self {
        Self(Arc::clone(store))
    }

    /// The store in a folder.
    ///
    /// # Errors
    /// If there is none, it is of another form, or somebody uses it.
    pub fn open(folder: &Path) -> Result<Self, RecordedError> {
        Ok(Self(Store::existing(folder)?))
    }

    /// The level of the block with this transaction.
    ///
    /// # Errors
    /// If no block has it, or its state is not kept.
    pub fn level_of(&self, transaction: &B256) -> Result<u32, RecordedError> {
        let place = self.0.place_of(transaction)?;
        let (block, _) = place.ok_or(RecordedError::NoTransaction(*transaction))?;
        match self.state(block)? {
            Some(state) => Ok(chain::head(&state)?.level),
            None => Err(ChainError::Pruned {
                number: block,
                root: self.0.hash(block)?.unwrap_or_default(),
            }
            .into()),
        }
    }

    /// The level of the newest block.
    ///
    /// # Errors
    /// If there is none, or its state is not kept.
    pub fn newest(&self) -> Result<u32, RecordedError> {
        let (_, newest) = self.0.bounds()?.ok_or(RecordedError::Empty)?;
        let state = self.state(newest)?;
        let state = state.ok_or(RecordedError::Pruned(u32::MAX))?;
        Ok(chain::head(&state)?.level)
    }

    /// A level that ran and made a block.
    ///
    /// # Errors
    /// If anything of it is not kept.
    pub fn level(&self, level: u32) -> Result<RecordedLevel, RecordedError> {
        let (oldest, newest) = self.0.bounds()?.ok_or(RecordedError::Empty)?;
        let first = self.first_from(level, oldest, newest)?;
        let (first, state) = first.ok_or_else(|| self.later(level, newest))?;
        let next = chain::head(&state)?.level;
        if next != level {
            // If there is nothing before it, the level may have made a block that is gone.
            let earlier = match first.checked_sub(1) {
                Some(number) => self.state(number)?,
                None => None,
            };
            return Err(match earlier {
                Some(_) => RecordedError::NoBlock { level, next },
                None => RecordedError::Before { level, next },
            });
        }
        // One of a level is there as long as layer 1 may take it back.
        let mut before = match level.checked_sub(1) {
            Some(before) => self.0.state(StateName::Level(before))?,
            None => None,
        };
        if let (None, Some(number)) = (&before, first.checked_sub(1)) {
            before = self.state(number)?;
        }
        let before = before.ok_or(RecordedError::Pruned(level))?;
        // The state behind a level's last block is that behind the level.
        let mut after = state;
        for number in first + 1..=newest {
            match self.state(number)? {
                Some(state) if chain::head(&state)?.level == level => after = state,
                _ => break,
            }
        }
        let messages = self.0.inbox(level)?;
        let origination = self.0.meta(ORIGINATION)?;
        let origination = origination.and_then(|row| row.first_chunk().copied());
        Ok(RecordedLevel {
            level,
            rollup: self.0.rollup()?,
            origination_level: origination.map_or(0, u32::from_le_bytes),
            before,
            messages: messages.ok_or(RecordedError::NoMessages(level))?,
            after: after.root_hash(),
        })
    }

    fn later(&self, level: u32, newest: u64) -> RecordedError {
        let head = self.state(newest).and_then(|state| {
            let state = state.ok_or(RecordedError::Pruned(level))?;
            Ok(chain::head(&state)?.level)
        });
        match head {
            Ok(newest) => RecordedError::Later { level, newest },
            Err(error) => error,
        }
    }

    /// The first block that is of this level or a later one, with the state behind it. States
    /// that are not kept are those of the oldest blocks.
    fn first_from(
        &self,
        level: u32,
        oldest: u64,
        newest: u64,
    ) -> Result<Option<(u64, Durable)>, RecordedError> {
        let (mut from, mut to) = (oldest, newest + 1);
        let mut found = None;
        while from < to {
            let middle = from + (to - from) / 2;
            match self.state(middle)? {
                Some(state) if chain::head(&state)?.level >= level => {
                    to = middle;
                    found = Some((middle, state));
                }
                _ => from = middle + 1,
            }
        }
        Ok(found)
    }

    fn state(&self, block: u64) -> Result<Option<Durable>, RecordedError> {
        Ok(self.0.state(StateName::Block(block))?)
    }
}

impl RecordedLevel {
    /// The difference, if the level was run again and came out otherwise.
    #[must_use]
    pub fn difference(&self, before: &NodeHash, after: &NodeHash) -> Option<String> {
        let differs = |when: &str, kept: &NodeHash, found: &NodeHash| {
            let (kept, found) = (hex::encode(kept), hex::encode(found));
            format!(
                "the root {when} level {} is {kept} in the folder, {found} here",
                self.level
            )
        };
        match () {
            () if self.before.root_hash() != *before => {
                Some(differs("before", &self.before.root_hash(), before))
            }
            () if self.after != *after => Some(differs("after", &self.after, after)),
            () => None,
        }
    }
}
