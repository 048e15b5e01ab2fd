//! A fixed sample of the open packages. `make conformance` runs them whole.

use crate::{assert_none_failed, run};
use conformance::suite::{self, Outcome, Selection, Source};
use pvm::Metering;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

/// About one case in this many.
const EVERY: usize = 11;

/// Cases that take minutes by themselves: four billion rounds of BLAKE2.
const TOO_LONG: &str = "CALLBlake2f_MaxRounds";

/// The package, unpacked; `None`, said aloud, where it is absent.
pub(crate) fn package() -> Option<PathBuf> {
    let package = e2e_tests::suites::state_tests().unwrap();
    if package.is_none() {
        // Seen without `--nocapture`, too.
        let mut stderr = std::io::stderr();
        let line = "SKIPPED: the open state tests are not beside the checkout; our own are run";
        writeln!(stderr, "{line}").unwrap();
    }
    package
}

/// Where a case's file lies.
fn folder_of(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(folder, _)| folder)
}

#[test]
fn a_sample_over_all_folders_passes() {
    let Some(package) = package() else {
        return;
    };
    let sources: Vec<Source> = suite::sources(&package)
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
    let passed = results.iter().filter(|one| one.outcome == Outcome::Passed);
    let (passed, deepest) = passed.fold((0, 0), |(passed, deepest), one| {
        (passed + 1, deepest.max(one.max_call_depth))
    });
    assert!(passed >= 1_500, "{passed} cases");
    assert!(deepest < 300, "{deepest} wasm calls");
}
