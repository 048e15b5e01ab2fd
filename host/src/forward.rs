//! Stores that pass reads on.

use crate::{HostError, Path, ReadStore, ValueKind};

/// A store in front of another, which answers: one that sees every read, or holds the other in a
/// cell. [`ReadStore`] comes with it.
pub trait Forward {
    /// The store that answers.
    type To: ReadStore;

    /// Passes a read of `path` on: `ask` is it, and `call` the host function's name.
    ///
    /// # Errors
    /// Those of `ask`, and if the store cannot be asked.
    fn forward<T>(
        &self,
        call: &'static str,
        path: Path<'_>,
        ask: impl FnOnce(&Self::To) -> Result<T, HostError>,
    ) -> Result<T, HostError>;
}

impl<S: Forward> ReadStore for S {
    fn store_read(
        &self,
        path: Path<'_>,
        offset: usize,
        buffer: &mut [u8],
    ) -> Result<usize, HostError> {
        self.forward("store_read", path, |to| to.store_read(path, offset, buffer))
    }

    fn store_has(&self, path: Path<'_>) -> Result<Option<ValueKind>, HostError> {
        self.forward("store_has", path, |to| to.store_has(path))
    }

    fn store_value_size(&self, path: Path<'_>) -> Result<usize, HostError> {
        self.forward("store_value_size", path, |to| to.store_value_size(path))
    }

    fn store_list_size(&self, path: Path<'_>) -> Result<u64, HostError> {
        self.forward("store_list_size", path, |to| to.store_list_size(path))
    }
}
