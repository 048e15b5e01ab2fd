//! The first step: the level's messages are read, and what matters to us is made
//! durable before anything executes.
//!
//! Between `read_input` and the write that makes its message durable there is
//! only straight code, so that a trap there cannot come from us. So the rollup's address is
//! known before the first message is taken: it stands with the level's facts, and where it does
//! not yet, the machine is asked for it first.

use crate::queue::{ENTRY_OVERHEAD, Entries, Page};
use crate::run::line;
use crate::{Budget, Layout, Level, OwnAddress};
use alloc::borrow::Cow;
use alloc::vec::Vec;
use host::{Debug, HostError, MAX_MESSAGE, Path, Reveal, Runtime, Store};
use messages::error::DecodeError;
use messages::external::{self, Frame};
use messages::inbox::Message;

/// Free bytes in front of a message: with its tag they hold an entry's length.
const ROOM: usize = ENTRY_OVERHEAD - 1;

/// The offset of the entry in a message that has no frame: the length of the
/// entry takes the place of the inbox tag.
const UNFRAMED: usize = 0;

/// The offset of the entry in a framed message: in front of its contents stand
/// the inbox tag, the frame's tag and the address.
const FRAMED: usize = ROOM + 1 + 1 + 20 - ENTRY_OVERHEAD;

/// The tag of calls from layer 1. The queue gives it; what users post under it
/// is dropped.
pub const TRANSFER: u8 = 0x80;

/// A call from a contract of layer 1 to this rollup, as the queue has it:
/// [`TRANSFER`]` ++ id (4) ++ payload ++ sender (20)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer<'b> {
    /// The message's index in its level.
    pub id: u32,
    /// One Micheline node.
    pub payload: Cow<'b, [u8]>,
    /// The hash of the contract that calls (`KT1…`).
    pub sender: [u8; 20],
}

impl<'b> Transfer<'b> {
    /// The bytes behind the tag of an input; `None` if it is too short.
    #[must_use]
    pub fn parse(bytes: &'b [u8]) -> Option<Self> {
        let (id, rest) = bytes.split_first_chunk()?;
        let (payload, sender) = rest.split_last_chunk()?;
        Some(Self {
            id: u32::from_be_bytes(*id),
            payload: Cow::Borrowed(payload),
            sender: *sender,
        })
    }

    /// The same, apart from the bytes that it was parsed from.
    #[must_use]
    pub fn into_owned(self) -> Transfer<'static> {
        Transfer {
            id: self.id,
            payload: Cow::Owned(self.payload.into_owned()),
            sender: self.sender,
        }
    }

    /// As the queue has it.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let id = self.id.to_be_bytes();
        [&[TRANSFER][..], &id, &self.payload, &self.sender].concat()
    }
}

/// The hash of the sender, which stands right behind a transfer's payload.
const SENDER: usize = 20;

/// The messages that were read.
#[derive(Debug)]
pub struct Drained {
    /// The level that the inbox is at; none if nothing ever came.
    pub level: Option<Level>,
    /// The end of the lane of external inputs.
    pub external: Appended,
    /// The end of the lane of calls.
    pub calls: Appended,
    /// True if the level has no more messages.
    pub complete: bool,
}

/// The end of a lane.
#[derive(Debug, Default)]
pub struct Appended {
    /// The end of the level's page, and the inputs that this run appended to it.
    pub entries: Option<Entries>,
    /// The bytes of the level's page; `None` if a commit counted them before.
    pub bytes: Option<u64>,
}

/// Bounds of the reading.
#[derive(Clone, Copy, Debug)]
pub struct Limits<'a> {
    /// Our own address.
    pub rollup: &'a OwnAddress,
    /// The newest level whose messages were all read, which a commit tells: none more
    /// come of it. `None` before the first commit.
    pub whole: Option<u32>,
    /// Bytes of external inputs that wait already, besides those of this level.
    pub backlog: u64,
    /// Bytes of external inputs that may wait.
    pub most: u64,
    /// True if the run before this one trapped.
    pub trapped: bool,
    /// Which external messages are ours without a frame, by their bytes behind
    /// the inbox tag; none where it is absent. It must not trap.
    pub unframed: Option<fn(&[u8]) -> bool>,
    /// Gives an input its name for [`Level::key`]; none if the kernel has no use for
    /// a key. It must not trap.
    pub name: Option<Naming>,
}

/// The name of an input: a part of it.
pub type Naming = fn(&[u8]) -> &[u8];

/// The size of each input in the queue besides its bytes.
const INPUT_OVERHEAD: u64 = 32;

/// Reads messages until the level has no more or the budget is spent.
///
/// # Errors
/// If the machine refuses a host call.
#[inline(never)]
pub fn drain(
    host: &mut impl Runtime,
    layout: &Layout,
    limits: &Limits<'_>,
    budget: &mut Budget,
) -> Result<Drained, HostError> {
    let level = Level::load(host, layout)?;
    match level.as_ref().and_then(|level| level.rollup) {
        Some(address) => limits.rollup.learn(address),
        None => {
            limits.rollup.get(host)?;
        }
    }
    let mut drain = Drain {
        layout,
        limits,
        level,
        newest: level.as_ref().map(|level| level.number),
        external: End::of(layout.queue, limits.trapped),
        calls: End::of(layout.calls, limits.trapped),
        waiting: limits.backlog,
        skipped: Skipped::default(),
        complete: false,
    };
    drain.open_pages(host)?;
    let mut buffer = Vec::with_capacity(ROOM + MAX_MESSAGE);
    while budget.has_room_for(0) {
        buffer.clear();
        buffer.extend_from_slice(&[0; ROOM]);
        let Some(message) = host.append_input(&mut buffer)? else {
            drain.complete = true;
            break;
        };
        let (number, id) = (message.level, message.id);
        drain.newest = Some(number);
        budget.message(message.payload.len());
        match drain.kind(host, message.payload)? {
            Kind::External(start) => {
                let framed = start.and_then(|start| buffer.get_mut(start..));
                drain.external(host, number, framed)?;
            }
            Kind::Transfer(payload) => {
                if let Some(framed) = frame_transfer(&mut buffer, payload, id) {
                    drain.calls.append(host, number, framed)?;
                }
            }
            Kind::Foreign => drain.skipped.foreign += 1,
            Kind::StartOfLevel => drain.start_level(number)?,
            Kind::Info(timestamp, predecessor) => {
                drain.save(host, number, (timestamp, predecessor))?;
            }
            Kind::EndOfLevel => {
                drain.complete = true;
                break;
            }
            Kind::Other => {}
            Kind::Unreadable(error) => line(
                host,
                layout,
                format_args!("unreadable inbox message: {error}"),
            ),
        }
    }
    drain.finish(host)
}

/// The kinds of messages.
enum Kind {
    /// Queue it from this byte of the buffer on; `None`: it is not ours.
    External(Option<usize>),
    /// Queue the call, whose payload has this many bytes.
    Transfer(usize),
    /// Count it: it is for another rollup.
    Foreign,
    StartOfLevel,
    /// The timestamp and the hash of the level's predecessor.
    Info(u64, [u8; 32]),
    EndOfLevel,
    Other,
    Unreadable(DecodeError),
}

/// The state while messages are read.
struct Drain<'a> {
    layout: &'a Layout,
    limits: &'a Limits<'a>,
    level: Option<Level>,
    /// The level of the newest message.
    newest: Option<u32>,
    external: End,
    calls: End,
    /// Bytes of external inputs that wait besides those of this level's page.
    waiting: u64,
    skipped: Skipped,
    complete: bool,
}

impl Drain<'_> {
    /// A run that resumes a level appends to its pages. They are opened before the
    /// first message is taken.
    fn open_pages(&mut self, host: &mut impl Store) -> Result<(), HostError> {
        if let Some(number) = self.newest
            && self.limits.whole != Some(number)
        {
            self.external.page(host, number)?;
            self.calls.page(host, number)?;
        }
        Ok(())
    }

    #[inline(always)]
    fn kind(&self, host: &impl Reveal, payload: &[u8]) -> Result<Kind, HostError> {
        Ok(match Message::parse(payload) {
            Ok(Message::External(message)) => {
                let ours = self.limits.unframed.is_some_and(|ours| ours(message));
                match external::parse(message, &self.limits.rollup.get(host)?) {
                    // Only layer 1 makes transfers: nobody may post what looks like one.
                    Frame::Contents([TRANSFER, ..]) => Kind::External(None),
                    Frame::Contents(_) => Kind::External(Some(FRAMED)),
                    _ if ours && message.first() != Some(&TRANSFER) => {
                        Kind::External(Some(UNFRAMED))
                    }
                    Frame::OtherRollup => Kind::Foreign,
                    Frame::NotFramed => Kind::External(None),
                }
            }
            Ok(Message::Transfer(transfer))
                if *transfer.destination == self.limits.rollup.get(host)? =>
            {
                Kind::Transfer(transfer.payload.len())
            }
            Ok(Message::StartOfLevel) => Kind::StartOfLevel,
            Ok(Message::InfoPerLevel(info)) => Kind::Info(
                u64::try_from(info.predecessor_timestamp).unwrap_or(0),
                info.predecessor,
            ),
            Ok(Message::EndOfLevel) => Kind::EndOfLevel,
            Ok(_) => Kind::Other,
            Err(error) => Kind::Unreadable(error),
        })
    }

    /// Queues what a user posted, unless the lane is full.
    fn external(
        &mut self,
        host: &mut impl Runtime,
        number: u32,
        framed: Option<&mut [u8]>,
    ) -> Result<(), HostError> {
        let Some(framed) = framed else {
            self.skipped.unframed += 1;
            return Ok(());
        };
        let size = framed.len() as u64 + INPUT_OVERHEAD;
        let page = u64::from(self.external.page(host, number)?.end().offset);
        if self.waiting + page + size > self.limits.most {
            self.skipped.full += 1;
            return Ok(());
        }
        self.waiting += INPUT_OVERHEAD;
        self.external.append(host, number, framed)
    }

    /// A level begins, whose pages are not there yet.
    fn start_level(&mut self, number: u32) -> Result<(), HostError> {
        self.external.start(number)?;
        self.calls.start(number)
    }

    /// Makes the level's facts durable: the timestamp and the hash of its predecessor.
    fn save(
        &mut self,
        host: &mut impl Store,
        number: u32,
        (timestamp, predecessor): (u64, [u8; 32]),
    ) -> Result<(), HostError> {
        let level = self.level.get_or_insert_default();
        level.number = number;
        level.timestamp = timestamp;
        level.predecessor = predecessor;
        level.rollup = self.limits.rollup.asked();
        level.save(host, self.layout)
    }

    #[inline(always)]
    fn finish(mut self, host: &mut impl Runtime) -> Result<Drained, HostError> {
        self.skipped.log(host, self.layout);
        // A trap took the level's facts: the last ones known hold on, durably, so
        // that all runs of the level agree.
        if let Some(number) = self.newest
            && self
                .level
                .as_ref()
                .is_none_or(|level| level.number < number)
        {
            let known = self.level.as_ref();
            let known = known.map_or((0, [0; 32]), |level| (level.timestamp, level.predecessor));
            self.save(host, number, known)?;
        }
        // A trap may have taken `Start_of_level`.
        self.open_pages(host)?;
        Ok(Drained {
            level: self.level,
            external: self.external.appended(),
            calls: self.calls.appended(),
            complete: self.complete,
        })
    }
}

/// The end of a lane while messages are read.
struct End {
    tree: Path<'static>,
    trapped: bool,
    page: Option<Page>,
    entries: Option<Entries>,
}

impl End {
    const fn of(tree: Path<'static>, trapped: bool) -> Self {
        Self {
            tree,
            trapped,
            page: None,
            entries: None,
        }
    }

    fn page_is_of(&self, level: u32) -> bool {
        let page = self.page.as_ref();
        page.is_some_and(|page| page.end().level == level)
    }

    fn start(&mut self, level: u32) -> Result<(), HostError> {
        if !self.page_is_of(level) {
            self.page = Some(Page::new(self.tree, level)?);
        }
        Ok(())
    }

    /// The page of `level`. It is open already, but for a trap that took
    /// `Start_of_level` with it; after a trap its last entry may be cut short.
    fn page(&mut self, host: &mut impl Store, level: u32) -> Result<&mut Page, HostError> {
        if !self.page_is_of(level) {
            self.page = Some(if self.trapped {
                Page::repair(host, self.tree, level)?
            } else {
                Page::open(host, self.tree, level)?
            });
        }
        self.page.as_mut().ok_or(HostError::GenericInvalidAccess)
    }

    /// Queues an input. Of calls there is no bound but layer 1's price for them: what
    /// the level has no room for stays in its page, and nothing that somebody paid for
    /// is lost.
    fn append(
        &mut self,
        host: &mut impl Store,
        level: u32,
        framed: &mut [u8],
    ) -> Result<(), HostError> {
        let at = self.page(host, level)?.append(host, framed)?;
        self.entries
            .get_or_insert_with(|| Entries::at(at))
            .push(framed);
        Ok(())
    }

    fn appended(self) -> Appended {
        Appended {
            entries: self.entries,
            bytes: self.page.map(|page| u64::from(page.end().offset)),
        }
    }
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
