//! The chunks of a transaction: which announcements name them, and which are here. What
//! one operation costs hardly depends on how many there are.

use super::format::{Announcement, bits};
use crate::environment::source::ChunkSet;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use alloy_primitives::B256;

/// A chunk that is named.
#[derive(Debug, Default)]
struct Named {
    here: bool,
    /// The announcements that name it.
    by: BTreeSet<B256>,
}

/// What the open announcements of a transaction name.
#[derive(Debug, Default)]
pub(super) struct NamedChunks {
    chunks: BTreeMap<B256, Named>,
    /// Announcements that have all their chunks, in the order in which these came, and none
    /// of which made the transaction.
    whole: Vec<B256>,
}

impl NamedChunks {
    /// Adds an announcement, which knows what is here.
    pub(super) fn add(&mut self, id: B256, known: &Announcement) {
        for (place, hash) in known.hashes.iter().enumerate() {
            let named = self.chunks.entry(*hash).or_default();
            named.by.insert(id);
            named.here |= known.here >> place & 1 == 1;
        }
        if known.is_whole() {
            self.whole.push(id);
        }
    }

    /// Which of these chunks are here.
    pub(super) fn here(&self, hashes: &[B256]) -> ChunkSet {
        bits(hashes, |hash| self.is_here(hash) == Some(true))
    }

    /// Whether a chunk is here; none if no announcement names it.
    pub(super) fn is_here(&self, hash: &B256) -> Option<bool> {
        self.chunks.get(hash).map(|named| named.here)
    }

    /// All that are here.
    pub(super) fn all_here(&self) -> impl Iterator<Item = &B256> {
        let chunks = self.chunks.iter();
        chunks.filter(|(_, named)| named.here).map(|(hash, _)| hash)
    }

    /// The number of chunks that are named.
    pub(super) fn len(&self) -> usize {
        self.chunks.len()
    }

    /// Notes that a chunk is here; gives the announcements that name it.
    pub(super) fn arrived(&mut self, hash: &B256) -> Vec<B256> {
        let Some(named) = self.chunks.get_mut(hash) else {
            return Vec::new();
        };
        named.here = true;
        named.by.iter().copied().collect()
    }

    /// Notes that an announcement has all its chunks.
    pub(super) fn completed(&mut self, id: B256) {
        self.whole.push(id);
    }

    /// The next announcement to try.
    pub(super) fn whole(&self) -> Option<B256> {
        self.whole.first().copied()
    }

    /// Removes an announcement; gives the chunks that are here and no other names.
    pub(super) fn remove(&mut self, id: B256, known: &Announcement) -> Vec<B256> {
        self.whole.retain(|other| *other != id);
        let mut unnamed = Vec::new();
        for hash in &known.hashes {
            let Some(named) = self.chunks.get_mut(hash) else {
                continue;
            };
            named.by.remove(&id);
            if named.by.is_empty() {
                if named.here {
                    unnamed.push(*hash);
                }
                self.chunks.remove(hash);
            }
        }
        unnamed
    }
}
