//! Where the states of a store have their records from, those that were asked for last from
//! memory.

use super::bounds::{HELD_BYTES, RECORD_BYTES};
use super::error::StoreError;
use pvm::durable::{NodeHash, NodeSource};
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Reads a record of the file.
type Read = dyn Fn(&NodeHash) -> Result<Option<Vec<u8>>, StoreError> + Send + Sync;

/// Records of the log, each with the last row that has it.
type Logged = HashMap<NodeHash, (u64, Arc<[u8]>)>;

/// The records of a store.
pub(super) struct Records {
    read: Box<Read>,
    cache: Mutex<Cache>,
    /// Those that are in the log alone, each with the last row that has it.
    logged: Mutex<Logged>,
    /// The bytes that states took into memory since all were begun anew.
    held: AtomicU64,
}

/// Two generations: what is asked for moves to the younger, and the elder goes when that is
/// full.
#[derive(Debug, Default)]
struct Cache {
    young: HashMap<NodeHash, Arc<[u8]>>,
    old: HashMap<NodeHash, Arc<[u8]>>,
    /// The bytes of the younger.
    bytes: usize,
}

impl Cache {
    fn get(&mut self, hash: &NodeHash) -> Option<Arc<[u8]>> {
        if let Some(record) = self.young.get(hash) {
            return Some(Arc::clone(record));
        }
        let record = self.old.remove(hash)?;
        self.keep(hash, Arc::clone(&record));
        Some(record)
    }

    fn keep(&mut self, hash: &NodeHash, record: Arc<[u8]>) {
        /// Of a row of the map, about.
        const ROW: usize = 80;
        self.bytes += record.len() + ROW;
        self.young.insert(*hash, record);
        if self.bytes > RECORD_BYTES / 2 {
            self.old = std::mem::take(&mut self.young);
            self.bytes = 0;
        }
    }
}

impl Records {
    pub(super) fn new(read: Box<Read>) -> Self {
        Self {
            read,
            cache: Mutex::default(),
            logged: Mutex::default(),
            held: AtomicU64::new(0),
        }
    }

    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn logged(&self) -> MutexGuard<'_, Logged> {
        self.logged.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of a record that is written: it is asked for soon.
    pub(super) fn keep(&self, hash: &NodeHash, record: &[u8]) -> Arc<[u8]> {
        self.held.fetch_add(record.len() as u64, Ordering::Relaxed);
        let record: Arc<[u8]> = record.into();
        self.cache().keep(hash, Arc::clone(&record));
        record
    }

    /// Has records until the row of the log that they are in is in the tables.
    pub(super) fn hold(&self, row: u64, records: &[(NodeHash, Arc<[u8]>)]) {
        let mut logged = self.logged();
        for (hash, record) in records {
            logged.insert(*hash, (row, Arc::clone(record)));
        }
    }

    /// Takes note that a row of the log was not written after all. Rows before it may have its
    /// records, too.
    pub(super) fn take_back(&self, row: u64) {
        let mut logged = self.logged();
        let of_row = logged.values_mut().filter(|(last, _)| *last == row);
        of_row.for_each(|(last, _)| *last -= 1);
    }

    /// Takes note that rows of the log up to this one are in the tables.
    pub(super) fn settle(&self, row: u64) {
        self.logged().retain(|_, (last, _)| *last > row);
    }

    /// Returns `true` if states hold so much in memory that they should be opened anew.
    pub(super) fn are_many_held(&self) -> bool {
        self.held.load(Ordering::Relaxed) > HELD_BYTES
    }

    pub(super) fn forget_held(&self) {
        self.held.store(0, Ordering::Relaxed);
    }
}

impl fmt::Debug for Records {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Records")
    }
}

impl NodeSource for Records {
    fn node(&self, hash: &NodeHash) -> Result<Option<Vec<u8>>, String> {
        let known = self.cache().get(hash);
        let logged = || {
            self.logged()
                .get(hash)
                .map(|(_, record)| Arc::clone(record))
        };
        let record = match known.or_else(logged) {
            Some(record) => record,
            None => {
                let record = (self.read)(hash).map_err(|error| error.to_string())?;
                let Some(record) = record else {
                    return Ok(None);
                };
                let record = Arc::from(record);
                self.cache().keep(hash, Arc::clone(&record));
                record
            }
        };
        self.held.fetch_add(record.len() as u64, Ordering::Relaxed);
        Ok(Some(record.to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cache_forgets_what_nobody_asks_for() {
        let mut cache = Cache::default();
        let record: Arc<[u8]> = vec![0; 1 << 20].into();
        for number in 0..100 {
            cache.keep(&[number; 32], Arc::clone(&record));
            assert!(cache.get(&[0; 32]).is_some(), "{number}");
            assert!((cache.young.len() + cache.old.len()) << 20 <= RECORD_BYTES);
        }
        assert!(cache.get(&[1; 32]).is_none());
        assert!(cache.get(&[99; 32]).is_some());
    }
}
