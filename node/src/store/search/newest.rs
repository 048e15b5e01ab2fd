//! Logs, found newest first.

use super::{Alternative, LogPlace, conditions, header};
use crate::chain::{Block, LogFilter};
use crate::store::blocks::body;
use crate::store::error::StoreError;
use crate::store::store::Store;
use crate::store::tables::{LOGS, entry, of_entry, of_place, place};
use alloy_primitives::{B256, Log, keccak256};
use ethereum::Header;
use redb::{ReadOnlyTable, ReadTransaction};

/// The most steps of a search. A step is a look at an alternative of a filter.
const MOST_STEPS: usize = 320_000;

/// The steps that a row of the index counts as.
const SEEK: usize = 16;

/// The steps that a transaction counts as, which is read.
const READ: usize = 160;

/// The place before which logs are looked for: a block, and a log's number in it.
pub type Before = (u64, u64);

/// Logs newest first.
#[derive(Debug, Default)]
pub struct NewestLogs {
    /// The logs that were found.
    pub logs: Vec<(LogPlace, Log)>,
    /// The place that older ones are before. `None`: there are none.
    pub next: Option<Before>,
}

impl NewestLogs {
    /// Takes the logs of a transaction that pass, the last one first, as long as there is room for
    /// `most`. Returns `false` if there is none any more.
    fn take<'l>(
        &mut self,
        of: impl DoubleEndedIterator<Item = (LogPlace, &'l Log)>,
        (before, most): (Before, usize),
    ) -> bool {
        let earlier = of.rev().filter(|(at, _)| (at.number, at.log) < before);
        for (place, log) in earlier {
            if self.logs.len() == most {
                self.next = self.logs.last().map(|(at, _)| (at.number, at.log));
                return false;
            }
            self.logs.push((place, log.clone()));
        }
        true
    }

    /// The search ends at a transaction of a block before it has found all.
    fn pause(&mut self, number: u64) {
        let last = self.logs.last().map(|(at, _)| (at.number, at.log));
        self.next = match last {
            Some(last) if last.0 == number => Some(last),
            _ => Some((number.saturating_add(1), 0)),
        };
    }
}

impl Store {
    /// The newest logs that pass a filter, of blocks from `first` on and before a place; at most `most`,
    /// and fewer if they lie so far apart that the search takes too long.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn newest_logs(
        &self,
        filter: &LogFilter,
        (first, before): (u64, Before),
        most: usize,
    ) -> Result<NewestLogs, StoreError> {
        let mut found = NewestLogs::default();
        let logged = self.behind().blocks();
        let mut oldest = None;
        for block in logged.iter().rev() {
            oldest = Some(block.number());
            let is_wanted = (first..=before.0).contains(&block.number());
            if is_wanted && !take_block(&mut found, block, filter, (before, most)) {
                return Ok(found);
            }
        }
        let before = match oldest {
            Some(oldest) => before.min((oldest, 0)),
            None => before,
        };
        if before > (first, 0) {
            self.read_tables(|tables| {
                of_tables(&mut found, tables, filter, (first, before, most))
            })?;
        }
        Ok(found)
    }
}

/// Takes the logs of a block that is in no table.
fn take_block(
    found: &mut NewestLogs,
    block: &Block,
    filter: &LogFilter,
    bounds: (Before, usize),
) -> bool {
    block
        .transactions
        .iter()
        .enumerate()
        .rev()
        .all(|(index, included)| {
            let place = |log| LogPlace {
                block: block.hash,
                number: block.number(),
                timestamp: block.header.timestamp,
                transaction: included.transaction.hash,
                index,
                log,
            };
            let logs = included.receipt.logs.iter().enumerate();
            let logs = logs.map(|(at, log)| (place(included.first_log + at as u64), log));
            found.take(logs.filter(|(_, log)| filter.matches(log)), bounds)
        })
}

fn of_tables(
    found: &mut NewestLogs,
    tables: &ReadTransaction,
    filter: &LogFilter,
    (first, before, most): (u64, Before, usize),
) -> Result<(), StoreError> {
    let mut search = Backwards::new(tables.open_table(LOGS)?, filter, first);
    let mut next = match before {
        (number, 0) => place(number, 0).and_then(|place| place.checked_sub(1)),
        (number, _) => place(number.saturating_add(1), 0).and_then(|place| place.checked_sub(1)),
    };
    if next.is_none() && before.0 > first {
        next = Some(u64::MAX);
    }
    let mut newest: Option<(B256, Header)> = None;
    while let Some(at) = next {
        let at = match search.find(at)? {
            Step::Found(at) => at,
            Step::End => break,
            Step::Paused(at) => {
                found.pause(of_place(at).0);
                break;
            }
        };
        next = at.checked_sub(1);
        let ((number, index), body) = (of_place(at), body(tables, at)?);
        let (block, header) = header(tables, number, newest.take())?;
        let transaction = keccak256(&body.transaction.raw);
        let place = |log| LogPlace {
            block,
            number,
            timestamp: header.timestamp,
            transaction,
            index,
            log,
        };
        let logs = body.receipt.logs.iter().enumerate();
        let logs = logs.map(|(at, log)| (place(body.first_log + at as u64), log));
        let logs = logs.filter(|(_, log)| filter.matches(log));
        if !found.take(logs, (before, most)) {
            break;
        }
        newest = Some((block, header));
    }
    Ok(())
}

/// The result of a step back.
enum Step {
    /// A transaction whose logs fulfil each condition, though not one log all of them.
    Found(u64),
    /// There is none.
    End,
    /// The search has taken all its steps, and goes on at this place.
    Paused(u64),
}

/// The transactions of [`super::Search`], the newest first.
struct Backwards {
    logs: ReadOnlyTable<u128, ()>,
    /// For each condition its alternatives.
    conditions: Vec<Vec<Alternative>>,
    /// The first place that is looked at.
    start: u64,
    /// The steps so far.
    steps: usize,
}

impl Backwards {
    fn new(logs: ReadOnlyTable<u128, ()>, filter: &LogFilter, first: u64) -> Self {
        Self {
            logs,
            conditions: conditions(filter),
            start: place(first, 0).unwrap_or(u64::MAX),
            steps: 0,
        }
    }

    /// The last place up to `at` that is in all conditions.
    fn find(&mut self, mut at: u64) -> Result<Step, StoreError> {
        self.steps += READ;
        'again: loop {
            for alternatives in &mut self.conditions {
                let mut nearest = None;
                for alternative in alternatives {
                    if self.steps > MOST_STEPS {
                        return Ok(Step::Paused(at));
                    }
                    let looked = alternative.seek_back(&self.logs, (self.start, at))?;
                    self.steps += if looked { SEEK } else { 1 };
                    // `None` is the least.
                    nearest = nearest.max(alternative.head.flatten());
                }
                match nearest {
                    None => return Ok(Step::End),
                    Some(nearest) if nearest < at => {
                        at = nearest;
                        continue 'again;
                    }
                    Some(_) => {}
                }
            }
            return Ok(Step::Found(at));
        }
    }
}

impl Alternative {
    /// Finds its last place up to `at`. Returns `true` if the table was asked.
    fn seek_back(
        &mut self,
        logs: &ReadOnlyTable<u128, ()>,
        (start, at): (u64, u64),
    ) -> Result<bool, StoreError> {
        match self.head {
            Some(None) => return Ok(false),
            Some(Some(head)) if head <= at => return Ok(false),
            _ => {}
        }
        if at < start {
            self.head = Some(None);
            return Ok(false);
        }
        let mut range = logs.range(entry(&self.key, start)..=entry(&self.key, at))?;
        self.head = Some(match range.next_back() {
            None => None,
            Some(found) => Some(of_entry(found?.0.value())),
        });
        Ok(true)
    }
}
