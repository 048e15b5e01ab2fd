//! What is behind a gap keeps nobody out.

use super::*;
use crate::pool::parked::LIFETIME;
use crate::pool::pool::room::{PARKED, PARKED_BYTES};
use alloy_primitives::keccak256;

/// A transaction that nobody signed: thousands of them take no time.
fn fake(sender: Address, nonce: u64, fee: u64) -> Candidate {
    let like = from(ALICE, 0);
    let Transaction::DynamicFee(fields) = like.transaction.transaction else {
        panic!("another type");
    };
    let fields = Eip1559 {
        nonce,
        max_fee_per_gas: U256::from(fee),
        ..fields
    };
    let name = [sender.as_slice(), &nonce.to_be_bytes(), &fee.to_be_bytes()].concat();
    Candidate {
        transaction: ethereum::SignedTransaction {
            transaction: Transaction::DynamicFee(fields),
            hash: keccak256(&name),
            ..like.transaction
        },
        sender,
        raw: like.raw,
        unsigned: false,
    }
}

fn number(sender: usize) -> Address {
    Address::left_padding_from(&(sender as u64 + 1).to_be_bytes())
}

/// As many behind a gap as there may be, each of which pays this.
fn crowd(pool: &mut Pool, fee: u64) {
    for place in 0..PARKED {
        let (sender, nonce) = (number(place / OF_SENDER), place % OF_SENDER + 1);
        assert!(!pool.insert(fake(sender, nonce as u64, fee), 0).unwrap().0);
    }
}

#[test]
fn those_behind_a_gap_have_a_part_of_the_pool_and_no_more() {
    let mut pool = Pool::default();
    crowd(&mut pool, 100);
    assert_eq!(pool.counts(), (0, PARKED));
    let first = fake(number(0), OF_SENDER as u64 + 1, 900);
    assert_eq!(
        pool.insert(first.clone(), 0).unwrap_err(),
        PoolError::SenderFull
    );
    // Of others only who pays more.
    let same = fake(ALICE, 1, 100);
    assert_eq!(pool.insert(same, 0).unwrap_err(), PoolError::Full);
    assert!(pool.insert(fake(ALICE, 1, 101), 0).is_ok());
    assert_eq!(pool.counts(), (0, PARKED));
    let reason = pool.left().newest().next().unwrap().reason;
    assert_eq!(reason, DropReason::Crowded);
    // What fills the gap frees the part.
    assert!(pool.insert(fake(number(0), 0, 100), 0).unwrap().0);
    assert_eq!(pool.counts(), (1 + OF_SENDER, PARKED - OF_SENDER));
    assert!(pool.insert(first, 0).unwrap().0);
}

#[test]
fn in_a_full_pool_those_that_can_run_take_the_place_of_those_that_cannot() {
    let mut pool = Pool::default();
    crowd(&mut pool, 100);
    pool.insert(fake(BOB, 9, 101), 0).unwrap();
    for nonce in 0..(CAPACITY - PARKED) as u64 {
        assert!(pool.insert(fake(ALICE, nonce, 1), 0).unwrap().0);
    }
    assert_eq!(pool.counts(), (CAPACITY - PARKED, PARKED));
    // It pays less than all others, and goes in all the same.
    let next = (CAPACITY - PARKED) as u64;
    for nonce in next..CAPACITY as u64 {
        assert!(pool.insert(fake(ALICE, nonce, 1), 0).unwrap().0);
    }
    assert_eq!(pool.counts(), (CAPACITY, 0));
    assert!(pool.get(&fake(BOB, 9, 101).transaction.hash).is_none());
    // Nobody is left who gives way.
    let last = fake(ALICE, CAPACITY as u64, 1_000);
    assert_eq!(pool.insert(last, 0).unwrap_err(), PoolError::Full);
    assert!(pool.insert(fake(ALICE, 7, 2), 0).is_ok(), "a replacement");
}

#[test]
fn large_ones_behind_a_gap_are_bounded_in_bytes() {
    let mut pool = Pool::default();
    let large = |nonce: u64, fee: u64| Candidate {
        raw: vec![0; 128 << 10].into(),
        ..fake(ALICE, nonce, fee)
    };
    let most = (PARKED_BYTES / (128 << 10)) as u64;
    for nonce in 1..=most {
        pool.insert(large(nonce, 100 + nonce), 0).unwrap();
    }
    assert_eq!(
        pool.insert(large(most + 1, 100), 0).unwrap_err(),
        PoolError::Full
    );
    assert!(pool.insert(large(most + 1, 900), 0).is_ok());
    assert!(pool.get(&large(1, 101).transaction.hash).is_none());
    assert_eq!(pool.bytes, PARKED_BYTES);
}

#[test]
fn those_behind_a_gap_go_after_some_hours() {
    let mut pool = Pool::default();
    pool.tell_gone();
    for nonce in [0, 1, 5] {
        pool.insert(from(ALICE, nonce), 0).unwrap();
    }
    let hash = from(ALICE, 5).transaction.hash;
    let now = clock::machine();
    pool.expire(now + LIFETIME / 2);
    assert_eq!(pool.counts(), (2, 1));
    pool.expire(now + LIFETIME + 60);
    assert_eq!(pool.counts(), (2, 0));
    let left = pool.left().find(&hash).unwrap();
    assert_eq!(left.reason, DropReason::Expired);
    assert_eq!(pool.take_gone(), [hash]);
}

#[test]
fn what_was_in_a_pool_comes_back_whole() {
    let mut pool = Pool::default();
    // More than may be put behind a gap: those before them have left.
    let most = OF_SENDER as u64 + 500;
    for nonce in 1..=most {
        let again = pool.insert_again(fake(ALICE, nonce, 100), 0);
        assert!(again.is_ok_and(|(ready, _)| !ready));
    }
    assert_eq!(pool.counts(), (0, most as usize));
    let another = fake(ALICE, most + 1, 100);
    assert_eq!(pool.insert(another, 0).unwrap_err(), PoolError::SenderFull);
}
