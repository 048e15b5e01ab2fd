//! The inputs that wait, in order, across pages: first in, first out.

use crate::queue::{self, ENTRY_OVERHEAD, Entries};
use crate::{Cursor, Layout};
use alloc::vec::Vec;
use host::{HostError, ReadStore, Store};

/// How much of a page is read at once, in bytes.
const READ: usize = 1 << 20;

/// The waiting inputs from a cursor on.
#[derive(Debug)]
pub struct Inputs {
    layout: Layout,
    entries: Option<Entries>,
    /// Whether the entries were read from durable storage, which costs work.
    stored: bool,
    /// What this run appended, while it is not reached.
    appended: Option<Entries>,
    /// Where the next input is read.
    next: Cursor,
    /// The first level that can have none.
    end: u32,
    /// The pages that were read, to delete once the cursor is past them.
    finished: Vec<u32>,
}

/// An input as it stands in the queue.
#[derive(Debug)]
pub struct Entry<'q> {
    /// Where it stands.
    pub cursor: Cursor,
    /// Its bytes.
    pub bytes: &'q [u8],
    /// Whether it was read from durable storage, which costs work.
    pub stored: bool,
}

impl Entry<'_> {
    /// The bytes that it takes in its page.
    #[must_use]
    pub const fn size(&self) -> u64 {
        (ENTRY_OVERHEAD + self.bytes.len()) as u64
    }
}

impl Inputs {
    /// The inputs from `cursor` on, up to and with those of `level`; those that
    /// this run appended need no reading.
    #[must_use]
    pub fn new(layout: &Layout, cursor: Cursor, level: u32, appended: Option<Entries>) -> Self {
        Self {
            layout: *layout,
            entries: None,
            stored: false,
            appended,
            next: cursor,
            end: level.saturating_add(1),
            finished: Vec::new(),
        }
    }

    /// Where the next input stands, if there is one.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        self.next
    }

    /// Whether it is known that nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.next.level >= self.end
    }

    /// Takes the next input; `None` when nothing waits.
    ///
    /// # Errors
    /// If the machine refuses a host call.
    pub fn take(&mut self, store: &impl ReadStore) -> Result<Option<Entry<'_>>, HostError> {
        while !self.entries.as_ref().is_some_and(Entries::holds_one) {
            // The end of what was read, or of the page.
            self.entries = None;
            if !self.load(store)? {
                return Ok(None);
            }
        }
        let Some(entries) = &mut self.entries else {
            return Ok(None);
        };
        let stored = self.stored;
        self.next = entries.after_next();
        Ok(entries.next_entry().map(|(cursor, bytes)| Entry {
            cursor,
            bytes,
            stored,
        }))
    }

    /// `cursor` is committed: deletes the pages that it is past.
    ///
    /// # Errors
    /// If the machine refuses a host call.
    pub fn committed(&mut self, store: &mut impl Store, cursor: Cursor) -> Result<(), HostError> {
        self.finished.dedup();
        for level in &self.finished {
            if *level < cursor.level {
                queue::delete(store, &self.layout, *level)?;
            }
        }
        self.finished.retain(|level| *level >= cursor.level);
        Ok(())
    }

    /// Makes sure that there are entries to read; `false` when nothing is left.
    fn load(&mut self, store: &impl ReadStore) -> Result<bool, HostError> {
        while self.entries.is_none() {
            if self.is_empty() {
                return Ok(false);
            }
            if self
                .appended
                .as_ref()
                .is_some_and(|appended| appended.cursor() == self.next)
            {
                self.entries = self.appended.take();
                self.stored = false;
                self.finished.push(self.next.level);
                break;
            }
            self.entries = Entries::load(store, &self.layout, self.next, READ)?;
            self.stored = true;
            match &self.entries {
                Some(entries) if entries.holds_one() => {
                    self.finished.push(self.next.level);
                }
                _ => {
                    self.entries = None;
                    // A run may have stopped right at the page's end.
                    if self.next.offset > 0 {
                        self.finished.push(self.next.level);
                    }
                    self.next = Cursor {
                        level: self.next.level.saturating_add(1),
                        offset: 0,
                    };
                }
            }
        }
        Ok(true)
    }
}

/// Deletes the pages from level `from` up to `to`, which are consumed and which
/// a trap may have left.
///
/// # Errors
/// If the machine refuses a host call.
pub fn sweep(store: &mut impl Store, layout: &Layout, from: u32, to: u32) -> Result<(), HostError> {
    for level in from..to {
        queue::delete(store, layout, level)?;
    }
    Ok(())
}
