//! Ethereum's own tests through the compiled kernel: a sample of the open
//! packages where they are at hand, and tests of our own, which are always.

mod open;
mod own;
mod programs;
mod same_kernel;

use conformance::suite::{self, CaseResult, Outcome, Selection, Settings, Skips, Source};
use e2e_tests::module;
use pvm::{Metering, Options};
use std::path::{Path, PathBuf};

/// A folder of the checkout.
fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)
}

/// Runs the cases on the evaluation build.
fn run(sources: &[Source], selection: Selection, metering: Metering) -> Vec<CaseResult> {
    run_on(
        &module("evm_kernel_evaluation.wasm"),
        sources,
        selection,
        metering,
    )
}

fn run_on(
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
        skips: Skips::open().unwrap(),
    };
    suite::run(sources, &settings, &|_| ()).unwrap()
}

/// Fails with every case that did.
#[track_caller]
fn assert_none_failed(results: &[CaseResult]) {
    let failed: Vec<String> = results
        .iter()
        .filter(|one| one.outcome == Outcome::Failed)
        .map(|one| {
            format!(
                "{}: {}",
                one.name,
                one.reason.as_deref().unwrap_or_default()
            )
        })
        .collect();
    assert!(
        failed.is_empty(),
        "{} failed:\n{}",
        failed.len(),
        failed.join("\n")
    );
}
