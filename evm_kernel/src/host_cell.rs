//! The host as a run passes it around: the engine and the queue read through
//! it, and marks are written at the same time.

use crate::error::KernelError;
use core::cell::{RefCell, RefMut};
use host::{Debug, HostError, Path, ReadStore, ValueKind};

/// A host behind a shared reference.
pub(crate) struct HostCell<'h, H>(RefCell<&'h mut H>);

impl<'h, H> HostCell<'h, H> {
    pub(crate) const fn new(host: &'h mut H) -> Self {
        Self(RefCell::new(host))
    }

    /// The host, to change something.
    pub(crate) fn writer(&self) -> Result<RefMut<'_, &'h mut H>, KernelError> {
        let host = self.0.try_borrow_mut();
        host.map_err(|_| HostError::GenericInvalidAccess.into())
    }

    fn read<T>(&self, look: impl FnOnce(&H) -> Result<T, HostError>) -> Result<T, HostError> {
        let host = self
            .0
            .try_borrow()
            .map_err(|_| HostError::GenericInvalidAccess)?;
        look(&host)
    }
}

impl<H: ReadStore> ReadStore for HostCell<'_, H> {
    fn store_read(
        &self,
        path: Path<'_>,
        offset: usize,
        buffer: &mut [u8],
    ) -> Result<usize, HostError> {
        self.read(|host| host.store_read(path, offset, buffer))
    }

    fn store_has(&self, path: Path<'_>) -> Result<Option<ValueKind>, HostError> {
        self.read(|host| host.store_has(path))
    }

    fn store_value_size(&self, path: Path<'_>) -> Result<usize, HostError> {
        self.read(|host| host.store_value_size(path))
    }

    fn store_list_size(&self, path: Path<'_>) -> Result<u64, HostError> {
        self.read(|host| host.store_list_size(path))
    }
}

impl<H: Debug> Debug for HostCell<'_, H> {
    fn write_debug(&self, line: &str) {
        if let Ok(host) = self.0.try_borrow() {
            host.write_debug(line);
        }
    }
}
