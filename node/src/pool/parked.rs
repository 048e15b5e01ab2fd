//! The transactions behind a gap: which of them pays least, and which waits longest.

use super::candidate::Candidate;
use alloy_primitives::{Address, U256};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The most transactions of a sender that are parked.
pub(super) const OF_SENDER: usize = 1_024;

/// The time after which one is dropped, in seconds, as in go-ethereum.
pub(super) const LIFETIME: u64 = 3 * 60 * 60;

/// A parked transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// In seconds since 1970.
    pub(super) since: u64,
    pub(super) sender: Address,
    pub(super) nonce: u64,
}

/// All that are parked.
#[derive(Debug, Default)]
pub(super) struct Parked {
    /// With the bytes of each, by the fee cap; of those that pay the same the newest first.
    by_fee: BTreeMap<(U256, Reverse<Place>), usize>,
    by_age: BTreeSet<Place>,
    of: HashMap<Address, usize>,
    bytes: usize,
}

impl Parked {
    /// Adds one.
    pub(super) fn insert(&mut self, place: Place, candidate: &Candidate) {
        let bytes = candidate.raw.len();
        let key = (candidate.fee(), Reverse(place));
        if self.by_fee.insert(key, bytes).is_none() {
            self.by_age.insert(place);
            *self.of.entry(place.sender).or_default() += 1;
            self.bytes += bytes;
        }
    }

    /// Takes one out that has this fee cap, if it is parked.
    pub(super) fn remove(&mut self, place: Place, fee: U256) {
        let Some(bytes) = self.by_fee.remove(&(fee, Reverse(place))) else {
            return;
        };
        self.by_age.remove(&place);
        self.bytes -= bytes;
        if let Some(count) = self.of.get_mut(&place.sender) {
            *count -= 1;
            if *count == 0 {
                self.of.remove(&place.sender);
            }
        }
    }

    /// The number of all.
    pub(super) fn len(&self) -> usize {
        self.by_age.len()
    }

    /// The bytes of all.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// The number of a sender's.
    pub(super) fn count_of(&self, sender: &Address) -> usize {
        self.of.get(sender).copied().unwrap_or_default()
    }

    /// Fee cap, place and bytes of each, from the one that pays least.
    pub(super) fn cheapest(&self) -> impl Iterator<Item = (U256, Place, usize)> {
        let all = self.by_fee.iter();
        all.map(|((fee, Reverse(place)), bytes)| (*fee, *place, *bytes))
    }

    /// Those that have been parked since before a time, in seconds since 1970.
    pub(super) fn since_before(&self, time: u64) -> Vec<Place> {
        let old = self.by_age.iter().take_while(|place| place.since < time);
        old.copied().collect()
    }
}
