//! The inputs that wait, in order: first in, first out.
//!
//! Inputs are decoded and their senders recovered a page at a time; a page may
//! reach beyond the block, so nothing here changes durable state.

use crate::bridge;
use crate::bridge::incoming;
use crate::error::KernelError;
use crate::host_cell::HostCell;
use crate::inputs::decode::{self, BadInput, Decoded, Input};
use crate::inputs::format::{INPUT, RECOVERY};
use crate::log;
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use alloy_primitives::Address;
use alloy_primitives::map::{B256Map, Entry};
use ethereum::signature::SignatureError;
use ethereum::{Recovered, SignedTransaction};
use host::{Debug, Runtime, Store};
use rollup::inbox::{TRANSFER, Transfer};
use rollup::{Budget, Cursor, Inputs, Quarantine};

/// How many inputs are decoded at once.
const PAGE: usize = 64;

/// The next thing to do.
#[derive(Debug)]
pub(crate) enum Item {
    /// A transaction.
    Transaction(Recovered<Box<SignedTransaction>>),
    /// An input that is no whole transaction.
    Part(Part),
}

/// An input that may make a transaction whole.
#[derive(Debug)]
pub(crate) enum Part {
    /// An announcement, behind its tag.
    Announcement(Vec<u8>),
    /// A chunk, behind its tag.
    Chunk(Vec<u8>),
    /// A call from layer 1.
    Transfer(Transfer<'static>),
}

impl Item {
    /// The gas of the block that it may use, 0 for a piece.
    pub(crate) fn gas_limit(&self) -> u64 {
        match self {
            Self::Transaction(signed) => signed.transaction.transaction.gas_limit(),
            Self::Part(Part::Announcement(_) | Part::Chunk(_)) => 0,
            Self::Part(Part::Transfer(_)) => bridge::DEPOSIT_GAS,
        }
    }

    /// The most gas that what it brings may use: a piece may bring any transaction.
    pub(crate) fn most_gas(&self) -> u64 {
        match self {
            Self::Transaction(signed) => signed.transaction.transaction.gas_limit(),
            Self::Part(Part::Announcement(_) | Part::Chunk(_)) => u64::MAX,
            Self::Part(Part::Transfer(transfer)) => {
                if incoming::may_be_delayed(&transfer.payload) {
                    u64::MAX
                } else {
                    // Delivered, or else kept.
                    2 * bridge::DEPOSIT_GAS
                }
            }
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
    inputs: Inputs,
    /// The bytes of all entries that were not read yet; those that are ready
    /// count themselves.
    waiting: u64,
    /// The senders that this run recovered, by transaction hash: what comes twice
    /// is not recovered twice. It may still be good, if it came too early at first.
    senders: B256Map<Result<Address, SignatureError>>,
    /// Whether inputs were dropped since the last commit.
    dropped: bool,
}

impl Queue {
    /// The queue of `inputs`, `waiting` bytes in all.
    pub(crate) fn new(inputs: Inputs, waiting: u64) -> Self {
        Self {
            ready: VecDeque::new(),
            inputs,
            waiting,
            senders: B256Map::default(),
            dropped: false,
        }
    }

    /// Where the first input stands that was not taken.
    pub(crate) fn cursor(&self) -> Cursor {
        let next = self.inputs.cursor();
        self.ready.front().map_or(next, |ready| ready.cursor)
    }

    /// The next thing to do; `None` when nothing waits, or when what was looked
    /// at was dropped and the run has no room to look further.
    pub(crate) fn peek<H: Runtime>(
        &mut self,
        host: &HostCell<'_, H>,
        quarantine: Option<&Quarantine>,
        budget: &mut Budget,
        room: u64,
    ) -> Result<Option<&Ready>, KernelError> {
        let until = budget.spent().saturating_add(room);
        while self.ready.is_empty() {
            let inputs = until.saturating_sub(budget.spent()) / INPUT;
            let most = usize::try_from(inputs).unwrap_or(PAGE).min(PAGE);
            let inputs = self.page(host, quarantine, budget, most)?;
            if inputs.is_empty() {
                break;
            }
            self.recover(host, inputs, budget);
        }
        Ok(self.ready.front())
    }

    /// The gas of the block that what [`Queue::peek`] showed may use.
    pub(crate) fn gas_limit(&self) -> u64 {
        self.ready.front().map_or(0, |ready| ready.item.gas_limit())
    }

    /// The most gas that what [`Queue::peek`] showed may use, in one block or another.
    pub(crate) fn most_gas(&self) -> u64 {
        self.ready.front().map_or(0, |ready| ready.item.most_gas())
    }

    /// Whether it is known that nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.ready.is_empty() && self.inputs.is_empty()
    }

    /// Whether inputs were dropped since the last commit, and none was good.
    pub(crate) fn has_dropped(&self) -> bool {
        self.dropped
    }

    /// Takes what [`Queue::peek`] showed.
    pub(crate) fn take(&mut self) -> Option<Ready> {
        self.ready.pop_front()
    }

    /// Makes what was taken the next again.
    pub(crate) fn put_back(&mut self, ready: Ready) {
        self.ready.push_front(ready);
    }

    /// A block is committed: deletes the pages that its cursor is past.
    pub(crate) fn committed(
        &mut self,
        host: &mut impl Store,
        cursor: Cursor,
    ) -> Result<(), KernelError> {
        self.dropped = false;
        Ok(self.inputs.committed(host, cursor)?)
    }

    /// The bytes that still wait.
    pub(crate) fn waiting(&self) -> u64 {
        if self.is_empty() {
            return 0;
        }
        let ready: u64 = self.ready.iter().map(|ready| ready.size).sum();
        self.waiting.saturating_add(ready)
    }

    /// Decodes the next inputs, with care only one, under its mark; empty only
    /// when nothing is left.
    fn page<H: Runtime>(
        &mut self,
        host: &HostCell<'_, H>,
        quarantine: Option<&Quarantine>,
        budget: &mut Budget,
        most: usize,
    ) -> Result<Vec<(Cursor, u64, Option<Waiting>)>, KernelError> {
        let most = if quarantine.is_some() {
            most.min(1)
        } else {
            most
        };
        let mut page = Vec::new();
        while page.len() < most {
            let Some(entry) = self.inputs.take(host)? else {
                break;
            };
            let (cursor, bytes, size) = (entry.cursor, entry.bytes, entry.size());
            if entry.stored {
                budget.bytes(bytes.len());
            }
            let traps = match quarantine {
                Some(quarantine) => {
                    quarantine.mark(&mut **host.writer()?, cursor)?;
                    quarantine.traps(cursor)
                }
                None => 0,
            };
            let waiting = if traps > 1 {
                if let [TRANSFER, ..] = bytes {
                    bridge::set_aside(&mut **host.writer()?, cursor, bytes)?;
                }
                Err(BadInput::Traps)
            } else {
                waiting(bytes)
            };
            let waiting = match waiting {
                Ok(waiting) => Some(waiting),
                Err(error) => {
                    log::line(host, format_args!("input dropped: {error}"));
                    None
                }
            };
            self.waiting = self.waiting.saturating_sub(size);
            page.push((cursor, size, waiting));
        }
        Ok(page)
    }

    /// Recovers the senders of a page's transactions and makes them ready.
    fn recover(
        &mut self,
        host: &impl Debug,
        inputs: Vec<(Cursor, u64, Option<Waiting>)>,
        budget: &mut Budget,
    ) {
        let mut unknown = Vec::new();
        for (_, _, waiting) in &inputs {
            if let Some(Waiting::Transaction(decoded)) = waiting
                && let Entry::Vacant(vacant) = self.senders.entry(decoded.transaction.hash)
            {
                vacant.insert(Err(SignatureError::NoPublicKey));
                unknown.push(&*decoded.transaction);
            }
        }
        budget.add(RECOVERY * unknown.len() as u64);
        let senders = ethereum::senders(unknown.iter().copied());
        for (transaction, sender) in unknown.into_iter().zip(senders) {
            self.senders.insert(transaction.hash, sender);
        }
        for (cursor, size, waiting) in inputs {
            let item = match waiting {
                Some(Waiting::Transaction(decoded)) => {
                    self.with_sender(host, decoded).map(Item::Transaction)
                }
                Some(Waiting::Part(part)) => Some(Item::Part(part)),
                None => None,
            };
            match (item, self.ready.back_mut()) {
                (Some(item), _) => self.ready.push_back(Ready { cursor, item, size }),
                (None, Some(before)) => before.size = before.size.saturating_add(size),
                (None, None) => self.dropped = true,
            }
        }
    }

    /// The transaction with its sender, if it has one.
    fn with_sender(
        &self,
        host: &impl Debug,
        decoded: Decoded,
    ) -> Option<Recovered<Box<SignedTransaction>>> {
        let hash = decoded.transaction.hash;
        match self.senders.get(&hash)? {
            Ok(sender) => Some(decoded.signed_by(*sender)),
            Err(error) => {
                log::line(host, format_args!("transaction {hash} dropped: {error}"));
                None
            }
        }
    }
}

/// An input before its sender is known.
#[derive(Debug)]
enum Waiting {
    Transaction(Decoded),
    Part(Part),
}

fn waiting(bytes: &[u8]) -> Result<Waiting, BadInput> {
    let part = match decode::input(bytes)? {
        Input::Simple { hash, raw } => {
            return decode::transaction(hash, raw).map(Waiting::Transaction);
        }
        Input::Announcement(bytes) => Part::Announcement(bytes.to_vec()),
        Input::Chunk(bytes) => Part::Chunk(bytes.to_vec()),
        Input::Transfer(transfer) => Part::Transfer(transfer.into_owned()),
    };
    Ok(Waiting::Part(part))
}
