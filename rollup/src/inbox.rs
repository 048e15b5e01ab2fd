//! The first step: the level's messages are read, and what matters to us is made
//! durable before anything executes.
//!
//! Between `read_input` and the write that makes its message durable there is
//! only straight code, so that a trap there cannot come from us.

use crate::queue::{ENTRY_OVERHEAD, Entries, Page};
use crate::run::line;
use crate::{Budget, Layout, Level};
use alloc::vec::Vec;
use host::{Debug, HostError, MAX_MESSAGE, Runtime};
use messages::external::{self, Frame};
use messages::inbox::Message;

/// Free bytes in front of a message: with its tag they hold an entry's length.
const ROOM: usize = ENTRY_OVERHEAD - 1;

/// Where the entry of a message begins that has no frame: the length of the
/// entry takes the place of the inbox tag.
const UNFRAMED: usize = 0;

/// Where the entry of a framed message begins: in front of its contents stand
/// the inbox tag, the frame's tag and the address.
const FRAMED: usize = ROOM + 1 + 1 + 20 - ENTRY_OVERHEAD;

/// The tag of calls from layer 1. The queue gives it; what users post under it
/// is dropped.
pub const TRANSFER: u8 = 0x80;

/// A call from a contract of layer 1 to this rollup, as the queue has it:
/// [`TRANSFER`]` ++ id (4) ++ payload ++ sender (20)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer<'b> {
    /// The message's index in its level.
    pub id: u32,
    /// One Micheline node.
    pub payload: &'b [u8],
    /// The hash of the contract that calls (`KT1…`).
    pub sender: &'b [u8; 20],
}

impl<'b> Transfer<'b> {
    /// What stands behind the tag of an input; `None` where it is too short.
    #[must_use]
    pub fn parse(bytes: &'b [u8]) -> Option<Self> {
        let (id, rest) = bytes.split_first_chunk()?;
        let (payload, sender) = rest.split_last_chunk()?;
        Some(Self {
            id: u32::from_be_bytes(*id),
            payload,
            sender,
        })
    }

    /// As the queue has it.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let id = self.id.to_be_bytes();
        [&[TRANSFER][..], &id, self.payload, self.sender].concat()
    }
}

/// The hash of the sender, which stands right behind a transfer's payload.
const SENDER: usize = 20;

/// What was read.
#[derive(Debug)]
pub struct Drained {
    /// The level that the inbox is at; none if nothing ever came.
    pub level: Option<Level>,
    /// Where the level's page ends, and what this run appended to it.
    pub entries: Option<Entries>,
    /// The bytes of the level's page.
    pub page_bytes: u64,
    /// Whether the level has no more messages.
    pub complete: bool,
}

/// What bounds the reading.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Our own address, the 20 bytes behind `sr1…`.
    pub rollup: [u8; 20],
    /// Bytes that wait already, besides those of this level.
    pub backlog: u64,
    /// Bytes that may wait.
    pub most: u64,
    /// Whether the run before this one trapped.
    pub trapped: bool,
    /// Which external messages are ours without a frame, by their bytes behind
    /// the inbox tag; none where it is absent. It must not trap.
    pub unframed: Option<fn(&[u8]) -> bool>,
}

/// What each input counts in the queue besides its bytes.
const INPUT_OVERHEAD: u64 = 32;

/// Reads messages until the level has no more or the budget is spent.
///
/// # Errors
/// Where the machine refuses.
pub fn drain(
    host: &mut impl Runtime,
    layout: &Layout,
    limits: &Limits,
    budget: &mut Budget,
) -> Result<Drained, HostError> {
    let mut level = Level::load(host, layout)?;
    // A run that resumes a level appends to its page. It is opened before the
    // first message is taken.
    let mut page = match &level {
        Some(level) => Some(open(host, layout, level.number, limits)?),
        None => None,
    };
    let mut newest = level.map(|level| level.number);
    let mut entries = None;
    let mut waiting = limits.backlog;
    let mut buffer = [0; ROOM + MAX_MESSAGE];
    let mut complete = false;
    let mut skipped = Skipped::default();
    while budget.has_room_for(0) {
        let Some((_, read)) = buffer.split_last_chunk_mut() else {
            break;
        };
        let Some(message) = host.read_input(read)? else {
            complete = true;
            break;
        };
        let (number, id, len) = (message.level, message.id, message.payload.len());
        newest = Some(number);
        budget.message(len);
        match Message::parse(message.payload) {
            Ok(Message::External(message)) => {
                let ours = limits.unframed.is_some_and(|ours| ours(message));
                let start = match external::parse(message, &limits.rollup) {
                    // Only layer 1 makes transfers: nobody may post what looks like one.
                    Frame::Contents([TRANSFER, ..]) => None,
                    Frame::Contents(_) => Some(FRAMED),
                    _ if ours && message.first() != Some(&TRANSFER) => Some(UNFRAMED),
                    Frame::OtherRollup => {
                        skipped.foreign += 1;
                        continue;
                    }
                    Frame::NotFramed => None,
                };
                let framed = start.and_then(|start| buffer.get_mut(start..ROOM + len));
                let Some(framed) = framed else {
                    skipped.unframed += 1;
                    continue;
                };
                let page = page_of(&mut page, host, layout, number, limits)?;
                let size = framed.len() as u64 + INPUT_OVERHEAD;
                let full = waiting + u64::from(page.end().offset) + size > limits.most;
                if full {
                    skipped.full += 1;
                    continue;
                }
                waiting += INPUT_OVERHEAD;
                let at = page.append(host, framed)?;
                entries.get_or_insert_with(|| Entries::at(at)).push(framed);
            }
            // However full the queue is: it brings what somebody paid for.
            Ok(Message::Transfer(transfer)) if *transfer.destination == limits.rollup => {
                let payload = transfer.payload.len();
                let Some(framed) = frame_transfer(&mut buffer, payload, id) else {
                    continue;
                };
                let page = page_of(&mut page, host, layout, number, limits)?;
                waiting += INPUT_OVERHEAD;
                let at = page.append(host, framed)?;
                entries.get_or_insert_with(|| Entries::at(at)).push(framed);
            }
            Ok(Message::StartOfLevel) => {
                if page.as_ref().is_none_or(|page| page.end().level != number) {
                    page = Some(Page::open(host, layout, number)?);
                }
            }
            Ok(Message::InfoPerLevel(info)) => {
                let info = Level {
                    number,
                    timestamp: u64::try_from(info.predecessor_timestamp).unwrap_or(0),
                    predecessor: info.predecessor,
                };
                info.save(host, layout)?;
                level = Some(info);
            }
            Ok(Message::EndOfLevel) => {
                complete = true;
                break;
            }
            Ok(_) => {}
            Err(error) => line(
                host,
                layout,
                format_args!("unreadable inbox message: {error}"),
            ),
        }
    }
    skipped.log(host, layout);
    // A trap took the level's facts: the last ones known hold on, durably, so
    // that all runs of the level agree.
    if let Some(number) = newest
        && level.is_none_or(|level| level.number < number)
    {
        let known = Level {
            number,
            timestamp: level.map_or(0, |level| level.timestamp),
            predecessor: level.map_or([0; 32], |level| level.predecessor),
        };
        known.save(host, layout)?;
        level = Some(known);
    }
    let page_bytes = page.map_or(0, |page| u64::from(page.end().offset));
    Ok(Drained {
        level,
        entries,
        page_bytes,
        complete,
    })
}

/// The page of level `number`. It is open already, but for a trap that took
/// `Start_of_level` with it.
fn page_of<'p>(
    page: &'p mut Option<Page>,
    host: &mut impl Runtime,
    layout: &Layout,
    number: u32,
    limits: &Limits,
) -> Result<&'p mut Page, HostError> {
    if page.as_ref().is_none_or(|page| page.end().level != number) {
        *page = Some(open(host, layout, number, limits)?);
    }
    page.as_mut().ok_or(HostError::GenericInvalidAccess)
}

/// Rearranges a transfer whose payload has `payload` bytes into the entry that
/// [`Transfer::parse`] takes apart: it is shorter than the message, so it fits.
fn frame_transfer(buffer: &mut [u8], payload: usize, id: u32) -> Option<&mut [u8]> {
    const HEAD: usize = ENTRY_OVERHEAD + 1 + 4;
    let size = payload + SENDER;
    if HEAD + size > buffer.len() {
        return None;
    }
    // Behind the inbox tag and the tag of transfers.
    buffer.copy_within(ROOM + 2..ROOM + 2 + size, HEAD);
    let (head, _) = buffer.split_first_chunk_mut::<HEAD>()?;
    let (_, head) = head.split_at_mut(ENTRY_OVERHEAD);
    let (tag, number) = head.split_at_mut(1);
    tag.fill(TRANSFER);
    number.copy_from_slice(&id.to_be_bytes());
    buffer.get_mut(..HEAD + size)
}

/// Messages that are not queued, counted: rollups share the inbox, so there may
/// be thousands, and a line for each would cost each of us a host call.
#[derive(Debug, Default)]
struct Skipped {
    foreign: usize,
    unframed: usize,
    full: usize,
}

impl Skipped {
    fn log(&self, host: &impl Debug, layout: &Layout) {
        let reasons = [
            (self.foreign, "for other rollups"),
            (self.unframed, "without a frame"),
            (self.full, "dropped because the queue is full"),
        ];
        for (count, reason) in reasons.into_iter().filter(|(count, _)| *count > 0) {
            line(host, layout, format_args!("messages {reason}: {count}"));
        }
    }
}

/// The page of `level`; after a trap its last entry may be cut short.
fn open(
    host: &mut impl Runtime,
    layout: &Layout,
    level: u32,
    limits: &Limits,
) -> Result<Page, HostError> {
    if limits.trapped {
        Page::repair(host, layout, level)
    } else {
        Page::open(host, layout, level)
    }
}
