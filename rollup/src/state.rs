//! All that inputs change lies under one root: it is copied beside itself
//! (constant time), changed there, and moved back over itself. A trap on the way
//! leaves the old state, and a staging tree that the next commit replaces.

use crate::Layout;
use host::{HostError, Store};

/// Copies the state to staging, where it may be changed.
///
/// # Errors
/// If the machine refuses a host call.
pub fn open(store: &mut impl Store, layout: &Layout) -> Result<(), HostError> {
    match store.store_copy(layout.state, layout.staging) {
        // At first there is no state to copy.
        Err(HostError::NotANode) => store.store_delete(layout.staging),
        copied => copied,
    }
}

/// Makes the staged state the state, at once.
///
/// # Errors
/// If the machine refuses a host call; the old state is then in place.
pub fn publish(store: &mut impl Store, layout: &Layout) -> Result<(), HostError> {
    store.store_move(layout.staging, layout.state)
}

/// Discards what an unfinished commit left.
///
/// # Errors
/// If the machine refuses a host call.
pub fn discard(store: &mut impl Store, layout: &Layout) -> Result<(), HostError> {
    store.store_delete(layout.staging)
}
