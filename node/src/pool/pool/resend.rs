//! What was sent and got lost on its way.

use super::{Pool, Sender, Stage};
use crate::clock;
use alloy_primitives::{Address, B256};
use std::collections::{BTreeSet, HashMap, VecDeque};

/// Nonces by sender.
type Nonces = HashMap<Address, BTreeSet<u64>>;

impl Pool {
    /// Makes transactions ready again that were sent and got lost on their way, or parks them
    /// if one before them is missing; `next` tells a sender's nonce in the newest block.
    /// Gives how many were sent; others stay as they are.
    pub fn resend(&mut self, hashes: &[B256], next: impl Fn(&Address) -> u64) -> usize {
        let mut back = Nonces::new();
        let mut order = Vec::new();
        for hash in hashes {
            if let Some((sender, nonce)) = self.hashes.get(hash).copied()
                && self
                    .entry(sender, nonce)
                    .is_some_and(|entry| entry.stage == Stage::Sent)
                && back.entry(sender).or_default().insert(nonce)
            {
                order.push(sender);
            }
        }
        let was_sent = order.len();
        if was_sent == 0 {
            return 0;
        }
        let is_back = |(sender, nonce): &(Address, u64)| {
            back.get(sender)
                .is_some_and(|nonces| nonces.contains(nonce))
        };
        self.sent.retain(|place| !is_back(place));
        let now = clock::machine();
        for (sender, nonces) in &mut back {
            let Some(of) = self.senders.get_mut(sender) else {
                continue;
            };
            let next = next(sender);
            let last = of.last_of_run(next);
            let runs = |nonce: u64| nonce < next || last.is_some_and(|last| nonce <= last);
            for nonce in &*nonces {
                if let Some(entry) = of.entries.get_mut(nonce) {
                    if runs(*nonce) {
                        entry.stage = Stage::Ready;
                    } else {
                        entry.park(now);
                        self.parked.insert(entry.place(), &entry.candidate);
                    }
                }
            }
            nonces.retain(|nonce| runs(*nonce));
        }
        self.ready = merged(std::mem::take(&mut self.ready), back, &order);
        was_sent
    }
}

impl Sender {
    /// The last nonce of those from `next` on that follow each other.
    fn last_of_run(&self, next: u64) -> Option<u64> {
        let nonces = self.entries.range(next..).map(|(nonce, _)| *nonce);
        let run = (next..=u64::MAX).zip(nonces);
        let run = run.take_while(|(wanted, nonce)| wanted == nonce);
        run.last().map(|(_, nonce)| nonce)
    }
}

/// The queue with those that come `back`: each before others of its sender that follow it, or
/// at the end, where the senders stand in their `order`.
fn merged(
    ready: VecDeque<(Address, u64)>,
    mut back: Nonces,
    order: &[Address],
) -> VecDeque<(Address, u64)> {
    let mut queue = VecDeque::with_capacity(ready.len() + order.len());
    for (sender, nonce) in ready {
        if let Some(nonces) = back.get_mut(&sender) {
            let later = nonces.split_off(&nonce);
            let before = std::mem::replace(nonces, later);
            queue.extend(before.into_iter().map(|nonce| (sender, nonce)));
        }
        queue.push_back((sender, nonce));
    }
    for sender in order {
        if let Some(nonce) = back.get_mut(sender).and_then(BTreeSet::pop_first) {
            queue.push_back((*sender, nonce));
        }
    }
    queue
}
