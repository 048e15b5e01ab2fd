//! The block to come, as far as it is known: the transactions that wait, executed by the
//! kernel's code on a copy of the newest state.

use crate::chain::Block;
use evm_kernel::native::simulate::Environment;
use pvm::Durable;
use std::sync::{Arc, Mutex, PoisonError};

/// The block to come.
#[derive(Clone, Debug)]
pub struct Pending {
    /// The block; the newest one where nothing waits.
    pub block: Arc<Block>,
    /// The surroundings of calls in it.
    pub environment: Environment,
    /// Nothing waits.
    pub is_empty: bool,
}

/// The last one, kept until the pool or the newest block changes.
#[derive(Debug, Default)]
pub(crate) struct Kept(Mutex<Option<(Key, Pending)>>);

/// The inputs of a pending block.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    /// The pool's version.
    pub(crate) pool: u64,
    /// The newest state.
    pub(crate) state: Durable,
}

impl Kept {
    /// The one that was made last, if it is still that of `newest`.
    pub(crate) fn last(&self, newest: &Block) -> Option<Pending> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (key, pending) = kept.as_ref()?;
        let state = newest.state().ok()?;
        key.state.ptr_eq(state).then(|| pending.clone())
    }

    /// The one that is made of this.
    pub(crate) fn of(&self, wanted: &Key) -> Option<Pending> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (key, pending) = kept.as_ref()?;
        let same = key.pool == wanted.pool && key.state.ptr_eq(&wanted.state);
        same.then(|| pending.clone())
    }

    /// Keeps one.
    pub(crate) fn keep(&self, key: Key, pending: Pending) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *kept = Some((key, pending));
    }
}
