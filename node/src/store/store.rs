//! The store: opened, read, written, opened again after it failed; whose it is.

use super::backend::{Any, File, Nameless, Opener};
use super::behind::Behind;
use super::bounds::{CACHE, FAREWELL, MIN_FREE};
use super::error::StoreError;
use super::identity::Identity;
use super::log::Log;
use super::records::Records;
use super::rows;
use super::tables::{
    BLOCKS, BODIES, DEAD, DEATHS, DROPPED, HASHES, INBOXES, LEVELS, LOGS, META, NODES, OUTBOX,
    PARTIES, POOL, SCHEMA, SETTLED, SHARED, SNAPSHOTS, STATES, TRANSACTIONS, VERSIONS,
    WITHOUT_DROPPED, WITHOUT_LOG, unseal,
};
use alloy_primitives::hex;
use redb::{
    Builder, Database, DatabaseError, ReadTransaction, ReadableDatabase, ReadableTableMetadata,
    TableHandle,
};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, Weak};

/// The versions that become ours when they are opened.
const OLDER: [u32; 2] = [WITHOUT_LOG, WITHOUT_DROPPED];

/// The name of the file in its folder.
pub(super) const FILE: &str = "store.redb";

/// A file that tries whether a folder may be written.
const TRIED: &str = "store.tried";

/// The data of a node.
#[derive(Debug)]
pub struct Store {
    /// `None`: it is closed, or could not be opened again.
    database: RwLock<Option<Database>>,
    opener: Arc<dyn Opener>,
    /// `true` if the data that only a restart needs is kept.
    lasts: bool,
    /// The bytes could not be read or written.
    failed: AtomicBool,
    /// The node stops.
    closed: AtomicBool,
    /// The fault at the last attempt to write, if any.
    trouble: Mutex<Option<Fault>>,
    records: Arc<Records>,
    /// States are to be begun anew: see [`Store::is_anew`].
    anew: AtomicBool,
    /// The log that changes are committed to first; `None`: to the tables. The writer holds it.
    log: Mutex<Option<Log>>,
    /// Changes that are in the log alone.
    behind: Arc<Behind>,
}

/// Why nothing could be written.
#[derive(Clone, Debug)]
struct Fault {
    text: String,
    /// [`Store::has_room`] tells when it is over.
    lacks_room: bool,
}

impl Store {
    /// The store in a folder, made where there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open(folder: &Path, identity: &Identity) -> Result<Arc<Self>, StoreError> {
        make_folder(folder)?;
        let file = File::with_log(folder.join(FILE));
        match file.free() {
            // None is begun that could not be filled.
            Some(free) if free < MIN_FREE && !Self::is_in(folder) => Err(StoreError::Full { free }),
            _ => Self::of(Arc::new(file), identity),
        }
    }

    /// Makes a folder for a store that comes later, and writes to it: what cannot be kept is told at
    /// once.
    ///
    /// # Errors
    /// [`StoreError::Folder`].
    pub fn prepare(folder: &Path) -> Result<(), StoreError> {
        make_folder(folder)?;
        let tried = folder.join(TRIED);
        let written = fs::write(&tried, []).and_then(|()| fs::remove_file(&tried));
        written.map_err(|source| StoreError::Folder {
            folder: folder.display().to_string(),
            source,
        })
    }

    /// The store in a folder, whosever it is.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn existing(folder: &Path) -> Result<Arc<Self>, StoreError> {
        if !Self::is_in(folder) {
            return Err(StoreError::Nothing(folder.display().to_string()));
        }
        let opened = Self::with(Arc::new(File::with_log(folder.join(FILE))), true);
        let store = opened.map_err(|error| match error {
            StoreError::InUse(name) => StoreError::Running(name),
            error => error,
        })?;
        match store.schema().map_err(|error| error.of(&store.name()))? {
            true => Ok(store),
            // It was begun, and never filled.
            false => Err(StoreError::Nothing(folder.display().to_string())),
        }
    }

    /// Returns `true` if there is a store in the folder.
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
        let belongs = store.belongs_to(identity);
        belongs.map_err(|error| error.of(&store.name()))?;
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
            log: Mutex::new(None),
            behind: Arc::default(),
        });
        let named = |error: StoreError| error.of(&store.name());
        store.make_tables().map_err(named)?;
        if let Some(log) = Log::open(&store.opener)? {
            store.take_log(log).map_err(named)?;
        }
        Ok(store)
    }

    /// Makes the tables, so that each is there for who reads.
    fn make_tables(&self) -> Result<(), StoreError> {
        self.write(|batch| {
            let transaction = batch.transaction()?;
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
            transaction.open_table(DROPPED)?;
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
        if !is_old && identity.rollup.is_none() {
            // It gets its owner when that is known.
            return Ok(());
        }
        let mut rows = Vec::new();
        for (what, wanted) in identity.parts() {
            match self.meta(what)? {
                Some(found) if found != wanted => {
                    let kept = match Identity::words_of(what) {
                        Some(row) => self.meta(row)?,
                        None => None,
                    };
                    let name = self.opener.name();
                    return Err(identity.refused(name, what, (&found, kept.as_deref())));
                }
                Some(_) => {}
                // One that was never filled may lack it.
                None if is_old && self.bounds()?.is_some() => {
                    let key = what.to_owned();
                    return Err(StoreError::Row { table: "meta", key });
                }
                None => rows.push((what, wanted)),
            }
        }
        // Stores of before do not have them.
        for (row, words) in identity.told() {
            if self.meta(row)?.is_none() {
                rows.push((row, words.into()));
            }
        }
        if is_old && rows.is_empty() {
            return Ok(());
        }
        if !is_old {
            rows.push(("schema", SCHEMA.to_le_bytes().to_vec()));
        }
        self.write(|batch| {
            let mut rows = rows.iter();
            rows.try_for_each(|(name, bytes)| batch.put_meta(name, bytes))
        })
    }

    /// Returns `true` if the file has data; it must then be of our form.
    pub(super) fn schema(&self) -> Result<bool, StoreError> {
        match self.meta("schema")? {
            None => Ok(false),
            Some(found) if *found == SCHEMA.to_le_bytes() => Ok(true),
            Some(found) if OLDER.iter().any(|older| *found == older.to_le_bytes()) => {
                // What goes into the log is not seen by a program of such a version, or not known.
                self.write(|batch| {
                    batch.transaction()?;
                    batch.put_meta("schema", &SCHEMA.to_le_bytes())
                })?;
                Ok(true)
            }
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
        self.behind.wait_for_tables()?;
        self.meta_of_tables(name)
    }

    /// A row of `meta` as it is in the tables.
    pub(super) fn meta_of_tables(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.read_tables(|transaction| {
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

    /// Returns `true` if the data survives a restart.
    #[must_use]
    pub const fn lasts(&self) -> bool {
        self.lasts
    }

    /// The fault that prevents writes now, if any.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        let trouble = self.trouble.lock();
        let trouble = trouble.unwrap_or_else(PoisonError::into_inner).clone();
        let over = |fault: &Fault| fault.lacks_room && self.has_room().is_ok();
        if trouble.as_ref().is_some_and(over) {
            self.set_trouble(None);
            return self.behind.trouble();
        }
        let text = trouble.map(|fault| fault.text);
        text.or_else(|| self.behind.trouble())
    }

    /// Ends it: whoever asks from now on is refused. What is in the log alone goes into the
    /// tables first, as far as that is soon done.
    pub fn close(&self) {
        let mut log = self.log();
        if let Some(log) = log.as_mut() {
            self.behind.stop();
            self.behind.wait_for_end(FAREWELL);
            log.forget(self.behind.applied());
        }
        self.closed.store(true, Ordering::Release);
        *log = None;
        let mut database = self
            .database
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *database = None;
        self.set_trouble(Some(&StoreError::Closed));
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

    /// The records that states are read from.
    pub(super) const fn records(&self) -> &Arc<Records> {
        &self.records
    }

    /// Whether so much of states is in memory that each that is held is to be begun anew
    /// ([`Store::let_go`]); says so once.
    pub(crate) fn is_anew(&self) -> bool {
        self.anew.swap(false, Ordering::AcqRel)
    }

    /// The log, for who writes.
    pub(super) fn log(&self) -> MutexGuard<'_, Option<Log>> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_log(&self, log: Log) {
        *self.log() = Some(log);
    }

    /// Changes that are in the log alone.
    pub(super) const fn behind(&self) -> &Arc<Behind> {
        &self.behind
    }

    /// The name of its file.
    pub(crate) fn name(&self) -> String {
        self.opener.name()
    }

    /// Returns `true` if its files are where they were opened.
    pub(super) fn is_there(&self) -> bool {
        self.opener.is_there()
    }

    /// The bytes that are left for it.
    pub(super) fn free(&self) -> Option<u64> {
        self.opener.free()
    }

    /// Lets states be begun anew.
    pub(crate) fn set_anew(&self) {
        self.records.forget_held();
        self.anew.store(true, Ordering::Release);
    }

    /// Reads tables in which all is that was committed.
    pub(super) fn read<T>(
        &self,
        read: impl FnOnce(&ReadTransaction) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.behind.wait_for_tables()?;
        self.read_tables(read)
    }

    /// Reads tables, in which what is in the log alone is not.
    pub(super) fn read_tables<T>(
        &self,
        read: impl FnOnce(&ReadTransaction) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.mend()?;
        let database = self.database();
        let database = database.as_ref().ok_or(StoreError::Closed)?;
        let transaction = database.begin_read().map_err(StoreError::from);
        self.note(transaction.and_then(|transaction| read(&transaction)))
    }

    pub(super) fn database(&self) -> RwLockReadGuard<'_, Option<Database>> {
        self.database.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_trouble(&self, trouble: Option<&StoreError>) {
        let trouble = trouble.map(|error| Fault {
            text: error.to_string(),
            lacks_room: matches!(error, StoreError::Full { .. } | StoreError::Gone(_)),
        });
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
    pub(super) fn note<T>(&self, done: Result<T, StoreError>) -> Result<T, StoreError> {
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

impl Drop for Store {
    fn drop(&mut self) {
        self.behind.stop();
    }
}

/// Makes a folder where there is none.
pub(super) fn make_folder(folder: &Path) -> Result<(), StoreError> {
    let made = match fs::metadata(folder) {
        Ok(found) if !found.is_dir() => Err(std::io::Error::other("it is not a folder")),
        _ => fs::create_dir_all(folder),
    };
    made.map_err(|source| StoreError::Folder {
        folder: folder.display().to_string(),
        source,
    })
}

/// The records of a store, as long as it is there.
fn records_of(store: Weak<Store>) -> Records {
    Records::new(Box::new(move |hash| {
        let store = store.upgrade().ok_or(StoreError::Closed)?;
        store.read_tables(|transaction| rows::record(transaction, hash))
    }))
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
