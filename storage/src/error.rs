//! Errors of durable storage.

use crate::key::KeyPath;
use crate::roots::SETUP;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
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
        /// Their path.
        path: Box<KeyPath>,
    },
    /// The storage is of a layout that this kernel does not know.
    #[error("durable storage: unknown layout {layout}")]
    NoMigration {
        /// Its number.
        layout: u32,
    },
}

/// Why a setup file makes no configuration.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// A value cannot be read.
    #[error("{0}")]
    Storage(#[from] StorageError),
    /// A value has another size or form than its field, or is out of bounds.
    #[error("invalid setup value {SETUP}/{name}: expected {expected}, found {}", Bytes(.found))]
    Invalid {
        /// The field.
        name: &'static str,
        /// The expected encoding.
        expected: &'static str,
        /// The bytes that are there.
        found: Vec<u8>,
    },
}

/// The first bytes in hexadecimal, and how many there are.
struct Bytes<'b>(&'b [u8]);

impl fmt::Display for Bytes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (shown, rest) = self.0.split_at(self.0.len().min(32));
        shown.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        let dots = if rest.is_empty() { "" } else { "…" };
        write!(f, "{dots} (length {})", self.0.len())
    }
}
