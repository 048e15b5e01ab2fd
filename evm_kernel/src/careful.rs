//! One marked input at a time, after a trap.
//!
//! A trap loses the run but not the queue: the next run would meet the same
//! input and trap again, forever. So the run after a trap marks each input
//! before it looks at it. If it traps too, the mark names the culprit:
//!
//! - an input that trapped once under its mark is charged instead of executed;
//! - one that trapped twice, so before it could be charged, is dropped unread;
//! - if the block trapped as a whole (roots, commit), blocks of one input are
//!   made, whose mark stays until the block is committed.
//!
//! The record at `/evm/careful`: the marked cursor (8 bytes, zeros for none),
//! then the cursors that trapped.

use crate::error::KernelError;
use alloc::vec::Vec;
use host::{ReadStore, Store};
use storage::layout::CAREFUL;
use storage::queue::Cursor;

/// What is known of the block that is made carefully.
#[derive(Debug)]
pub(crate) struct Careful {
    trapped: Vec<Cursor>,
}

/// No input: every level's page starts behind its level's number, and level 0
/// has no inbox.
const NONE: Cursor = Cursor {
    level: 0,
    offset: 0,
};

/// The block as a whole.
const BLOCK: Cursor = Cursor {
    level: 0,
    offset: 1,
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
        let mut trapped: Vec<Cursor> = cursors.collect();
        if marked != NONE {
            trapped.push(marked);
        }
        let careful = Self { trapped };
        careful.save(host, NONE)?;
        Ok(careful)
    }

    /// How often the input at `cursor` trapped under its mark.
    pub(crate) fn traps(&self, cursor: Cursor) -> usize {
        self.trapped.iter().filter(|at| **at == cursor).count()
    }

    /// Whether the block takes one input only.
    pub(crate) fn is_alone(&self) -> bool {
        self.traps(BLOCK) > 0
    }

    /// Marks the input that comes next. One host call.
    pub(crate) fn mark(&self, host: &mut impl Store, cursor: Cursor) -> Result<(), KernelError> {
        Ok(host.store_write(CAREFUL, 0, &cursor.encode())?)
    }

    /// All inputs of the block are executed: what comes next is not the doing
    /// of the last one, unless it is the only one.
    pub(crate) fn mark_block(&self, host: &mut impl Store) -> Result<(), KernelError> {
        if self.is_alone() {
            return Ok(());
        }
        self.mark(host, BLOCK)
    }

    /// The block is committed: the next one needs no care.
    pub(crate) fn end(self, host: &mut impl Store) -> Result<(), KernelError> {
        Ok(host.store_delete(CAREFUL)?)
    }

    fn save(&self, host: &mut impl Store, marked: Cursor) -> Result<(), KernelError> {
        let bytes: Vec<u8> = core::iter::once(&marked)
            .chain(&self.trapped)
            .flat_map(Cursor::encode)
            .collect();
        Ok(host.write_alone(CAREFUL, &bytes)?)
    }
}

/// Whether the previous run trapped.
pub(crate) fn trapped(host: &impl ReadStore) -> Result<bool, KernelError> {
    Ok(host.store_has(host::reserved::STUCK)?.is_some())
}
