//! The file of a store: its locks, the space that is left, and the file without a name.

use redb::backends::FileBackend;
use redb::{BackendError, StorageBackend};
use std::fmt::Debug;
use std::fs;
use std::io;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Opens the bytes of a store, again after they failed.
pub trait Opener: Debug + Send + Sync {
    /// Opens them.
    ///
    /// # Errors
    /// If they cannot be opened.
    fn open(&self) -> io::Result<Box<dyn StorageBackend>>;

    /// The bytes that are left where they lie; `None`: nobody says.
    fn free(&self) -> Option<u64>;

    /// The bytes of the disk that they take; `None`: nobody says.
    fn size(&self) -> Option<u64>;

    /// Their name, for errors.
    fn name(&self) -> String;
}

/// A file with a name.
#[derive(Debug)]
pub struct File(PathBuf);

impl File {
    /// The file at this path, made where there is none.
    #[must_use]
    pub const fn new(path: PathBuf) -> Self {
        Self(path)
    }
}

impl Opener for File {
    fn open(&self) -> io::Result<Box<dyn StorageBackend>> {
        let file = options().truncate(false).open(&self.0)?;
        // So that its name outlives a crash as its bytes do.
        if let Some(folder) = self.0.parent() {
            fs::File::open(folder)?.sync_all()?;
        }
        let backend = FileBackend::new(file).map_err(io::Error::other)?;
        Ok(Box::new(backend))
    }

    fn free(&self) -> Option<u64> {
        free(self.0.parent()?)
    }

    fn size(&self) -> Option<u64> {
        taken(&fs::metadata(&self.0).ok()?)
    }

    fn name(&self) -> String {
        self.0.display().to_string()
    }
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
