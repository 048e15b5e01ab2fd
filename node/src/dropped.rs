//! Why transactions were dropped: what the kernel said, and what is known from before the node
//! started.

use crate::clock;
use crate::pool::{Candidate, DropReason, Leaver, Left};
use crate::store::SavedDrop;
use alloy_primitives::{Address, B256, Bytes};
use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The most transactions of which it is remembered what the kernel said.
const MOST: usize = 1_024;

/// The most that a store has: those that left the pool, and those that the kernel named.
const KEPT: usize = 2 * MOST;

/// The most that are written with a level.
const AT_ONCE: usize = 512;

/// The most bytes of a transaction that are kept with why it was dropped.
const BYTES: usize = 4_096;

/// The most characters of a reason.
const LONGEST: usize = 300;

/// The kernel's reason for dropping a transaction.
#[derive(Clone, Debug)]
struct Said {
    hash: B256,
    why: String,
    /// When, in seconds since 1970.
    at: u64,
}

/// A transaction that is in no block and does not wait.
#[derive(Clone, Debug)]
pub struct Gone {
    /// Its hash.
    pub hash: B256,
    /// Why.
    pub reason: DropReason,
    /// The kernel's reason.
    pub said: Option<String>,
    /// When, in seconds since 1970.
    pub at: u64,
    /// Sender and nonce, if it waited in this pool.
    pub sender: Option<(Address, u64)>,
    /// The transaction, if it is still there.
    pub candidate: Option<Arc<Candidate>>,
}

/// Changes since the last write to the store.
#[derive(Debug, Default)]
pub(crate) struct Unsaved {
    /// Transactions dropped since then.
    pub(crate) dropped: Vec<(B256, SavedDrop)>,
    /// Transactions that are forgotten for them.
    pub(crate) forgotten: Vec<B256>,
    /// Totals with these: transactions that the kernel named, and those that left the pool.
    counts: (u64, u64),
}

#[derive(Debug, Default)]
struct Known {
    /// Oldest first.
    said: VecDeque<Said>,
    /// Number of transactions that the kernel named since the start.
    count: u64,
    /// From before the start, newest first.
    earlier: Vec<Gone>,
    /// Those in the store, oldest first.
    kept: VecDeque<B256>,
    /// The place of the next one in the store.
    order: u64,
    /// As [`Unsaved::counts`], of what is written.
    written: (u64, u64),
}

/// Why transactions were dropped: the newest ones. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Dropped(Arc<Mutex<Known>>);

impl Dropped {
    /// Takes note of a line of the kernel's log, if it says why a transaction is dropped.
    pub(crate) fn hear(&self, line: &str) {
        // The kernel names itself at the start of a line.
        let said = line.split_once("transaction ").and_then(|(_, rest)| {
            let (hash, why) = rest.split_once(" dropped: ")?;
            Some((hash.parse().ok()?, why))
        });
        if let Some((hash, why)) = said {
            self.tell(hash, why);
        }
    }

    /// Takes note of why a transaction is dropped.
    pub(crate) fn tell(&self, hash: B256, why: &str) {
        let why: String = why.trim_end().chars().take(LONGEST).collect();
        let mut known = self.known();
        known.said.retain(|said| said.hash != hash);
        let at = clock::machine();
        known.said.push_back(Said { hash, why, at });
        known.count += 1;
        if known.said.len() > MOST {
            known.said.pop_front();
        }
    }

    /// The kernel's reason for dropping a transaction, if it did so since the start.
    pub(crate) fn why(&self, hash: &B256) -> Option<String> {
        let known = self.known();
        let mut said = known.said.iter().rev();
        said.find(|said| said.hash == *hash)
            .map(|said| said.why.clone())
    }

    /// Looks a dropped transaction up; `left` has those that left the pool.
    #[must_use]
    pub fn find(&self, left: &Left, hash: &B256) -> Option<Gone> {
        let known = self.known();
        known.now(left, hash).or_else(|| {
            let mut earlier = known.earlier.iter();
            earlier.find(|gone| gone.hash == *hash).cloned()
        })
    }

    /// The hashes of all, newest first: those that left the pool, those that were never in it, and
    /// those from before the start.
    #[must_use]
    pub fn newest(&self, left: &Left) -> Vec<B256> {
        let known = self.known();
        let pool = left
            .newest()
            .map(|leaver| leaver.candidate.transaction.hash);
        let said = known.said.iter().rev().map(|said| said.hash);
        let earlier = known.earlier.iter().map(|gone| gone.hash);
        let mut seen = HashSet::new();
        let all = pool.chain(said).chain(earlier);
        all.filter(|hash| seen.insert(*hash)).collect()
    }

    /// Takes what a store has from before the start, oldest first.
    pub(crate) fn restore(&self, saved: Vec<(B256, SavedDrop)>) {
        let mut known = self.known();
        known.order = saved.last().map_or(0, |(_, last)| last.order + 1);
        known.kept = saved.iter().map(|(hash, _)| *hash).collect();
        let earlier = saved
            .into_iter()
            .rev()
            .map(|(hash, saved)| gone(hash, saved));
        known.earlier = earlier.collect();
    }

    /// Changes to write to a store.
    pub(crate) fn unsaved(&self, left: &Left) -> Unsaved {
        let known = self.known();
        let counts = (known.count, left.count());
        let new = |(now, before): (u64, u64)| {
            let new = usize::try_from(now.saturating_sub(before)).unwrap_or(AT_ONCE);
            new.min(AT_ONCE / 2)
        };
        let said = known
            .said
            .iter()
            .rev()
            .take(new((counts.0, known.written.0)));
        let leavers = left.newest().take(new((counts.1, known.written.1)));
        let leavers = leavers.map(|leaver| leaver.candidate.transaction.hash);
        let mut seen = HashSet::new();
        let hashes = said.map(|said| said.hash).chain(leavers);
        let mut hashes: Vec<B256> = hashes.filter(|hash| seen.insert(*hash)).collect();
        hashes.reverse();
        let dropped = hashes.iter().filter_map(|hash| known.now(left, hash));
        let dropped = (known.order..).zip(dropped);
        let dropped: Vec<_> = dropped
            .map(|(order, gone)| (gone.hash, saved(order, &gone)))
            .collect();
        let kept = known.kept.iter().filter(|hash| !seen.contains(*hash));
        let more = (kept.clone().count() + dropped.len()).saturating_sub(KEPT);
        Unsaved {
            forgotten: kept.take(more).copied().collect(),
            dropped,
            counts,
        }
    }

    /// Takes note that it was written.
    pub(crate) fn saved(&self, written: &Unsaved) {
        let mut known = self.known();
        let gone: HashSet<&B256> = written.forgotten.iter().collect();
        let again: HashSet<&B256> = written.dropped.iter().map(|(hash, _)| hash).collect();
        known
            .kept
            .retain(|hash| !gone.contains(hash) && !again.contains(hash));
        known
            .kept
            .extend(written.dropped.iter().map(|(hash, _)| *hash));
        if let Some((_, last)) = written.dropped.last() {
            known.order = last.order + 1;
        }
        known.written = written.counts;
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// Looks a transaction up among those dropped since the start.
    fn now(&self, left: &Left, hash: &B256) -> Option<Gone> {
        let said = self.said.iter().rev().find(|said| said.hash == *hash);
        let leaver = left.find(hash);
        let at = leaver.map(|leaver| leaver.at);
        Some(Gone {
            hash: *hash,
            reason: leaver.map_or(DropReason::Kernel, |leaver| leaver.reason),
            at: at.or_else(|| said.map(|said| said.at))?,
            said: said.map(|said| said.why.clone()),
            sender: leaver.map(of_leaver),
            candidate: leaver.map(|leaver| Arc::clone(&leaver.candidate)),
        })
    }
}

fn of_leaver(leaver: &Leaver) -> (Address, u64) {
    (leaver.candidate.sender, leaver.candidate.nonce())
}

fn saved(order: u64, gone: &Gone) -> SavedDrop {
    let raw = gone.candidate.as_ref().map(|candidate| &candidate.raw);
    let raw = raw.filter(|raw| raw.len() <= BYTES).cloned();
    SavedDrop {
        order,
        at: gone.at,
        reason: gone.reason.number(),
        said: gone.said.clone(),
        sent: gone
            .sender
            .map(|(sender, nonce)| (sender, nonce, raw.unwrap_or_default())),
    }
}

fn gone(hash: B256, saved: SavedDrop) -> Gone {
    let candidate = |sender: Address, raw: &Bytes| {
        let transaction = ethereum::transaction::decode(raw).ok()?;
        Some(Arc::new(Candidate {
            transaction,
            sender,
            raw: raw.clone(),
            unsigned: false,
        }))
    };
    let sent = saved.sent.as_ref();
    Gone {
        hash,
        reason: DropReason::of_number(saved.reason).unwrap_or(DropReason::Kernel),
        at: saved.at,
        sender: sent.map(|(sender, nonce, _)| (*sender, *nonce)),
        candidate: sent.and_then(|(sender, _, raw)| candidate(*sender, raw)),
        said: saved.said,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(number: u64) -> B256 {
        B256::left_padding_from(&number.to_be_bytes())
    }

    #[test]
    fn what_the_kernel_says_of_a_transaction_is_kept_and_no_other_line() {
        let (dropped, left) = (Dropped::default(), Left::default());
        let one = B256::repeat_byte(7);
        dropped.hear(&format!(
            "[evm] transaction {one} dropped: nonce 3 instead of 5\n"
        ));
        dropped.hear("[evm] input dropped: no batch");
        dropped.hear("[evm] transaction 0x12 dropped: x");
        let found = dropped.find(&left, &one).unwrap();
        assert_eq!(found.said.as_deref(), Some("nonce 3 instead of 5"));
        assert_eq!(dropped.newest(&left), [one]);
        for number in 0..MOST as u64 + 3 {
            dropped.tell(hash(number), &"é".repeat(900));
        }
        let newest = dropped.newest(&left);
        assert_eq!(newest.len(), MOST);
        let said = dropped.find(&left, &newest[0]).unwrap().said.unwrap();
        assert_eq!(said.chars().count(), LONGEST);
        assert!(dropped.find(&left, &one).is_none());
    }

    /// A store as a list.
    fn write(kept: &mut Vec<(B256, SavedDrop)>, unsaved: &Unsaved) {
        let goes = |hash: &B256| {
            unsaved.forgotten.contains(hash)
                || unsaved.dropped.iter().any(|(again, _)| again == hash)
        };
        kept.retain(|(hash, _)| !goes(hash));
        kept.extend(unsaved.dropped.iter().cloned());
    }

    #[test]
    fn what_is_written_is_there_again_and_bounded() {
        let (dropped, left) = (Dropped::default(), Left::default());
        let mut kept = Vec::new();
        for number in 0..KEPT as u64 + 300 {
            dropped.tell(hash(number), "no funds");
            if number % 100 == 99 {
                let unsaved = dropped.unsaved(&left);
                assert!(unsaved.dropped.len() <= AT_ONCE);
                write(&mut kept, &unsaved);
                dropped.saved(&unsaved);
            }
        }
        // Once more the same: it is the newest then.
        dropped.tell(hash(KEPT as u64), "again");
        let unsaved = dropped.unsaved(&left);
        write(&mut kept, &unsaved);
        dropped.saved(&unsaved);
        assert!(dropped.unsaved(&left).dropped.is_empty());
        assert_eq!(kept.len(), KEPT);
        let next = Dropped::default();
        next.restore(kept.clone());
        let newest = next.newest(&left);
        assert_eq!(newest.len(), KEPT);
        assert_eq!(newest[0], hash(KEPT as u64));
        let found = next.find(&left, &newest[0]).unwrap();
        assert_eq!(found.said.as_deref(), Some("again"));
        assert!(next.find(&left, &hash(1)).is_none());
        // What is dropped now stands before what was.
        next.tell(hash(KEPT as u64 + 1), "now");
        let unsaved = next.unsaved(&left);
        write(&mut kept, &unsaved);
        kept.sort_by_key(|(_, saved)| saved.order);
        assert_eq!(kept.last().unwrap().0, hash(KEPT as u64 + 1));
        assert_eq!(kept.len(), KEPT);
    }
}
