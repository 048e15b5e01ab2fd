//! Announcements and chunks of transactions that never come.

use alloy_primitives::{Address, B256, Bytes, TxKind, U256, keccak256};
use e2e_tests::{Rollup, Setup, User};
use evm_kernel::inputs::encode;
use pvm::{LevelReport, Metering};

/// Wasm instructions for a unit of counted work, at most.
const INSTRUCTIONS: u64 = 80;

/// The work of an empty level.
const EMPTY: u64 = 5_000;

/// The most host calls of a run.
const HOST_CALLS: u64 = 20_000;

fn start(user: &User) -> Rollup {
    let mut rollup = Rollup::new(&Setup {
        metering: Metering::Full,
        ..Setup::funded(&[user])
    });
    rollup.empty_level();
    rollup
}

fn announcement(transaction: B256, hashes: &[B256]) -> Vec<u8> {
    let mut bytes = vec![1];
    bytes.extend_from_slice(transaction.as_slice());
    bytes.extend_from_slice(&(hashes.len() as u16).to_le_bytes());
    hashes
        .iter()
        .for_each(|hash| bytes.extend_from_slice(hash.as_slice()));
    bytes
}

fn chunk(transaction: B256, hash: B256, bytes: &[u8]) -> Vec<u8> {
    [
        &[2],
        transaction.as_slice(),
        &[0, 0],
        hash.as_slice(),
        bytes,
    ]
    .concat()
}

/// Posts `inputs` until all are taken. Work is counted, and little else is done.
fn post(rollup: &mut Rollup, inputs: &[Vec<u8>]) {
    let mut messages: Vec<_> = inputs.iter().map(|input| rollup.framed(input)).collect();
    loop {
        // What reading counts, which no block does.
        let bytes: usize = messages.iter().map(Vec::len).sum();
        let reading = 10_000 * messages.len() + 10 * bytes;
        let report = rollup.level_of(core::mem::take(&mut messages));
        bounded(rollup, &report, reading as u64);
        if rollup.head().backlog == 0 {
            break;
        }
    }
}

fn bounded(rollup: &Rollup, report: &LevelReport, reading: u64) {
    let instructions: u64 = report.runs.iter().map(|run| run.instructions).sum();
    let work = rollup.head().level_work + reading + EMPTY;
    println!(
        "{instructions} instructions, {work} of work, {} runs",
        report.runs.len()
    );
    assert!(
        instructions <= INSTRUCTIONS * work,
        "{instructions} for {work}"
    );
    for run in &report.runs {
        let calls: u64 = run.host_calls.values().sum();
        assert!(calls <= HOST_CALLS, "{calls} host calls");
        assert!(run.instructions <= 8_000_000_000, "{}", run.instructions);
    }
}

/// 450 announcements of one transaction, each of 33 chunks (501 kB, 0.5 tez):
/// once 35 G instructions. Then 4,000 chunks that nobody announced (356 kB):
/// once 21 G. Then the chunk that makes all of them whole (3 kB): once 9.8 G and
/// 56,000 host calls.
#[test]
fn pieces_take_time_that_is_linear_in_their_bytes() {
    let eve = User::new("eve");
    let mut rollup = start(&eve);
    let transaction = B256::repeat_byte(7);
    let (big, last) = (vec![1; 4_000], vec![2; 3_000]);
    let (named, missing) = (keccak256(&big), keccak256(&last));
    let announcements: Vec<_> = (0..450_u32)
        .map(|number| {
            let mut hashes = vec![named; 33];
            for (bit, hash) in hashes.iter_mut().enumerate().take(10) {
                if number >> bit & 1 == 1 {
                    *hash = missing;
                }
            }
            hashes[32] = missing;
            announcement(transaction, &hashes)
        })
        .collect();
    post(&mut rollup, &announcements);
    let unknown: Vec<_> = (0..4_000_u32)
        .map(|number| chunk(transaction, keccak256(number.to_be_bytes()), &[]))
        .collect();
    post(&mut rollup, &unknown);
    post(&mut rollup, &[chunk(transaction, named, &big)]);
    post(&mut rollup, &[chunk(transaction, missing, &last)]);
}

/// 1,000 announcements of nothing (0.09 tez) once closed the rollup to every
/// transaction over 4 kB for 20 levels. Also in the middle of an honest one.
/// 1,000 announcements of 33 chunks (1.1 MB, 1.1 tez), then 5,500 chunks of 2 bytes that
/// belong to them (517 kB): once 11.4 G instructions in a run, since a chunk took time for
/// each announcement that is open; behind a backlog, where little of a chunk was counted,
/// 66.7 G.
#[test]
fn a_chunk_takes_no_longer_where_many_announcements_are_open() {
    let mut user = User::new("eve");
    let mut rollup = start(&user);
    let of = |number: u32| keccak256(number.to_be_bytes());
    let content = |place: u32| (place as u16).to_be_bytes();
    let hashes: Vec<_> = (0..33).map(|place| keccak256(content(place))).collect();
    let announcements: Vec<_> = (0..1_000)
        .map(|number| announcement(of(number), &hashes))
        .collect();
    post(&mut rollup, &announcements);
    let chunks = (0..5_500_u32).map(|number| {
        let content = content(number / 1_000);
        chunk(of(number % 1_000), keccak256(content), &content)
    });
    // Gas that fills the level, so that chunks wait and are read from the queue.
    let burn = (0..6).map(|_| {
        let code = Bytes::from_static(&[0x5b, 0x5f, 0x56]);
        user.send(1337, TxKind::Create, U256::ZERO, code, 1 << 24)
    });
    let burn = burn.map(|signed| [&[0][..], &signed.encode()].concat());
    let inputs: Vec<_> = burn.chain(chunks).collect();
    post(&mut rollup, &inputs);
}

#[test]
fn places_for_announcements_cannot_be_used_up() {
    let mut alice = User::new("alice");
    let mut rollup = start(&alice);
    let nothing = |from: u32| -> Vec<_> {
        (from..from + 1_000)
            .map(|number| {
                let hash = keccak256(number.to_be_bytes());
                announcement(hash, &[hash])
            })
            .collect()
    };
    post(&mut rollup, &nothing(0));
    let to = TxKind::Call(Address::repeat_byte(0xbb));
    let raw = alice
        .send(1337, to, U256::ZERO, Bytes::from(vec![1; 9_000]), 900_000)
        .encode();
    let number = rollup.head().number;
    let pieces = encode::messages(&Setup::default().address, &raw);
    let (first, rest) = pieces.split_at(2);
    rollup.level_of(first.to_vec());
    post(&mut rollup, &nothing(1_000));
    rollup.level_of(rest.to_vec());
    assert_eq!(rollup.since(number + 1).len(), 1);
}

/// An honest transaction whose pieces span levels, and who sees the first ones announces it
/// 100 times over, each with a chunk of rubbish (22 kB, 0.02 tez): eight were once enough
/// to have it dropped.
#[test]
fn rubbish_with_chunks_does_not_push_out_what_spans_levels() {
    let mut alice = User::new("alice");
    let mut rollup = start(&alice);
    let to = TxKind::Call(Address::repeat_byte(0xbb));
    let raw = alice
        .send(1337, to, U256::ZERO, Bytes::from(vec![1; 9_000]), 900_000)
        .encode();
    let transaction = keccak256(&raw);
    let number = rollup.head().number;
    let pieces = encode::messages(&Setup::default().address, &raw);
    let (first, rest) = pieces.split_at(2);
    rollup.level_of(first.to_vec());
    let lies = (0..100_u32).flat_map(|number| {
        let lie = number.to_be_bytes();
        let hash = keccak256(lie);
        [
            announcement(transaction, &[hash, keccak256(hash)]),
            chunk(transaction, hash, &lie),
        ]
    });
    post(&mut rollup, &lies.collect::<Vec<_>>());
    rollup.level_of(rest.to_vec());
    assert_eq!(rollup.since(number + 1).len(), 1);
}

/// 1,000 announcements of one transaction, which share 32 of their 33 chunks (1.1 MB, 1.1
/// tez), then these, which all of them name, and as many that nobody does; then all expire.
#[test]
fn a_chunk_that_a_thousand_announcements_name_is_bounded() {
    let eve = User::new("eve");
    let mut rollup = start(&eve);
    let transaction = B256::repeat_byte(7);
    let content = |place: u16| place.to_be_bytes();
    let common: Vec<_> = (0..32).map(|place| keccak256(content(place))).collect();
    let announcements: Vec<_> = (0..1_000_u32)
        .map(|number| {
            let own = keccak256(number.to_be_bytes());
            announcement(transaction, &[&common[..], &[own]].concat())
        })
        .collect();
    post(&mut rollup, &announcements);
    let chunks: Vec<_> = (0..64)
        .map(|place| chunk(transaction, keccak256(content(place)), &content(place)))
        .collect();
    post(&mut rollup, &chunks);
    // Again, one level for each.
    for one in &chunks {
        post(&mut rollup, std::slice::from_ref(one));
    }
    for _ in 0..40 {
        let report = rollup.empty_level();
        bounded(&rollup, &report, 0);
    }
    let left = rollup
        .values()
        .into_keys()
        .filter(|path| path.starts_with("/evm/state/k/"));
    assert_eq!(left.count(), 0);
}

/// They also end: a level gives up some of them, not all at once.
#[test]
fn what_was_announced_for_nothing_expires_some_at_a_time() {
    let eve = User::new("eve");
    let mut rollup = start(&eve);
    let announcements: Vec<_> = (0..1_000_u32)
        .map(|number| {
            let hash = keccak256(number.to_be_bytes());
            announcement(hash, &[hash; 33])
        })
        .collect();
    post(&mut rollup, &announcements);
    for _ in 0..40 {
        let report = rollup.empty_level();
        bounded(&rollup, &report, 0);
    }
    let left = rollup
        .values()
        .into_keys()
        .filter(|path| path.starts_with("/evm/state/k/"));
    assert_eq!(left.count(), 0);
}
