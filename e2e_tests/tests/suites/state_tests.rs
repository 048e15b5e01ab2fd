//! A fixed sample of the official state tests. `make conformance` runs them whole.

use conformance::suite::{self, CaseOutcome, Selection, Source};
use e2e_tests::state_tests::{assert_none_failed, run};
use pvm::Metering;
use std::collections::BTreeMap;
use std::path::Path;

/// About one case in this many.
const EVERY: usize = 11;

/// Cases that take minutes by themselves: four billion rounds of BLAKE2.
const TOO_LONG: &str = "CALLBlake2f_MaxRounds";

/// The folder of a case's file.
fn folder_of(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(folder, _)| folder)
}

pub(crate) fn a_sample_over_all_folders_passes(statetests: &Path) {
    let sources: Vec<Source> = suite::sources(statetests)
        .unwrap()
        .into_iter()
        .filter(|source| !source.name.contains(TOO_LONG))
        .collect();
    let every = |every| Selection {
        every,
        ..Selection::default()
    };
    let mut results = run(&sources, every(EVERY), Metering::Full);
    // A folder that the sample misses sends its first file.
    let mut missed: BTreeMap<&str, &Source> = BTreeMap::new();
    for source in sources.iter().rev() {
        missed.insert(folder_of(&source.name), source);
    }
    for result in &results {
        missed.remove(folder_of(&result.name.file));
    }
    let missed: Vec<Source> = missed.into_values().cloned().collect();
    results.extend(run(&missed, every(1), Metering::Full));
    assert_none_failed(&results);
    let passed = results
        .iter()
        .filter(|one| one.outcome == CaseOutcome::Passed);
    let (passed, deepest) = passed.fold((0, 0), |(passed, deepest), one| {
        (passed + 1, deepest.max(one.max_call_depth))
    });
    assert!(passed >= 1_500, "{passed} cases");
    assert!(deepest < 300, "{deepest} wasm calls");
}
