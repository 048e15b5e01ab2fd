//! A batch in the queue.

use super::keys::{self, Signed};
use super::{BadBatch, Batch};
use crate::error::KernelError;
use alloc::vec::Vec;
use host::ReadStore;
use rollup::{Cursor, Position};
use storage::layout::PARTLY;

/// A batch that was read from the queue and waits to be opened.
#[derive(Debug)]
pub(crate) struct Held {
    /// Its position.
    pub(crate) position: Position,
    /// Its bytes in the log.
    pub(crate) size: u64,
    /// The price of opening it, in units of the budget.
    pub(crate) cost: u64,
    /// The bytes behind its tag.
    bytes: Vec<u8>,
}

impl Held {
    /// The batch whose bytes stand at `position`, behind its tag.
    pub(crate) fn new(position: Position, bytes: &[u8], size: u64) -> Self {
        Self {
            position,
            size,
            cost: Batch::open(bytes).map_or(0, |batch| keys::cost(&batch)),
            bytes: bytes.to_vec(),
        }
    }

    /// The transactions of the batch that no block took, each with its place in it.
    /// The run began at `start`: blocks may have taken a part of a batch that stands
    /// there.
    pub(crate) fn open(
        &self,
        store: &impl ReadStore,
        rollup: &[u8; 20],
        start: Cursor,
    ) -> Result<Result<Vec<(u32, Signed)>, BadBatch>, KernelError> {
        let signed = match Batch::open(&self.bytes) {
            Ok(batch) => keys::checked(store, rollup, batch)?,
            Err(bad) => Err(bad),
        };
        let cursor = self.position.cursor;
        let partly = if cursor == start {
            PARTLY.get(store, &())?
        } else {
            None
        };
        let taken = partly
            .filter(|partly| partly.cursor == cursor)
            .map_or(0, |partly| partly.taken);
        Ok(signed.map(|signed| (0..).zip(signed).skip(taken as usize).collect()))
    }
}
