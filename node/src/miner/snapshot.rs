//! Snapshots of the chain, which it can go back to.

use crate::clock::Setting;
use crate::store::{Batch, GENESIS, SavedSnapshot, StateName, Store, StoreError};
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

impl From<u64> for Snapshots {
    /// None yet, the next with this number.
    fn from(next: u64) -> Self {
        Self {
            kept: BTreeMap::new(),
            next,
        }
    }
}

impl Snapshots {
    /// The number of the next snapshot.
    pub(super) const fn next(&self) -> u64 {
        self.next
    }

    /// The snapshot that is forgotten for one more.
    pub(super) fn oldest(&self) -> Option<u64> {
        let is_full = self.kept.len() >= MOST;
        self.kept.keys().next().copied().filter(|_| is_full)
    }

    /// Keeps a snapshot under the next number.
    pub(super) fn keep(&mut self, snapshot: Snapshot) {
        if let Some(oldest) = self.oldest() {
            self.kept.remove(&oldest);
        }
        self.kept.insert(self.next, snapshot);
        self.next += 1;
    }

    /// Puts a snapshot back, as it was saved.
    pub(super) fn put(&mut self, id: u64, snapshot: Snapshot) {
        self.kept.insert(id, snapshot);
    }

    /// A snapshot.
    pub(super) fn get(&self, id: u64) -> Option<&Snapshot> {
        self.kept.get(&id)
    }

    /// Drops a snapshot and those after it.
    pub(super) fn drop_from(&mut self, id: u64) {
        self.kept.split_off(&id);
    }
}

/// The name of a snapshot's state.
const fn name(id: u64) -> StateName {
    match id {
        GENESIS => StateName::Origin,
        id => StateName::Snapshot(id),
    }
}

/// Writes a snapshot.
pub(super) fn keep(batch: &Batch<'_>, id: u64, snapshot: &Snapshot) -> Result<(), StoreError> {
    batch.put_state(name(id), &snapshot.durable)?;
    batch.put_snapshot(&SavedSnapshot {
        id,
        newest: snapshot.newest,
        chain_id: snapshot.chain_id,
        clock: snapshot.clock,
        layer1: snapshot.layer1.clone(),
    })
}

/// Reads the state of a snapshot.
pub(super) fn read(store: &Store, saved: SavedSnapshot) -> Result<(u64, Snapshot), StoreError> {
    let durable = store.state(name(saved.id))?;
    let lost = || StoreError::State(format!("of snapshot {}", saved.id));
    let snapshot = Snapshot {
        durable: durable.ok_or_else(lost)?,
        layer1: saved.layer1,
        newest: saved.newest,
        clock: saved.clock,
        chain_id: saved.chain_id,
    };
    Ok((saved.id, snapshot))
}
