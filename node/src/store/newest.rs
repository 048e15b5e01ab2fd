//! The newest version of durable storage.

use pvm::Durable;

/// The newest version of durable storage, whole.
#[derive(Clone, Debug)]
pub(super) struct Newest {
    /// Its number.
    pub(super) version: u64,
    pub(super) state: Durable,
}
