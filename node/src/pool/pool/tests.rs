//! Tests of the pool.

mod parked;
mod random;

use super::*;
use alloy_primitives::TxKind;
use ethereum::Transaction;
use ethereum::transaction::Eip1559;

const ALICE: Address = Address::repeat_byte(0xa);
const BOB: Address = Address::repeat_byte(0xb);
const NO_LIMIT: LevelLimits = LevelLimits {
    count: usize::MAX,
    work: u64::MAX,
    gas: u64::MAX,
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
        unsigned: false,
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
    let two = LevelLimits {
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
        pool.take(&LevelLimits {
            work: 1,
            ..NO_LIMIT
        })
        .len(),
        1
    );
    assert_eq!(
        pool.take(&LevelLimits {
            work: 120_000,
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
    let dear = LevelLimits {
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
    pool.take(&LevelLimits {
        count: 2,
        ..NO_LIMIT
    });
    let dropped = pool.settle([(from(ALICE, 0).transaction.hash, ALICE)], true, |sender| {
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
        pool.settle([(from(ALICE, 0).transaction.hash, ALICE)], true, |_| 1)
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

#[test]
fn the_pool_is_bounded_in_bytes() {
    let mut pool = Pool::default();
    let large = |nonce: u64| Candidate {
        raw: vec![0; 128 << 10].into(),
        ..from(ALICE, nonce)
    };
    let most = (CAPACITY_BYTES / (128 << 10)) as u64;
    for nonce in 0..most {
        pool.insert(large(nonce), 0).unwrap();
    }
    assert_eq!(pool.insert(large(most), 0).unwrap_err(), PoolError::Full);
    assert_eq!(pool.insert(from(BOB, 0), 0).unwrap_err(), PoolError::Full);
    // One that takes the place of another needs no more than that one has.
    let better = Candidate {
        raw: vec![0; 128 << 10].into(),
        ..paying(ALICE, 3, 200)
    };
    assert!(pool.insert(better, 0).is_ok());
    pool.clear(DropReason::Request);
    assert!(pool.insert(large(0), 0).is_ok());
    assert_eq!(pool.bytes, 128 << 10);
}

#[test]
fn costs_and_nonces_are_those_of_a_walk_over_all() {
    let mut pool = Pool::default();
    for nonce in [0, 1, 2, 5, 6] {
        pool.insert(from(ALICE, nonce), 0).unwrap();
    }
    pool.insert(paying(ALICE, 1, 200), 0).unwrap();
    let cost = |fees: &[u64]| {
        let gas = fees.iter().map(|fee| U256::from(fee * 21_000));
        gas.sum::<U256>()
    };
    assert_eq!(
        pool.cost_without(&ALICE, 0, 9),
        cost(&[100, 200, 100, 100, 100])
    );
    assert_eq!(pool.cost_without(&ALICE, 0, 1), cost(&[100, 100, 100, 100]));
    assert_eq!(pool.cost_without(&ALICE, 2, 5), cost(&[100, 100]));
    assert_eq!(pool.cost_without(&BOB, 0, 0), U256::ZERO);
    assert_eq!(pool.next_nonce(&ALICE, 0), 3);
    assert_eq!(pool.next_nonce(&ALICE, 2), 3);
    assert_eq!(pool.next_nonce(&ALICE, 4), 4);
    assert_eq!(pool.next_nonce(&ALICE, 5), 7);
    let taken = pool.take(&NO_LIMIT).len();
    assert_eq!(taken, 3);
    let first = from(ALICE, 0).transaction.hash;
    pool.settle([(first, ALICE)], true, |_| 1);
    assert_eq!(pool.counts(), (0, 2));
    assert_eq!(pool.cost_without(&ALICE, 1, 9), cost(&[100, 100]));
}

#[test]
fn what_got_lost_goes_out_again_in_order() {
    let mut pool = Pool::default();
    let all: Vec<_> = (0..3).map(|nonce| from(ALICE, nonce)).collect();
    for candidate in &all {
        pool.insert(candidate.clone(), 0).unwrap();
    }
    assert_eq!(pool.take(&NO_LIMIT).len(), 3);
    let lost: Vec<_> = all.iter().rev().map(|one| one.transaction.hash).collect();
    assert_eq!(pool.resend(&lost[..2], |_| 0), 2);
    assert_eq!(pool.resend(&lost, |_| 0), 1, "the others are ready already");
    assert_eq!(pool.take(&NO_LIMIT), raws(&all));
}

#[test]
fn behind_one_that_was_dropped_others_wait() {
    let mut pool = Pool::default();
    let all: Vec<_> = (0..3).map(|nonce| from(ALICE, nonce)).collect();
    for candidate in &all {
        pool.insert(candidate.clone(), 0).unwrap();
    }
    pool.take(&NO_LIMIT);
    pool.discard(&all[0].transaction.hash, DropReason::Kernel, 0);
    let lost: Vec<_> = all[1..].iter().map(|one| one.transaction.hash).collect();
    assert_eq!(pool.resend(&lost, |_| 0), 2);
    // They are not posted until somebody sends the one before them.
    assert!(pool.take(&NO_LIMIT).is_empty());
    pool.insert(all[0].clone(), 0).unwrap();
    assert_eq!(pool.take(&NO_LIMIT), raws(&all));
}

#[test]
fn one_that_came_another_way_makes_those_behind_it_ready() {
    let mut pool = Pool::default();
    pool.insert(from(ALICE, 1), 0).unwrap();
    assert!(pool.take(&NO_LIMIT).is_empty());
    pool.settle([(from(ALICE, 0).transaction.hash, ALICE)], true, |_| 1);
    assert_eq!(pool.take(&NO_LIMIT), raws(&[from(ALICE, 1)]));
}

#[test]
fn one_that_is_dropped_and_sent_again_is_there_once() {
    let mut pool = Pool::default();
    let transaction = from(ALICE, 0);
    for _ in 0..1_000 {
        pool.insert(transaction.clone(), 0).unwrap();
        pool.discard(&transaction.transaction.hash, DropReason::Request, 0);
    }
    pool.insert(transaction.clone(), 0).unwrap();
    assert_eq!(pool.counts(), (1, 0));
    assert_eq!(pool.pending().count(), 1);
    assert_eq!(pool.ready.len(), 1);
    pool.insert(from(ALICE, 1), 0).unwrap();
    pool.discard_of(ALICE, 0);
    assert_eq!((pool.counts(), pool.ready.len()), ((0, 0), 0));
    assert_eq!(pool.bytes, 0);
}

#[test]
fn the_last_nonce_has_no_next() {
    let mut pool = Pool::default();
    for nonce in [u64::MAX - 1, u64::MAX] {
        assert!(pool.insert(from(ALICE, nonce), u64::MAX - 1).unwrap().0);
    }
    assert_eq!(pool.next_nonce(&ALICE, u64::MAX - 1), u64::MAX);
    let last = from(ALICE, u64::MAX).transaction.hash;
    pool.discard(&last, DropReason::Request, u64::MAX - 1);
    assert_eq!(pool.take(&NO_LIMIT), raws(&[from(ALICE, u64::MAX - 1)]));
}

#[test]
fn what_is_dropped_with_all_others_is_told_to_the_store() {
    let mut pool = Pool::default();
    pool.tell_gone();
    let transaction = from(ALICE, 0);
    let (hash, (_, mut fate)) = (
        transaction.transaction.hash,
        pool.insert(transaction, 0).unwrap(),
    );
    pool.clear(DropReason::Request);
    assert_eq!(pool.take_gone(), [hash]);
    assert_eq!(
        pool.left().find(&hash).map(|left| left.reason),
        Some(DropReason::Request)
    );
    assert_eq!(fate.try_recv(), Ok(Err(DropReason::Request)));
}

#[test]
fn what_is_taken_back_was_never_there_unless_it_is_on_its_way() {
    let mut pool = Pool::default();
    let all: Vec<_> = (0..3).map(|nonce| from(ALICE, nonce)).collect();
    let hashes: Vec<_> = all.iter().map(|one| one.transaction.hash).collect();
    for candidate in &all {
        pool.insert(candidate.clone(), 0).unwrap();
    }
    assert!(pool.take_back(&hashes[1], 0));
    assert!(pool.get(&hashes[1]).is_none());
    assert!(pool.left().find(&hashes[1]).is_none());
    // The one behind it waits for another.
    assert_eq!(pool.take(&NO_LIMIT), raws(&all[..1]));
    assert!(!pool.take_back(&hashes[0], 0));
    assert!(pool.get(&hashes[0]).is_some());
    pool.insert(all[1].clone(), 0).unwrap();
    assert_eq!(pool.take(&NO_LIMIT), raws(&all[1..]));
}
