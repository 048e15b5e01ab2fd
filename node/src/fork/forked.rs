//! Which chain a node's chain goes on from now, and how forks are made.

use super::fork::Fork;
use alloy_primitives::U256;
use std::sync::{Arc, PoisonError, RwLock};

/// The chain that a node's chain goes on from, and how forks are made.
#[derive(Debug, Default)]
pub struct Forked {
    now: RwLock<Option<Arc<Fork>>>,
    /// The number of a fork; `None`: that of the other chain.
    pub chain_id: Option<u64>,
    /// The minimum balance on a fork of accounts whose keys the node has, in wei.
    pub funds: U256,
}

impl Forked {
    /// No fork yet.
    #[must_use]
    pub fn new(chain_id: Option<u64>, funds: U256) -> Self {
        Self {
            now: RwLock::default(),
            chain_id,
            funds,
        }
    }

    /// The block of another chain that this one goes on from, if there is one.
    #[must_use]
    pub fn now(&self) -> Option<Arc<Fork>> {
        let now = self.now.read().unwrap_or_else(PoisonError::into_inner);
        now.clone()
    }

    /// Goes on from a block of another chain, or from none.
    pub(crate) fn set(&self, fork: Option<Arc<Fork>>) {
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = fork;
    }
}
