//! Logs, found by address and topic.

mod newest;

pub use newest::{Before, NewestLogs};

use super::blocks::{body, damaged, head};
use super::error::StoreError;
use super::store::Store;
use super::tables::{ANY_LOG, LOGS, entry, log_hash, of_entry, of_place, place};
use crate::chain::LogFilter;
use alloy_primitives::{B256, Log, keccak256};
use ethereum::Header;
use redb::{ReadOnlyTable, ReadTransaction};
use std::time::{Duration, Instant};

/// The place of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogPlace {
    /// The hash of its block.
    pub block: B256,
    /// The block's number.
    pub number: u64,
    /// The block's timestamp, in seconds since 1970.
    pub timestamp: u64,
    /// The hash of its transaction.
    pub transaction: B256,
    /// The transaction's index in the block.
    pub index: usize,
    /// The log's own number in the block.
    pub log: u64,
}

impl Store {
    /// Calls `each` with the logs from block `from` to block `to`, both included, that pass
    /// the filter, in order. Stops where `each` does, which is given then.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn for_each_log<E>(
        &self,
        filter: &LogFilter,
        (from, to): (u64, u64),
        mut each: impl FnMut(LogPlace, &Log) -> Result<(), E>,
    ) -> Result<Result<(), E>, StoreError> {
        let mut logged = self.behind().blocks();
        logged.retain(|block| (from..=to).contains(&block.number()));
        let to = match logged.first() {
            Some(block) => block.number().checked_sub(1),
            None => Some(to),
        };
        if let Some(to) = to {
            let searched = self.for_each_log_of_tables(filter, (from, to), &mut each)?;
            if searched.is_err() {
                return Ok(searched);
            }
        }
        for block in logged {
            for (index, log, entry) in block.logs() {
                let included = block.transactions.get(index);
                let Some(included) = included.filter(|_| filter.matches(entry)) else {
                    continue;
                };
                let place = LogPlace {
                    block: block.hash,
                    number: block.number(),
                    timestamp: block.header.timestamp,
                    transaction: included.transaction.hash,
                    index,
                    log,
                };
                if let Err(stopped) = each(place, entry) {
                    return Ok(Err(stopped));
                }
            }
        }
        Ok(Ok(()))
    }

    fn for_each_log_of_tables<E>(
        &self,
        filter: &LogFilter,
        (from, to): (u64, u64),
        each: &mut impl FnMut(LogPlace, &Log) -> Result<(), E>,
    ) -> Result<Result<(), E>, StoreError> {
        self.read_tables(|transaction| {
            let mut search = Search::new(transaction.open_table(LOGS)?, filter, to);
            let mut next = place(from, 0);
            let mut newest: Option<(B256, Header)> = None;
            while let Some(start) = next {
                let Some(found) = search.find(start)? else {
                    break;
                };
                next = found.checked_add(1);
                let ((number, index), body) = (of_place(found), body(transaction, found)?);
                let (hash, header) = header(transaction, number, newest.take())?;
                let hashed = keccak256(&body.transaction.raw);
                for (log, entry) in (body.first_log..).zip(&body.receipt.logs) {
                    if filter.matches(entry) {
                        let place = LogPlace {
                            block: hash,
                            number,
                            timestamp: header.timestamp,
                            transaction: hashed,
                            index,
                            log,
                        };
                        if let Err(stopped) = each(place, entry) {
                            return Ok(Err(stopped));
                        }
                    }
                }
                newest = Some((hash, header));
            }
            Ok(Ok(()))
        })
    }
}

/// The transactions whose logs fulfil each condition of a filter, though not one log all
/// of them.
struct Search {
    logs: ReadOnlyTable<u128, ()>,
    /// For each condition its alternatives.
    conditions: Vec<Vec<Alternative>>,
    /// The last place that is looked at.
    end: u64,
    until: Instant,
    looks: u32,
}

/// The time of a search.
const SEARCH_TIME: Duration = Duration::from_secs(10);

/// A search looks at the time once in so many places.
const LOOK: u32 = 64;

/// The transactions with a log of one key.
struct Alternative {
    key: B256,
    /// The next of them that has not been passed; `None`: not looked yet.
    head: Option<Option<u64>>,
}

/// For each condition of a filter its alternatives.
fn conditions(filter: &LogFilter) -> Vec<Vec<Alternative>> {
    let alternative = |key| Alternative { key, head: None };
    let conditions = filter.conditions().map(|keys| {
        let keys = keys.iter().map(log_hash);
        keys.map(alternative).collect()
    });
    let mut conditions: Vec<Vec<Alternative>> = conditions.collect();
    if conditions.is_empty() {
        conditions.push(vec![alternative(ANY_LOG)]);
    }
    conditions
}

/// Hash and header of a block; `known` has those of the block before in the search.
fn header(
    tables: &ReadTransaction,
    number: u64,
    known: Option<(B256, Header)>,
) -> Result<(B256, Header), StoreError> {
    if let Some(known) = known.filter(|(_, header)| header.number == number) {
        return Ok(known);
    }
    let missing = || damaged("block", number);
    let stored = head(tables, number)?.ok_or_else(missing)?.stored;
    let header = Header::decode(&stored.rlp).map_err(|_| missing())?;
    Ok((stored.hash, header))
}

impl Search {
    fn new(logs: ReadOnlyTable<u128, ()>, filter: &LogFilter, to: u64) -> Self {
        let behind = to.checked_add(1).and_then(|behind| place(behind, 0));
        Self {
            logs,
            conditions: conditions(filter),
            end: behind.map_or(u64::MAX, |behind| behind - 1),
            until: Instant::now() + SEARCH_TIME,
            looks: 0,
        }
    }

    /// Fails if the search takes too long: conditions that never meet may be many.
    fn look(&mut self) -> Result<(), StoreError> {
        self.looks = self.looks.wrapping_add(1);
        match self.looks.is_multiple_of(LOOK) && Instant::now() > self.until {
            true => Err(StoreError::Late(SEARCH_TIME)),
            false => Ok(()),
        }
    }

    /// The first place from `at` on that is in all conditions. None of them is walked
    /// through: each goes on where another one is.
    fn find(&mut self, mut at: u64) -> Result<Option<u64>, StoreError> {
        'again: loop {
            self.look()?;
            for alternatives in &mut self.conditions {
                let mut nearest = None;
                for alternative in alternatives {
                    let head = alternative.seek(&self.logs, at, self.end)?;
                    nearest = match (nearest, head) {
                        (Some(nearest), Some(head)) => Some(std::cmp::min::<u64>(nearest, head)),
                        (nearest, head) => nearest.or(head),
                    };
                }
                match nearest {
                    None => return Ok(None),
                    Some(nearest) if nearest > at => {
                        at = nearest;
                        continue 'again;
                    }
                    Some(_) => {}
                }
            }
            return Ok(Some(at));
        }
    }
}

impl Alternative {
    /// Its first place from `at` on.
    fn seek(
        &mut self,
        logs: &ReadOnlyTable<u128, ()>,
        at: u64,
        end: u64,
    ) -> Result<Option<u64>, StoreError> {
        match self.head {
            Some(None) => return Ok(None),
            Some(Some(head)) if head >= at => return Ok(Some(head)),
            _ => {}
        }
        if at > end {
            return Ok(None);
        }
        let mut range = logs.range(entry(&self.key, at)..=entry(&self.key, end))?;
        let head = match range.next() {
            None => None,
            Some(found) => Some(of_entry(found?.0.value())),
        };
        self.head = Some(head);
        Ok(head)
    }
}
