//! The dearest cases that `fuzz work` found: whole levels of programs, batches, large
//! inputs, deposits and forced transactions, mutated towards more instructions and host
//! calls, for either kernel.
//! `cargo run --package fuzz -- work --keep FILE` writes such a file.

use e2e_tests::lab::Sample;
use e2e_tests::load::{Labs, Load};

/// What a run and a level do at most with default budgets, in instructions.
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
