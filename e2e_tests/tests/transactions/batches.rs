//! Batches: who may move what, and what becomes of transactions that may not.

use e2e_tests::tickets::{
    CONTENT, ROLLUP, Rollup, TICKETER, default_durable, deposit, external, framed, give, give_to,
    key, one, operation, post, reveal, signed, ticket, withdraw,
};
use messages::number;
use tx_kernel::encoding::{Content, put, string_ticket};
use tx_kernel::wallet::{self, Key};

/// Alice has 100, Bob has 10.
fn start() -> (Key, Key, Rollup) {
    let (alice, bob) = (key(1), key(2));
    let rollup = Rollup::funded(&[(&alice, 100), (&bob, 10)]);
    (alice, bob, rollup)
}

fn balances(rollup: &Rollup, keys: [&Key; 2]) -> [u64; 2] {
    keys.map(|key| rollup.balance(key))
}

#[test]
fn a_transfer_moves_tickets_and_counts() {
    let (alice, bob, mut rollup) = start();
    let log = rollup.log(&[one(&alice, reveal(&alice, 0, &[give(&bob, 60)]))]);
    assert_eq!(log, "");
    assert_eq!(balances(&rollup, [&alice, &bob]), [40, 70]);
    let account = rollup.account(&alice).unwrap();
    assert_eq!(account.counter, 1);
    let known = account.public_key.map(|known| known.compress());
    assert_eq!(known.as_ref(), Some(alice.public_key()));
}

#[test]
fn a_key_is_revealed_once_and_then_its_address_will_do() {
    let (alice, bob, mut rollup) = start();
    let by_address = one(&alice, operation(&alice, 0, &[give(&bob, 1)]));
    let log = rollup.log(&[by_address]);
    assert!(log.contains("the key of tz4"), "{log}");
    assert_eq!(balances(&rollup, [&alice, &bob]), [100, 10]);
    // Also within one batch; and the key again does no harm.
    let batch = post(&[
        signed(&[(&alice, reveal(&alice, 0, &[give(&bob, 1)]))]),
        signed(&[(&alice, operation(&alice, 1, &[give(&bob, 1)]))]),
        signed(&[(&alice, reveal(&alice, 2, &[give(&bob, 1)]))]),
    ]);
    assert_eq!(rollup.log(&[batch]), "");
    let later = one(&alice, operation(&alice, 3, &[give(&bob, 1)]));
    assert_eq!(rollup.log(&[later]), "");
    assert_eq!(balances(&rollup, [&alice, &bob]), [96, 14]);
}

/// A key whose transaction fails is not linked to its account.
#[test]
fn a_key_of_a_refused_transaction_is_not_kept() {
    let (alice, bob, mut rollup) = start();
    let batch = post(&[
        signed(&[(&alice, reveal(&alice, 0, &[give(&bob, 1000)]))]),
        signed(&[(&alice, operation(&alice, 0, &[give(&bob, 1)]))]),
    ]);
    let log = rollup.log(&[batch]);
    assert!(
        log.contains("transaction 0 refused: insufficient balance"),
        "{log}"
    );
    assert!(
        log.contains("transaction 1 refused: unknown account"),
        "{log}"
    );
    assert_eq!(rollup.account(&alice).unwrap().public_key, None);
}

#[test]
fn a_new_account_is_made_by_what_it_gets() {
    let (alice, _, mut rollup) = start();
    let carol = key(3);
    rollup.level(&[one(&alice, reveal(&alice, 0, &[give(&carol, 60)]))]);
    assert_eq!(rollup.balance(&carol), 60);
    rollup.level(&[one(&carol, reveal(&carol, 0, &[give(&alice, 10)]))]);
    assert_eq!(balances(&rollup, [&alice, &carol]), [50, 50]);
}

/// Each refusal leaves the transaction before it and the one after it alone.
#[test]
fn what_is_refused_changes_nothing_and_stops_nobody() {
    let zero = |to: &Key| give(to, 0);
    let negative = |to: &Key| {
        let mut node = string_ticket(&TICKETER, CONTENT, 0);
        node.truncate(node.len() - 1);
        number::put_z(&mut node, true, &[1]);
        put::content(&Content::Transfer {
            destination: &to.address(),
            ticket: ticket(&node),
        })
    };
    let (rich, carol) = (key(4), key(3));
    type Contents<'c> = Box<dyn Fn(&Key, &Key) -> (i64, Vec<Vec<u8>>) + 'c>;
    let cases: Vec<(&str, Contents<'_>)> = vec![
        (
            "insufficient balance",
            Box::new(|_, bob| (1, vec![give(bob, 100)])),
        ),
        (
            "insufficient balance",
            Box::new(|_, _| (1, vec![withdraw(100)])),
        ),
        (
            "insufficient balance",
            Box::new(|_, bob| (1, vec![give_to(&bob.address(), "other", 1)])),
        ),
        (
            "an amount is not in",
            Box::new(|_, bob| (1, vec![zero(bob)])),
        ),
        (
            "an amount is not in",
            Box::new(|_, bob| (1, vec![negative(bob)])),
        ),
        (
            "a transfer to oneself",
            Box::new(|alice, _| (1, vec![give(alice, 1)])),
        ),
        (
            "counter 2, where 1 is next",
            Box::new(|_, bob| (2, vec![give(bob, 1)])),
        ),
        (
            "counter 0, where 1 is next",
            Box::new(|_, bob| (0, vec![give(bob, 1)])),
        ),
        (
            "the receiver cannot hold",
            Box::new(|_, _| (1, vec![give(&rich, 1)])),
        ),
        // What went well before is taken back.
        (
            "insufficient balance",
            Box::new(|_, bob| (1, vec![give(bob, 1), withdraw(1), give(bob, 98)])),
        ),
        (
            "insufficient balance",
            Box::new(|_, _| (1, vec![give(&carol, 1), give(&carol, 99)])),
        ),
    ];
    for (reason, contents) in cases {
        let (alice, bob) = (key(1), key(2));
        let mut rollup = Rollup::funded(&[(&alice, 100), (&bob, 10), (&rich, u64::MAX)]);
        let (counter, contents) = contents(&alice, &bob);
        let batch = post(&[
            signed(&[(&alice, reveal(&alice, 0, &[give(&bob, 1)]))]),
            signed(&[(&alice, operation(&alice, counter, &contents))]),
            signed(&[(&alice, operation(&alice, 1, &[give(&bob, 1)]))]),
        ]);
        let report = rollup.level(&[batch]);
        let log = report.debug.concat();
        assert!(
            log.contains(&format!("transaction 1 refused: {reason}")),
            "{reason}: {log}"
        );
        assert_eq!(log.lines().count(), 1, "{log}");
        assert_eq!(balances(&rollup, [&alice, &bob]), [98, 12], "{reason}");
        assert_eq!(rollup.account(&alice).unwrap().counter, 2);
        assert_eq!(rollup.account(&carol), None);
        assert_eq!(report.outbox, Vec::<Vec<u8>>::new());
    }
}

#[test]
fn an_unknown_signer_is_refused() {
    let (alice, _, mut rollup) = start();
    let stranger = key(9);
    let log = rollup.log(&[one(&stranger, reveal(&stranger, 0, &[give(&alice, 1)]))]);
    assert!(log.contains("refused: unknown account"), "{log}");
    let log = rollup.log(&[one(&stranger, operation(&stranger, 0, &[give(&alice, 1)]))]);
    assert!(log.contains("batch dropped: the key of"), "{log}");
    assert_eq!(rollup.account(&stranger), None);
}

/// A pair of operations of two signers happens whole or not at all.
#[test]
fn an_exchange_is_atomic() {
    let (alice, bob, mut rollup) = start();
    let exchange = |counter: i64, back: u64| {
        post(&[signed(&[
            (&alice, reveal(&alice, counter, &[give(&bob, 60)])),
            (&bob, reveal(&bob, counter, &[give(&alice, back)])),
        ])])
    };
    let log = rollup.log(&[exchange(0, 71)]);
    assert!(log.contains("insufficient balance"), "{log}");
    assert_eq!(balances(&rollup, [&alice, &bob]), [100, 10]);
    assert_eq!(rollup.account(&alice).unwrap().counter, 0);
    assert_eq!(rollup.log(&[exchange(0, 70)]), "");
    assert_eq!(balances(&rollup, [&alice, &bob]), [110, 0]);
}

#[test]
fn a_batch_that_is_not_signed_by_all_is_dropped_whole() {
    let (alice, bob, mut rollup) = start();
    let first = signed(&[(&alice, reveal(&alice, 0, &[give(&bob, 1)]))]);
    let second = signed(&[(&bob, reveal(&bob, 0, &[give(&alice, 1)]))]);
    let bytes = [first.0.clone(), second.0.clone()];
    let sign = |pairs: &[(&Key, &Vec<u8>)]| {
        let all: Vec<_> = pairs
            .iter()
            .map(|(key, message)| key.sign(message))
            .collect();
        external(&put::batch(&bytes, &wallet::aggregate(&all).unwrap()))
    };
    for wrong in [
        // Swapped, missing, twice, of something else.
        sign(&[(&bob, &first.0), (&alice, &second.0)]),
        sign(&[(&alice, &first.0)]),
        sign(&[(&alice, &first.0), (&bob, &second.0), (&bob, &second.0)]),
        sign(&[(&alice, &first.0), (&bob, &first.0)]),
        external(&put::batch(&bytes, &[0; 96])),
        external(&put::batch(&bytes, &[0xff; 96])),
    ] {
        let log = rollup.log(&[wrong]);
        assert!(log.contains("batch dropped: the "), "{log}");
        assert_eq!(balances(&rollup, [&alice, &bob]), [100, 10]);
    }
    // The point at infinity signs nothing, under no key.
    let mut infinity = [0; 96];
    infinity[0] = 0xc0;
    let log = rollup.log(&[external(&put::batch(&bytes, &infinity))]);
    assert!(log.contains("batch dropped: the "), "{log}");
    let good = sign(&[(&alice, &first.0), (&bob, &second.0)]);
    assert_eq!(rollup.log(&[good]), "");
    assert_eq!(rollup.account(&alice).unwrap().counter, 1);
    assert_eq!(rollup.account(&bob).unwrap().counter, 1);
}

#[test]
fn a_batch_does_nothing_the_second_time() {
    let (alice, bob, mut rollup) = start();
    let batch = one(&alice, reveal(&alice, 0, &[give(&bob, 60)]));
    assert_eq!(rollup.log(std::slice::from_ref(&batch)), "");
    let report = rollup.level(&[batch]);
    assert!(report.debug.concat().contains("all counters are used up"));
    assert_eq!(balances(&rollup, [&alice, &bob]), [40, 70]);
}

#[test]
fn bytes_that_are_no_batch_are_dropped() {
    let (alice, bob, mut rollup) = start();
    let good = one(&alice, reveal(&alice, 0, &[give(&bob, 60)]));
    for end in 1..good.len() {
        rollup.level(&[good[..end].to_vec()]);
    }
    // Lengths that fit, around bytes that say nothing.
    let mut garbled = good.clone();
    garbled[7] ^= 0x40;
    let log = rollup.log(&[garbled]);
    assert!(log.contains("batch dropped"), "{log}");
    assert_eq!(balances(&rollup, [&alice, &bob]), [100, 10]);
    assert_eq!(rollup.log(&[good]), "");
    assert_eq!(balances(&rollup, [&alice, &bob]), [40, 70]);
}

#[test]
fn a_frame_names_the_rollup() {
    let (alice, bob, mut rollup) = start();
    let batch = |counter| {
        [signed(&[(
            &alice,
            reveal(&alice, counter, &[give(&bob, 1)]),
        )])]
    };
    rollup.level(&[framed(&[0x12; 20], &[], &batch(0))]);
    assert_eq!(rollup.balance(&bob), 10);
    rollup.level(&[framed(&ROLLUP, &[], &batch(0))]);
    assert_eq!(rollup.balance(&bob), 11);
}

/// Unless the setup file says otherwise, frames are required and signatures are
/// for this rollup: what was meant for another one does nothing here, in
/// whatever frame somebody puts it.
#[test]
fn batches_for_other_rollups_do_nothing() {
    let (alice, bob) = (key(1), key(2));
    let mut rollup = Rollup::with(default_durable());
    rollup.level(&[deposit(&alice.to_base58(), CONTENT, 100)]);
    let batch = [signed(&[(&alice, reveal(&alice, 0, &[give(&bob, 1)]))])];
    let elsewhere = [0x12; 20];
    for refused in [
        post(&batch),
        framed(&ROLLUP, &[], &batch),
        framed(&elsewhere, &elsewhere, &batch),
        framed(&ROLLUP, &elsewhere, &batch),
        framed(&elsewhere, &ROLLUP, &batch),
    ] {
        rollup.level(&[refused]);
        assert_eq!(rollup.balance(&bob), 0);
    }
    assert_eq!(rollup.log(&[framed(&ROLLUP, &ROLLUP, &batch)]), "");
    assert_eq!(rollup.balance(&bob), 1);
}

/// A setup file that cannot be meant: the kernel says so and does nothing,
/// where it once took any other value for "optional".
#[test]
fn an_invalid_setup_value_is_refused() {
    for value in [&[2][..], &[], &[1, 0], b"01"] {
        let mut durable = default_durable();
        durable.write("/tx/config/frame", value).unwrap();
        let mut rollup = Rollup::with(durable);
        let log = rollup.log(&[deposit(&key(1).to_base58(), CONTENT, 100)]);
        assert!(log.contains("/tx/config/frame: expected 00"), "{log}");
        assert_eq!(rollup.balance(&key(1)), 0);
    }
}
