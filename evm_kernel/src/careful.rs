//! Executing one marked transaction at a time, after a trap.
//!
//! A trap loses the run but not the queue: the next run would meet the same
//! transaction and trap again, forever. So the run after a trap marks each
//! transaction before it executes it. If it traps too, the mark names the
//! culprit, and the third run charges that one instead of executing it.
//!
//! The record at `/evm/careful`: the marked cursor (8 bytes, zeros for none),
//! then the cursors known to trap.

use crate::error::KernelError;
use alloc::vec::Vec;
use host::{ReadStore, Store};
use storage::layout::CAREFUL;
use storage::queue::Cursor;

/// The transactions of the block that is executed carefully.
#[derive(Debug)]
pub(crate) struct Careful {
    poisoned: Vec<Cursor>,
}

/// No transaction: every level's page starts behind its level's number, and
/// level 0 has no inbox.
const NONE: Cursor = Cursor {
    level: 0,
    offset: 0,
};

impl Careful {
    /// What the run after a trap must know; a mark that is found is a culprit.
    pub(crate) fn after_trap(host: &mut impl Store) -> Result<Self, KernelError> {
        let bytes = host.read_all(CAREFUL)?.unwrap_or_default();
        let mut cursors = bytes
            .chunks_exact(8)
            .filter_map(|chunk| chunk.try_into().ok())
            .map(|chunk| Cursor::decode(&chunk));
        let marked = cursors.next().unwrap_or(NONE);
        let mut poisoned: Vec<Cursor> = cursors.collect();
        if marked != NONE {
            poisoned.push(marked);
        }
        let careful = Self { poisoned };
        careful.save(host, NONE)?;
        Ok(careful)
    }

    /// Whether the transaction at `cursor` traps.
    pub(crate) fn is_poisoned(&self, cursor: Cursor) -> bool {
        self.poisoned.contains(&cursor)
    }

    /// Marks the transaction that executes next. One host call.
    pub(crate) fn mark(&self, host: &mut impl Store, cursor: Cursor) -> Result<(), KernelError> {
        Ok(host.store_write(CAREFUL, 0, &cursor.encode())?)
    }

    /// Takes the mark back: what comes next is not the transaction's doing.
    pub(crate) fn unmark(&self, host: &mut impl Store) -> Result<(), KernelError> {
        self.mark(host, NONE)
    }

    /// The block is committed: the next one needs no care.
    pub(crate) fn end(self, host: &mut impl Store) -> Result<(), KernelError> {
        Ok(host.store_delete(CAREFUL)?)
    }

    fn save(&self, host: &mut impl Store, marked: Cursor) -> Result<(), KernelError> {
        let bytes: Vec<u8> = core::iter::once(&marked)
            .chain(&self.poisoned)
            .flat_map(Cursor::encode)
            .collect();
        Ok(host.write_all(CAREFUL, &bytes)?)
    }
}

/// Whether the previous run trapped.
pub(crate) fn trapped(host: &impl ReadStore) -> Result<bool, KernelError> {
    Ok(host.store_has(host::reserved::STUCK)?.is_some())
}
