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
//! The record at [`Layout::quarantine`]: the marked cursor (8 bytes, zeros for none),
//! then the cursors that trapped. The top bit is set in those of the lane of calls.

use crate::{Cursor, Lane, Layout, Position};
use alloc::vec::Vec;
use core::cell::Cell;
use host::{HostError, Path, ReadStore, Store, reserved};

/// Facts about the block that is made carefully.
#[derive(Debug)]
pub struct Quarantine {
    path: Path<'static>,
    /// The current mark.
    marked: Cell<Cursor>,
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

impl Quarantine {
    /// Facts for the run after a trap; a mark that is found is a culprit.
    ///
    /// # Errors
    /// If the machine refuses a host call.
    pub fn after_trap(host: &mut impl Store, layout: &Layout) -> Result<Self, HostError> {
        let bytes = host.read_all(layout.quarantine)?.unwrap_or_default();
        let mut cursors = bytes
            .chunks_exact(8)
            .filter_map(|chunk| chunk.try_into().ok())
            .map(|chunk| Cursor::decode(&chunk));
        let marked = cursors.next().unwrap_or(NONE);
        let mut trapped: Vec<Cursor> = cursors.collect();
        if marked != NONE {
            trapped.push(marked);
        }
        let quarantine = Self {
            path: layout.quarantine,
            marked: Cell::new(NONE),
            trapped,
        };
        quarantine.save(host, NONE)?;
        Ok(quarantine)
    }

    /// The number of times that the input at `position` trapped under its mark.
    #[must_use]
    pub fn traps(&self, position: Position) -> usize {
        self.count(mark_of(position))
    }

    fn count(&self, mark: Cursor) -> usize {
        self.trapped.iter().filter(|at| **at == mark).count()
    }

    /// True if the block takes one input only.
    #[must_use]
    pub fn is_alone(&self) -> bool {
        self.count(BLOCK) > 0
    }

    /// Marks the input that comes next. One host call, unless it is marked.
    ///
    /// # Errors
    /// If the machine refuses a host call.
    pub fn mark(&self, host: &mut impl Store, position: Position) -> Result<(), HostError> {
        self.write(host, mark_of(position))
    }

    fn write(&self, host: &mut impl Store, mark: Cursor) -> Result<(), HostError> {
        if self.marked.get() != mark {
            host.store_write(self.path, 0, &mark.encode())?;
            self.marked.set(mark);
        }
        Ok(())
    }

    /// All inputs of the block are executed: what comes next is not the doing
    /// of the last one, unless it is the only one.
    ///
    /// # Errors
    /// If the machine refuses a host call.
    pub fn mark_block(&self, host: &mut impl Store) -> Result<(), HostError> {
        if self.is_alone() {
            return Ok(());
        }
        self.write(host, BLOCK)
    }

    /// The block is committed: the next one needs no care.
    ///
    /// # Errors
    /// If the machine refuses a host call.
    pub fn end(self, host: &mut impl Store) -> Result<(), HostError> {
        host.store_delete(self.path)
    }

    fn save(&self, host: &mut impl Store, marked: Cursor) -> Result<(), HostError> {
        let bytes: Vec<u8> = core::iter::once(&marked)
            .chain(&self.trapped)
            .flat_map(Cursor::encode)
            .collect();
        host.write_alone(self.path, &bytes)
    }
}

/// An input's mark: layer 1's levels are below 2^31.
const fn mark_of(position: Position) -> Cursor {
    let Position { lane, mut cursor } = position;
    if matches!(lane, Lane::Calls) {
        cursor.level |= 1 << 31;
    }
    cursor
}

/// True if the previous run trapped.
///
/// # Errors
/// If the machine refuses a host call.
pub fn trapped(host: &impl ReadStore) -> Result<bool, HostError> {
    Ok(host.store_has(reserved::STUCK)?.is_some())
}
