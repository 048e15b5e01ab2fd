//! The inputs that wait: in each lane, first in, first out.
//!
//! Inputs are decoded and their senders recovered a page at a time; a page may
//! reach beyond the block, so nothing here changes durable state.

use crate::bridge;
use crate::bridge::incoming;
use crate::environment::Environment;
use crate::error::KernelError;
use crate::host_cell::HostCell;
use crate::inputs::decode::{self, BadInput, Decoded, Input};
use crate::inputs::format::{DROPPED, INPUT, RECOVERY};
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
use rollup::lane::Needed;
use rollup::opening::Waiting;
use rollup::{Budget, Cursor, Inputs, Lane, Position, Quarantine};

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
    pub(crate) fn gas_limit(&self, block: &Environment) -> u64 {
        match self {
            Self::Transaction(signed) => block.execution_gas(&signed.transaction, signed.raw.len()),
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
    pub(crate) position: Position,
    /// What it is.
    pub(crate) item: Item,
    /// Its bytes in the log, and those of the dropped inputs behind it: what is
    /// read again if a later run starts here.
    pub(crate) size: u64,
}

/// A lane: the waiting inputs from a cursor on.
#[derive(Debug)]
struct Line {
    lane: Lane,
    ready: VecDeque<Ready>,
    inputs: Inputs,
    /// The bytes of all entries that were not read yet; those that are ready
    /// count themselves.
    waiting: u64,
    /// Whether inputs were dropped since the last commit.
    dropped: bool,
}

/// How one looks at what comes next.
pub(crate) struct Look<'l, 'h, H> {
    pub(crate) host: &'l HostCell<'h, H>,
    pub(crate) quarantine: Option<&'l Quarantine>,
    /// The work that may be done.
    pub(crate) room: u64,
}

/// Inputs with where they stand and what they count, in order; `None` for one that is
/// dropped.
type Page = Vec<(Position, u64, Option<Decodable>)>;

impl Line {
    fn new(lane: Lane, waiting: Waiting) -> Self {
        Self {
            lane,
            ready: VecDeque::new(),
            inputs: waiting.inputs,
            waiting: waiting.bytes,
            dropped: false,
        }
    }

    /// Where the first input stands that was not taken.
    fn cursor(&self) -> Cursor {
        let next = self.inputs.cursor();
        let front = self.ready.front();
        front.map_or(next, |ready| ready.position.cursor)
    }

    fn is_empty(&self) -> bool {
        self.ready.is_empty() && self.inputs.is_empty()
    }

    fn waiting(&self) -> u64 {
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
        look: &Look<'_, '_, H>,
        budget: &mut Budget,
        most: usize,
    ) -> Result<Page, KernelError> {
        let most = if look.quarantine.is_some() {
            most.min(1)
        } else {
            most
        };
        let mut page = Vec::new();
        while page.len() < most {
            let Some(entry) = self.inputs.take(look.host)? else {
                break;
            };
            let position = Position {
                lane: self.lane,
                cursor: entry.cursor,
            };
            if entry.stored {
                budget.bytes(entry.bytes.len());
            }
            self.waiting = self.waiting.saturating_sub(entry.size);
            let decodable = if entry.ours {
                decodable(look, position, entry.bytes)?
            } else {
                None
            };
            if entry.ours && decodable.is_none() {
                budget.add(DROPPED);
            }
            page.push((position, entry.size, decodable));
        }
        Ok(page)
    }
}

/// The waiting inputs of both lanes.
#[derive(Debug)]
pub(crate) struct Queue {
    external: Line,
    calls: Line,
    /// The senders that this run recovered, by transaction hash: what comes twice
    /// is not recovered twice. It may still be good, if it came too early at first.
    senders: B256Map<Result<Address, SignatureError>>,
}

impl Queue {
    /// The queue of what waits in its lanes.
    pub(crate) fn new(external: Waiting, calls: Waiting) -> Self {
        Self {
            external: Line::new(Lane::External, external),
            calls: Line::new(Lane::Calls, calls),
            senders: B256Map::default(),
        }
    }

    const fn line(&self, lane: Lane) -> &Line {
        match lane {
            Lane::Calls => &self.calls,
            Lane::External => &self.external,
        }
    }

    const fn line_mut(&mut self, lane: Lane) -> &mut Line {
        match lane {
            Lane::Calls => &mut self.calls,
            Lane::External => &mut self.external,
        }
    }

    /// Where the first input of a lane stands that was not taken.
    pub(crate) fn cursor(&self, lane: Lane) -> Cursor {
        self.line(lane).cursor()
    }

    /// The next thing to do in a lane; `None` when nothing waits, or when what was
    /// looked at was dropped and there is no room to look further.
    pub(crate) fn peek<H: Runtime>(
        &mut self,
        lane: Lane,
        look: &Look<'_, '_, H>,
        budget: &mut Budget,
    ) -> Result<Option<&Ready>, KernelError> {
        let until = budget.spent().saturating_add(look.room);
        while self.line(lane).ready.is_empty() {
            let inputs = until.saturating_sub(budget.spent()) / INPUT;
            let most = usize::try_from(inputs).unwrap_or(PAGE).min(PAGE);
            let inputs = self.line_mut(lane).page(look, budget, most)?;
            if inputs.is_empty() {
                break;
            }
            self.recover(lane, look.host, inputs, budget);
        }
        Ok(self.line(lane).ready.front())
    }

    /// The gas of the block that what [`Queue::peek`] showed may use.
    pub(crate) fn gas_limit(&self, lane: Lane, block: &Environment) -> u64 {
        let front = self.line(lane).ready.front();
        front.map_or(0, |ready| ready.item.gas_limit(block))
    }

    /// The most gas that what [`Queue::peek`] showed may use, in one block or another.
    pub(crate) fn most_gas(&self, lane: Lane) -> u64 {
        let front = self.line(lane).ready.front();
        front.map_or(0, |ready| ready.item.most_gas())
    }

    /// Whether it is known that nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.external.is_empty() && self.calls.is_empty()
    }

    /// Whether external inputs may wait.
    pub(crate) fn external_waits(&self) -> bool {
        !self.external.is_empty()
    }

    /// Whether inputs were dropped since the last commit, and none was good.
    pub(crate) const fn has_dropped(&self) -> bool {
        self.external.dropped || self.calls.dropped
    }

    /// Takes what [`Queue::peek`] showed.
    pub(crate) fn take(&mut self, lane: Lane) -> Option<Ready> {
        self.line_mut(lane).ready.pop_front()
    }

    /// Makes what was taken the next again.
    pub(crate) fn put_back(&mut self, ready: Ready) {
        self.line_mut(ready.position.lane).ready.push_front(ready);
    }

    /// A block is committed: deletes the pages that are not needed.
    pub(crate) fn committed(
        &mut self,
        host: &mut impl Store,
        needed: Needed,
    ) -> Result<(), KernelError> {
        for line in [&mut self.external, &mut self.calls] {
            line.dropped = false;
            line.inputs.committed(host, needed)?;
        }
        Ok(())
    }

    /// The bytes that still wait in a lane.
    pub(crate) fn waiting(&self, lane: Lane) -> u64 {
        self.line(lane).waiting()
    }

    /// Recovers the senders of a page's transactions and makes them ready.
    fn recover(&mut self, lane: Lane, host: &impl Debug, inputs: Page, budget: &mut Budget) {
        let mut unknown = Vec::new();
        for (_, _, decodable) in &inputs {
            if let Some(Decodable::Transaction(decoded)) = decodable
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
        for (position, size, decodable) in inputs {
            let item = match decodable {
                Some(Decodable::Transaction(decoded)) => {
                    self.with_sender(host, decoded).map(Item::Transaction)
                }
                Some(Decodable::Part(part)) => Some(Item::Part(part)),
                None => None,
            };
            let line = self.line_mut(lane);
            match (item, line.ready.back_mut()) {
                (Some(item), _) => line.ready.push_back(Ready {
                    position,
                    item,
                    size,
                }),
                (None, Some(before)) => before.size = before.size.saturating_add(size),
                (None, None) => line.dropped = true,
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
enum Decodable {
    Transaction(Decoded),
    Part(Part),
}

/// Decodes an input, with care under its mark; `None` if it is dropped.
fn decodable<H: Runtime>(
    look: &Look<'_, '_, H>,
    position: Position,
    bytes: &[u8],
) -> Result<Option<Decodable>, KernelError> {
    let traps = match look.quarantine {
        Some(quarantine) => {
            quarantine.mark(&mut **look.host.writer()?, position)?;
            quarantine.traps(position)
        }
        None => 0,
    };
    let decoded = if traps > 1 {
        if let [TRANSFER, ..] = bytes {
            bridge::set_aside(&mut **look.host.writer()?, position.cursor, bytes)?;
        }
        Err(BadInput::Traps)
    } else {
        decode(bytes)
    };
    match decoded {
        Ok(decoded) => Ok(Some(decoded)),
        Err(error) => {
            log::line(look.host, format_args!("input dropped: {error}"));
            Ok(None)
        }
    }
}

fn decode(bytes: &[u8]) -> Result<Decodable, BadInput> {
    let part = match decode::input(bytes)? {
        Input::Simple { hash, raw } => {
            return decode::transaction(hash, raw).map(Decodable::Transaction);
        }
        Input::Announcement(bytes) => Part::Announcement(bytes.to_vec()),
        Input::Chunk(bytes) => Part::Chunk(bytes.to_vec()),
        Input::Transfer(transfer) => Part::Transfer(transfer.into_owned()),
    };
    Ok(Decodable::Part(part))
}
