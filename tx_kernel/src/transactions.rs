//! A run: the inbox is read, then inputs are applied until none waits, or the
//! work of the run or of the level is done; what they change is committed at
//! once.

use crate::deposit::{self, Deposited};
use crate::encoding::{Batch, looks_like_a_batch};
use crate::head::Head;
use crate::inbox::{BatchError, Framing, Input, LOOKUP, SIGNATURE_WORK, Verifiable};
use crate::layout::{FRAME, LAYOUT, OUTGOING, STAGED_OUTGOING};
use crate::memory::Memory;
use crate::transfer::{self, Applied};
use alloc::vec::Vec;
use core::fmt;
use host::{Debug, HostError, ReadStore, Runtime, Store};
use rollup::budget::{BYTE, DROPPED};
use rollup::inbox::{Limits, TRANSFER, Transfer};
use rollup::opening::Waiting;
use rollup::opening::{LastCommit, Opening, Reading};
use rollup::run::{Progress, line};
use rollup::{
    Budget, Cursor, Lane, Level, OwnAddress, Position, Quarantine, Shares, dead_letters, inputs,
    state,
};

/// The work of a run, in units of the budget: some 4·10⁹ instructions.
pub const RUN_BUDGET: u64 = 100_000_000;

/// The work of a level: two full runs.
pub const LEVEL_BUDGET: u64 = 2 * RUN_BUDGET;

/// The work of a deposit besides its bytes: host calls above all.
pub const DEPOSIT: u64 = 25_000;

/// The bytes of external inputs that may wait.
pub const QUEUE_BYTES: u64 = 16 << 20;

/// One run: what [`host::kernel_entry!`] calls.
pub fn transactions_run(host: &mut impl Runtime) {
    rollup::run::run(host, &LAYOUT, level);
}

fn level(host: &mut impl Runtime) -> Result<Progress, HostError> {
    let opening = Opening::new(host, &LAYOUT)?;
    let metadata = host.reveal_metadata()?;
    let head = Head::load(host)?.unwrap_or_else(|| Head::first(metadata.origination_level));
    let Some(framing) = framing(host)? else {
        let text =
            format_args!("{FRAME}: expected 00 (optional) or 01 (required). Nothing is done");
        line(host, &LAYOUT, text);
        return Ok(Progress::Done);
    };
    let limits = Limits {
        rollup: &OwnAddress::known(metadata.address),
        whole: Some(head.level),
        backlog: head.backlog,
        most: QUEUE_BYTES,
        trapped: opening.trapped(),
        unframed: (framing == Framing::Optional).then_some(looks_like_a_batch),
        name: None,
    };
    let read = match opening.read(host, &limits, Budget::new(RUN_BUDGET))? {
        Reading::Complete(read) => read,
        Reading::Ended(progress) => return Ok(progress),
    };
    let last = LastCommit {
        cursor: head.cursor,
        oldest_page: head.oldest_page,
        backlog: head.backlog,
        calls: head.calls,
    };
    let opened = read.open(host, &last)?;
    let resumed = head.level == opened.level.number;
    Run {
        shares: Shares::new(LEVEL_BUDGET, &head.calls, resumed),
        head,
        level: opened.level,
        rollup: metadata.address,
        framing,
        budget: opened.budget,
        fresh: opened.fresh,
        quarantine: opened.quarantine,
        external: opened.external,
        calls: opened.calls,
        memory: Memory::default(),
        messages: Vec::new(),
    }
    .work(host)
}

/// The setting about frames; `None` if it is invalid.
fn framing(store: &impl ReadStore) -> Result<Option<Framing>, HostError> {
    let mut bytes = [0; 2];
    let len = store.read_small(FRAME, &mut bytes)?;
    Ok(Framing::decode(len.and_then(|len| bytes.get(..len))))
}

/// An input that is taken.
struct Taken {
    position: Position,
    bytes: Vec<u8>,
    /// Its part of its lane's bytes.
    size: u64,
    /// The number of times that it trapped under its mark.
    traps: usize,
}

/// The state of a run over the inputs.
struct Run {
    head: Head,
    level: Level,
    rollup: [u8; 20],
    framing: Framing,
    budget: Budget,
    /// True if the run has done nothing yet: then what comes first has room,
    /// however much it is.
    fresh: bool,
    quarantine: Option<Quarantine>,
    /// The shares of the lanes in the level.
    shares: Shares,
    external: Waiting,
    calls: Waiting,
    memory: Memory,
    /// Messages to layer 1.
    messages: Vec<Vec<u8>>,
}

impl Run {
    fn work(mut self, host: &mut impl Runtime) -> Result<Progress, HostError> {
        if self.head.level != self.level.number {
            self.head.level_work = 0;
        }
        let alone = self.quarantine.as_ref().is_some_and(Quarantine::is_alone);
        let before = self.budget.spent();
        // An input that the run has no room for.
        let mut left = None;
        let mut taken = false;
        while !(self.is_spent(before) || alone && taken) {
            let Some(input) = self.take(host)? else {
                break;
            };
            if !self.input(host, &input)? {
                left = Some(input.position.cursor);
                break;
            }
            (taken, self.fresh) = (true, false);
            let lane = match input.position.lane {
                Lane::Calls => &mut self.calls,
                Lane::External => {
                    self.shares.external();
                    &mut self.external
                }
            };
            lane.bytes = lane.bytes.saturating_sub(input.size);
        }
        let level_done = self.head.level_work + (self.budget.spent() - before) >= LEVEL_BUDGET;
        // Calls are always done when they are taken.
        let cursor = left.unwrap_or(self.external.inputs.cursor());
        let more = left.is_some() || !self.external.is_empty() || !self.calls.is_empty();
        if taken || self.head.level != self.level.number {
            self.commit(host, cursor, before)?;
        } else if let Some(quarantine) = self.quarantine.take() {
            quarantine.end(host)?;
        }
        if more && !level_done {
            return Ok(Progress::More);
        }
        self.send(host)?;
        Ok(Progress::Done)
    }

    /// The next input, under its mark if a trap came before: calls first, but for
    /// their share while external inputs wait.
    fn take(&mut self, host: &mut impl Runtime) -> Result<Option<Taken>, HostError> {
        let calls_first = !self.shares.external_first() && self.shares.allow(DEPOSIT);
        let lanes = if calls_first {
            [Lane::Calls, Lane::External]
        } else {
            [Lane::External, Lane::Calls]
        };
        for lane in lanes {
            let waiting = match lane {
                Lane::Calls => &mut self.calls,
                Lane::External => &mut self.external,
            };
            while let Some(entry) = waiting.inputs.take(host)? {
                let work = BYTE * entry.bytes.len() as u64;
                let work = if entry.stored { work } else { 0 };
                self.budget.add(work);
                if !entry.ours {
                    if self.budget.has_room_for(0) {
                        continue;
                    }
                    return Ok(None);
                }
                if let Lane::Calls = lane {
                    self.budget.add(DEPOSIT);
                    self.shares.call(work + DEPOSIT);
                }
                let position = Position {
                    lane,
                    cursor: entry.cursor,
                };
                let traps = match &self.quarantine {
                    Some(quarantine) => {
                        quarantine.mark(host, position)?;
                        quarantine.traps(position)
                    }
                    None => 0,
                };
                return Ok(Some(Taken {
                    position,
                    bytes: entry.bytes.to_vec(),
                    size: entry.size,
                    traps,
                }));
            }
        }
        Ok(None)
    }

    /// True if the run or the level has no room, whatever comes.
    fn is_spent(&self, before: u64) -> bool {
        let level_work = self.head.level_work + (self.budget.spent() - before);
        level_work >= LEVEL_BUDGET || !self.fresh && !self.budget.has_room_for(0)
    }

    /// Applies an input; gives whether the run had room for it.
    fn input(&mut self, host: &mut impl Runtime, input: &Taken) -> Result<bool, HostError> {
        let Taken {
            position: Position { cursor, .. },
            bytes,
            traps,
            ..
        } = input;
        let traps = *traps;
        if let [TRANSFER, call @ ..] = &bytes[..] {
            if traps > 0 {
                self.log(host, format_args!("a deposit is set aside: it traps"));
                dead_letters::keep(host, &LAYOUT, *cursor, call)?;
            } else if let Some(call) = Transfer::parse(call) {
                self.deposit(host, *cursor, &call)?;
            }
            return Ok(true);
        }
        let batch = if traps > 0 {
            Err(BatchError::Traps)
        } else {
            self.batch(host, bytes)?
        };
        let batch = match batch {
            Ok(Some(batch)) => batch,
            Ok(None) => return Ok(false),
            Err(error) => {
                self.budget.add(DROPPED);
                self.log(host, format_args!("batch dropped: {error}"));
                return Ok(true);
            }
        };
        for (index, transaction) in batch.transactions.iter().enumerate() {
            match transfer::apply(&mut self.memory, host, transaction)? {
                Applied::Done(message) => self.messages.extend(message),
                Applied::Refused(refused) => {
                    self.log(host, format_args!("transaction {index} refused: {refused}"));
                }
            }
        }
        Ok(true)
    }

    /// The batch in `bytes`, if it is signed by whom it names. Counts the work of each
    /// step before it is done; `None` if the run has no room for the next one.
    fn batch<'b>(
        &mut self,
        host: &impl Runtime,
        bytes: &'b [u8],
    ) -> Result<Result<Option<Batch<'b>>, BatchError>, HostError> {
        let batch = match Batch::parse(bytes) {
            Ok(batch) => batch,
            Err(error) => return Ok(Err(BatchError::Decode(error))),
        };
        let work = LOOKUP * batch.operations() as u64;
        if !self.has_room_for(work) {
            return Ok(Ok(None));
        }
        self.budget.add(work);
        Ok(match Verifiable::read(&mut self.memory, host, batch)? {
            Input::Batch(verifiable) => self.verify(verifiable),
            Input::Dropped(error) => Err(error),
        })
    }

    fn verify<'b>(&mut self, verifiable: Verifiable<'b>) -> Result<Option<Batch<'b>>, BatchError> {
        if !self.has_room_for(SIGNATURE_WORK) {
            return Ok(None);
        }
        self.budget.add(SIGNATURE_WORK);
        let signature = verifiable.signature()?;
        let work = verifiable.work();
        if !self.has_room_for(work) {
            return Ok(None);
        }
        self.budget.add(work);
        let prefix = self.framing.prefix(&self.rollup);
        verifiable.verify(&signature, prefix).map(Some)
    }

    /// True if the run has room for `work`: always, if it has done nothing yet.
    fn has_room_for(&self, work: u64) -> bool {
        self.fresh || self.budget.has_room_for(work)
    }

    fn deposit(
        &mut self,
        host: &impl Runtime,
        cursor: Cursor,
        call: &Transfer<'_>,
    ) -> Result<(), HostError> {
        let outcome = match deposit::read(&call.payload) {
            Ok(deposit) => deposit::deposit_ticket(&mut self.memory, host, &deposit)?,
            Err(error) => Deposited::Refused(error),
        };
        if let Deposited::Refused(error) = outcome {
            let (level, id) = (cursor.level, call.id);
            let text = format_args!("message {id} of level {level} refused: {error}");
            self.log(host, text);
        }
        Ok(())
    }

    /// Makes what the run did durable, at once.
    fn commit(
        &mut self,
        host: &mut impl Store,
        cursor: Cursor,
        before: u64,
    ) -> Result<(), HostError> {
        if let Some(quarantine) = &self.quarantine {
            quarantine.mark_block(host)?;
        }
        let work = self.budget.spent() - before;
        let external_waits = cursor != self.external.inputs.cursor() || !self.external.is_empty();
        let last = self.head.calls;
        let calls = self.shares.commit(
            &last,
            self.calls.inputs.cursor(),
            self.calls.left(),
            external_waits,
        );
        let backlog = if external_waits {
            self.external.bytes
        } else {
            0
        };
        self.head = Head {
            cursor,
            oldest_page: self.head.calls.needed(self.head.cursor).queue,
            level: self.level.number,
            level_work: self.head.level_work.saturating_add(work),
            backlog,
            calls,
            outgoing: !self.messages.is_empty()
                || self.head.outgoing && !OUTGOING.is_empty(host)?,
        };
        state::open(host, &LAYOUT)?;
        self.memory.write(host)?;
        STAGED_OUTGOING.push_all(host, self.messages.iter().map(|message| &message[..]))?;
        self.head.write(host)?;
        state::publish(host, &LAYOUT)?;
        let needed = calls.needed(cursor);
        self.external.inputs.committed(host, needed)?;
        self.calls.inputs.committed(host, needed)?;
        let oldest = self.head.oldest_page;
        inputs::sweep_shared(host, &LAYOUT, (&last, oldest), &calls, cursor)?;
        match self.quarantine.take() {
            Some(quarantine) => quarantine.end(host),
            None => Ok(()),
        }
    }

    /// Writes messages to layer 1, as many as the level takes.
    fn send(&self, host: &mut impl Runtime) -> Result<(), HostError> {
        if !self.head.outgoing {
            return Ok(());
        }
        let flushed = OUTGOING.flush(host)?;
        if let Some(number) = flushed.doubtful {
            let text = format_args!("message {number} to layer 1 is in doubt: a trap came between");
            self.log(host, text);
        }
        Ok(())
    }

    fn log(&self, host: &impl Debug, text: fmt::Arguments<'_>) {
        line(host, &LAYOUT, text);
    }
}
