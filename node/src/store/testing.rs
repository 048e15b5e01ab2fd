//! Bytes of a store that fail as disks do.

use super::backend::Opener;
use super::store::Identity;
use alloy_primitives::B256;
use redb::StorageBackend;
use std::io::{Error, ErrorKind, Result};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

/// Whose stores these are.
pub(crate) fn identity() -> Identity {
    Identity {
        kind: "devnet",
        rollup: Some([1; 20]),
        kernel: B256::repeat_byte(2),
        genesis: B256::repeat_byte(3),
    }
}

/// A disk in memory.
#[derive(Debug)]
pub(crate) struct Memory {
    bytes: Arc<Bytes>,
    /// What is said to be left.
    pub(crate) free: AtomicU64,
}

#[derive(Debug, Default)]
pub(crate) struct Bytes {
    /// What a reader sees.
    pub(crate) seen: Mutex<Vec<u8>>,
    /// What is there after the power fails.
    synced: Mutex<Vec<u8>>,
    /// Writes after which each fails; `u64::MAX`: never.
    pub(crate) writes_left: AtomicU64,
}

impl Default for Memory {
    fn default() -> Self {
        let bytes = Bytes {
            writes_left: AtomicU64::new(u64::MAX),
            ..Bytes::default()
        };
        Self {
            bytes: Arc::new(bytes),
            free: AtomicU64::new(u64::MAX),
        }
    }
}

impl Memory {
    /// Forgets what was not synced.
    pub(crate) fn lose_power(&self) {
        *self.seen() = self.bytes.synced.lock().unwrap().clone();
    }

    /// The bytes, to look at or to damage.
    pub(crate) fn seen(&self) -> MutexGuard<'_, Vec<u8>> {
        self.bytes.seen.lock().unwrap()
    }

    /// After so many more writes there is no space left.
    pub(crate) fn fill_up(&self, writes: u64) {
        self.bytes.writes_left.store(writes, Ordering::Relaxed);
    }
}

impl Opener for Memory {
    fn open(&self) -> Result<Box<dyn StorageBackend>> {
        Ok(Box::new(Disk(Arc::clone(&self.bytes))))
    }

    fn free(&self) -> Option<u64> {
        Some(self.free.load(Ordering::Relaxed))
    }

    fn size(&self) -> Option<u64> {
        Some(self.seen().len() as u64)
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
