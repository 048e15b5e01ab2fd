//! A change of the store: into its log, or into its tables.
//!
//! What levels are made of ([`Change`]) is put together and committed as one row of the log.
//! Whoever asks for the tables themselves, as on the way back to an older block, waits until
//! all that was logged is in them, and changes them at once.

use super::behind::Logged;
use super::bounds::{LOGGED_BYTES, MIN_FREE};
use super::change::{Change, encode};
use super::error::StoreError;
use super::log::Log;
use super::raw_row::RawRow;
use super::store::Store;
use super::tables::{APPLIED, seal};
use pvm::Durable;
use redb::{Database, WriteTransaction};
use std::cell::{Cell, OnceCell, RefCell};
use std::sync::RwLockReadGuard;

/// A change of the store.
pub struct Batch<'s> {
    store: &'s Store,
    /// The row of the log that it becomes; `None`: it goes into the tables.
    row: Option<u64>,
    /// The tables are changed when all is in them that was logged.
    waits: bool,
    changes: RefCell<Vec<Change>>,
    tables: OnceCell<Tables<'s>>,
    /// States are begun anew.
    anew: Cell<bool>,
    /// The newest state in it, behind the store.
    stored: RefCell<Option<Durable>>,
}

/// The tables, to be changed.
struct Tables<'s> {
    // It ends first.
    transaction: WriteTransaction,
    _database: RwLockReadGuard<'s, Option<Database>>,
}

impl std::fmt::Debug for Batch<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Batch")
    }
}

impl Store {
    /// Writes all of it, or nothing.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is written then.
    pub fn write<T>(
        &self,
        write: impl FnOnce(&Batch<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let wrote = self.has_room().and_then(|()| {
            self.mend()?;
            self.note(self.write_unchecked(write))
        });
        self.set_trouble(wrote.as_ref().err());
        wrote
    }

    /// Tells without a write what would be in its way: a disk that is full, a file that is gone.
    ///
    /// # Errors
    /// [`StoreError::Full`], [`StoreError::Gone`].
    pub fn check_room(&self) -> Result<(), StoreError> {
        self.has_room()
            .inspect_err(|error| self.set_trouble(Some(error)))
    }

    pub(super) fn has_room(&self) -> Result<(), StoreError> {
        match self.free() {
            Some(free) if free < MIN_FREE => Err(StoreError::Full { free }),
            _ if !self.is_there() => Err(StoreError::Gone(self.name())),
            _ => Ok(()),
        }
    }

    fn write_unchecked<T>(
        &self,
        write: impl FnOnce(&Batch<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut log = self.log();
        let row = log.as_ref().filter(|log| log.is_sure()).map(Log::next);
        let batch = Batch::new(self, row, log.is_some());
        let wrote = write(&batch).and_then(|value| {
            batch.commit(log.as_mut())?;
            Ok(value)
        });
        if let (Err(_), Some(row)) = (&wrote, row) {
            self.records().take_back(row);
        }
        wrote
    }

    /// Changes the tables, whatever is in the log.
    pub(super) fn in_tables(
        &self,
        write: impl FnOnce(&Batch<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let batch = Batch::new(self, None, false);
        write(&batch)?;
        batch.commit(None)
    }
}

impl<'s> Batch<'s> {
    const fn new(store: &'s Store, row: Option<u64>, waits: bool) -> Self {
        Self {
            store,
            row,
            waits,
            changes: RefCell::new(Vec::new()),
            tables: OnceCell::new(),
            anew: Cell::new(false),
            stored: RefCell::new(None),
        }
    }

    /// Returns `true` if its writes survive a restart.
    #[must_use]
    pub const fn lasts(&self) -> bool {
        self.store.lasts()
    }

    /// The tables. From now on all goes into them.
    pub(super) fn transaction(&self) -> Result<&WriteTransaction, StoreError> {
        if let Some(tables) = self.tables.get() {
            return Ok(&tables.transaction);
        }
        if self.waits {
            self.store.behind().wait_for_tables()?;
        }
        let database = self.store.database();
        let transaction = database.as_ref().ok_or(StoreError::Closed)?.begin_write()?;
        let tables = self.tables.get_or_init(|| Tables {
            transaction,
            _database: database,
        });
        let changes = self.changes.take();
        changes.iter().try_for_each(|change| self.apply(change))?;
        Ok(&tables.transaction)
    }

    /// The row of the log that it becomes; `None`: it goes into the tables.
    pub(super) fn row(&self) -> Option<u64> {
        self.row.filter(|_| self.tables.get().is_none())
    }

    /// Makes a change.
    pub(super) fn change(&self, change: Change) -> Result<(), StoreError> {
        match self.row() {
            Some(_) => {
                self.changes.borrow_mut().push(change);
                Ok(())
            }
            None => self.apply(&change),
        }
    }

    pub(super) const fn store(&self) -> &'s Store {
        self.store
    }

    /// The newest state that was written in it.
    pub(super) fn stored(&self) -> Option<Durable> {
        self.stored.borrow().clone()
    }

    pub(super) fn set_stored(&self, state: Durable) {
        *self.stored.borrow_mut() = Some(state);
    }

    /// Lets all states be begun anew after the commit.
    pub(super) fn set_anew(&self) {
        self.anew.set(true);
    }

    /// Writes a row of `meta`.
    pub(crate) fn put_meta(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let key = name.as_bytes();
        self.change(Change::Row(RawRow {
            table: 0,
            key: key.to_vec(),
            row: seal(key, bytes.to_vec()),
        }))
    }

    /// Commits it, to the log if there is one and nobody asked for the tables.
    fn commit(self, log: Option<&mut Log>) -> Result<(), StoreError> {
        let (store, anew) = (self.store, self.anew.get());
        let weight: usize = self.changes.borrow().iter().map(Change::weight).sum();
        match log {
            Some(log) if self.row().is_some() && weight > 0 && weight < LOGGED_BYTES => {
                store.behind().wait_for_room()?;
                let changes = self.changes.into_inner();
                let row = encode(&changes)?;
                let number = log.next();
                log.append(row, store.behind().applied())?;
                store.behind().push(Logged::new(number, changes));
            }
            log => {
                self.transaction()?;
                if let Some(log) = &log {
                    // A row of this number whose commit failed may be there all the same.
                    self.put_meta(APPLIED, &log.next().to_le_bytes())?;
                }
                let committed = self
                    .tables
                    .into_inner()
                    .map_or(Ok(()), |tables| tables.transaction.commit());
                if let Some(log) = log {
                    if committed.is_ok() {
                        store.records().settle(log.next());
                        store.behind().settle(log.next());
                    }
                    log.skip(committed.is_ok());
                }
                committed?;
            }
        }
        if anew {
            store.set_anew();
        }
        Ok(())
    }
}
