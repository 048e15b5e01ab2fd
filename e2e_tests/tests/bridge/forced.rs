//! Transactions that a contract of layer 1 forces in.

use super::scene::{ROLLUP, config, rollup, rollup_with, said, send};
use alloy_primitives::{Address, Bytes, U256};
use e2e_tests::User;
use e2e_tests::layer1::{DELAYED_BRIDGE, delayed};
use storage::Config;

fn forced(bytes: &[u8]) -> Vec<u8> {
    delayed(ROLLUP, DELAYED_BRIDGE, bytes)
}

/// The messages that force `raw` in, chunks of at most `size` bytes.
fn pieces(raw: &[u8], size: usize) -> Vec<Vec<u8>> {
    let chunks: Vec<&[u8]> = raw.chunks(size).collect();
    let announcement = forced(&[0, chunks.len() as u8]);
    let chunks = chunks
        .into_iter()
        .map(|chunk| forced(&[&[1], chunk].concat()));
    [announcement].into_iter().chain(chunks).collect()
}

const TO: Address = Address::repeat_byte(0xbb);

#[test]
fn a_forced_transaction_is_executed() {
    let mut user = User::new("user");
    let mut rollup = rollup(&[&user]);
    let number = rollup.head().number;
    let raw = send(&mut user, TO, U256::from(3), Bytes::new());
    rollup.level_of(pieces(&raw, 4_000));
    assert_eq!(rollup.since(number).len(), 1);
    assert_eq!(rollup.account(TO).balance, U256::from(3));
}

/// Calls of layer 1 come first, wherever they stand in the inbox.
#[test]
fn a_forced_transaction_comes_before_what_was_posted() {
    let mut user = User::new("user");
    let mut rollup = rollup(&[&user]);
    let forced = send(&mut user, TO, U256::from(3), Bytes::new());
    let posted = send(&mut user, TO, U256::from(4), Bytes::new());
    let mut messages = vec![rollup.simple(&posted)];
    messages.extend(pieces(&forced, 4_000));
    let number = rollup.head().number;
    rollup.level_of(messages);
    let included = rollup.since(number).into_iter();
    let raws: Vec<_> = included.map(|one| one.transaction.raw).collect();
    assert_eq!(raws, [forced, posted]);
}

#[test]
fn its_pieces_may_come_over_levels() {
    let mut user = User::new("user");
    let mut rollup = rollup(&[&user]);
    let raw = send(&mut user, TO, U256::from(3), vec![7; 10_000].into());
    for piece in pieces(&raw, 4_000) {
        assert_eq!(rollup.account(TO).balance, U256::ZERO);
        rollup.level_of(vec![piece]);
    }
    assert_eq!(rollup.account(TO).balance, U256::from(3));
    let left = rollup.values();
    assert!(!left.contains_key("/evm/state/k/d"));
}

#[test]
fn a_transaction_that_fits_no_more_waits_for_the_next_block() {
    let [mut user, mut other] = ["user", "other"].map(User::new);
    // Room for one of these after any other.
    let config = Config {
        block_gas_limit: 1_020_000,
        ..config()
    };
    let mut rollup = rollup_with(config, &[&user, &other]);
    let first = send(&mut user, TO, U256::from(1), Bytes::new());
    let mut messages = vec![rollup.simple(&first)];
    for _ in 0..2 {
        let raw = send(&mut other, TO, U256::from(1), vec![7; 5_000].into());
        messages.extend(pieces(&raw, 4_000));
    }
    let number = rollup.head().number;
    rollup.level_of(messages);
    assert_eq!(rollup.head().number, number + 3);
    assert_eq!(rollup.account(TO).balance, U256::from(3));
}

#[test]
fn only_the_configured_contract_forces() {
    let mut user = User::new("user");
    let mut rollup = rollup(&[&user]);
    let raw = send(&mut user, TO, U256::from(3), Bytes::new());
    let announcement = delayed(ROLLUP, [0x99; 20], &[0, 1]);
    let chunk = delayed(ROLLUP, [0x99; 20], &[&[1], &raw[..]].concat());
    let report = rollup.level_of(vec![announcement, chunk]);
    assert!(said(&report, "its sender may not say this"));
    // Ours, but never announced, or not readable.
    for (bytes, reason) in [
        ([&[1], &raw[..]].concat(), "nobody announced"),
        (vec![], "neither an announcement nor"),
        (vec![0, 1, 2], "neither an announcement nor"),
        (vec![2], "neither an announcement nor"),
    ] {
        let report = rollup.level_of(vec![forced(&bytes)]);
        assert!(said(&report, reason), "{reason}: {:?}", report.debug);
    }
    assert_eq!(rollup.account(TO).balance, U256::ZERO);
}
