//! What durable storage cannot do.

use crate::key::Place;
use alloc::boxed::Box;
use host::{HostError, PathError};

/// Why a table could not be read or written. It is never a user's fault.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StorageError {
    /// The machine refused a host call.
    #[error("durable storage: {0}")]
    Host(#[from] HostError),
    /// A key does not make a legal path.
    #[error("durable storage: {0}")]
    Path(#[from] PathError),
    /// The bytes at `path` are no value of the table.
    #[error("durable storage: unreadable value at {path:?}")]
    Corrupt {
        /// Where they lie.
        path: Box<Place>,
    },
    /// The storage is of a layout that this kernel does not know.
    #[error("durable storage: unknown layout {layout}")]
    NoMigration {
        /// Its number.
        layout: u32,
    },
}
