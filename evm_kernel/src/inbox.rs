//! The first step: the level's messages are read, and what matters to us is made
//! durable before anything executes.
//!
//! Between `read_input` and the write that makes its message durable there is
//! only straight code, so that a trap there cannot come from us.

use crate::budget::Budget;
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
        let (number, len) = (message.level, message.payload.len());
        newest = Some(number);
        budget.message(len);
        match Message::parse(message.payload) {
            Ok(Message::External(frame)) => match external::parse(frame, &limits.rollup) {
                Frame::Contents(_) => {
                    let Some(framed) = buffer.get_mut(CONTENTS - ENTRY_OVERHEAD..len) else {
                        continue;
                    };
                    // Only after a trap that took Start_of_level with it.
                    let page = match &mut page {
                        Some(page) if page.end().level == number => page,
                        other => other.insert(open(host, number, limits)?),
                    };
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
