//! The store: opened, read, written, opened again after it failed; whose it is.

use super::backend::{Any, File, Nameless, Opener};
use super::bounds::{CACHE, MIN_FREE};
use super::error::StoreError;
use super::records::Records;
use super::rows;
use super::tables::{
    BLOCKS, BODIES, DEAD, DEATHS, HASHES, INBOXES, LEVELS, LOGS, META, NODES, OUTBOX, PARTIES,
    POOL, SCHEMA, SETTLED, SHARED, SNAPSHOTS, STATES, TRANSACTIONS, VERSIONS, seal, unseal,
};
use alloy_primitives::{B256, hex};
use pvm::Durable;
use redb::{
    Builder, Database, DatabaseError, ReadTransaction, ReadableDatabase, ReadableTableMetadata,
    TableHandle, WriteTransaction,
};
use std::cell::{Cell, RefCell};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, Weak};

/// The name of the file in its folder.
pub(super) const FILE: &str = "store.redb";

/// Whose store it is. One of another is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The command: `devnet` or `node`.
    pub kind: &'static str,
    /// The rollup's address: the 20 bytes behind `sr1…`.
    /// `None`: that of the store, which is there.
    pub rollup: Option<[u8; 20]>,
    /// keccak-256 of the kernel that was originated.
    pub kernel: B256,
    /// A hash of all else that the chain started from.
    pub genesis: B256,
}

impl Identity {
    fn parts(&self) -> Vec<(&'static str, Vec<u8>)> {
        let mut parts = vec![
            ("kind", self.kind.into()),
            ("kernel", self.kernel.to_vec()),
            ("genesis", self.genesis.to_vec()),
        ];
        parts.extend(self.rollup.map(|rollup| ("rollup", rollup.to_vec())));
        parts
    }
}

/// What a node keeps.
#[derive(Debug)]
pub struct Store {
    /// `None`: it is closed, or could not be opened again.
    database: RwLock<Option<Database>>,
    opener: Arc<dyn Opener>,
    /// Whether what only a restart needs is kept.
    lasts: bool,
    /// The bytes could not be read or written.
    failed: AtomicBool,
    /// The node stops.
    closed: AtomicBool,
    /// What went wrong at the last attempt to write.
    trouble: Mutex<Option<String>>,
    records: Arc<Records>,
    /// States are to be begun anew: see [`Store::is_anew`].
    anew: AtomicBool,
}

impl Store {
    /// The store in a folder, made where there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open(folder: &Path, identity: &Identity) -> Result<Arc<Self>, StoreError> {
        fs::create_dir_all(folder).map_err(|source| StoreError::Folder {
            folder: folder.display().to_string(),
            source,
        })?;
        Self::of(Arc::new(File::new(folder.join(FILE))), identity)
    }

    /// The store in a folder, whosever it is.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn existing(folder: &Path) -> Result<Arc<Self>, StoreError> {
        if !Self::is_in(folder) {
            return Err(StoreError::Nothing(folder.display().to_string()));
        }
        let store = Self::with(Arc::new(File::new(folder.join(FILE))), true)?;
        match store.schema()? {
            true => Ok(store),
            false => Err(StoreError::Row {
                table: "meta",
                key: "schema".into(),
            }),
        }
    }

    /// Whether there is a store in a folder.
    #[must_use]
    pub fn is_in(folder: &Path) -> bool {
        folder.join(FILE).exists()
    }

    /// The address of its rollup.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn rollup(&self) -> Result<[u8; 20], StoreError> {
        let rollup = self.meta("rollup")?;
        let rollup = rollup.and_then(|rollup| rollup.try_into().ok());
        rollup.ok_or_else(|| StoreError::Row {
            table: "meta",
            key: "rollup".into(),
        })
    }

    /// A store of these bytes.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn of(opener: Arc<dyn Opener>, identity: &Identity) -> Result<Arc<Self>, StoreError> {
        let store = Self::with(opener, true)?;
        store.belongs_to(identity)?;
        Ok(store)
    }

    /// A store that ends with the process.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn passing() -> Result<Arc<Self>, StoreError> {
        Self::with(Arc::new(Nameless), false)
    }

    pub(super) fn with(opener: Arc<dyn Opener>, lasts: bool) -> Result<Arc<Self>, StoreError> {
        let database = open(&*opener)?;
        let store = Arc::new_cyclic(|this| Self {
            database: RwLock::new(Some(database)),
            opener,
            lasts,
            failed: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            trouble: Mutex::new(None),
            records: Arc::new(records_of(Weak::clone(this))),
            anew: AtomicBool::new(false),
        });
        store.make_tables()?;
        Ok(store)
    }

    /// Makes the tables, so that each is there for who reads.
    fn make_tables(&self) -> Result<(), StoreError> {
        self.write(|batch| {
            let transaction = batch.transaction();
            transaction.open_table(META)?;
            transaction.open_table(BLOCKS)?;
            transaction.open_table(BODIES)?;
            transaction.open_table(HASHES)?;
            transaction.open_table(TRANSACTIONS)?;
            transaction.open_table(LOGS)?;
            transaction.open_table(PARTIES)?;
            transaction.open_table(NODES)?;
            transaction.open_table(DEAD)?;
            transaction.open_table(DEATHS)?;
            transaction.open_table(SETTLED)?;
            transaction.open_table(SHARED)?;
            transaction.open_table(VERSIONS)?;
            transaction.open_table(STATES)?;
            transaction.open_table(POOL)?;
            transaction.open_table(LEVELS)?;
            transaction.open_table(OUTBOX)?;
            transaction.open_table(INBOXES)?;
            transaction.open_table(SNAPSHOTS)?;
            Ok(())
        })
    }

    /// Checks whose store it is, and makes a new one that of `identity`.
    fn belongs_to(&self, identity: &Identity) -> Result<(), StoreError> {
        let is_old = self.schema()?;
        for (what, wanted) in identity.parts() {
            match self.meta(what)? {
                Some(found) if found != wanted => {
                    let told = |bytes: &[u8]| match what {
                        "kind" => String::from_utf8_lossy(bytes).into_owned(),
                        _ => hex::encode(bytes),
                    };
                    return Err(StoreError::Other {
                        name: self.opener.name(),
                        what: if what == "kind" { "command" } else { what },
                        found: told(&found),
                        wanted: told(&wanted),
                    });
                }
                Some(_) => {}
                None if is_old => {
                    let key = what.to_owned();
                    return Err(StoreError::Row { table: "meta", key });
                }
                None => {}
            }
        }
        if is_old {
            return Ok(());
        }
        self.write(|batch| {
            batch.put_meta("schema", &SCHEMA.to_le_bytes())?;
            let mut parts = identity.parts().into_iter();
            parts.try_for_each(|(name, bytes)| batch.put_meta(name, &bytes))
        })
    }

    /// Whether something is in it; that has to have our form.
    pub(super) fn schema(&self) -> Result<bool, StoreError> {
        match self.meta("schema")? {
            None => Ok(false),
            Some(found) if *found == SCHEMA.to_le_bytes() => Ok(true),
            Some(found) => {
                let version = found.first_chunk().copied().map(u32::from_le_bytes);
                Err(StoreError::Schema {
                    name: self.opener.name(),
                    found: version.map_or_else(|| hex::encode(&found), |number| number.to_string()),
                })
            }
        }
    }

    /// A row of `meta`.
    pub(crate) fn meta(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|transaction| {
            let table = transaction.open_table(META)?;
            let Some(row) = table.get(name)? else {
                return Ok(None);
            };
            let bytes = unseal(name.as_bytes(), row.value());
            let bytes = bytes.ok_or_else(|| StoreError::Row {
                table: "meta",
                key: name.to_owned(),
            })?;
            Ok(Some(bytes.to_vec()))
        })
    }

    /// Whether it is there after a restart.
    #[must_use]
    pub const fn lasts(&self) -> bool {
        self.lasts
    }

    /// What keeps it from being written now.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        let trouble = self.trouble.lock();
        trouble.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Ends it: whoever asks from now on is refused.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Release);
        let mut database = self
            .database
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *database = None;
        self.set_trouble(Some(StoreError::Closed.to_string()));
    }

    /// The bytes that its file takes of the disk, as far as they can be told.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        self.opener.size()
    }

    /// Its tables, with the number of their rows and the bytes that these take, for people.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn tables(&self) -> Result<Vec<(String, u64, u64)>, StoreError> {
        self.read(|transaction| {
            let tables = transaction.list_tables()?.map(|table| {
                let name = table.name().to_owned();
                let table = transaction.open_untyped_table(table)?;
                let bytes = table.stats()?.stored_bytes();
                Ok((name, table.len()?, bytes))
            });
            tables.collect()
        })
    }

    /// Where states are read from.
    pub(super) const fn records(&self) -> &Arc<Records> {
        &self.records
    }

    /// Whether so much of states is in memory that each that is held is to be begun anew
    /// ([`Store::let_go`]); says so once.
    pub(crate) fn is_anew(&self) -> bool {
        self.anew.swap(false, Ordering::AcqRel)
    }

    pub(super) fn read<T>(
        &self,
        read: impl FnOnce(&ReadTransaction) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.mend()?;
        let database = self.database();
        let database = database.as_ref().ok_or(StoreError::Closed)?;
        let transaction = database.begin_read().map_err(StoreError::from);
        self.note(transaction.and_then(|transaction| read(&transaction)))
    }

    /// Writes all of it, or nothing.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is written then.
    pub fn write<T>(
        &self,
        write: impl FnOnce(&Batch<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let wrote = match self.opener.free() {
            Some(free) if free < MIN_FREE => Err(StoreError::Full { free }),
            _ => self
                .mend()
                .and_then(|()| self.note(self.write_unchecked(write))),
        };
        self.set_trouble(wrote.as_ref().err().map(ToString::to_string));
        wrote
    }

    fn write_unchecked<T>(
        &self,
        write: impl FnOnce(&Batch<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let database = self.database();
        let database = database.as_ref().ok_or(StoreError::Closed)?;
        let transaction = database.begin_write()?;
        let batch = Batch {
            transaction: &transaction,
            store: self,
            anew: Cell::new(false),
            stored: RefCell::new(None),
        };
        match write(&batch) {
            Ok(value) => {
                let anew = batch.anew.get();
                transaction.commit()?;
                if anew {
                    self.records.forget_held();
                    self.anew.store(true, Ordering::Release);
                }
                Ok(value)
            }
            Err(error) => {
                // It ends when it is dropped, too.
                let _ = transaction.abort();
                Err(error)
            }
        }
    }

    fn database(&self) -> RwLockReadGuard<'_, Option<Database>> {
        self.database.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_trouble(&self, trouble: Option<String>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    /// Opens the bytes again if they failed: redb gives nothing but errors until then.
    pub(super) fn mend(&self) -> Result<(), StoreError> {
        if !self.failed.load(Ordering::Acquire) || self.closed.load(Ordering::Acquire) {
            return Ok(());
        }
        self.open_again()?;
        self.failed.store(false, Ordering::Release);
        Ok(())
    }

    /// Takes note if the bytes failed.
    fn note<T>(&self, done: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Err(StoreError::Storage(error)) = &done
            && matches!(**error, redb::Error::Io(_) | redb::Error::PreviousIo)
        {
            self.failed.store(true, Ordering::Release);
        }
        done
    }

    fn open_again(&self) -> Result<(), StoreError> {
        let mut database = self
            .database
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        // Its locks go first.
        *database = None;
        *database = Some(open(&*self.opener)?);
        Ok(())
    }
}

/// The records of a store, as long as it is there.
fn records_of(store: Weak<Store>) -> Records {
    Records::new(Box::new(move |hash| {
        let store = store.upgrade().ok_or(StoreError::Closed)?;
        store.read(|transaction| rows::record(transaction, hash))
    }))
}

/// A change of the store.
pub struct Batch<'s> {
    transaction: &'s WriteTransaction,
    store: &'s Store,
    /// States are begun anew.
    anew: Cell<bool>,
    /// The newest state in it, behind the store.
    stored: RefCell<Option<Durable>>,
}

impl std::fmt::Debug for Batch<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Batch")
    }
}

impl<'s> Batch<'s> {
    /// Whether what it writes is there after a restart.
    #[must_use]
    pub const fn lasts(&self) -> bool {
        self.store.lasts
    }

    pub(super) const fn transaction(&self) -> &'s WriteTransaction {
        self.transaction
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
        let row = seal(name.as_bytes(), bytes.to_vec());
        let mut table = self.transaction.open_table(META)?;
        table.insert(name, &row[..])?;
        Ok(())
    }
}

/// Opens the file. redb does not promise to answer damage with an error.
fn open(opener: &dyn Opener) -> Result<Database, StoreError> {
    let damaged = |why: String| StoreError::Damaged {
        name: opener.name(),
        why,
    };
    let backend = opener.open().map_err(|source| StoreError::Unopened {
        name: opener.name(),
        source,
    })?;
    let opened = catch_unwind(AssertUnwindSafe(|| {
        let mut builder = Builder::new();
        builder.set_cache_size(CACHE);
        builder.create_with_backend(Any(backend))
    }));
    match opened {
        Ok(Ok(database)) => Ok(database),
        Ok(Err(DatabaseError::DatabaseAlreadyOpen)) => Err(StoreError::InUse(opener.name())),
        Ok(Err(error)) => Err(damaged(error.to_string())),
        Err(_) => Err(damaged("its pages contradict each other".into())),
    }
}
