//! Random changes of the pool, beside a list of what waits.

use super::*;
use proptest::prelude::*;

/// A change.
#[derive(Clone, Debug)]
enum Change {
    Insert {
        sender: u8,
        nonce: u64,
        fee: u64,
    },
    Take {
        count: usize,
    },
    /// A block with the first ones of what was taken, and perhaps one that came another way.
    Block {
        count: usize,
        drained: bool,
        other: Option<u8>,
    },
    Discard {
        place: usize,
    },
    DiscardOf {
        sender: u8,
    },
    Resend {
        place: usize,
    },
    /// The chain goes back by so many transactions of a sender.
    Back {
        sender: u8,
        by: u64,
    },
    Clear,
    /// All that waits is inserted into a new pool.
    Restart,
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let sender = 1..=3_u8;
    let change = prop_oneof![
        8 => (sender.clone(), 0..6_u64, 90..200_u64)
            .prop_map(|(sender, nonce, fee)| Change::Insert { sender, nonce, fee }),
        3 => (0..5_usize).prop_map(|count| Change::Take { count }),
        3 => (0..5_usize, any::<bool>(), proptest::option::of(sender.clone()))
            .prop_map(|(count, drained, other)| Change::Block { count, drained, other }),
        3 => (0..8_usize).prop_map(|place| Change::Discard { place }),
        1 => sender.clone().prop_map(|sender| Change::DiscardOf { sender }),
        2 => (0..4_usize).prop_map(|place| Change::Resend { place }),
        1 => (sender, 1..3_u64).prop_map(|(sender, by)| Change::Back { sender, by }),
        1 => Just(Change::Clear),
        1 => Just(Change::Restart),
    ];
    proptest::collection::vec(change, 1..60)
}

/// What waits, by sender and nonce: the transaction, and whether it was sent.
#[derive(Default)]
struct Model {
    waiting: BTreeMap<(Address, u64), (Candidate, bool)>,
    next: BTreeMap<Address, u64>,
}

impl Model {
    fn next(&self, sender: &Address) -> u64 {
        self.next.get(sender).copied().unwrap_or(0)
    }

    /// Those behind the nonce of their sender are gone, unless they were sent.
    fn settle(&mut self) {
        let next = self.next.clone();
        self.waiting.retain(|(sender, nonce), (_, sent)| {
            *sent || *nonce >= next.get(sender).copied().unwrap_or(0)
        });
    }
}

const fn address(sender: u8) -> Address {
    Address::repeat_byte(sender)
}

struct Both {
    pool: Pool,
    model: Model,
}

impl Both {
    fn apply(&mut self, change: &Change) {
        let Self { pool, model } = self;
        match *change {
            Change::Insert { sender, nonce, fee } => {
                let sender = address(sender);
                let next = model.next(&sender);
                // As the check before does.
                if nonce < next {
                    return;
                }
                let candidate = paying(sender, nonce, fee);
                let expected = match model.waiting.get(&(sender, nonce)) {
                    Some((old, _)) if old.transaction.hash == candidate.transaction.hash => {
                        Some(PoolError::AlreadyKnown)
                    }
                    Some((_, true)) => Some(PoolError::Underpriced),
                    Some((old, false)) if !candidate.outbids(old) => Some(PoolError::Underpriced),
                    _ => None,
                };
                let inserted = pool.insert(candidate.clone(), next);
                assert_eq!(inserted.err(), expected);
                if expected.is_none() {
                    model.waiting.insert((sender, nonce), (candidate, false));
                }
            }
            Change::Take { count } => {
                let limits = LevelLimits { count, ..NO_LIMIT };
                for candidate in pool.take_whole(&limits) {
                    let place = (candidate.sender, candidate.nonce());
                    let (waiting, sent) = model.waiting.get_mut(&place).unwrap();
                    assert_eq!(waiting.transaction.hash, candidate.transaction.hash);
                    assert!(!*sent, "taken twice");
                    *sent = true;
                    assert!(
                        place.1 == 0
                            || model.next(&place.0) == place.1
                            || model.waiting.contains_key(&(place.0, place.1 - 1)),
                        "a gap"
                    );
                }
            }
            Change::Block {
                count,
                drained,
                other,
            } => {
                let mut included = Vec::new();
                let sent: Vec<_> = pool.sent.clone();
                for (sender, nonce) in sent.into_iter().take(count) {
                    // Blocks have a sender's transactions in order.
                    if model.next(&sender) == nonce {
                        let (candidate, _) = model.waiting.remove(&(sender, nonce)).unwrap();
                        included.push((candidate.transaction.hash, sender));
                        model.next.insert(sender, nonce + 1);
                    }
                }
                if let Some(sender) = other.map(address) {
                    let nonce = model.next(&sender);
                    let hash = paying(sender, nonce, 1).transaction.hash;
                    included.push((hash, sender));
                    model.next.insert(sender, nonce + 1);
                }
                if drained {
                    model.waiting.retain(|_, (_, sent)| !*sent);
                }
                let next = model.next.clone();
                pool.settle(included, drained, |sender| {
                    next.get(sender).copied().unwrap_or(0)
                });
                // The pool looks at those senders alone that a block or the kernel touched.
                model.settle();
            }
            Change::Discard { place } => {
                let Some((at, (candidate, _))) = model.waiting.iter().nth(place) else {
                    return;
                };
                let (at, hash) = (*at, candidate.transaction.hash);
                pool.discard(&hash, DropReason::Request, model.next(&at.0));
                model.waiting.remove(&at);
            }
            Change::DiscardOf { sender } => {
                let sender = address(sender);
                pool.discard_of(sender, model.next(&sender));
                model.waiting.retain(|(other, _), _| *other != sender);
            }
            Change::Resend { place } => {
                let Some(at) = pool.sent.get(place).copied() else {
                    return;
                };
                let hash = model.waiting[&at].0.transaction.hash;
                let next = model.next(&at.0);
                if at.1 < next {
                    return;
                }
                assert_eq!(pool.resend(&[hash], |_| next), 1);
                if let Some((_, sent)) = model.waiting.get_mut(&at) {
                    *sent = false;
                }
            }
            Change::Back { sender, by } => {
                let sender = address(sender);
                let next = model.next(&sender).saturating_sub(by);
                model.next.insert(sender, next);
                let next = model.next.clone();
                pool.went_back(|sender| next.get(sender).copied().unwrap_or(0));
            }
            Change::Clear => {
                pool.clear(DropReason::Request);
                model.waiting.clear();
            }
            Change::Restart => {
                let mut again = Pool::default();
                model.settle();
                model.waiting.retain(|(sender, nonce), (candidate, sent)| {
                    let next = model.next.get(sender).copied().unwrap_or(0);
                    *sent = false;
                    *nonce >= next && again.insert(candidate.clone(), next).is_ok()
                });
                *pool = again;
            }
        }
    }

    fn check(&self) {
        let Self { pool, model } = self;
        let hashes = |candidates: Vec<&Arc<Candidate>>| {
            let mut hashes: Vec<B256> = candidates
                .iter()
                .map(|candidate| candidate.transaction.hash)
                .collect();
            hashes.sort_unstable();
            hashes
        };
        let all = pool.all(None);
        let mut waiting: Vec<B256> = model
            .waiting
            .values()
            .map(|(candidate, _)| candidate.transaction.hash)
            .collect();
        waiting.sort_unstable();
        assert_eq!(hashes(all.iter().map(|(_, one)| one).collect()), waiting);
        let ready = all.iter().filter(|(ready, _)| *ready).map(|(_, one)| one);
        assert_eq!(hashes(pool.pending().collect()), hashes(ready.collect()));
        assert_eq!(pool.ready.len() + pool.sent.len(), pool.counts().0);
        assert_eq!(pool.counts().0 + pool.counts().1, waiting.len());
        let bytes = model.waiting.values().map(|(one, _)| one.raw.len());
        assert_eq!(pool.bytes, bytes.sum::<usize>());
        for sender in (1..=3).map(address) {
            let of = || model.waiting.range((sender, 0)..=(sender, u64::MAX));
            let cost = of().map(|(_, (one, _))| one.cost()).sum::<U256>();
            assert_eq!(pool.cost_without(&sender, 0, u64::MAX), cost);
            let mut end = model.next(&sender);
            while model.waiting.contains_key(&(sender, end)) {
                end += 1;
            }
            assert_eq!(pool.next_nonce(&sender, model.next(&sender)), end);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn the_pool_has_what_was_sent_and_neither_left_nor_ran(changes in changes()) {
        let mut both = Both { pool: Pool::default(), model: Model::default() };
        for change in &changes {
            both.apply(change);
            both.check();
        }
    }
}
