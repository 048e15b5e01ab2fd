//! The log: what was committed and is not in the tables yet.
//!
//! Most rows of a level lie under hashes, so that each is in a page of its own, which is copied
//! and written. So a level is committed as one row of a file of its own, and goes into the tables
//! later, with others. What stands in the tables says up to which row of the log it goes
//! (`meta`, `applied`), in the transaction that put it there.
//!
//! The file is one of redb, too, so that a row is there whole or not at all.
//!
//! | table | key | row |
//! | --- | --- | --- |
//! | `log` | number | what changes ([`super::change`]) |
//! | `whose` | 0 | the store that it is of: as its `meta` says (`log`) |
//!
//! Rows end as those of the store do.

use super::backend::{Any, Opener};
use super::bounds::LOG_CACHE;
use super::error::StoreError;
use super::tables::{seal, unseal};
use redb::{Builder, Database, DatabaseError, ReadableTable, TableDefinition, WriteTransaction};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

const LOG: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("log");
const WHOSE: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("whose");

/// The name of a store, for its log.
pub(super) type Whose = [u8; 32];

/// The log: changes are committed here before they are in the tables.
#[derive(Debug)]
pub(super) struct Log {
    /// `None`: it failed, and is to be opened again.
    database: Option<Database>,
    opener: Arc<dyn Opener>,
    /// The number of the next row.
    next: u64,
    /// The tables may say that they have the row before, or not.
    unsure: bool,
}

impl Log {
    /// The log of a store; `None`: it has none.
    pub(super) fn open(opener: &Arc<dyn Opener>) -> Result<Option<Self>, StoreError> {
        Ok(open(&**opener)?.map(|database| Self {
            database: Some(database),
            opener: Arc::clone(opener),
            next: 1,
            unsure: false,
        }))
    }

    /// The number of the next row.
    pub(super) const fn next(&self) -> u64 {
        self.next
    }

    /// Returns `true` if a row may be written; if not, the tables have to be written first.
    pub(super) const fn is_sure(&self) -> bool {
        !self.unsure
    }

    /// Takes note that what would have been the next row is in the tables already; if their
    /// commit failed, perhaps.
    pub(super) const fn skip(&mut self, is_sure: bool) {
        self.next += 1;
        self.unsure = !is_sure;
    }

    /// The rows after those that are in the tables of a store. The next one comes after them.
    ///
    /// # Errors
    /// [`StoreError::Log`] where it is another store's, or rows are missing.
    pub(super) fn rest(
        &mut self,
        whose: &Whose,
        applied: u64,
    ) -> Result<Vec<(u64, Vec<u8>)>, StoreError> {
        let name = self.opener.name();
        let wrong = |why| StoreError::Log {
            name: name.clone(),
            why,
        };
        let database = self.database.as_ref().ok_or(StoreError::Closed)?;
        let transaction = database.begin_write()?;
        let mut rows = Vec::new();
        {
            let log = transaction.open_table(LOG)?;
            for found in log.range(applied + 1..)? {
                let (number, row) = found?;
                let number = number.value();
                let row = unseal(&number.to_be_bytes(), row.value());
                let row = row.ok_or_else(|| wrong("a row of it is damaged"))?;
                rows.push((number, row.to_vec()));
            }
            let mut owner = transaction.open_table(WHOSE)?;
            let known = owner.get(0)?;
            let is_owned = known.is_some();
            let is_ours = known.is_some_and(|known| {
                unseal(&0_u64.to_be_bytes(), known.value()) == Some(&whose[..])
            });
            // Older rows are of no use here, but those of the other store, which may miss them.
            let has_rows = !rows.is_empty() || is_owned && log.first()?.is_some();
            if !is_ours && has_rows {
                return Err(wrong("it is of another store"));
            }
            owner.insert(0, &seal(&0_u64.to_be_bytes(), whose.to_vec())[..])?;
        }
        let numbers = rows.iter().map(|(number, _)| *number);
        if !numbers.eq((applied + 1..).take(rows.len())) {
            return Err(wrong("the store is older than it"));
        }
        transaction.commit()?;
        self.next = applied + 1 + rows.len() as u64;
        Ok(rows)
    }

    /// Commits a row; those up to `applied` go.
    pub(super) fn append(&mut self, bytes: Vec<u8>, applied: u64) -> Result<(), StoreError> {
        let appended = self.try_append(bytes, applied);
        match appended {
            Ok(()) => self.next += 1,
            // redb gives nothing but errors from then on.
            Err(_) => self.database = None,
        }
        appended
    }

    fn try_append(&mut self, bytes: Vec<u8>, applied: u64) -> Result<(), StoreError> {
        if self.database.is_none() {
            self.database = open(&*self.opener)?;
        }
        let database = self.database.as_ref().ok_or(StoreError::Closed)?;
        let transaction = database.begin_write()?;
        remove(&transaction, applied)?;
        let row = seal(&self.next.to_be_bytes(), bytes);
        transaction.open_table(LOG)?.insert(self.next, &row[..])?;
        Ok(transaction.commit()?)
    }

    /// Lets the rows up to `applied` go, if that can be written: they are not needed, but would
    /// be in the way of another store.
    pub(super) fn forget(&self, applied: u64) {
        let Some(database) = &self.database else {
            return;
        };
        let forget = || -> Result<(), StoreError> {
            let transaction = database.begin_write()?;
            remove(&transaction, applied)?;
            Ok(transaction.commit()?)
        };
        if let Err(error) = forget() {
            tracing::debug!("the log keeps what is in the tables: {error}");
        }
    }
}

fn remove(transaction: &WriteTransaction, applied: u64) -> Result<(), StoreError> {
    let mut log = transaction.open_table(LOG)?;
    loop {
        let first = log.first()?.map(|(number, _)| number.value());
        match first.filter(|first| *first <= applied) {
            Some(first) => log.remove(first)?,
            None => return Ok(()),
        };
    }
}

/// Opens the file. redb does not promise to answer damage with an error.
fn open(opener: &dyn Opener) -> Result<Option<Database>, StoreError> {
    let name = || opener.log_name();
    let backend = opener.open_log().map_err(|source| StoreError::Unopened {
        name: name(),
        source,
    })?;
    let Some(backend) = backend else {
        return Ok(None);
    };
    let damaged = |why: String| StoreError::Damaged { name: name(), why };
    let opened = catch_unwind(AssertUnwindSafe(|| {
        let mut builder = Builder::new();
        builder.set_cache_size(LOG_CACHE);
        builder.create_with_backend(Any(backend))
    }));
    match opened {
        Ok(Ok(database)) => Ok(Some(database)),
        Ok(Err(DatabaseError::DatabaseAlreadyOpen)) => Err(StoreError::InUse(opener.name())),
        Ok(Err(error)) => Err(damaged(error.to_string())),
        Err(_) => Err(damaged("its pages contradict each other".into())),
    }
}
