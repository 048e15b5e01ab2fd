//! Bounds: on frames, on work, on what waits.

use e2e_tests::tickets::{
    CONTENT, Rollup, deposit, durable, external, give, inbox, key, one, operation, options, post,
    reveal, signed, withdraw,
};
use e2e_tests::tx_case::{Case, Crowd, Kind, Lab};
use pvm::{Machine, Metering};
use tx_kernel::encoding::put;
use tx_kernel::transactions::{DEPOSIT, LEVEL_BUDGET, QUEUE_BYTES};
use tx_kernel::wallet::{self, Key};

/// As deep as it gets: 299 frames are what the oldest machine allows.
#[test]
fn no_batch_needs_more_than_three_hundred_frames() {
    let keys: Vec<Key> = (1..=20).map(key).collect();
    let options = pvm::Options {
        metering: Metering::Full,
        ..options()
    };
    let mut machine = Machine::from_durable(durable(), options).unwrap();
    let deposits: Vec<_> = keys
        .iter()
        .map(|key| deposit(&key.to_base58(), CONTENT, 1000))
        .collect();
    let operations: Vec<_> = keys
        .iter()
        .map(|from| (from, reveal(from, 0, &[give(&key(99), 1)])))
        .collect();
    let batch = post(&[signed(&operations)]);
    let withdrawals = one(&keys[0], operation(&keys[0], 1, &vec![withdraw(1); 30]));
    let report = machine.run_level(&inbox(&deposits)).unwrap();
    let mut runs = report.runs;
    let report = machine.run_level(&inbox(&[batch, withdrawals])).unwrap();
    assert_eq!((report.outbox.len(), report.debug.len()), (1, 0));
    runs.extend(report.runs);
    let deepest = runs.iter().map(|run| run.max_call_depth).max().unwrap();
    println!("deepest: {deepest} frames");
    assert!(deepest < 60, "{deepest}");
}

/// Batches of many keys under an aggregate of something else: each costs half a
/// run. What is good comes through all the same, levels later at most.
#[test]
fn good_batches_come_through_a_flood_of_bad_ones() {
    let (alice, bob) = (key(1), key(2));
    let mut rollup = Rollup::funded(&[(&alice, 100)]);
    let strangers: Vec<Key> = (100..156).map(key).collect();
    let operations: Vec<_> = strangers.iter().map(|key| reveal(key, 0, &[])).collect();
    let transaction = put::transaction(&operations);
    let flood: Vec<_> = (0..5_u8)
        .map(|number| {
            let signature = wallet::aggregate(&[alice.sign(&[number])]).unwrap();
            external(&put::batch(std::slice::from_ref(&transaction), &signature))
        })
        .collect();
    assert!(flood[0].len() <= 4096);
    let mut messages = flood;
    messages.push(one(&alice, reveal(&alice, 0, &[give(&bob, 1)])));
    let report = rollup.level(&messages);
    // More than one run, and not all of it at one level.
    assert!(report.runs.len() > 1);
    assert_eq!(rollup.balance(&bob), 0);
    let mut later = 0;
    while rollup.balance(&bob) == 0 {
        later += 1;
        assert!(later < 5, "it does not come through");
        rollup.level(&[]);
    }
    assert!(
        rollup
            .machine
            .durable()
            .values("/tx/queue")
            .unwrap()
            .is_empty()
    );
}

/// External messages are dropped when the queue is full; deposits never are.
#[test]
fn a_full_queue_takes_deposits() {
    let (alice, bob) = (key(1), key(2));
    let mut rollup = Rollup::new();
    // Looks like a batch, and is none.
    let mut garbage = put::batch(&[vec![0xff; 3990]], &[0; 96]);
    garbage.insert(0, 1);
    let count = QUEUE_BYTES as usize / garbage.len() + 10;
    let mut messages = vec![garbage; count];
    messages.push(one(&alice, reveal(&alice, 0, &[give(&bob, 1)])));
    messages.push(deposit(&alice.to_base58(), CONTENT, 100));
    let log = rollup.log(&messages);
    assert!(log.contains("dropped because the queue is full"), "{log}");
    // Nor does it wait for what does.
    assert_eq!(rollup.balance(&alice) + rollup.balance(&bob), 100);
    while !rollup
        .machine
        .durable()
        .values("/tx/queue")
        .unwrap()
        .is_empty()
    {
        rollup.level(&[]);
    }
    // So a batch that came before it could spend it.
    assert_eq!((rollup.balance(&alice), rollup.balance(&bob)), (99, 1));
}

/// 1,000 batches that cannot be verified, 105 kB and 0.1 tez of layer 1: bytes
/// that are not a signature cost what reading them costs. Each was once counted
/// as a verified batch, and a deposit behind them waited for 11 levels.
#[test]
fn a_deposit_behind_rubbish_is_credited_at_its_level() {
    let alice = key(1);
    let no_operations = external(&put::batch(&[put::transaction(&[])], &[0xff; 96]));
    let no_signature = |number: u8| {
        let operation = reveal(&key(2), i64::from(number), &[]);
        external(&put::batch(&[put::transaction(&[operation])], &[0xff; 96]))
    };
    let mut rollup = Rollup::new();
    let mut messages = vec![no_operations; 800];
    messages.extend((0..200).map(no_signature));
    messages.push(deposit(&alice.to_base58(), CONTENT, 100));
    rollup.level(&messages);
    assert_eq!(rollup.balance(&alice), 100);
}

/// Five batches that take half a run each are more than a level's work. What layer 1
/// brings behind them, and while they wait, is credited at its level; what is more
/// than half of a level's work waits, in order.
#[test]
fn deposits_pass_a_backlog_and_leave_half_of_the_level() {
    let (alice, bob) = (key(1), key(2));
    let mut rollup = Rollup::funded(&[(&alice, 100)]);
    let strangers: Vec<Key> = (100..156).map(key).collect();
    let operations: Vec<_> = strangers.iter().map(|key| reveal(key, 0, &[])).collect();
    let transaction = put::transaction(&operations);
    let mut messages: Vec<_> = (0..20_u8)
        .map(|number| {
            let signature = wallet::aggregate(&[alice.sign(&[number])]).unwrap();
            external(&put::batch(std::slice::from_ref(&transaction), &signature))
        })
        .collect();
    let most = LEVEL_BUDGET / 2 / DEPOSIT;
    let all = most + 500;
    let one = deposit(&bob.to_base58(), CONTENT, 1);
    messages.extend(vec![one.clone(); all as usize]);
    let log = rollup.log(&messages);
    // Reading what another run queued counts, too.
    let credited = rollup.balance(&bob);
    assert!(credited <= most && credited > most / 10 * 9, "{credited}");
    assert!(log.contains("batch dropped"), "{log}");
    rollup.level(&[one]);
    assert_eq!(rollup.balance(&bob), all + 1);
    assert!(
        !rollup
            .machine
            .durable()
            .values("/tx/queue")
            .unwrap()
            .is_empty()
    );
    assert!(
        rollup
            .machine
            .durable()
            .values("/tx/calls")
            .unwrap()
            .is_empty()
    );
}

/// Each drop writes to the log, and signers are looked up before anybody has signed:
/// both are host calls. A queue of the shortest batches once made 80,000 of them in a run, and
/// batches of 57 keys that nobody had seen, 110,000.
#[test]
fn no_flood_of_batches_makes_more_host_calls_than_a_run_may() {
    let lab = Lab::new();
    let floods = [
        (Kind::NoOperations, 16_000, 1),
        (Kind::UnknownKey, 2_000, 57),
        (Kind::Replayed, 2_000, 120),
    ];
    for (kind, count, operations) in floods {
        let crowd = Crowd {
            kind,
            count,
            operations,
            contents: 0,
            together: 1,
            apart: 1,
            len: 0,
            fill: 0,
        };
        let sample = Case {
            crowds: vec![crowd],
        }
        .run(&lab);
        println!("{kind:?}: {sample:?}");
        assert!(sample.worst_run_calls <= 20_000, "{kind:?}: {sample:?}");
        assert!(sample.hundredths() <= 80 * 100, "{kind:?}: {sample:?}");
    }
}
