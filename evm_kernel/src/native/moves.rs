//! Precompiles elsewhere, to try something.

use alloc::collections::{BTreeMap, BTreeSet};
use alloy_primitives::Address;

/// Precompiles that are not where they belong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moves {
    /// The addresses where none is.
    pub gone: BTreeSet<Address>,
    /// The addresses where one is, with the one where it belongs.
    pub to: BTreeMap<Address, Address>,
}
