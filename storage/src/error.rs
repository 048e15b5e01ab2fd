//! What durable storage cannot do.

use crate::key::Place;
use alloc::boxed::Box;
use core::fmt;
use host::{HostError, PathError};

/// Why a table could not be read or written. It is never a user's fault.
#[derive(Clone, Debug)]
pub enum StorageError {
    /// The machine refused a host call.
    Host(HostError),
    /// A key does not make a legal path.
    Path(PathError),
    /// The bytes at `path` are no value of the table.
    Corrupt {
        /// Where they lie.
        path: Box<Place>,
    },
    /// The storage is of a layout that this kernel does not know.
    NoMigration {
        /// Its number.
        layout: u32,
    },
}

impl From<HostError> for StorageError {
    fn from(error: HostError) -> Self {
        Self::Host(error)
    }
}

impl From<PathError> for StorageError {
    fn from(error: PathError) -> Self {
        Self::Path(error)
    }
}

impl fmt::Display for StorageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(error) => write!(f, "durable storage: {error}"),
            Self::Path(error) => write!(f, "durable storage: {error}"),
            Self::Corrupt { path } => write!(f, "durable storage: unreadable value at {path:?}"),
            Self::NoMigration { layout } => write!(f, "durable storage: unknown layout {layout}"),
        }
    }
}

impl core::error::Error for StorageError {}
