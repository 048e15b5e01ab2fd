//! Views of the pool, and of the transactions that left it.

use super::{Pool, Stage};
use crate::pool::{Candidate, DropReason, Left};
use alloy_primitives::{Address, B256};
use std::sync::Arc;

impl Pool {
    /// Tells from now on what leaves.
    pub(crate) fn tell_gone(&mut self) {
        self.gone.get_or_insert_default();
    }

    /// Transactions that left since the last call.
    pub(crate) fn take_gone(&mut self) -> Vec<B256> {
        self.gone.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Adds to what left.
    pub(crate) fn put_gone(&mut self, gone: Vec<B256>) {
        if let Some(all) = &mut self.gone {
            all.extend(gone);
        }
    }

    /// Takes note of one that does not come into the pool again.
    pub(crate) fn note(&mut self, candidate: Candidate, reason: DropReason) {
        self.put_gone(vec![candidate.transaction.hash]);
        self.left.push(Arc::new(candidate), reason);
    }

    /// The transactions without a gap before them: those with the kernel, then those
    /// that are ready, in order of arrival.
    pub fn pending(&self) -> impl Iterator<Item = &Arc<Candidate>> {
        self.sent
            .iter()
            .chain(&self.ready)
            .filter_map(|(sender, nonce)| self.entry(*sender, *nonce))
            .filter(|entry| entry.stage != Stage::Parked)
            .map(|entry| &entry.candidate)
    }

    /// The transactions of `sender`, or of all, by sender and nonce; `true`: there is no
    /// gap before it.
    pub fn all(&self, sender: Option<&Address>) -> Vec<(bool, Arc<Candidate>)> {
        let mut senders: Vec<_> = match sender {
            Some(sender) => self.senders.get_key_value(sender).into_iter().collect(),
            None => self.senders.iter().collect(),
        };
        senders.sort_unstable_by_key(|(address, _)| **address);
        senders
            .into_iter()
            .flat_map(|(_, of)| of.entries.values())
            .map(|entry| (entry.stage != Stage::Parked, Arc::clone(&entry.candidate)))
            .collect()
    }

    /// Transactions that left without being in a block.
    #[must_use]
    pub const fn left(&self) -> &Left {
        &self.left
    }

    /// A number that changes with what waits.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// The number of transactions that are ready or sent, and of those parked.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        let parked = self.parked.len();
        (self.hashes.len() - parked, parked)
    }
}
