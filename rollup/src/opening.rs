//! The opening of a run: leftovers of a commit that trapped are discarded, the level's
//! messages are made durable, and what waits is found.

use crate::inbox::{self, Appended, Drained, Limits, Naming};
use crate::inputs::Pages;
use crate::run::Progress;
use crate::{Budget, Calls, Cursor, Inputs, Layout, Level, Quarantine, inputs, quarantine, state};
use alloc::vec::Vec;
use host::{HostError, Runtime, Store};

/// A run that begins.
#[derive(Debug)]
pub struct Opening<'l> {
    layout: &'l Layout,
    trapped: bool,
}

impl<'l> Opening<'l> {
    /// Discards what the run before left of a commit, if it trapped.
    ///
    /// # Errors
    /// If the machine refuses a host call.
    pub fn new(host: &mut impl Store, layout: &'l Layout) -> Result<Self, HostError> {
        let trapped = quarantine::trapped(host)?;
        if trapped {
            state::discard(host, layout)?;
        }
        Ok(Self { layout, trapped })
    }

    /// True if the run before this one trapped.
    #[must_use]
    pub const fn trapped(&self) -> bool {
        self.trapped
    }

    /// Makes the level's messages durable.
    ///
    /// # Errors
    /// If the machine refuses a host call.
    #[inline(always)]
    pub fn read(
        self,
        host: &mut impl Runtime,
        limits: &Limits<'_>,
        mut budget: Budget,
    ) -> Result<Reading<'l>, HostError> {
        let mut drained = inbox::drain(host, self.layout, limits, &mut budget)?;
        if let Some(name) = limits.name {
            let names = names(&drained, name);
            if let Some(level) = &mut drained.level
                && !names.is_empty()
            {
                level.absorb(host, self.layout, &names)?;
            }
        }
        if !drained.complete {
            return Ok(Reading::Ended(Progress::More));
        }
        let Some(level) = drained.level else {
            return Ok(Reading::Ended(Progress::Done));
        };
        Ok(Reading::Complete(Read {
            opening: self,
            level,
            external: drained.external,
            calls: drained.calls,
            budget,
        }))
    }
}

/// The names of the inputs that this run appended, those of the lane of calls last.
fn names(drained: &Drained, name: Naming) -> Vec<u8> {
    let mut names = Vec::new();
    for lane in [&drained.external, &drained.calls] {
        if let Some(entries) = &lane.entries {
            entries.names(name, &mut names);
        }
    }
    names
}

/// The result of reading the level's messages.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "one is made in a run, and taken apart at once"
)]
pub enum Reading<'l> {
    /// The run ends here: it has no room for the rest, or there is no level yet.
    Ended(Progress),
    /// All of them are durable.
    Complete(Read<'l>),
}

/// A run that has read the level's messages.
#[derive(Debug)]
pub struct Read<'l> {
    opening: Opening<'l>,
    level: Level,
    external: Appended,
    calls: Appended,
    budget: Budget,
}

/// The last commit's facts about the queue.
#[derive(Clone, Copy, Debug)]
pub struct LastCommit {
    /// The first external input that it did not consume.
    pub cursor: Cursor,
    /// The first page of external inputs that may still exist.
    pub oldest_page: u32,
    /// The bytes of external inputs that waited after it.
    pub backlog: u64,
    /// The lane of calls.
    pub calls: Calls,
}

/// A run that may take inputs.
#[derive(Debug)]
pub struct Opened {
    /// The level that the inbox is at.
    pub level: Level,
    /// The work done so far.
    pub budget: Budget,
    /// True if the run has done nothing yet: then what comes first has room,
    /// however small the budget is.
    pub fresh: bool,
    /// The external inputs that wait.
    pub external: Waiting,
    /// The calls that wait.
    pub calls: Waiting,
    /// One marked input at a time, if the run before trapped.
    pub quarantine: Option<Quarantine>,
}

/// The waiting inputs of a lane.
#[derive(Debug)]
pub struct Waiting {
    /// The inputs.
    pub inputs: Inputs,
    /// Their bytes.
    pub bytes: u64,
}

impl Waiting {
    /// Of the lane with these pages, `appended` being its end at the level `number`.
    #[inline(always)]
    fn new(
        pages: Pages,
        appended: Appended,
        (cursor, backlog): (Cursor, u64),
        number: u32,
    ) -> Self {
        let page = appended.bytes.is_none_or(|bytes| bytes > 0);
        Self {
            inputs: Inputs::new(pages, cursor, number, appended.entries, page),
            bytes: backlog + appended.bytes.unwrap_or(0),
        }
    }

    /// True if it is known that nothing waits.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.inputs.is_empty()
    }

    /// The bytes that are left.
    #[must_use]
    pub const fn left(&self) -> u64 {
        if self.is_empty() { 0 } else { self.bytes }
    }
}

impl Read<'_> {
    /// The level that the inbox is at.
    #[must_use]
    pub const fn level(&self) -> &Level {
        &self.level
    }

    /// Finds what waits. After a trap, deletes the pages that were consumed.
    ///
    /// # Errors
    /// If the machine refuses a host call.
    #[inline(always)]
    pub fn open(self, host: &mut impl Store, last: &LastCommit) -> Result<Opened, HostError> {
        let Opening { layout, trapped } = self.opening;
        let quarantine = if trapped {
            let needed = last.calls.needed(last.cursor);
            inputs::sweep(host, layout.queue, last.oldest_page, needed.queue)?;
            inputs::sweep(host, layout.calls, last.calls.oldest_page, needed.calls)?;
            Some(Quarantine::after_trap(host, layout)?)
        } else {
            None
        };
        let number = self.level.number;
        let external = Pages::external(layout);
        let calls = Pages::calls(layout, last.calls.since);
        let external_end = (last.cursor, last.backlog);
        let calls_end = (last.calls.cursor, last.calls.backlog);
        Ok(Opened {
            level: self.level,
            budget: self.budget,
            fresh: self.budget.spent() == 0,
            external: Waiting::new(external, self.external, external_end, number),
            calls: Waiting::new(calls, self.calls, calls_end, number),
            quarantine,
        })
    }
}
