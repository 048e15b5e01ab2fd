//! The host as a run passes it around: the engine and the queue read through
//! it, and marks are written at the same time.

use crate::error::KernelError;
use core::cell::{RefCell, RefMut};
use host::{Debug, Forward, HostError, Path, ReadStore};

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
}

impl<H: ReadStore> Forward for HostCell<'_, H> {
    type To = H;

    fn forward<T>(
        &self,
        _: &'static str,
        _: Path<'_>,
        ask: impl FnOnce(&H) -> Result<T, HostError>,
    ) -> Result<T, HostError> {
        let host = self.0.try_borrow();
        let host = host.map_err(|_| HostError::GenericInvalidAccess)?;
        ask(&host)
    }
}

impl<H: Debug> Debug for HostCell<'_, H> {
    fn write_debug(&self, line: &str) {
        if let Ok(host) = self.0.try_borrow() {
            host.write_debug(line);
        }
    }
}
