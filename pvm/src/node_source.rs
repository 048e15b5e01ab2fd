//! Sources of the parts of a storage that are not in memory, and the hash
//! by which they are named.

use blake2::{Blake2b, Digest, digest::consts::U32};
use std::fmt;
use std::sync::Arc;

/// The hash of a part of durable storage: blake2b-256, as docs/machine.md says
/// ("The root").
pub type NodeHash = [u8; 32];

/// A place that keeps records of durable storage by their hashes. It is asked
/// from any thread, from several at once.
pub trait NodeSource: Send + Sync {
    /// The record with this hash, `None` if there is none.
    ///
    /// # Errors
    /// Why the place cannot be read, in words.
    fn node(&self, hash: &NodeHash) -> Result<Option<Vec<u8>>, String>;
}

/// Why a part of a storage cannot be had. Nothing is kept of a failure: the next
/// access asks again.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// The source has no record with this hash.
    #[error("the store has no record {}", hex::encode(.0))]
    Missing(NodeHash),
    /// The record is not the one of this hash.
    #[error("the record {} of the store is corrupt: {why}", hex::encode(.hash))]
    Corrupt {
        /// The hash that was asked for.
        hash: NodeHash,
        /// The fault.
        why: &'static str,
    },
    /// The source cannot be read.
    #[error("the record {} cannot be read: {why}", hex::encode(.hash))]
    Source {
        /// The hash that was asked for.
        hash: NodeHash,
        /// The source's message.
        why: String,
    },
    /// The source behind the storage cannot be asked.
    #[error("{0}")]
    Elsewhere(Arc<str>),
    /// A witness does not hold this part.
    #[error("the witness does not hold the part {}", hex::encode(.0))]
    Blinded(NodeHash),
}

impl fmt::Debug for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The kinds of hashed bytes, by their first byte.
#[derive(Clone, Copy)]
#[repr(u8)]
pub(crate) enum Hashed {
    Node = 1,
    Branch = 2,
    Piece = 3,
    Pair = 4,
    Subtree = 5,
    Marked = 6,
}

/// A hash that is being made.
pub(crate) struct Hasher(Blake2b<U32>);

impl Hasher {
    pub(crate) fn new(what: Hashed) -> Self {
        let mut hasher = Blake2b::new();
        hasher.update([what as u8]);
        Self(hasher)
    }

    #[must_use]
    pub(crate) fn with(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.0.update(bytes);
        self
    }

    pub(crate) fn done(self) -> NodeHash {
        self.0.finalize().into()
    }
}
