//! How a run opens: what a trap left of a commit is discarded, the level's
//! messages are made durable, and what waits is found.

use crate::inbox::{self, Limits};
use crate::queue::Entries;
use crate::run::Progress;
use crate::{Budget, Cursor, Inputs, Layout, Level, Quarantine, inputs, quarantine, state};
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

    /// Whether the run before this one trapped.
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
        limits: &Limits,
        mut budget: Budget,
    ) -> Result<Reading<'l>, HostError> {
        let mut drained = inbox::drain(host, self.layout, limits, &mut budget)?;
        if let (Some(level), Some(entries)) = (&mut drained.level, &drained.entries)
            && let Some(name) = limits.name
        {
            level.absorb(host, self.layout, &entries.names(name))?;
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
            entries: drained.entries,
            page_bytes: drained.page_bytes,
            budget,
        }))
    }
}

/// What came of the level's messages.
#[derive(Debug)]
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
    entries: Option<Entries>,
    page_bytes: u64,
    budget: Budget,
}

/// What the last commit says of the queue.
#[derive(Clone, Copy, Debug)]
pub struct LastCommit {
    /// The first input that it did not consume.
    pub cursor: Cursor,
    /// The first page that may still exist.
    pub oldest_page: u32,
    /// The bytes that waited after it.
    pub backlog: u64,
    /// The level whose page is counted in these bytes; `None` before the first
    /// commit.
    pub counted: Option<u32>,
}

/// A run that may take inputs.
#[derive(Debug)]
pub struct Opened {
    /// The level that the inbox is at.
    pub level: Level,
    /// The work done so far.
    pub budget: Budget,
    /// Whether the run has done nothing yet: then what comes first has room,
    /// however small the budget is.
    pub fresh: bool,
    /// The inputs that wait.
    pub inputs: Inputs,
    /// Their bytes.
    pub waiting: u64,
    /// One marked input at a time, if the run before trapped.
    pub quarantine: Option<Quarantine>,
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
            inputs::sweep(host, layout, last.oldest_page, last.cursor.level)?;
            Some(Quarantine::after_trap(host, layout)?)
        } else {
            None
        };
        let number = self.level.number;
        // A commit of this level has counted the level's page already.
        let counted = last.counted == Some(number);
        Ok(Opened {
            level: self.level,
            budget: self.budget,
            fresh: self.budget.spent() == 0,
            inputs: Inputs::new(layout, last.cursor, number, self.entries),
            waiting: last.backlog + if counted { 0 } else { self.page_bytes },
            quarantine,
        })
    }
}
