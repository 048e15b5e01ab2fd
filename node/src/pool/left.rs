//! Transactions that left the pool without being in a block, and why.

use super::candidate::Candidate;
use super::parked::LIFETIME;
use crate::clock;
use alloy_primitives::B256;
use std::collections::VecDeque;
use std::sync::Arc;

/// The most transactions that are remembered.
const MOST: usize = 1_024;

/// Their most bytes together.
const MOST_BYTES: usize = 8 << 20;

/// Why a transaction left the pool without being in a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DropReason {
    /// The kernel did not include it.
    #[error("dropped by the kernel")]
    Kernel,
    /// A block included another transaction with its nonce.
    #[error("the nonce is used")]
    NonceUsed,
    /// The chain went back to an earlier block.
    #[error("the chain went back")]
    Rewound,
    /// Somebody asked for that.
    #[error("dropped on request")]
    Request,
    /// Its sender sent another one with its nonce, which pays more.
    #[error("replaced by another one with its nonce, which pays more")]
    Replaced,
    /// The pool was full, and it could not run, or there was no room for it after a restart.
    #[error("there was no room for it in the pool")]
    Crowded,
    /// It waited too long behind a gap.
    #[error("it waited {} hours behind a gap in its sender's nonces", LIFETIME / 3_600)]
    Expired,
}

impl DropReason {
    /// All of them, each at the place of its number in a store.
    const ALL: [Self; 7] = [
        Self::Kernel,
        Self::NonceUsed,
        Self::Rewound,
        Self::Request,
        Self::Replaced,
        Self::Crowded,
        Self::Expired,
    ];

    /// Its number in a store.
    pub(crate) fn number(self) -> u8 {
        let place = Self::ALL.iter().position(|reason| *reason == self);
        place.and_then(|place| place.try_into().ok()).unwrap_or(0)
    }

    /// The reason with a number.
    pub(crate) fn of_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

/// A transaction that left.
#[derive(Clone, Debug)]
pub struct Leaver {
    /// The transaction.
    pub candidate: Arc<Candidate>,
    /// Why.
    pub reason: DropReason,
    /// When, in seconds since 1970.
    pub at: u64,
}

/// The newest of them, oldest first.
#[derive(Debug, Default)]
pub struct Left {
    leavers: VecDeque<Leaver>,
    bytes: usize,
    /// Number of transactions that left since the start.
    count: u64,
}

impl Left {
    /// Remembers one; older ones are forgotten.
    pub(super) fn push(&mut self, candidate: Arc<Candidate>, reason: DropReason) {
        self.bytes += candidate.raw.len();
        self.count += 1;
        self.leavers.push_back(Leaver {
            candidate,
            reason,
            at: clock::machine(),
        });
        while self.leavers.len() > MOST || self.bytes > MOST_BYTES {
            let Some(old) = self.leavers.pop_front() else {
                return;
            };
            self.bytes -= old.candidate.raw.len();
        }
    }

    /// The newest one with this hash.
    #[must_use]
    pub fn find(&self, hash: &B256) -> Option<&Leaver> {
        self.newest()
            .find(|leaver| leaver.candidate.transaction.hash == *hash)
    }

    /// Number of transactions that left since the start.
    pub(crate) const fn count(&self) -> u64 {
        self.count
    }

    /// All, newest first.
    pub fn newest(&self) -> impl Iterator<Item = &Leaver> {
        self.leavers.iter().rev()
    }
}
