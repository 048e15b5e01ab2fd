//! The inputs that wait: in each lane, first in, first out.
//!
//! Inputs are decoded and their senders recovered a page at a time; a page may
//! reach beyond the block, so nothing here changes durable state.

use crate::bridge;
use crate::environment::Environment;
use crate::error::KernelError;
use crate::host_cell::HostCell;
use crate::inputs::batch::held::Held;
use crate::inputs::decode::{self, BadInput, Decoded, Input};
use crate::inputs::format::{BATCH, DROPPED, INPUT, RECOVERY};
pub(crate) use crate::inputs::item::{Item, Part, Ready};
use crate::log;
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use alloy_primitives::map::{B256Map, Entry};
use ethereum::signature::SignatureError;
use ethereum::{Recovered, SignedTransaction, Signer};
use host::{Debug, Runtime, Store};
use rollup::inbox::TRANSFER;
use rollup::lane::Needed;
use rollup::opening::Waiting;
use rollup::{Budget, Cursor, Inputs, Lane, OwnAddress, Position, Quarantine};
use storage::Partly;

/// The number of inputs that are decoded at once.
const PAGE: usize = 64;

/// A lane: the waiting inputs from a cursor on.
#[derive(Debug)]
struct Line {
    lane: Lane,
    ready: VecDeque<Ready>,
    /// The batch that comes next, if there was no room for it yet.
    held: Option<Held>,
    /// The position at which the run began.
    start: Cursor,
    inputs: Inputs,
    /// The bytes of all entries that were not read yet; those that are ready
    /// count themselves.
    waiting: u64,
    /// True if inputs were dropped since the last commit.
    dropped: bool,
}

/// The ways to look at the next input.
pub(crate) struct Look<'l, 'h, H> {
    pub(crate) host: &'l HostCell<'h, H>,
    pub(crate) quarantine: Option<&'l Quarantine>,
    /// The work that may be done.
    pub(crate) room: u64,
    /// True if a batch that comes first is opened, however little room there is.
    pub(crate) first: bool,
    /// Our own address.
    pub(crate) rollup: &'l OwnAddress,
}

/// Inputs with where they stand and what they count, in order; `None` for one that is
/// dropped.
type Page = Vec<(Position, u64, Option<Decodable>)>;

impl Line {
    fn new(lane: Lane, waiting: Waiting) -> Self {
        Self {
            lane,
            ready: VecDeque::new(),
            held: None,
            start: waiting.inputs.cursor(),
            inputs: waiting.inputs,
            waiting: waiting.bytes,
            dropped: false,
        }
    }

    /// The position of the first input that was not taken.
    fn cursor(&self) -> Cursor {
        let held = self.held.as_ref().map(|held| held.position.cursor);
        let front = self.ready.front().map(|ready| ready.position.cursor);
        front.or(held).unwrap_or_else(|| self.inputs.cursor())
    }

    fn is_empty(&self) -> bool {
        self.ready.is_empty() && self.held.is_none() && self.inputs.is_empty()
    }

    fn waiting(&self) -> u64 {
        if self.is_empty() {
            return 0;
        }
        let ready: u64 = self.ready.iter().map(|ready| ready.size).sum();
        let held = self.held.as_ref().map_or(0, |held| held.size);
        self.waiting.saturating_add(ready).saturating_add(held)
    }

    /// Decodes the next inputs up to a batch, which is held, with care only one, under
    /// its mark; empty only when nothing is left or a batch comes next.
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
        while page.len() < most && self.held.is_none() {
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
            if let (true, [BATCH, batch @ ..]) = (entry.ours, entry.bytes)
                && mark(look, position)? <= 1
            {
                self.held = Some(Held::new(position, batch, entry.size));
                break;
            }
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

impl Line {
    /// Opens the batch that is held, and makes its transactions ready.
    fn open<H: Runtime>(
        &mut self,
        look: &Look<'_, '_, H>,
        budget: &mut Budget,
    ) -> Result<(), KernelError> {
        let Some(held) = self.held.take() else {
            return Ok(());
        };
        budget.add(held.cost);
        let rollup = look.rollup.get(&**look.host.writer()?)?;
        let signed = held.open(look.host, &rollup, self.start)?;
        let signed = signed.unwrap_or_else(|bad| {
            log::line(look.host, format_args!("input dropped: {bad}"));
            budget.add(DROPPED);
            Vec::new()
        });
        for (place, signed) in signed {
            let ready = Ready {
                position: held.position,
                place: Some(place),
                item: Item::Transaction(signed),
                size: 0,
            };
            let traps = look.quarantine.map(|care| care.traps(ready.mark()));
            if traps.is_some_and(|traps| traps > 1) {
                log::line(
                    look.host,
                    format_args!("input dropped: {}", BadInput::Traps),
                );
                budget.add(DROPPED);
            } else {
                self.ready.push_back(ready);
            }
        }
        match self.ready.back_mut() {
            Some(last) => last.size = last.size.saturating_add(held.size),
            None => self.dropped = true,
        }
        Ok(())
    }
}

/// The waiting inputs of both lanes.
#[derive(Debug)]
pub(crate) struct Queue {
    external: Line,
    calls: Line,
    /// The senders that this run recovered, by transaction hash: what comes twice
    /// is not recovered twice. It may still be good, if it came too early at first.
    senders: B256Map<Result<Signer, SignatureError>>,
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

    /// The position of the first input of a lane that was not taken.
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
        if self.line(lane).is_empty() {
            return Ok(None);
        }
        let until = budget.spent().saturating_add(look.room);
        let mut first = look.first;
        while self.line(lane).ready.is_empty() {
            let inputs = until.saturating_sub(budget.spent()) / INPUT;
            let most = usize::try_from(inputs).unwrap_or(PAGE).min(PAGE);
            let page = self.line_mut(lane).page(look, budget, most)?;
            if !page.is_empty() {
                first = false;
                self.recover(lane, look.host, page, budget);
                continue;
            }
            let line = self.line_mut(lane);
            let room = until.saturating_sub(budget.spent());
            // What comes first is opened, or nothing ever would be.
            match &line.held {
                Some(held) if held.cost <= room || first => line.open(look, budget)?,
                _ => break,
            }
            first = false;
        }
        Ok(self.line(lane).ready.front())
    }

    /// The facts for the commit about a batch that blocks took a part of.
    pub(crate) fn partly(&self) -> Option<Partly> {
        let ready = self.external.ready.front()?;
        let taken = ready.place.filter(|place| *place > 0)?;
        Some(Partly {
            cursor: ready.position.cursor,
            taken,
        })
    }

    /// The work that has to be possible for another look at what comes next.
    pub(crate) fn look(&self) -> u64 {
        let held = [&self.external, &self.calls].map(|line| line.held.as_ref());
        let costs = held.into_iter().flatten().map(|held| held.cost);
        costs.max().unwrap_or(INPUT)
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

    /// True if it is known that nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.external.is_empty() && self.calls.is_empty()
    }

    /// True if external inputs may wait.
    pub(crate) fn external_waits(&self) -> bool {
        !self.external.is_empty()
    }

    /// True if inputs were dropped since the last commit, and none was good.
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
        let signers = ethereum::signers(unknown.iter().copied());
        for (transaction, signer) in unknown.into_iter().zip(signers) {
            self.senders.insert(transaction.hash, signer);
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
                    place: None,
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
            Ok(signer) => Some(decoded.signed_by(signer)),
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

/// Marks an input, if care is needed; gives how often it trapped under its mark.
fn mark<H: Runtime>(look: &Look<'_, '_, H>, position: Position) -> Result<usize, KernelError> {
    let Some(quarantine) = look.quarantine else {
        return Ok(0);
    };
    quarantine.mark(&mut **look.host.writer()?, position)?;
    Ok(quarantine.traps(position))
}

/// Decodes an input, with care under its mark; `None` if it is dropped.
fn decodable<H: Runtime>(
    look: &Look<'_, '_, H>,
    position: Position,
    bytes: &[u8],
) -> Result<Option<Decodable>, KernelError> {
    let decoded = if mark(look, position)? > 1 {
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
