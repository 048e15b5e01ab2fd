//! Transactions that wait for a block.
//!
//! Those that follow their sender's last one are ready, in order of arrival;
//! those behind a gap are parked until it is filled. Nothing here knows a
//! state: the caller says what a sender's next nonce is.

use alloy_primitives::{Address, B256, Bytes, U256};
use ethereum::SignedTransaction;
use evm_kernel::inputs::format;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use tokio::sync::oneshot;

/// Most transactions that wait.
const CAPACITY: usize = 100_000;

/// By how much a replacement must pay more, in percent.
const PRICE_BUMP: u64 = 10;

/// A transaction that may go in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The transaction.
    pub transaction: SignedTransaction,
    /// Who signed it.
    pub sender: Address,
    /// Its bytes.
    pub raw: Bytes,
}

impl Candidate {
    /// Most wei that it can take from its sender.
    #[must_use]
    pub fn cost(&self) -> U256 {
        let transaction = &self.transaction.transaction;
        transaction
            .max_fee_per_gas()
            .saturating_mul(U256::from(transaction.gas_limit()))
            .saturating_add(transaction.value())
    }

    fn nonce(&self) -> u64 {
        self.transaction.transaction.nonce()
    }

    fn work(&self) -> u64 {
        let gas = self.transaction.transaction.gas_limit();
        gas.saturating_add(format::overhead(self.raw.len()))
    }

    /// Whether it pays enough more than `other` to take its place.
    fn outbids(&self, other: &Self) -> bool {
        let enough = |new: U256, old: U256| {
            let least = old
                .saturating_mul(U256::from(100 + PRICE_BUMP))
                .div_ceil(U256::from(100));
            new > old && new >= least
        };
        let (new, old) = (
            &self.transaction.transaction,
            &other.transaction.transaction,
        );
        let tip = |transaction: &ethereum::Transaction| {
            transaction
                .max_priority_fee_per_gas()
                .unwrap_or(transaction.max_fee_per_gas())
        };
        enough(new.max_fee_per_gas(), old.max_fee_per_gas())
            && (tip(old).is_zero() || enough(tip(new), tip(old)))
    }
}

/// What became of a transaction that was handed to the kernel: in a block, or
/// dropped, and why.
pub type Fate = Result<(), String>;

/// Why the pool does not take a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PoolError {
    /// It waits already.
    #[error("already known")]
    AlreadyKnown,
    /// Another with its nonce waits, and this one pays hardly more.
    #[error("replacement transaction underpriced")]
    Underpriced,
    /// Too many wait.
    #[error("txpool is full")]
    Full,
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
    candidate: Candidate,
    stage: Stage,
    /// Told when its fate is known.
    waiter: Option<oneshot::Sender<Fate>>,
}

/// What a level may be given.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Most transactions.
    pub count: usize,
    /// Most work, in units of the kernel's budget.
    pub work: u64,
    /// The base fee that they must bear.
    pub base_fee: u64,
}

/// The transactions that wait.
#[derive(Debug, Default)]
pub struct Pool {
    senders: HashMap<Address, BTreeMap<u64, Entry>>,
    hashes: HashMap<B256, (Address, u64)>,
    ready: VecDeque<(Address, u64)>,
    sent: Vec<(Address, u64)>,
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
        let (hash, sender, nonce) = (
            candidate.transaction.hash,
            candidate.sender,
            candidate.nonce(),
        );
        if self.hashes.contains_key(&hash) {
            return Err(PoolError::AlreadyKnown);
        }
        // A replacement keeps the place in the queue.
        let stage = match self.entry(sender, nonce) {
            Some(old) if old.stage == Stage::Sent || !candidate.outbids(&old.candidate) => {
                return Err(PoolError::Underpriced);
            }
            Some(old) => old.stage,
            None if self.hashes.len() >= CAPACITY => return Err(PoolError::Full),
            None => Stage::Parked,
        };
        let (waiter, fate) = oneshot::channel();
        let entry = Entry {
            candidate,
            stage,
            waiter: Some(waiter),
        };
        if let Some(old) = self.senders.entry(sender).or_default().insert(nonce, entry) {
            self.hashes.remove(&old.candidate.transaction.hash);
        }
        self.hashes.insert(hash, (sender, nonce));
        self.promote(sender, next);
        let ready = self
            .entry(sender, nonce)
            .is_some_and(|entry| entry.stage != Stage::Parked);
        Ok((ready, fate))
    }

    /// Makes those ready that follow each other from nonce `next` on.
    fn promote(&mut self, sender: Address, next: u64) {
        let Some(entries) = self.senders.get_mut(&sender) else {
            return;
        };
        for (expected, (nonce, entry)) in (next..).zip(entries.range_mut(next..)) {
            if *nonce != expected {
                break;
            }
            if entry.stage == Stage::Parked {
                entry.stage = Stage::Ready;
                self.ready.push_back((sender, *nonce));
            }
        }
    }

    /// Whether a level should run: something is ready that bears `base_fee`.
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

    /// Whether anything is ready, whatever it pays.
    #[must_use]
    pub fn has_any_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Takes what the next level gets, in order. What does not bear the base
    /// fee stays, and so does what its sender sent after it.
    pub fn take(&mut self, limits: &Limits) -> Vec<Bytes> {
        let base_fee = U256::from(limits.base_fee);
        let (mut taken, mut work) = (Vec::new(), 0_u64);
        let (mut stays, mut held) = (VecDeque::new(), HashSet::new());
        while let Some((sender, nonce)) = self.ready.pop_front() {
            let Some(entry) = self
                .senders
                .get_mut(&sender)
                .and_then(|entries| entries.get_mut(&nonce))
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
            if taken.len() == limits.count || more > limits.work && !taken.is_empty() {
                stays.push_back((sender, nonce));
                break;
            }
            work = more;
            entry.stage = Stage::Sent;
            self.sent.push((sender, nonce));
            taken.push(entry.candidate.raw.clone());
        }
        stays.append(&mut self.ready);
        self.ready = stays;
        taken
    }

    /// Takes note of what blocks included. Where the kernel has nothing left in
    /// its queue (`drained`), what it was sent and did not include is dropped;
    /// gives the hashes of these. `next` tells a sender's nonce in the newest
    /// block.
    pub fn settle(
        &mut self,
        included: impl IntoIterator<Item = B256>,
        drained: bool,
        next: impl Fn(&Address) -> u64,
    ) -> Vec<B256> {
        let mut touched = HashSet::new();
        for hash in included {
            if let Some((sender, nonce)) = self.hashes.get(&hash).copied() {
                touched.insert(sender);
                self.remove(sender, nonce, Ok(()));
            }
        }
        let mut dropped = Vec::new();
        for (sender, nonce) in std::mem::take(&mut self.sent) {
            match self.entry(sender, nonce) {
                Some(entry) if drained => {
                    dropped.push(entry.candidate.transaction.hash);
                    touched.insert(sender);
                    self.remove(
                        sender,
                        nonce,
                        Err("transaction dropped by the kernel".into()),
                    );
                }
                Some(_) => self.sent.push((sender, nonce)),
                None => {}
            }
        }
        for sender in touched {
            self.reorder(sender, next(&sender));
        }
        dropped
    }

    /// Brings a sender's transactions in line with its nonce: those below are
    /// gone, those behind a gap are parked.
    fn reorder(&mut self, sender: Address, next: u64) {
        let Some(entries) = self.senders.get_mut(&sender) else {
            return;
        };
        let stale: Vec<u64> = entries
            .range(..next)
            .filter(|(_, entry)| entry.stage != Stage::Sent)
            .map(|(nonce, _)| *nonce)
            .collect();
        let (mut expected, mut parked) = (next, false);
        for (nonce, entry) in entries.range_mut(next..) {
            if *nonce == expected {
                expected += 1;
            } else if entry.stage == Stage::Ready {
                entry.stage = Stage::Parked;
                parked = true;
            }
        }
        if parked {
            self.ready
                .retain(|(other, nonce)| *other != sender || *nonce < expected);
        }
        for nonce in stale {
            self.remove(sender, nonce, Err("nonce too low".into()));
        }
        self.promote(sender, next);
    }

    fn remove(&mut self, sender: Address, nonce: u64, fate: Fate) {
        let Some(entries) = self.senders.get_mut(&sender) else {
            return;
        };
        if let Some(entry) = entries.remove(&nonce) {
            self.hashes.remove(&entry.candidate.transaction.hash);
            if let Some(waiter) = entry.waiter {
                // Nobody may be waiting.
                let _ = waiter.send(fate);
            }
        }
        if entries.is_empty() {
            self.senders.remove(&sender);
        }
    }

    fn entry(&self, sender: Address, nonce: u64) -> Option<&Entry> {
        self.senders.get(&sender)?.get(&nonce)
    }

    /// The transaction with this hash.
    #[must_use]
    pub fn get(&self, hash: &B256) -> Option<&Candidate> {
        let (sender, nonce) = self.hashes.get(hash)?;
        Some(&self.entry(*sender, *nonce)?.candidate)
    }

    /// The first nonce of `sender` that no transaction without a gap before it
    /// has; `next` is its nonce in the newest block.
    #[must_use]
    pub fn next_nonce(&self, sender: &Address, next: u64) -> u64 {
        let Some(entries) = self.senders.get(sender) else {
            return next;
        };
        let follow = (next..).zip(entries.range(next..).map(|(nonce, _)| *nonce));
        next + follow
            .take_while(|(expected, nonce)| expected == nonce)
            .count() as u64
    }

    /// Most wei that what waits can take from `sender`, without the one at
    /// `nonce` and those below `next`.
    #[must_use]
    pub fn cost_without(&self, sender: &Address, next: u64, nonce: u64) -> U256 {
        let entries = self.senders.get(sender).into_iter();
        entries
            .flat_map(|entries| entries.range(next..))
            .filter(|(other, _)| **other != nonce)
            .fold(U256::ZERO, |sum, (_, entry)| {
                sum.saturating_add(entry.candidate.cost())
            })
    }

    /// What waits without a gap before it, in order of arrival as far as it is
    /// with us still.
    pub fn pending(&self) -> impl Iterator<Item = &Candidate> {
        self.sent
            .iter()
            .chain(&self.ready)
            .filter_map(|(sender, nonce)| self.entry(*sender, *nonce))
            .filter(|entry| entry.stage != Stage::Parked)
            .map(|entry| &entry.candidate)
    }

    /// What waits of `sender`, or of all: whether it is without a gap before it,
    /// and what it is, by sender and nonce.
    pub fn all(&self, sender: Option<&Address>) -> Vec<(bool, &Candidate)> {
        let mut senders: Vec<_> = self
            .senders
            .iter()
            .filter(|(address, _)| sender.is_none_or(|sender| sender == *address))
            .collect();
        senders.sort_unstable_by_key(|(address, _)| **address);
        senders
            .into_iter()
            .flat_map(|(_, entries)| entries.values())
            .map(|entry| (entry.stage != Stage::Parked, &entry.candidate))
            .collect()
    }

    /// Forgets all that waits.
    pub fn clear(&mut self) {
        for (_, entry) in std::mem::take(self)
            .senders
            .into_iter()
            .flat_map(|all| all.1)
        {
            if let Some(waiter) = entry.waiter {
                // Nobody may be waiting.
                let _ = waiter.send(Err("the chain went back".into()));
            }
        }
    }

    /// How many wait ready or sent, and how many parked.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        let pending = self.pending().count();
        (pending, self.hashes.len() - pending)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::TxKind;
    use ethereum::Transaction;
    use ethereum::transaction::Eip1559;

    const ALICE: Address = Address::repeat_byte(0xa);
    const BOB: Address = Address::repeat_byte(0xb);
    const NO_LIMIT: Limits = Limits {
        count: usize::MAX,
        work: u64::MAX,
        base_fee: 1,
    };

    fn paying(sender: Address, nonce: u64, fee: u64) -> Candidate {
        let transaction = Transaction::DynamicFee(Eip1559 {
            chain_id: 1,
            nonce,
            max_fee_per_gas: U256::from(fee),
            gas_limit: 21_000,
            to: TxKind::Call(sender),
            ..Eip1559::default()
        });
        let key = B256::from(U256::from(sender.0[0]));
        let transaction = ethereum::transaction::sign(transaction, &key.0).unwrap();
        let raw = transaction.encode().into();
        Candidate {
            transaction,
            sender,
            raw,
        }
    }

    fn from(sender: Address, nonce: u64) -> Candidate {
        paying(sender, nonce, 100)
    }

    fn raws(candidates: &[Candidate]) -> Vec<Bytes> {
        candidates
            .iter()
            .map(|candidate| candidate.raw.clone())
            .collect()
    }

    #[test]
    fn nonces_out_of_order_wait_and_go_out_in_order() {
        let mut pool = Pool::default();
        let all: Vec<_> = (0..3).map(|nonce| from(ALICE, nonce)).collect();
        assert!(!pool.insert(all[2].clone(), 0).unwrap().0);
        assert!(!pool.insert(all[1].clone(), 0).unwrap().0);
        assert!(!pool.has_ready(1));
        assert!(pool.take(&NO_LIMIT).is_empty());
        assert!(pool.insert(all[0].clone(), 0).unwrap().0);
        assert_eq!(pool.take(&NO_LIMIT), raws(&all));
    }

    #[test]
    fn senders_are_served_in_order_of_arrival() {
        let mut pool = Pool::default();
        let all = [from(BOB, 0), from(ALICE, 0), from(BOB, 1)];
        for candidate in &all {
            pool.insert(candidate.clone(), 0).unwrap();
        }
        let two = Limits {
            count: 2,
            ..NO_LIMIT
        };
        assert_eq!(pool.take(&two), raws(&all[..2]));
        assert_eq!(pool.take(&two), raws(&all[2..]));
    }

    #[test]
    fn a_level_takes_no_more_than_its_work_but_always_one() {
        let mut pool = Pool::default();
        for nonce in 0..3 {
            pool.insert(from(ALICE, nonce), 0).unwrap();
        }
        assert_eq!(
            pool.take(&Limits {
                work: 1,
                ..NO_LIMIT
            })
            .len(),
            1
        );
        assert_eq!(
            pool.take(&Limits {
                work: 110_000,
                ..NO_LIMIT
            })
            .len(),
            2
        );
    }

    #[test]
    fn a_known_transaction_is_refused() {
        let mut pool = Pool::default();
        pool.insert(from(ALICE, 0), 0).unwrap();
        assert_eq!(
            pool.insert(from(ALICE, 0), 0).unwrap_err(),
            PoolError::AlreadyKnown
        );
    }

    #[test]
    fn a_replacement_pays_a_tenth_more_and_takes_the_place() {
        let mut pool = Pool::default();
        pool.insert(paying(ALICE, 0, 100), 0).unwrap();
        pool.insert(from(BOB, 0), 0).unwrap();
        assert_eq!(
            pool.insert(paying(ALICE, 0, 109), 0).unwrap_err(),
            PoolError::Underpriced
        );
        let better = paying(ALICE, 0, 110);
        assert!(pool.insert(better.clone(), 0).unwrap().0);
        assert_eq!(pool.take(&NO_LIMIT), raws(&[better, from(BOB, 0)]));
        assert_eq!(
            pool.insert(paying(ALICE, 0, 200), 0).unwrap_err(),
            PoolError::Underpriced
        );
    }

    #[test]
    fn what_does_not_bear_the_base_fee_is_held_with_its_successors() {
        let mut pool = Pool::default();
        let all = [
            paying(ALICE, 0, 5),
            paying(ALICE, 1, 100),
            paying(BOB, 0, 100),
        ];
        for candidate in &all {
            pool.insert(candidate.clone(), 0).unwrap();
        }
        let dear = Limits {
            base_fee: 10,
            ..NO_LIMIT
        };
        assert_eq!(pool.take(&dear), raws(&all[2..]));
        assert!(pool.has_any_ready());
        assert_eq!(pool.take(&NO_LIMIT), raws(&all[..2]));
    }

    #[test]
    fn the_fate_is_told() {
        let mut pool = Pool::default();
        let (_, mut good) = pool.insert(from(ALICE, 0), 0).unwrap();
        let (_, mut bad) = pool.insert(from(BOB, 0), 0).unwrap();
        let (_, mut later) = pool.insert(from(BOB, 1), 0).unwrap();
        pool.take(&Limits {
            count: 2,
            ..NO_LIMIT
        });
        let dropped = pool.settle([from(ALICE, 0).transaction.hash], true, |sender| {
            u64::from(*sender == ALICE)
        });
        assert_eq!(dropped, [from(BOB, 0).transaction.hash]);
        assert_eq!(good.try_recv(), Ok(Ok(())));
        assert!(bad.try_recv().unwrap().is_err());
        // Its successor waits for another with the nonce.
        assert!(later.try_recv().is_err());
        assert_eq!(pool.counts(), (0, 1));
        assert!(pool.take(&NO_LIMIT).is_empty());
    }

    #[test]
    fn what_waits_in_the_kernels_queue_stays_sent() {
        let mut pool = Pool::default();
        pool.insert(from(ALICE, 0), 0).unwrap();
        pool.take(&NO_LIMIT);
        assert!(pool.settle([], false, |_| 0).is_empty());
        assert_eq!(pool.counts(), (1, 0));
        assert!(
            pool.settle([from(ALICE, 0).transaction.hash], true, |_| 1)
                .is_empty()
        );
        assert_eq!(pool.counts(), (0, 0));
    }

    #[test]
    fn the_pending_nonce_counts_what_waits_without_a_gap() {
        let mut pool = Pool::default();
        for nonce in [4, 5, 7] {
            pool.insert(from(ALICE, nonce), 4).unwrap();
        }
        assert_eq!(pool.next_nonce(&ALICE, 4), 6);
        assert_eq!(pool.next_nonce(&BOB, 3), 3);
    }
}
