//! The first step: the level's messages are read, and what matters to us is made
//! durable before anything executes.
//!
//! Between `read_input` and the write that makes its message durable there is
//! only straight code, so that a trap there cannot come from us.

use crate::budget::Budget;
use crate::decode;
use crate::error::KernelError;
use crate::log;
use alloy_primitives::B256;
use host::{Debug, MAX_MESSAGE, Runtime};
use messages::external::{self, Frame};
use messages::inbox::Message;
use storage::level::Level;
use storage::queue::{ENTRY_OVERHEAD, Entries, Page};

/// The bytes in front of a frame's contents: inbox tag, frame tag, address.
const CONTENTS: usize = 1 + 1 + 20;

/// The hash of the sender, which stands right behind a transfer's payload.
const SENDER: usize = 20;

/// What was read.
#[derive(Debug)]
pub(crate) struct Drained {
    /// The level that the inbox is at; none if nothing ever came.
    pub(crate) level: Option<Level>,
    /// Where the level's page ends, and what this run appended to it.
    pub(crate) entries: Option<Entries>,
    /// The bytes of the level's page.
    pub(crate) page_bytes: u64,
    /// Whether the level has no more messages.
    pub(crate) complete: bool,
}

/// What bounds the reading.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Our own address, the 20 bytes behind `sr1…`.
    pub(crate) rollup: [u8; 20],
    /// Bytes that wait already, besides those of this level.
    pub(crate) backlog: u64,
    /// Bytes that may wait.
    pub(crate) most: u64,
    /// Whether the run before this one trapped.
    pub(crate) trapped: bool,
}

/// What each input counts in the queue besides its bytes.
const INPUT_OVERHEAD: u64 = 32;

/// Reads messages until the level has no more or the budget is spent.
pub(crate) fn drain(
    host: &mut impl Runtime,
    limits: &Limits,
    budget: &mut Budget,
) -> Result<Drained, KernelError> {
    let mut level = Level::load(host)?;
    // A run that resumes a level appends to its page. It is opened before the
    // first message is taken.
    let mut page = match &level {
        Some(level) => Some(open(host, level.number, limits)?),
        None => None,
    };
    let mut newest = level.map(|level| level.number);
    let mut entries = None;
    let mut waiting = limits.backlog;
    let mut buffer = [0; MAX_MESSAGE];
    let mut complete = false;
    let mut skipped = Skipped::default();
    while budget.has_room_for(0) {
        let Some(message) = host.read_input(&mut buffer)? else {
            complete = true;
            break;
        };
        let (number, id, len) = (message.level, message.id, message.payload.len());
        newest = Some(number);
        budget.message(len);
        match Message::parse(message.payload) {
            Ok(Message::External(frame)) => match external::parse(frame, &limits.rollup) {
                // Only layer 1 makes transfers: nobody may post what looks like one.
                Frame::Contents([decode::TRANSFER, ..]) => skipped.unframed += 1,
                Frame::Contents(_) => {
                    let Some(framed) = buffer.get_mut(CONTENTS - ENTRY_OVERHEAD..len) else {
                        continue;
                    };
                    let page = page_of(&mut page, host, number, limits)?;
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
                Frame::OtherRollup => skipped.foreign += 1,
                Frame::NotFramed => skipped.unframed += 1,
            },
            // However full the queue is: it brings what somebody paid for.
            Ok(Message::Transfer(transfer)) if *transfer.destination == limits.rollup => {
                let payload = transfer.payload.len();
                let Some(framed) = frame_transfer(&mut buffer, payload, id) else {
                    continue;
                };
                let page = page_of(&mut page, host, number, limits)?;
                waiting += INPUT_OVERHEAD;
                let at = page.append(host, framed)?;
                entries.get_or_insert_with(|| Entries::at(at)).push(framed);
            }
            Ok(Message::StartOfLevel) => {
                if page.as_ref().is_none_or(|page| page.end().level != number) {
                    page = Some(Page::open(host, number)?);
                }
            }
            Ok(Message::InfoPerLevel(info)) => {
                let info = Level {
                    number,
                    timestamp: u64::try_from(info.predecessor_timestamp).unwrap_or(0),
                    predecessor: B256::new(info.predecessor),
                };
                info.save(host)?;
                level = Some(info);
            }
            Ok(Message::EndOfLevel) => {
                complete = true;
                break;
            }
            Ok(_) => {}
            Err(error) => log::line(host, format_args!("unreadable inbox message: {error}")),
        }
    }
    skipped.log(host);
    // A trap took the level's facts: the last ones known hold on, durably, so
    // that all runs of the level agree.
    if let Some(number) = newest
        && level.is_none_or(|level| level.number < number)
    {
        let known = Level {
            number,
            timestamp: level.map_or(0, |level| level.timestamp),
            predecessor: level.map_or(B256::ZERO, |level| level.predecessor),
        };
        known.save(host)?;
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
    number: u32,
    limits: &Limits,
) -> Result<&'p mut Page, KernelError> {
    if page.as_ref().is_none_or(|page| page.end().level != number) {
        *page = Some(open(host, number, limits)?);
    }
    page.as_mut().ok_or(KernelError::MissingState)
}

/// Rearranges a transfer whose payload has `payload` bytes into the entry that
/// [`decode::input`] reads: it is shorter than the message, so it fits.
fn frame_transfer(buffer: &mut [u8; MAX_MESSAGE], payload: usize, id: u32) -> Option<&mut [u8]> {
    const HEAD: usize = ENTRY_OVERHEAD + 1 + 4;
    let size = payload + SENDER;
    if HEAD + size > buffer.len() {
        return None;
    }
    buffer.copy_within(2..2 + size, HEAD);
    let (head, _) = buffer.split_first_chunk_mut::<HEAD>()?;
    let (_, head) = head.split_at_mut(ENTRY_OVERHEAD);
    let (tag, number) = head.split_at_mut(1);
    tag.fill(decode::TRANSFER);
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
    fn log(&self, host: &impl Debug) {
        let reasons = [
            (self.foreign, "for other rollups"),
            (self.unframed, "without a frame"),
            (self.full, "dropped because the queue is full"),
        ];
        for (count, reason) in reasons.into_iter().filter(|(count, _)| *count > 0) {
            log::line(host, format_args!("messages {reason}: {count}"));
        }
    }
}

/// The page of `level`; after a trap its last entry may be cut short.
fn open(host: &mut impl Runtime, level: u32, limits: &Limits) -> Result<Page, KernelError> {
    Ok(if limits.trapped {
        Page::repair(host, level)?
    } else {
        Page::open(host, level)?
    })
}
