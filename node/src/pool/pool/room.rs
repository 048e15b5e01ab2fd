//! Room in the pool: what gives way, and what waited too long.

use super::{CAPACITY, CAPACITY_BYTES, Pool, PoolError};
use crate::pool::candidate::Candidate;
use crate::pool::left::DropReason;
use crate::pool::parked::{LIFETIME, OF_SENDER, Place};

/// The most transactions that are parked.
pub(super) const PARKED: usize = CAPACITY / 4;

/// The most bytes of these together.
pub(super) const PARKED_BYTES: usize = CAPACITY_BYTES / 4;

impl Pool {
    /// Makes room for a transaction that is not there yet: parked ones give way, those that pay
    /// least first. One that can run takes the place of any, one behind a gap only of those that
    /// pay less.
    ///
    /// # Errors
    /// [`PoolError::Full`], [`PoolError::SenderFull`]; nothing has changed then.
    pub(super) fn make_room(&mut self, candidate: &Candidate, runs: bool) -> Result<(), PoolError> {
        for place in self.in_the_way(candidate, runs)? {
            self.remove(place.sender, place.nonce, Err(DropReason::Crowded));
        }
        Ok(())
    }

    /// The parked transactions that give way to another one.
    fn in_the_way(&self, candidate: &Candidate, runs: bool) -> Result<Vec<Place>, PoolError> {
        let (sender, nonce) = (candidate.sender, candidate.nonce());
        let replaced = self.entry(sender, nonce);
        let more = usize::from(replaced.is_none());
        let freed = replaced.map_or(0, |old| old.candidate.raw.len());
        let more_bytes = candidate.raw.len().saturating_sub(freed);
        if !runs && more > 0 && self.parked.count_of(&sender) >= OF_SENDER {
            return Err(PoolError::SenderFull);
        }
        let (mut gone, mut gone_bytes) = (Vec::new(), 0);
        let mut others = self.parked.cheapest();
        loop {
            let fits = |count: usize, bytes: usize, most: usize, most_bytes: usize| {
                count + more - gone.len() <= most && bytes + more_bytes - gone_bytes <= most_bytes
            };
            let (parked, bytes) = (self.parked.len(), self.parked.bytes());
            if fits(self.hashes.len(), self.bytes, CAPACITY, CAPACITY_BYTES)
                && (runs || fits(parked, bytes, PARKED, PARKED_BYTES))
            {
                return Ok(gone);
            }
            let (fee, place, bytes) = others.next().ok_or(PoolError::Full)?;
            if !runs && fee >= candidate.fee() {
                return Err(PoolError::Full);
            }
            if (place.sender, place.nonce) != (sender, nonce) {
                gone.push(place);
                gone_bytes += bytes;
            }
        }
    }

    /// Drops what has been parked for too long; `now` in seconds since 1970.
    pub(super) fn expire(&mut self, now: u64) {
        for place in self.parked.since_before(now.saturating_sub(LIFETIME)) {
            self.remove(place.sender, place.nonce, Err(DropReason::Expired));
        }
    }
}
