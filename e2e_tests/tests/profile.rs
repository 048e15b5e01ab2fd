//! Profiles of the shipped kernel, by opcode.

use alloy_primitives::{Bytes, TxKind, U256};
use e2e_tests::{Rollup, Setup, User};
use pvm::{LevelReport, Metering, Profile};
use std::collections::BTreeMap;

/// Three rounds of a loop, a word of memory and its hash.
const PROGRAM: &[u8] = &[
    0x60, 3,    // PUSH1 3
    0x5b, // JUMPDEST
    0x60, 1, 0x90, 0x03, // PUSH1 1, SWAP1, SUB
    0x80, 0x60, 2, 0x57, // DUP1, PUSH1 2, JUMPI
    0x60, 0, 0x52, // PUSH1 0, MSTORE
    0x60, 32, 0x60, 0, 0x20, // PUSH1 32, PUSH1 0, KECCAK256
    0x50, 0x00, // POP, STOP
];

fn run(metering: Metering) -> LevelReport {
    let mut user = User::new("someone");
    let mut rollup = Rollup::new(&Setup {
        metering,
        ..Setup::funded(&[&user])
    });
    rollup.empty_level();
    // As the code of a creation: the program runs, and leaves a contract without code.
    let code = Bytes::from_static(PROGRAM);
    let created = user.send(1337, TxKind::Create, U256::ZERO, code, 100_000);
    let report = rollup.level(&[created.encode()]);
    assert!(
        rollup
            .since(0)
            .last()
            .is_some_and(|last| last.receipt.success)
    );
    report
}

fn profile(report: &LevelReport) -> Profile {
    let mut profile = Profile::default();
    for run in &report.runs {
        profile += run.profile.as_ref().expect("a profile");
    }
    profile
}

#[test]
fn opcodes_are_counted_and_all_adds_up() {
    let report = run(Metering::Profile);
    let found = profile(&report);
    let counts: BTreeMap<u8, u64> = found
        .arms
        .iter()
        .map(|(opcode, cost)| (*opcode, cost.count))
        .collect();
    let expected = [
        (0x00, 1),
        (0x03, 3),
        (0x20, 1),
        (0x50, 1),
        (0x52, 1),
        (0x57, 3),
        // The first; the others count with their jumps.
        (0x5b, 1),
        (0x60, 1 + 3 * 2 + 3),
        (0x80, 3),
        (0x90, 3),
    ];
    assert_eq!(counts, BTreeMap::from(expected));
    let plain = run(Metering::Full);
    let sum =
        |report: &LevelReport| -> u64 { report.runs.iter().map(|run| run.instructions).sum() };
    assert_eq!(sum(&report), sum(&plain));
    assert_eq!(found.total(), sum(&plain));
    // A permutation of Keccak takes 8,116 of them.
    assert!(found.arms[&0x20].instructions > 8_000);
    assert!(found.arms[&0x03].instructions < 3 * 100);
}
