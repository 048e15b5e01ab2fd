//! Ticks of the slow machine, as `pvm` counts them, beside what the real one took.

use alloy_primitives::{Address, Bytes, TxKind, U256};
use e2e_tests::{Rollup, Setup, User};
use pvm::{LevelReport, Metering};

/// Ticks and instructions of a level's runs, without what starts each.
fn cost(report: &LevelReport) -> (u64, u64) {
    let kernel = pvm::Kernel::load(&e2e_tests::kernel(), pvm::Version::default());
    let start = kernel.expect("our kernel").facts().start_ticks;
    let runs = report.runs.iter();
    runs.fold((0, 0), |(ticks, instructions), run| {
        (ticks + run.ticks - start, instructions + run.instructions)
    })
}

#[test]
fn a_transfer_takes_the_ticks_for_each_instruction_that_the_real_machine_took() {
    let mut user = User::new("someone");
    let mut rollup = Rollup::new(&Setup {
        metering: Metering::Full,
        ..Setup::funded(&[&user])
    });
    rollup.empty_level();
    let empty = cost(&rollup.empty_level());
    let to = TxKind::Call(Address::repeat_byte(0xbb));
    let transfer = user.send(1337, to, U256::from(1), Bytes::new(), 21_000);
    let with = cost(&rollup.level(&[transfer.encode()]));
    let (ticks, instructions) = (with.0 - empty.0, with.1 - empty.1);
    // 7.7 on average, for a recovery in C and what surrounds it; in Rust there are more locals.
    let ratio = ticks * 10 / instructions;
    assert!(
        (70..95).contains(&ratio),
        "{ticks} ticks for {instructions}"
    );
    // Host calls weigh more where little else is done: 13 there.
    let ratio = empty.0 * 10 / empty.1;
    assert!((110..160).contains(&ratio), "{empty:?}");
}
