//! Pending transactions.
//!
//! Those that follow their sender's last one are ready, in order of arrival;
//! those behind a gap are parked until it is filled. These cannot run and cost nothing: there
//! are fewer of them, not for ever, and they give way to others. Nothing here knows a
//! state: the caller says what a sender's next nonce is. No step walks over all that a
//! sender has waiting.

mod resend;
mod room;
mod views;

use super::candidate::{Candidate, PRICE_BUMP};
use super::left::{DropReason, Left};
use super::parked::{OF_SENDER, Parked, Place};
use crate::clock;
use alloy_primitives::{Address, B256, Bytes, U256};
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use tokio::sync::oneshot;

/// The most transactions of the pool.
pub(super) const CAPACITY: usize = 100_000;

/// The most bytes of its transactions together; each takes twice as much memory.
pub(super) const CAPACITY_BYTES: usize = 64 << 20;

/// The end of a transaction: included in a block, or dropped.
pub type Fate = Result<(), DropReason>;

/// Why the pool does not take a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PoolError {
    /// It is in the pool already.
    #[error("the transaction is in the pool already")]
    AlreadyKnown,
    /// Another transaction with its nonce waits, and this one does not pay 10 % more.
    #[error("the replacement pays less than {PRICE_BUMP} % more")]
    Underpriced,
    /// The pool is full, or that part of it which is for transactions behind a gap.
    #[error(
        "the pool is full: {CAPACITY} transactions or {CAPACITY_BYTES} bytes, behind a gap a quarter"
    )]
    Full,
    /// The sender has as many transactions behind a gap as it may.
    #[error("the sender has {OF_SENDER} transactions behind a gap in its nonces")]
    SenderFull,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Behind a gap.
    Parked,
    /// In the ready queue.
    Ready,
    /// With the kernel.
    Sent,
}

#[derive(Debug)]
struct Entry {
    candidate: Arc<Candidate>,
    stage: Stage,
    /// When it was parked last, in seconds since 1970.
    parked: u64,
    /// Told when its fate is known.
    waiter: Option<oneshot::Sender<Fate>>,
}

impl Entry {
    /// Its place, if it is parked.
    fn place(&self) -> Place {
        Place {
            since: self.parked,
            sender: self.candidate.sender,
            nonce: self.candidate.nonce(),
        }
    }

    /// Puts it behind a gap; `now` in seconds since 1970.
    const fn park(&mut self, now: u64) {
        (self.stage, self.parked) = (Stage::Parked, now);
    }
}

/// The limits of a level.
#[derive(Clone, Copy, Debug)]
pub struct LevelLimits {
    /// The most transactions.
    pub count: usize,
    /// The most work, in units of the kernel's budget.
    pub work: u64,
    /// The most gas that they may ask for.
    pub gas: u64,
    /// The base fee that they must pay, in wei per gas.
    pub base_fee: u64,
}

/// The pending transactions of a sender.
#[derive(Debug, Default)]
struct Sender {
    entries: BTreeMap<u64, Entry>,
    /// An upper bound on the wei that all of them can spend; no more than the balance that each was checked
    /// against, so that it does not overflow.
    cost: U256,
    /// The sender's nonce, as it was told last.
    next: u64,
    /// The first nonce from there on without a transaction.
    end: u64,
}

impl Sender {
    /// Takes note of the nonce, and of transactions that follow each other; gives the
    /// nonces of those that are ready now.
    fn follow(&mut self, next: u64) -> Vec<u64> {
        if next < self.next || next > self.end {
            self.end = next;
        }
        self.next = next;
        let mut ready = Vec::new();
        while let Some(entry) = self.entries.get_mut(&self.end) {
            if entry.stage == Stage::Parked {
                entry.stage = Stage::Ready;
                ready.push(self.end);
            }
            let Some(end) = self.end.checked_add(1) else {
                break;
            };
            self.end = end;
        }
        ready
    }
}

/// The pending transactions.
#[derive(Debug, Default)]
pub struct Pool {
    senders: HashMap<Address, Sender>,
    /// The bytes of all transactions.
    bytes: usize,
    /// Changes with what waits.
    version: u64,
    hashes: HashMap<B256, (Address, u64)>,
    /// The ready ones, each once, in order of arrival.
    ready: VecDeque<(Address, u64)>,
    /// There are others among these.
    stale: bool,
    sent: Vec<(Address, u64)>,
    /// Those that are parked.
    parked: Parked,
    /// Transactions that left since the last request; `None`: nobody asks.
    gone: Option<Vec<B256>>,
    /// Transactions that left without being in a block.
    left: Left,
}

impl Pool {
    /// Takes a transaction; `next` is the nonce of its sender in the newest
    /// block. Tells whether it is ready (and not parked), and gives where its
    /// fate will be told.
    ///
    /// # Errors
    /// [`PoolError`].
    pub fn insert(
        &mut self,
        candidate: Candidate,
        next: u64,
    ) -> Result<(bool, oneshot::Receiver<Fate>), PoolError> {
        let runs = candidate.nonce() <= self.next_nonce(&candidate.sender, next);
        self.put(candidate, next, runs)
    }

    /// As [`Pool::insert`], for one that was in a pool before: the bounds of those behind a gap do
    /// not hold for it, since it may have got there when one before it left.
    ///
    /// # Errors
    /// [`PoolError`].
    pub fn insert_again(
        &mut self,
        candidate: Candidate,
        next: u64,
    ) -> Result<(bool, oneshot::Receiver<Fate>), PoolError> {
        self.put(candidate, next, true)
    }

    /// Takes a transaction; `runs`: it takes the place of any that is parked.
    fn put(
        &mut self,
        candidate: Candidate,
        next: u64,
        runs: bool,
    ) -> Result<(bool, oneshot::Receiver<Fate>), PoolError> {
        let (hash, sender, nonce) = (
            candidate.transaction.hash,
            candidate.sender,
            candidate.nonce(),
        );
        if self.hashes.contains_key(&hash) {
            return Err(PoolError::AlreadyKnown);
        }
        let now = clock::machine();
        self.expire(now);
        // A replacement keeps the place in the queue.
        let stage = match self.entry(sender, nonce) {
            Some(old) if old.stage == Stage::Sent || !candidate.outbids(&old.candidate) => {
                return Err(PoolError::Underpriced);
            }
            Some(old) => old.stage,
            None => Stage::Parked,
        };
        self.make_room(&candidate, runs)?;
        let (waiter, fate) = oneshot::channel();
        let entry = Entry {
            candidate: Arc::new(candidate),
            stage,
            parked: now,
            waiter: Some(waiter),
        };
        self.bytes += entry.candidate.raw.len();
        if let Some(old) = self.entry(sender, nonce) {
            let (place, paid) = (old.place(), old.candidate.fee());
            self.parked.remove(place, paid);
        }
        if stage == Stage::Parked {
            self.parked.insert(entry.place(), &entry.candidate);
        }
        let of = self.senders.entry(sender).or_default();
        of.cost = of.cost.saturating_add(entry.candidate.cost());
        if let Some(old) = of.entries.insert(nonce, entry) {
            of.cost = of.cost.saturating_sub(old.candidate.cost());
            self.bytes -= old.candidate.raw.len();
            self.hashes.remove(&old.candidate.transaction.hash);
            self.put_gone(vec![old.candidate.transaction.hash]);
            self.left.push(old.candidate, DropReason::Replaced);
        }
        self.hashes.insert(hash, (sender, nonce));
        self.version += 1;
        self.promote(sender, next);
        let ready = self
            .entry(sender, nonce)
            .is_some_and(|entry| entry.stage != Stage::Parked);
        Ok((ready, fate))
    }

    /// Makes those ready that follow each other from nonce `next` on.
    fn promote(&mut self, sender: Address, next: u64) {
        let Some(of) = self.senders.get_mut(&sender) else {
            return;
        };
        for nonce in of.follow(next) {
            self.ready.push_back((sender, nonce));
            if let Some(entry) = of.entries.get(&nonce) {
                self.parked.remove(entry.place(), entry.candidate.fee());
            }
        }
    }

    /// Checks if a transaction is ready whose fee cap is at least `base_fee`.
    #[must_use]
    pub fn has_ready(&self, base_fee: u64) -> bool {
        let base_fee = U256::from(base_fee);
        self.ready.iter().any(|(sender, nonce)| {
            self.entry(*sender, *nonce).is_some_and(|entry| {
                entry.stage == Stage::Ready
                    && entry.candidate.transaction.transaction.max_fee_per_gas() >= base_fee
            })
        })
    }

    /// Checks if a transaction is ready, whatever it pays.
    #[must_use]
    pub fn has_any_ready(&self) -> bool {
        let mut places = self.ready.iter();
        places.any(|(sender, nonce)| {
            let entry = self.entry(*sender, *nonce);
            entry.is_some_and(|entry| entry.stage == Stage::Ready)
        })
    }

    /// Takes the transactions of the next level, in order. Those that cannot pay the base
    /// fee stay, and so do later ones of their senders.
    pub fn take(&mut self, limits: &LevelLimits) -> Vec<Bytes> {
        let taken = self.take_whole(limits).into_iter();
        taken.map(|candidate| candidate.raw.clone()).collect()
    }

    /// As [`Pool::take`], with what is known of them.
    pub fn take_whole(&mut self, limits: &LevelLimits) -> Vec<Arc<Candidate>> {
        self.expire(clock::machine());
        let base_fee = U256::from(limits.base_fee);
        let (mut taken, mut work, mut gas) = (Vec::new(), 0_u64, 0_u64);
        let (mut stays, mut held) = (VecDeque::new(), HashSet::new());
        while let Some((sender, nonce)) = self.ready.pop_front() {
            let Some(entry) = self
                .senders
                .get_mut(&sender)
                .and_then(|of| of.entries.get_mut(&nonce))
            else {
                continue;
            };
            if entry.stage != Stage::Ready {
                continue;
            }
            let fee = entry.candidate.transaction.transaction.max_fee_per_gas();
            if held.contains(&sender) || fee < base_fee {
                held.insert(sender);
                stays.push_back((sender, nonce));
                continue;
            }
            let more = work.saturating_add(entry.candidate.work());
            let asked = entry.candidate.transaction.transaction.gas_limit();
            let more_gas = gas.saturating_add(asked);
            let full = more > limits.work || more_gas > limits.gas;
            if taken.len() == limits.count || full && !taken.is_empty() {
                stays.push_back((sender, nonce));
                break;
            }
            (work, gas) = (more, more_gas);
            entry.stage = Stage::Sent;
            self.sent.push((sender, nonce));
            taken.push(Arc::clone(&entry.candidate));
        }
        stays.append(&mut self.ready);
        self.ready = stays;
        taken
    }

    /// Takes note of what blocks included, by whom. Where the kernel has nothing left in
    /// its queue (`drained`), what it was sent and did not include is dropped;
    /// gives the hashes of these. `next` tells a sender's nonce in the newest
    /// block.
    pub fn settle(
        &mut self,
        included: impl IntoIterator<Item = (B256, Address)>,
        drained: bool,
        next: impl Fn(&Address) -> u64,
    ) -> Vec<B256> {
        let mut touched = HashSet::new();
        for (hash, sender) in included {
            // It may have come another way, before others that wait here.
            if self.senders.contains_key(&sender) {
                touched.insert(sender);
            }
            if let Some((sender, nonce)) = self.hashes.get(&hash).copied() {
                self.remove(sender, nonce, Ok(()));
            }
        }
        let mut dropped = Vec::new();
        for (sender, nonce) in std::mem::take(&mut self.sent) {
            match self.entry(sender, nonce) {
                Some(entry) if drained => {
                    dropped.push(entry.candidate.transaction.hash);
                    touched.insert(sender);
                    self.remove(sender, nonce, Err(DropReason::Kernel));
                }
                Some(_) => self.sent.push((sender, nonce)),
                None => {}
            }
        }
        for sender in touched {
            self.reorder(sender, next(&sender));
        }
        self.sweep();
        dropped
    }

    /// Takes a transaction out as if it had never come; `next` is its sender's nonce in the newest
    /// block. `false` if it is on its way already.
    pub fn take_back(&mut self, hash: &B256, next: u64) -> bool {
        let Some((sender, nonce)) = self.hashes.get(hash).copied() else {
            return true;
        };
        let is_sent = |entry: &Entry| entry.stage == Stage::Sent;
        if self.entry(sender, nonce).is_some_and(is_sent) {
            return false;
        }
        self.take_out(sender, nonce);
        self.reorder(sender, next);
        self.sweep();
        true
    }

    /// Drops a transaction; `next` is its sender's nonce in the newest block.
    pub fn discard(&mut self, hash: &B256, reason: DropReason, next: u64) {
        self.discard_all(&[(*hash, reason)], |_| next);
    }

    /// Drops transactions; `next` tells a sender's nonce in the newest block.
    pub fn discard_all(&mut self, all: &[(B256, DropReason)], next: impl Fn(&Address) -> u64) {
        let mut senders = HashSet::new();
        for (hash, reason) in all {
            if let Some((sender, nonce)) = self.hashes.get(hash).copied() {
                self.remove(sender, nonce, Err(*reason));
                senders.insert(sender);
            }
        }
        if senders.is_empty() {
            return;
        }
        let of = &self.senders;
        self.sent.retain(|(sender, nonce)| {
            of.get(sender)
                .is_some_and(|of| of.entries.contains_key(nonce))
        });
        for sender in senders {
            self.reorder(sender, next(&sender));
        }
        self.sweep();
    }

    /// Drops all transactions of a sender on request; `next` is its nonce in the newest block.
    pub fn discard_of(&mut self, sender: Address, next: u64) {
        let Some(of) = self.senders.get(&sender) else {
            return;
        };
        let nonces: Vec<u64> = of.entries.keys().copied().collect();
        self.sent.retain(|(other, _)| *other != sender);
        for nonce in nonces {
            self.remove(sender, nonce, Err(DropReason::Request));
        }
        self.reorder(sender, next);
        self.sweep();
    }

    /// Takes what is not ready any more out of the queue.
    fn sweep(&mut self) {
        if !std::mem::take(&mut self.stale) {
            return;
        }
        let senders = &self.senders;
        self.ready.retain(|(sender, nonce)| {
            let entry = senders.get(sender).and_then(|of| of.entries.get(nonce));
            entry.is_some_and(|entry| entry.stage == Stage::Ready)
        });
    }

    /// Brings all in line with a chain that went back; `next` tells a sender's nonce in the
    /// newest block.
    pub fn went_back(&mut self, next: impl Fn(&Address) -> u64) {
        let senders: Vec<Address> = self.senders.keys().copied().collect();
        for sender in senders {
            self.reorder(sender, next(&sender));
        }
        self.sweep();
    }

    /// Brings a sender's transactions in line with its nonce: those below are
    /// gone, those behind a gap are parked.
    fn reorder(&mut self, sender: Address, next: u64) {
        let Some(of) = self.senders.get_mut(&sender) else {
            return;
        };
        let stale: Vec<u64> = of
            .entries
            .range(..next)
            .filter(|(_, entry)| entry.stage != Stage::Sent)
            .map(|(nonce, _)| *nonce)
            .collect();
        // Only these were ready.
        let mut expected = next;
        let now = clock::machine();
        for (nonce, entry) in of.entries.range_mut(next..next.max(of.end)) {
            if *nonce == expected {
                expected += 1;
            } else if entry.stage == Stage::Ready {
                entry.park(now);
                self.parked.insert(entry.place(), &entry.candidate);
                self.stale = true;
            }
        }
        (of.next, of.end) = (next, expected);
        for nonce in stale {
            self.remove(sender, nonce, Err(DropReason::NonceUsed));
        }
        self.promote(sender, next);
    }

    fn remove(&mut self, sender: Address, nonce: u64, fate: Fate) {
        let Some(entry) = self.take_out(sender, nonce) else {
            return;
        };
        if let Err(reason) = fate {
            self.left.push(entry.candidate, reason);
        }
        if let Some(waiter) = entry.waiter {
            // Nobody may be waiting.
            let _ = waiter.send(fate);
        }
    }

    fn take_out(&mut self, sender: Address, nonce: u64) -> Option<Entry> {
        let of = self.senders.get_mut(&sender)?;
        let entry = of.entries.remove(&nonce);
        if let Some(entry) = &entry {
            self.stale |= entry.stage == Stage::Ready;
            self.parked.remove(entry.place(), entry.candidate.fee());
            of.cost = of.cost.saturating_sub(entry.candidate.cost());
            self.bytes -= entry.candidate.raw.len();
            self.version += 1;
            self.hashes.remove(&entry.candidate.transaction.hash);
            if let Some(gone) = &mut self.gone {
                gone.push(entry.candidate.transaction.hash);
            }
        }
        if of.entries.is_empty() {
            self.senders.remove(&sender);
        }
        entry
    }

    fn entry(&self, sender: Address, nonce: u64) -> Option<&Entry> {
        self.senders.get(&sender)?.entries.get(&nonce)
    }

    /// The transaction with this hash.
    #[must_use]
    pub fn get(&self, hash: &B256) -> Option<&Arc<Candidate>> {
        let (sender, nonce) = self.hashes.get(hash)?;
        Some(&self.entry(*sender, *nonce)?.candidate)
    }

    /// The first nonce of `sender` that no transaction without a gap before it
    /// has; `next` is its nonce in the newest block.
    #[must_use]
    pub fn next_nonce(&self, sender: &Address, next: u64) -> u64 {
        let Some(of) = self.senders.get(sender) else {
            return next;
        };
        let mut end = if next < of.next {
            next
        } else {
            next.max(of.end)
        };
        while of.entries.contains_key(&end) && end < u64::MAX {
            end += 1;
        }
        end
    }

    /// Upper bound on the wei that the pending transactions of `sender` can spend, without
    /// the one at `nonce` and those below `next`.
    #[must_use]
    pub fn cost_without(&self, sender: &Address, next: u64, nonce: u64) -> U256 {
        let Some(of) = self.senders.get(sender) else {
            return U256::ZERO;
        };
        let below = of.entries.range(..next);
        let same = of.entries.get_key_value(&nonce).filter(|_| nonce >= next);
        below.chain(same).fold(of.cost, |sum, (_, entry)| {
            sum.saturating_sub(entry.candidate.cost())
        })
    }

    /// Drops all transactions.
    pub fn clear(&mut self, reason: DropReason) {
        let version = self.version + 1;
        let old = std::mem::take(self);
        self.version = version;
        self.gone = old.gone;
        self.left = old.left;
        for of in old.senders.into_values() {
            for entry in of.entries.into_values() {
                self.put_gone(vec![entry.candidate.transaction.hash]);
                self.left.push(entry.candidate, reason);
                if let Some(waiter) = entry.waiter {
                    // Nobody may be waiting.
                    let _ = waiter.send(Err(reason));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
