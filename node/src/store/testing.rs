//! Bytes of a store that fail as disks do.

use super::backend::Opener;
use super::identity::{Identity, Words};
use alloy_primitives::B256;
use redb::StorageBackend;
use std::io::{Error, ErrorKind, Result};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// Whose stores these are.
pub(crate) fn identity() -> Identity {
    Identity {
        kind: "devnet",
        rollup: Some([1; 20]),
        kernel: B256::repeat_byte(2),
        genesis: B256::repeat_byte(3),
        words: Words::default(),
    }
}

/// A disk in memory.
#[derive(Debug)]
pub(crate) struct Memory {
    file: Arc<Bytes>,
    /// The file of the log, if there is one.
    log: Option<Arc<Bytes>>,
    /// Writes after which each fails; `u64::MAX`: never.
    writes_left: Arc<AtomicU64>,
    /// The free space that it reports.
    pub(crate) free: AtomicU64,
}

#[derive(Debug)]
struct Bytes {
    /// The bytes that a reader sees.
    seen: Mutex<Vec<u8>>,
    /// The bytes that are left after the power fails.
    synced: Mutex<Vec<u8>>,
    writes_left: Arc<AtomicU64>,
}

impl Memory {
    /// An empty one, for a store with a log if so.
    pub(crate) fn new(has_log: bool) -> Arc<Self> {
        Self::of(Vec::new(), has_log.then(Vec::new))
    }

    /// One with these bytes, and these of a log.
    pub(crate) fn of(file: Vec<u8>, log: Option<Vec<u8>>) -> Arc<Self> {
        let writes_left = Arc::new(AtomicU64::new(u64::MAX));
        let bytes = |bytes: Vec<u8>| {
            Arc::new(Bytes {
                seen: Mutex::new(bytes.clone()),
                synced: Mutex::new(bytes),
                writes_left: Arc::clone(&writes_left),
            })
        };
        Arc::new(Self {
            file: bytes(file),
            log: log.map(bytes),
            writes_left: Arc::clone(&writes_left),
            free: AtomicU64::new(u64::MAX),
        })
    }

    /// What is there after the power fails: what was synced. Whoever has this one open goes on
    /// with it alone, as if that were not so.
    pub(crate) fn lose_power(&self) -> Arc<Self> {
        let synced = |bytes: &Arc<Bytes>| bytes.synced.lock().unwrap().clone();
        // In this order: what goes from the log is in the store.
        let file = synced(&self.file);
        Self::of(file, self.log.as_ref().map(synced))
    }

    fn file(&self, log: bool) -> &Arc<Bytes> {
        self.log.as_ref().filter(|_| log).unwrap_or(&self.file)
    }

    /// The bytes, or those of its log, to look at.
    pub(crate) fn seen(&self, log: bool) -> Vec<u8> {
        self.file(log).seen.lock().unwrap().clone()
    }

    /// Other bytes in their place.
    pub(crate) fn put(&self, log: bool, bytes: Vec<u8>) {
        *self.file(log).seen.lock().unwrap() = bytes;
    }

    /// After so many more writes there is no space left.
    pub(crate) fn fill_up(&self, writes: u64) {
        self.writes_left.store(writes, Ordering::Relaxed);
    }
}

impl Opener for Memory {
    fn open(&self) -> Result<Box<dyn StorageBackend>> {
        Ok(Box::new(Disk(Arc::clone(&self.file))))
    }

    fn open_log(&self) -> Result<Option<Box<dyn StorageBackend>>> {
        let disk = |bytes| -> Box<dyn StorageBackend> { Box::new(Disk(Arc::clone(bytes))) };
        Ok(self.log.as_ref().map(disk))
    }

    fn free(&self) -> Option<u64> {
        Some(self.free.load(Ordering::Relaxed))
    }

    fn size(&self) -> Option<u64> {
        Some(self.seen(false).len() as u64)
    }

    fn name(&self) -> String {
        "the disk of a test".into()
    }
}

#[derive(Debug)]
struct Disk(Arc<Bytes>);

impl Disk {
    fn take_write(&self) -> Result<()> {
        let left = &self.0.writes_left;
        let less = |left: u64| match left {
            u64::MAX => Some(left),
            left => left.checked_sub(1),
        };
        match left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less) {
            Ok(_) => Ok(()),
            Err(_) => Err(Error::from(ErrorKind::StorageFull)),
        }
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> Result<u64> {
        Ok(self.0.seen.lock().unwrap().len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<()> {
        let seen = self.0.seen.lock().unwrap();
        let offset = usize::try_from(offset).unwrap();
        let found = seen.get(offset..offset + out.len());
        out.copy_from_slice(found.ok_or_else(|| Error::from(ErrorKind::UnexpectedEof))?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<()> {
        self.take_write()?;
        let len = usize::try_from(len).unwrap();
        self.0.seen.lock().unwrap().resize(len, 0);
        Ok(())
    }

    fn sync_data(&self) -> Result<()> {
        let seen = self.0.seen.lock().unwrap();
        self.0.synced.lock().unwrap().clone_from(&seen);
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<()> {
        self.take_write()?;
        let offset = usize::try_from(offset).unwrap();
        self.0.seen.lock().unwrap()[offset..offset + data.len()].copy_from_slice(data);
        Ok(())
    }
}
