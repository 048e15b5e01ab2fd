//! The dearest cases that `fuzz work` found: whole levels of programs, batches, large
//! inputs, deposits and forced transactions, mutated towards more instructions and host
//! calls, for either kernel.
//! `cargo run --bin fuzz -- work --keep FILE` writes such a file.

use e2e_tests::lab::Sample;
use e2e_tests::load::{Labs, Load};

/// The bounds of a run and of a level with default budgets, in instructions.
const RUN: u64 = 8_000_000_000;
const LEVEL: u64 = 12_000_000_000;

/// The most host calls of a run.
const HOST_CALLS: u64 = 20_000;

/// The most ticks of a run.
const TICKS: u64 = 100_000_000_000;

/// The most instructions for a unit of work, in hundredths.
const UNIT: u64 = 80 * 100;

#[test]
fn the_dearest_cases_that_were_found_keep_within_the_bounds() {
    let loads: Vec<Load> = serde_json::from_str(include_str!("dearest.json")).unwrap();
    let labs = Labs::new();
    let mut worst = Sample::default();
    for (number, load) in loads.iter().enumerate() {
        let sample = load.run(&labs);
        println!("{number}: {} hundredths, {sample:?}", sample.hundredths());
        assert!(sample.hundredths() <= UNIT, "{number}: {sample:?}");
        assert!(sample.worst_run <= RUN, "{number}: {sample:?}");
        assert!(sample.worst_level <= LEVEL, "{number}: {sample:?}");
        assert!(sample.worst_run_calls <= HOST_CALLS, "{number}: {sample:?}");
        assert!(sample.worst_run_ticks <= TICKS, "{number}: {sample:?}");
        worst.worst_run = worst.worst_run.max(sample.worst_run);
        worst.worst_run_calls = worst.worst_run_calls.max(sample.worst_run_calls);
    }
    // They do what they are kept for.
    assert!(worst.worst_run > RUN / 4, "{worst:?}");
    assert!(worst.worst_run_calls > HOST_CALLS / 4, "{worst:?}");
}

/// Of a call without data the engine's range lies behind all memory: CALLDATALOAD in one
/// once trapped.
#[test]
fn a_call_without_data_has_data_of_zeros() {
    use alloy_primitives::{Address, U256};
    use e2e_tests::lab::{Lab, contract};
    use storage::Config;
    const CALLED: Address = Address::repeat_byte(0xcd);
    let mut lab = Lab::new(Config::default());
    // sstore(1, calldataload(4) + 7)
    lab.change(|rollup| {
        contract(
            rollup,
            CALLED,
            &[0x60, 7, 0x60, 4, 0x35, 0x01, 0x60, 1, 0x55],
        );
    });
    // call(gas, CALLED, 0, 0, 0, 0, 0)
    let mut code = vec![0x5f, 0x5f, 0x5f, 0x5f, 0x5f, 0x73];
    code.extend(CALLED);
    code.extend([0x5a, 0xf1]);
    let place = Address::repeat_byte(0xce);
    lab.change(|rollup| contract(rollup, place, &code));
    let mut rollup = lab.rollup();
    let mut user = lab.user.clone();
    let to = alloy_primitives::TxKind::Call(place);
    let raw = user.send(1337, to, U256::ZERO, Default::default(), 200_000);
    rollup.level(&[raw.encode()]);
    assert_eq!(rollup.slot(CALLED, U256::ONE), U256::from(7));
}
