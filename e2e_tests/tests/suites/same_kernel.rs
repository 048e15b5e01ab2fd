//! The evaluation build is the shipped kernel, but for where it takes the
//! block's surroundings from.

use alloy_primitives::hex;
use conformance::fixture::{File, Test};
use conformance::suite::{self, CaseOutcome, CaseResult, Selection, Source};
use e2e_tests::module;
use e2e_tests::state_tests::run_on;
use pvm::Metering;
use std::collections::BTreeSet;
use std::path::Path;

/// Opcodes that see what the two builds take from elsewhere: BLOCKHASH,
/// TIMESTAMP, NUMBER, PREVRANDAO, BLOBBASEFEE.
const SEEING: [u8; 5] = [0x40, 0x42, 0x43, 0x44, 0x4a];

/// The tests of a file whose codes and data hold no such byte, opcode or not.
fn blind_tests(source: &Source) -> Vec<(String, String)> {
    let text = std::fs::read(&source.path).unwrap();
    let Ok(file) = serde_json::from_slice::<File>(&text) else {
        return Vec::new();
    };
    let blind = |bytes: &[u8]| !bytes.iter().any(|byte| SEEING.contains(byte));
    let is_blind = |test: &Test| {
        let data = test.transaction["data"].as_array().into_iter().flatten();
        let mut data = data.map(|data| data.as_str().and_then(|text| hex::decode(text).ok()));
        test.pre.0.values().all(|account| blind(&account.code))
            && data.all(|data| data.is_some_and(|data| blind(&data)))
    };
    let tests = file.iter().filter(|(_, test)| is_blind(test));
    tests
        .map(|(name, _)| (source.name.clone(), name.clone()))
        .collect()
}

pub(crate) fn cases_that_do_not_see_the_surroundings_cost_the_same_on_both_builds(
    statetests: &Path,
) {
    let (mut sources, mut blind) = (Vec::new(), BTreeSet::new());
    for source in suite::sources(statetests).unwrap() {
        let tests = blind_tests(&source);
        if !tests.is_empty() && !source.name.contains("stTimeConsuming") {
            blind.extend(tests);
            sources.push(source);
        }
    }
    // Cancun has no system call that writes to the state.
    let selection = Selection {
        fork: Some("Cancun".to_owned()),
        every: 4,
        ..Selection::default()
    };
    let run = |kernel| {
        let mut results = run_on(&module(kernel), &sources, selection.clone(), Metering::Full);
        results.retain(|one: &CaseResult| {
            let test = (one.name.file.clone(), one.name.test.clone());
            // What is refused at once costs less than the surroundings themselves.
            one.outcome == CaseOutcome::Passed && one.gas_used > 0 && blind.contains(&test)
        });
        results
    };
    let (evaluated, shipped) = (run("evm_kernel_evaluation.wasm"), run("evm_kernel.wasm"));
    let (mut compared, mut widest) = (0, 0);
    for one in &evaluated {
        let other = shipped.iter().find(|other| other.name == one.name);
        let other = other.unwrap_or_else(|| panic!("{} passes on one build only", one.name));
        assert_eq!(one.gas_used, other.gas_used, "{}", one.name);
        let difference = one.instructions.abs_diff(other.instructions);
        assert!(
            difference * 100 <= one.instructions,
            "{}: {} and {} instructions",
            one.name,
            one.instructions,
            other.instructions
        );
        widest = widest.max(difference * 1_000_000 / one.instructions);
        compared += 1;
    }
    // For `--nocapture`.
    println!("{compared} cases, at most {widest} instructions in a million apart");
    assert!(compared >= 200, "{compared} cases");
}
