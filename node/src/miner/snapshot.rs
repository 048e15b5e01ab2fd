//! Snapshots of the chain, which it can go back to.

use crate::clock::Setting;
use layer1::Layer1;
use pvm::Durable;
use std::collections::BTreeMap;

/// The most snapshots: the oldest is forgotten for one more.
const MOST: usize = 1_000;

/// The chain at some time.
#[derive(Clone, Debug)]
pub(super) struct Snapshot {
    pub(super) durable: Durable,
    pub(super) layer1: Layer1,
    /// The number of the newest block.
    pub(super) newest: u64,
    pub(super) clock: Setting,
    pub(super) chain_id: u64,
}

/// The snapshots by number; no number is used twice.
#[derive(Debug, Default)]
pub(super) struct Snapshots {
    kept: BTreeMap<u64, Snapshot>,
    next: u64,
}

impl Snapshots {
    /// Keeps a snapshot; returns its number.
    pub(super) fn keep(&mut self, snapshot: Snapshot) -> u64 {
        let id = self.next;
        self.next += 1;
        self.kept.insert(id, snapshot);
        if self.kept.len() > MOST {
            self.kept.pop_first();
        }
        id
    }

    /// Takes a snapshot out, and drops those after it.
    pub(super) fn take(&mut self, id: u64) -> Option<Snapshot> {
        self.kept.split_off(&id).remove(&id)
    }
}
