//! The inputs that wait, in order: first in, first out.
//!
//! Inputs are decoded and their senders recovered a page at a time; a page may
//! reach beyond the block, so nothing here changes durable state.

use crate::budget::Budget;
use crate::decode::{self, BadInput, Decoded, Input};
use crate::error::KernelError;
use crate::log;
use alloc::boxed::Box;
use alloc::collections::{BTreeSet, VecDeque};
use alloc::vec::Vec;
use alloy_primitives::{Address, B256};
use host::{Debug, ReadStore, Store};
use storage::queue::{Cursor, ENTRY_OVERHEAD, Entries};

/// How many inputs are decoded at once.
const PAGE: usize = 64;

/// How much of a page of the log is read at once, in bytes.
const READ: usize = 1 << 20;

/// The next thing to do.
#[derive(Debug)]
pub(crate) enum Item {
    /// A transaction with its sender.
    Transaction(Box<Decoded>, Address),
    /// An announcement or a chunk, with its tag.
    Piece(Vec<u8>),
}

impl Item {
    /// The gas that it may use, 0 for a piece.
    pub(crate) fn gas_limit(&self) -> u64 {
        match self {
            Self::Transaction(decoded, _) => decoded.transaction.transaction.gas_limit(),
            Self::Piece(_) => 0,
        }
    }
}

/// An input that was read and decoded.
#[derive(Debug)]
pub(crate) struct Ready {
    /// Where it stands.
    pub(crate) cursor: Cursor,
    /// What it is.
    pub(crate) item: Item,
    /// Its bytes in the log, and those of the dropped inputs behind it: what is
    /// read again if a later run starts here.
    pub(crate) size: u64,
}

/// The waiting inputs from a cursor on.
#[derive(Debug)]
pub(crate) struct Queue {
    ready: VecDeque<Ready>,
    entries: Option<Entries>,
    /// What this run appended, while it is not reached.
    appended: Option<Entries>,
    /// Where the next input is read.
    next: Cursor,
    /// The first level that can have none.
    end: u32,
    /// The pages that were read, to delete once the cursor is past them.
    finished: Vec<u32>,
    /// The bytes of all entries that were not read yet; those that are ready
    /// count themselves.
    waiting: u64,
    /// The hashes of what is ready or included, to drop what comes twice.
    seen: BTreeSet<B256>,
}

impl Queue {
    /// The inputs from `cursor` on, up to and with those of `level`.
    /// `waiting` bytes in all.
    pub(crate) fn new(cursor: Cursor, level: u32, waiting: u64, appended: Option<Entries>) -> Self {
        Self {
            ready: VecDeque::new(),
            entries: None,
            appended,
            next: cursor,
            end: level.saturating_add(1),
            finished: Vec::new(),
            waiting,
            seen: BTreeSet::new(),
        }
    }

    /// Where the first input stands that was not taken.
    pub(crate) fn cursor(&self) -> Cursor {
        self.ready.front().map_or(self.next, |ready| ready.cursor)
    }

    /// The next thing to do; `None` when nothing waits.
    pub(crate) fn peek(
        &mut self,
        host: &(impl ReadStore + Debug),
        budget: &mut Budget,
    ) -> Result<Option<&Ready>, KernelError> {
        while self.ready.is_empty() {
            let inputs = self.page(host, budget)?;
            if inputs.is_empty() {
                return Ok(None);
            }
            self.recover(host, inputs, budget);
        }
        Ok(self.ready.front())
    }

    /// Takes what [`Queue::peek`] showed.
    pub(crate) fn take(&mut self) -> Option<Ready> {
        self.ready.pop_front()
    }

    /// Makes what was taken the next again.
    pub(crate) fn put_back(&mut self, ready: Ready) {
        self.ready.push_front(ready);
    }

    /// Deletes the pages that the committed cursor is past.
    pub(crate) fn delete_pages(
        &mut self,
        host: &mut impl Store,
        cursor: Cursor,
    ) -> Result<(), KernelError> {
        self.finished.dedup();
        for level in &self.finished {
            if *level < cursor.level {
                storage::queue::delete(host, *level)?;
            }
        }
        self.finished.retain(|level| *level >= cursor.level);
        Ok(())
    }

    /// The bytes that still wait.
    pub(crate) fn waiting(&self) -> u64 {
        let nothing = self.ready.is_empty() && self.next.level >= self.end;
        if nothing {
            return 0;
        }
        let ready: u64 = self.ready.iter().map(|ready| ready.size).sum();
        self.waiting.saturating_add(ready)
    }

    /// Lets a transaction that was not included come again.
    pub(crate) fn forget(&mut self, hash: &B256) {
        self.seen.remove(hash);
    }

    /// Decodes the next inputs; empty only when nothing is left.
    fn page(
        &mut self,
        host: &(impl ReadStore + Debug),
        budget: &mut Budget,
    ) -> Result<Vec<(Cursor, u64, Option<Waiting>)>, KernelError> {
        let mut page = Vec::new();
        while page.len() < PAGE && self.load(host, budget)? {
            let Some(entries) = &mut self.entries else {
                break;
            };
            let Some((cursor, bytes)) = entries.next_entry() else {
                // The end of what was read, or of the page.
                self.entries = None;
                continue;
            };
            let size = (ENTRY_OVERHEAD + bytes.len()) as u64;
            let waiting = match waiting(bytes) {
                Ok(waiting) => Some(waiting),
                Err(error) => {
                    log::line(host, format_args!("input dropped: {error}"));
                    None
                }
            };
            self.waiting = self.waiting.saturating_sub(size);
            self.next = entries.cursor();
            page.push((cursor, size, waiting));
        }
        Ok(page)
    }

    /// Makes sure that there are entries to read; `false` when nothing is left.
    fn load(&mut self, host: &impl ReadStore, budget: &mut Budget) -> Result<bool, KernelError> {
        while self.entries.is_none() {
            if self.next.level >= self.end {
                return Ok(false);
            }
            if self
                .appended
                .as_ref()
                .is_some_and(|appended| appended.cursor() == self.next)
            {
                self.entries = self.appended.take();
                self.finished.push(self.next.level);
                break;
            }
            self.entries = Entries::load(host, self.next, READ)?;
            match &self.entries {
                Some(entries) if entries.holds_one() => {
                    budget.message(entries.remaining());
                    self.finished.push(self.next.level);
                }
                _ => {
                    self.entries = None;
                    self.next = Cursor {
                        level: self.next.level.saturating_add(1),
                        offset: 0,
                    };
                }
            }
        }
        Ok(true)
    }

    /// Recovers the senders of a page's transactions and makes them ready.
    fn recover(
        &mut self,
        host: &impl Debug,
        inputs: Vec<(Cursor, u64, Option<Waiting>)>,
        budget: &mut Budget,
    ) {
        let mut inputs = inputs;
        for (_, _, waiting) in &mut inputs {
            if let Some(Waiting::Transaction(decoded)) = waiting
                && !self.seen.insert(decoded.transaction.hash)
            {
                log::line(
                    host,
                    format_args!(
                        "transaction {} dropped: it waits already",
                        decoded.transaction.hash
                    ),
                );
                *waiting = None;
            }
        }
        let transactions = inputs.iter().filter_map(|(_, _, waiting)| match waiting {
            Some(Waiting::Transaction(decoded)) => Some(&decoded.transaction),
            _ => None,
        });
        let mut senders = ethereum::senders(transactions).into_iter();
        budget.recoveries(senders.len());
        for (cursor, size, waiting) in inputs {
            let item = match waiting {
                Some(Waiting::Transaction(decoded)) => match senders.next() {
                    Some(Ok(sender)) => Some(Item::Transaction(decoded, sender)),
                    Some(Err(error)) => {
                        self.seen.remove(&decoded.transaction.hash);
                        log::line(
                            host,
                            format_args!(
                                "transaction {} dropped: {error}",
                                decoded.transaction.hash
                            ),
                        );
                        None
                    }
                    None => None,
                },
                Some(Waiting::Piece(bytes)) => Some(Item::Piece(bytes)),
                None => None,
            };
            match (item, self.ready.back_mut()) {
                (Some(item), _) => self.ready.push_back(Ready { cursor, item, size }),
                (None, Some(before)) => before.size = before.size.saturating_add(size),
                (None, None) => {}
            }
        }
    }
}

/// An input before its sender is known.
#[derive(Debug)]
enum Waiting {
    Transaction(Box<Decoded>),
    Piece(Vec<u8>),
}

fn waiting(bytes: &[u8]) -> Result<Waiting, BadInput> {
    match decode::input(bytes)? {
        Input::Simple { hash, raw } => {
            decode::transaction(hash, raw).map(|decoded| Waiting::Transaction(Box::new(decoded)))
        }
        Input::Announcement(_) | Input::Chunk(_) => Ok(Waiting::Piece(bytes.to_vec())),
    }
}
