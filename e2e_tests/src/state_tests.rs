//! Ethereum's state tests on a build of the kernel.

use crate::module;
use conformance::suite::{self, CaseOutcome, CaseResult, Selection, Settings, Skips, Source};
use pvm::{Metering, Options};

/// Runs the cases on the evaluation build.
///
/// # Panics
/// If a file cannot be read, or the build is missing.
#[must_use]
pub fn run(sources: &[Source], selection: Selection, metering: Metering) -> Vec<CaseResult> {
    let kernel = module("evm_kernel_evaluation.wasm");
    run_on(&kernel, sources, selection, metering)
}

/// Runs the cases on any build.
///
/// # Panics
/// If a file cannot be read.
#[must_use]
pub fn run_on(
    kernel: &[u8],
    sources: &[Source],
    selection: Selection,
    metering: Metering,
) -> Vec<CaseResult> {
    let settings = Settings {
        kernel: kernel.to_vec(),
        jobs: std::thread::available_parallelism().map_or(1, Into::into),
        options: Options {
            metering,
            ..Options::default()
        },
        selection,
        skips: Skips::open().expect("the list of skipped cases is well-formed"),
    };
    suite::run(sources, &settings, &|_| ()).expect("the cases can be read")
}

/// Fails with every case that did.
///
/// # Panics
/// If a case failed.
#[track_caller]
pub fn assert_none_failed(results: &[CaseResult]) {
    let failed: Vec<String> = results
        .iter()
        .filter(|one| one.outcome == CaseOutcome::Failed)
        .map(|one| {
            let reason = one.reason.as_deref().unwrap_or_default();
            format!("{}: {reason}", one.name)
        })
        .collect();
    assert!(
        failed.is_empty(),
        "{} failed:\n{}",
        failed.len(),
        failed.join("\n")
    );
}
