//! The assembly of a transaction that comes in several messages.

use alloc::vec::Vec;
use alloy_primitives::B256;

/// The effect of a message on its transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Assembly<R> {
    /// More is missing, or the message brought no part of a transaction.
    Pending,
    /// The transaction is whole.
    Whole(Whole),
    /// The message is dropped.
    Refused(R),
}

/// A transaction that is whole, not decoded yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Whole {
    /// keccak-256 of `raw`.
    pub(crate) hash: B256,
    pub(crate) raw: Vec<u8>,
}
