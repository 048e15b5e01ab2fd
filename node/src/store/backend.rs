//! The file of a store: its locks, the space that is left, and the file without a name.

use redb::backends::FileBackend;
use redb::{BackendError, Builder, StorageBackend};
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::fs;
use std::io;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Opens the bytes of a store, again after they failed.
pub trait Opener: Debug + Send + Sync {
    /// Opens them.
    ///
    /// # Errors
    /// If they cannot be opened.
    fn open(&self) -> io::Result<Box<dyn StorageBackend>>;

    /// Opens the bytes of its log (`store.log`); `None`: it has none, and each change goes
    /// into the tables at once.
    ///
    /// # Errors
    /// If they cannot be opened.
    fn open_log(&self) -> io::Result<Option<Box<dyn StorageBackend>>> {
        Ok(None)
    }

    /// Returns `true` if the files still lie where they were opened; if not, writes are lost.
    fn is_there(&self) -> bool {
        true
    }

    /// The bytes that are left where they lie; `None`: nobody says.
    fn free(&self) -> Option<u64>;

    /// The bytes of the disk that they take; `None`: nobody says.
    fn size(&self) -> Option<u64>;

    /// Their name, for errors.
    fn name(&self) -> String;

    /// The name of their log.
    fn log_name(&self) -> String {
        format!("the log of {}", self.name())
    }
}

/// A file with a name, and perhaps that of its log beside it.
#[derive(Debug)]
pub struct File {
    path: PathBuf,
    log: Option<PathBuf>,
    /// Which files were opened.
    opened: Mutex<BTreeMap<PathBuf, Place>>,
}

impl File {
    /// The file at this path, made where there is none.
    #[must_use]
    pub const fn new(path: PathBuf) -> Self {
        Self {
            path,
            log: None,
            opened: Mutex::new(BTreeMap::new()),
        }
    }

    /// As [`File::new`], with a log of the same name that ends with `.log`.
    #[must_use]
    pub fn with_log(path: PathBuf) -> Self {
        let log = Some(path.with_extension("log"));
        Self {
            log,
            ..Self::new(path)
        }
    }

    fn opened(&self) -> MutexGuard<'_, BTreeMap<PathBuf, Place>> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open_one(&self, path: &Path) -> io::Result<Box<dyn StorageBackend>> {
        let backend = existing(path)?;
        if let Some(place) = place(path) {
            self.opened().insert(path.to_owned(), place);
        }
        Ok(backend)
    }
}

impl Opener for File {
    fn open(&self) -> io::Result<Box<dyn StorageBackend>> {
        self.open_one(&self.path)
    }

    fn open_log(&self) -> io::Result<Option<Box<dyn StorageBackend>>> {
        self.log
            .as_deref()
            .map(|log| self.open_one(log))
            .transpose()
    }

    fn is_there(&self) -> bool {
        let opened = self.opened();
        let mut opened = opened.iter();
        opened.all(|(path, opened)| place(path).as_ref() == Some(opened))
    }

    fn free(&self) -> Option<u64> {
        free(self.path.parent()?)
    }

    fn size(&self) -> Option<u64> {
        let size = |path| taken(&fs::metadata(path).ok()?);
        let log = self.log.as_ref().and_then(size);
        Some(size(&self.path)? + log.unwrap_or_default())
    }

    fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn log_name(&self) -> String {
        self.log
            .as_ref()
            .unwrap_or(&self.path)
            .display()
            .to_string()
    }
}

/// The bytes of a file, which is made if there is none.
///
/// A new one gets its name when it is a database: an empty file is one that lost its bytes, and
/// no new store.
fn existing(path: &Path) -> io::Result<Box<dyn StorageBackend>> {
    if let Err(error) = fs::symlink_metadata(path)
        && error.kind() == io::ErrorKind::NotFound
    {
        make(path)?;
    }
    let is_link = fs::symlink_metadata(path)?.is_symlink();
    let file = options().truncate(false).open(path)?;
    // A link may lead to a file that is still to be made.
    if file.metadata()?.len() == 0 && !is_link {
        return Err(io::Error::other(
            "it is empty; put a backup in its place, or remove it to begin with a new one",
        ));
    }
    let backend = FileBackend::new(file).map_err(io::Error::other)?;
    Ok(Box::new(backend))
}

/// Makes an empty database, whose name outlives a crash as its bytes do.
fn make(path: &Path) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let unfinished = path.with_file_name(name);
    // Of somebody who was interrupted.
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    if let Err(error) = begin(&unfinished) {
        // What is left of it is in nobody's way.
        let _ = fs::remove_file(&unfinished);
        return Err(error);
    }
    // Not in the place of one that was made meanwhile.
    match fs::hard_link(&unfinished, path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            fs::rename(&unfinished, path)?;
        }
        _ => fs::remove_file(&unfinished)?,
    }
    pvm::files::sync_name(path)
}

/// Writes an empty database.
fn begin(path: &Path) -> io::Result<()> {
    let file = options().create_new(true).open(path)?;
    let backend = FileBackend::new(file).map_err(io::Error::other)?;
    let database = Builder::new().create_with_backend(backend);
    database.map(drop).map_err(io::Error::other)
}

/// The place of a file: its device and its inode.
type Place = (u64, u64);

#[cfg(unix)]
fn place(path: &Path) -> Option<Place> {
    use std::os::unix::fs::MetadataExt;
    let file = fs::metadata(path).ok()?;
    Some((file.dev(), file.ino()))
}

#[cfg(not(unix))]
const fn place(_: &Path) -> Option<Place> {
    None
}

fn options() -> fs::OpenOptions {
    let mut options = fs::OpenOptions::new();
    options.read(true).write(true).create(true);
    options
}

#[cfg(unix)]
fn free(folder: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(folder).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// The file grows ahead of what it holds, in holes.
#[cfg(unix)]
fn taken(file: &fs::Metadata) -> Option<u64> {
    use std::os::unix::fs::MetadataExt;
    file.blocks().checked_mul(512)
}

#[cfg(not(unix))]
fn taken(file: &fs::Metadata) -> Option<u64> {
    Some(file.len())
}

#[cfg(not(unix))]
const fn free(_: &Path) -> Option<u64> {
    None
}

/// A file that has no name and ends with the process; memory where there is no place for
/// files.
#[derive(Debug)]
pub(super) struct Nameless;

impl Opener for Nameless {
    fn open(&self) -> io::Result<Box<dyn StorageBackend>> {
        match nameless() {
            Ok(file) => Ok(Box::new(Unsynced(file))),
            Err(error) => {
                tracing::warn!("all blocks stay in memory: no file can be made for them: {error}");
                Ok(Box::new(redb::backends::InMemoryBackend::new()))
            }
        }
    }

    fn free(&self) -> Option<u64> {
        None
    }

    fn size(&self) -> Option<u64> {
        None
    }

    fn name(&self) -> String {
        "the file of blocks without a name".into()
    }
}

fn nameless() -> io::Result<fs::File> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("evm-rollup-blocks-{}-{count}", std::process::id());
    let path = std::env::temp_dir().join(name);
    let file = options().create_new(true).open(&path)?;
    // It has no name from now on, and ends with the process.
    fs::remove_file(&path)?;
    Ok(file)
}

/// A file that nobody needs after a crash.
#[derive(Debug)]
struct Unsynced(fs::File);

impl StorageBackend for Unsynced {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        read_at(&self.0, out, offset)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        write_at(&self.0, data, offset)
    }
}

#[cfg(unix)]
fn write_at(file: &fs::File, bytes: &[u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, offset)
}

#[cfg(unix)]
fn read_at(file: &fs::File, bytes: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, offset)
}

#[cfg(not(unix))]
fn write_at(_: &fs::File, _: &[u8], _: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(not(unix))]
fn read_at(_: &fs::File, _: &mut [u8], _: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// A backend of any kind.
#[derive(Debug)]
pub(super) struct Any(pub(super) Box<dyn StorageBackend>);

impl StorageBackend for Any {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.0.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.0.try_lock_range(start, end)
    }

    fn try_lock_shared_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> Result<bool, BackendError> {
        self.0.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.0.query_lock_range(start, end)
    }
}
