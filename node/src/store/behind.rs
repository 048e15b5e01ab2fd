//! Changes that are in the log and not in the tables yet: they are found here until they are.

use super::bounds::{AGAIN, BEHIND, BEHIND_BYTES, LINGER, TOGETHER};
use super::change::Change;
use super::error::StoreError;
use super::state_name::StateName;
use super::tables::unseal;
use crate::chain::Block;
use alloy_primitives::B256;
use pvm::durable::NodeHash;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A row of the log.
#[derive(Debug)]
pub(super) struct Logged {
    pub(super) number: u64,
    pub(super) changes: Vec<Change>,
    /// Their bytes in memory, about.
    weight: usize,
}

impl Logged {
    pub(super) fn new(number: u64, changes: Vec<Change>) -> Self {
        let weight = changes.iter().map(Change::weight).sum();
        Self {
            number,
            changes,
            weight,
        }
    }
}

#[derive(Debug, Default)]
struct Queue {
    rows: VecDeque<Arc<Logged>>,
    weight: usize,
    /// The number of the last row that is in the tables.
    applied: u64,
    /// Since when there are rows.
    since: Option<Instant>,
    /// Somebody waits for the tables.
    is_wanted: bool,
    /// Why the rows could not be put into the tables.
    trouble: Option<String>,
    /// Number of failures so far.
    failures: u64,
    /// The store is closed, or gone.
    stops: bool,
    /// Nobody puts rows into the tables any more.
    ended: bool,
}

/// The rows of the log that are not in the tables yet.
#[derive(Debug, Default)]
pub(super) struct Behind {
    queue: Mutex<Queue>,
    changed: Condvar,
}

impl Behind {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'q>(&self, queue: MutexGuard<'q, Queue>, at_most: Duration) -> MutexGuard<'q, Queue> {
        let waited = self.changed.wait_timeout(queue, at_most);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Waits until there is room for another row.
    pub(super) fn wait_for_room(&self) -> Result<(), StoreError> {
        self.wait_until(|queue| queue.rows.len() < BEHIND && queue.weight < BEHIND_BYTES)
    }

    /// Waits until all is in the tables.
    pub(super) fn wait_for_tables(&self) -> Result<(), StoreError> {
        self.wait_until(|queue| queue.rows.is_empty())
    }

    fn wait_until(&self, is_so: impl Fn(&Queue) -> bool) -> Result<(), StoreError> {
        let mut queue = self.queue();
        let before = queue.failures;
        while !is_so(&queue) {
            // It is tried once more for who waits.
            if let Some(trouble) = queue.trouble.as_ref().filter(|_| queue.failures > before) {
                return Err(StoreError::Behind(trouble.clone()));
            }
            if queue.ended {
                return Err(StoreError::Closed);
            }
            queue.is_wanted = true;
            self.changed.notify_all();
            queue = self.wait(queue, Duration::from_secs(1));
        }
        Ok(())
    }

    /// The number of the last row that is in the tables.
    pub(super) fn applied(&self) -> u64 {
        self.queue().applied
    }

    /// Adds a row.
    pub(super) fn push(&self, row: Logged) {
        let mut queue = self.queue();
        queue.weight += row.weight;
        queue.since.get_or_insert_with(Instant::now);
        queue.rows.push_back(Arc::new(row));
        self.changed.notify_all();
    }

    /// The rows that are to go into the tables now; `None`: no more come.
    pub(super) fn next(&self) -> Option<Vec<Arc<Logged>>> {
        let mut queue = self.queue();
        loop {
            let waited = queue.since.map_or(Duration::ZERO, |since| since.elapsed());
            let is_time = queue.rows.len() >= TOGETHER
                || queue.weight >= BEHIND_BYTES / 2
                || queue.is_wanted
                || queue.stops
                || waited >= LINGER;
            if !queue.rows.is_empty() && is_time {
                return Some(queue.rows.iter().take(TOGETHER).cloned().collect());
            }
            if queue.stops {
                return None;
            }
            let at_most = match queue.rows.is_empty() {
                true => Duration::from_secs(60),
                false => LINGER.saturating_sub(waited),
            };
            queue = self.wait(queue, at_most);
        }
    }

    /// Takes note that rows up to this one are in the tables.
    pub(super) fn settle(&self, number: u64) {
        let mut queue = self.queue();
        while let Some(row) = queue.rows.front().filter(|row| row.number <= number) {
            queue.weight -= row.weight;
            queue.rows.pop_front();
        }
        queue.applied = number;
        queue.trouble = None;
        queue.since = (!queue.rows.is_empty()).then(Instant::now);
        queue.is_wanted &= !queue.rows.is_empty();
        self.changed.notify_all();
    }

    /// Why rows could not be put into the tables at the last attempt.
    pub(super) fn trouble(&self) -> Option<String> {
        let trouble = self.queue().trouble.clone()?;
        Some(StoreError::Behind(trouble).to_string())
    }

    /// Takes note that rows could not be put into the tables, and waits some time, or until
    /// somebody waits for them; `false` if nobody is to try again.
    pub(super) fn fail(&self, why: String) -> bool {
        let mut queue = self.queue();
        queue.trouble = Some(why);
        queue.failures += 1;
        queue.is_wanted = false;
        self.changed.notify_all();
        let until = Instant::now() + AGAIN;
        while !queue.stops && !queue.is_wanted {
            let Some(left) = until.checked_duration_since(Instant::now()) else {
                return true;
            };
            queue = self.wait(queue, left);
        }
        !queue.stops
    }

    /// Lets what is left go into the tables, and then nothing any more.
    pub(super) fn stop(&self) {
        self.queue().stops = true;
        self.changed.notify_all();
    }

    /// Takes note that nobody puts rows into the tables any more.
    pub(super) fn end(&self) {
        self.queue().ended = true;
        self.changed.notify_all();
    }

    /// Waits until that is so.
    pub(super) fn wait_for_end(&self, at_most: Duration) {
        let until = Instant::now() + at_most;
        let mut queue = self.queue();
        while !queue.ended {
            let Some(left) = until.checked_duration_since(Instant::now()) else {
                return;
            };
            queue = self.wait(queue, left);
        }
    }

    /// The answer of the newest row that has one.
    fn newest<T>(&self, find: impl Fn(&Change) -> Option<T>) -> Option<T> {
        let queue = self.queue();
        let rows = queue.rows.iter().rev();
        let changes = rows.flat_map(|row| row.changes.iter().rev());
        let mut found = changes.filter_map(find);
        found.next()
    }

    /// The block for which this is so.
    pub(super) fn block(&self, is_it: impl Fn(&Block) -> bool) -> Option<Arc<Block>> {
        self.newest(|change| match change {
            Change::Block(block) if is_it(block) => Some(Arc::clone(block)),
            _ => None,
        })
    }

    /// The block and the index of a transaction.
    pub(super) fn place_of(&self, hash: &B256) -> Option<(u64, usize)> {
        self.newest(|change| {
            let Change::Block(block) = change else {
                return None;
            };
            let mut transactions = block.transactions.iter();
            let index = transactions.position(|included| included.transaction.hash == *hash)?;
            Some((block.number(), index))
        })
    }

    /// The blocks, in order.
    pub(super) fn blocks(&self) -> Vec<Arc<Block>> {
        let queue = self.queue();
        let changes = queue.rows.iter().flat_map(|row| &row.changes);
        let blocks = changes.filter_map(|change| match change {
            Change::Block(block) => Some(Arc::clone(block)),
            _ => None,
        });
        blocks.collect()
    }

    /// The root of the state under a name; `Some(None)`: it goes.
    pub(super) fn state(&self, wanted: StateName) -> Option<Option<NodeHash>> {
        self.newest(|change| match change {
            Change::State { name, root, .. } if *name == wanted => Some(Some(*root)),
            Change::StatesBefore(name) if name.earlier().contains(&wanted.key()) => Some(None),
            _ => None,
        })
    }

    /// The newest row of a table whose key passes, without its check.
    pub(super) fn row<T>(&self, table: u8, read: impl Fn(&[u8], &[u8]) -> Option<T>) -> Option<T> {
        self.newest(|change| match change {
            Change::Row(row) if row.table == table => read(&row.key, unseal(&row.key, &row.row)?),
            _ => None,
        })
    }
}
