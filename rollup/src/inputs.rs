//! The inputs of a lane that wait, in order, across pages: first in, first out.

use crate::inbox::TRANSFER;
use crate::lane::{Calls, Lane, Needed};
use crate::queue::{self, ENTRY_OVERHEAD, Entries};
use crate::{Cursor, Layout};
use alloc::vec::Vec;
use host::{HostError, Path, ReadStore, Store};

/// The part of a page that is read at once, in bytes.
const READ: usize = 1 << 20;

/// Which pages a lane's inputs stand in.
#[derive(Clone, Copy, Debug)]
pub struct Pages {
    layout: Layout,
    lane: Lane,
    /// Calls of earlier levels stand in the queue's tree, among external inputs.
    since: u32,
}

impl Pages {
    /// Those of external inputs.
    #[must_use]
    pub const fn external(layout: &Layout) -> Self {
        Self {
            layout: *layout,
            lane: Lane::External,
            since: 0,
        }
    }

    /// Those of calls; `since` as [`Calls::since`](crate::Calls::since).
    #[must_use]
    pub const fn calls(layout: &Layout, since: u32) -> Self {
        Self {
            layout: *layout,
            lane: Lane::Calls,
            since,
        }
    }

    /// True if the page of `level` is one of the queue's tree that this lane looks
    /// for its own inputs in.
    const fn shares(&self, level: u32) -> bool {
        level < self.since
    }

    const fn tree(&self, level: u32) -> Path<'static> {
        match self.lane {
            Lane::Calls if !self.shares(level) => self.layout.calls,
            Lane::Calls | Lane::External => self.layout.queue,
        }
    }

    /// True if an entry of the page of `level` is this lane's. External inputs are not
    /// tagged as calls: see [`inbox`](crate::inbox).
    fn hold(&self, level: u32, bytes: &[u8]) -> bool {
        let is_call = bytes.first() == Some(&TRANSFER);
        match self.lane {
            Lane::Calls => is_call || !self.shares(level),
            Lane::External => !is_call,
        }
    }

    /// The first page of those in the tree of `level`'s that is still needed.
    const fn needed(&self, level: u32, needed: Needed) -> u32 {
        match self.lane {
            Lane::Calls if !self.shares(level) => needed.calls,
            Lane::Calls | Lane::External => needed.queue,
        }
    }
}

/// The inputs of a lane that wait from a cursor on.
#[derive(Debug)]
pub struct Inputs {
    pages: Pages,
    entries: Option<Entries>,
    /// True if the entries were read from durable storage, which costs work.
    stored: bool,
    /// The inputs that this run appended, while it has not reached them.
    appended: Option<Entries>,
    /// The position of the next read.
    next: Cursor,
    /// The first level that can have none.
    end: u32,
    /// The pages that were read, to delete once they are not needed.
    finished: Vec<u32>,
}

/// An input as it stands in the queue.
#[derive(Debug)]
pub struct Entry<'q> {
    /// Its position.
    pub cursor: Cursor,
    /// Its bytes.
    pub bytes: &'q [u8],
    /// True if it was read from durable storage, which costs work.
    pub stored: bool,
    /// True if it is of this lane. If not, it is none of the lane's business.
    pub ours: bool,
    /// The bytes of the lane's backlog that it counts.
    pub size: u64,
}

impl Inputs {
    /// The inputs from `cursor` on, up to and with those of `level`. Those that this
    /// run appended need no reading; `page` is `false` if the level has no page.
    #[must_use]
    pub const fn new(
        pages: Pages,
        cursor: Cursor,
        level: u32,
        appended: Option<Entries>,
        page: bool,
    ) -> Self {
        let end = level.saturating_add(1);
        let next = if !page && cursor.level == level {
            Cursor {
                level: end,
                offset: 0,
            }
        } else {
            cursor
        };
        Self {
            pages,
            entries: None,
            stored: false,
            appended,
            next,
            end,
            finished: Vec::new(),
        }
    }

    /// The position of the next input, if there is one.
    #[must_use]
    pub const fn cursor(&self) -> Cursor {
        self.next
    }

    /// True if it is known that nothing waits.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
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
        let (pages, stored) = (self.pages, self.stored);
        self.next = entries.after_next();
        Ok(entries.next_entry().map(|(cursor, bytes)| Entry {
            cursor,
            bytes,
            stored,
            ours: pages.hold(cursor.level, bytes),
            // The other lane counts all of a page that both have.
            size: if pages.shares(cursor.level) {
                0
            } else {
                (ENTRY_OVERHEAD + bytes.len()) as u64
            },
        }))
    }

    /// A commit needs no page before `needed`: deletes those that were read.
    ///
    /// # Errors
    /// If the machine refuses a host call.
    pub fn committed(&mut self, store: &mut impl Store, needed: Needed) -> Result<(), HostError> {
        self.finished.dedup();
        let pages = self.pages;
        for level in &self.finished {
            if *level < pages.needed(*level, needed) {
                queue::delete(store, pages.tree(*level), *level)?;
            }
        }
        self.finished
            .retain(|level| *level >= pages.needed(*level, needed));
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
            let tree = self.pages.tree(self.next.level);
            self.entries = Entries::load(store, tree, self.next, READ)?;
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

/// Deletes what the commit of `calls` leaves behind if it is the first that is past the
/// pages which both lanes had, as [`Calls::of_one_lane`] tells of them: a lane that was
/// ahead of the other kept its pages. `last` is the lane before, `oldest` the first page
/// of the queue that was needed then.
///
/// # Errors
/// If the machine refuses a host call.
pub fn sweep_shared(
    store: &mut impl Store,
    layout: &Layout,
    (last, oldest): (&Calls, u32),
    calls: &Calls,
    external: Cursor,
) -> Result<(), HostError> {
    if last.since == 0 || calls.since > 0 {
        return Ok(());
    }
    sweep(store, layout.queue, oldest, calls.needed(external).queue)
}

/// Deletes the pages of `tree` from level `from` up to `to`, which are consumed and
/// which a trap may have left.
///
/// # Errors
/// If the machine refuses a host call.
pub fn sweep(store: &mut impl Store, tree: Path<'_>, from: u32, to: u32) -> Result<(), HostError> {
    for level in from..to {
        queue::delete(store, tree, level)?;
    }
    Ok(())
}
