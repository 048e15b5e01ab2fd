//! `evm-rollup statetest`: runs Ethereum's state tests through the compiled kernel.

use crate::kernel_args::EngineName;
use crate::{FOUND_WRONG, files};
use anyhow::{bail, ensure};
use clap::Args;
use conformance::suite::{self, CaseOutcome, CaseResult, Selection, Settings, Skips, Source};
use conformance::table::Table;
use indicatif::{ProgressBar, ProgressStyle};
use pvm::{Metering, Options};
use serde_json::json;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// The build of the kernel that takes the block's environment from the test.
const KERNEL: &str = "evm_kernel_evaluation.wasm";

/// The options of `statetest`.
#[derive(Args, Debug)]
pub(crate) struct StatetestArgs {
    /// Files or folders of state tests or blockchain tests
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Run only this fork: Cancun, Prague, Osaka or Amsterdam
    #[arg(long)]
    fork: Option<String>,
    /// Run only tests whose name contains this text
    #[arg(long, value_name = "TEXT")]
    test: Option<String>,
    /// Run a fixed sample of about one case in N
    #[arg(long, value_name = "N", default_value_t = 1)]
    every: usize,
    /// The engine that executes the module
    #[arg(long, value_enum, default_value_t)]
    engine: EngineName,
    /// The number of cases to run at once [default: the number of processors]
    #[arg(long)]
    jobs: Option<usize>,
    /// The evaluation build of the kernel [default: evm_kernel_evaluation.wasm where `make kernel`
    /// puts it, or beside this program]
    #[arg(long, value_name = "FILE")]
    kernel: Option<PathBuf>,
    /// A list of cases that may fail, instead of the project's own
    #[arg(long, value_name = "FILE")]
    skips: Option<PathBuf>,
    /// Do not count instructions and calls, which is faster
    #[arg(long)]
    no_metering: bool,
    /// Print each step of the selected cases (EIP-3155) by plain revm, instead of running them
    #[arg(long, conflicts_with = "json")]
    trace: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Runs the command. Exit code 1 if a case fails.
pub(crate) fn run(args: &StatetestArgs) -> anyhow::Result<ExitCode> {
    if let Some(fork) = &args.fork {
        ensure!(
            conformance::fixture::revision(fork).is_some(),
            "unknown fork {fork}: expected Cancun, Prague, Osaka or Amsterdam"
        );
    }
    let sources = sources(args)?;
    if args.trace {
        suite::trace(&sources, &selection(args))?;
        return Ok(ExitCode::SUCCESS);
    }
    let settings = settings(args)?;
    let start = Instant::now();
    let results = judge(&sources, &settings, args)?;
    if results.is_empty() {
        bail!("no case selected");
    }
    let stale: Vec<String> = settings
        .skips
        .stale(&results)
        .into_iter()
        .filter(|_| args.selects_all())
        .map(|name| format!("{name} is in the skip list, but is not a case"))
        .collect();
    let failed = results.iter().any(|one| one.outcome == CaseOutcome::Failed) || !stale.is_empty();
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", json_object(&results))?;
    } else {
        for line in &stale {
            writeln!(out, "{line}")?;
        }
        write!(out, "{}", Table::new(&results, start.elapsed()))?;
    }
    Ok(if failed {
        ExitCode::from(FOUND_WRONG)
    } else {
        ExitCode::SUCCESS
    })
}

impl StatetestArgs {
    fn selects_all(&self) -> bool {
        self.fork.is_none() && self.test.is_none() && self.every <= 1
    }
}

fn sources(args: &StatetestArgs) -> anyhow::Result<Vec<Source>> {
    let mut sources = Vec::new();
    for path in &args.paths {
        sources.extend(suite::sources(path)?);
    }
    ensure!(!sources.is_empty(), "no .json file in these paths");
    Ok(sources)
}

fn selection(args: &StatetestArgs) -> Selection {
    Selection {
        fork: args.fork.clone(),
        test: args.test.clone(),
        every: args.every,
    }
}

fn settings(args: &StatetestArgs) -> anyhow::Result<Settings> {
    let path = files::built(KERNEL, args.kernel.as_deref(), "--kernel")?;
    let kernel = files::kernel(&path)?;
    let skips = match &args.skips {
        Some(path) => Skips::parse(&files::text(path)?)?,
        None => Skips::open()?,
    };
    Ok(Settings {
        kernel,
        jobs: args
            .jobs
            .or_else(|| Some(std::thread::available_parallelism().ok()?.get()))
            .unwrap_or(1),
        options: args.engine.choose(Options {
            metering: if args.no_metering {
                Metering::Off
            } else {
                Metering::Full
            },
            ..Options::default()
        }),
        selection: selection(args),
        skips,
    })
}

/// Runs the cases under a progress bar, which counts files; failures are
/// printed as they come.
fn judge(
    sources: &[Source],
    settings: &Settings,
    args: &StatetestArgs,
) -> anyhow::Result<Vec<CaseResult>> {
    let bar = ProgressBar::new(sources.len() as u64);
    bar.set_style(
        ProgressStyle::with_template("{bar:30} {pos}/{len} files, {msg} ({eta} left)")
            .unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    let (cases, failures) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let progress = |results: &[CaseResult]| {
        let failed = results
            .iter()
            .filter(|one| one.outcome == CaseOutcome::Failed);
        let failed: Vec<&CaseResult> = failed.collect();
        let cases = cases.fetch_add(results.len(), Ordering::Relaxed) + results.len();
        let failures = failures.fetch_add(failed.len(), Ordering::Relaxed) + failed.len();
        bar.set_message(format!("{cases} cases, {failures} failed"));
        bar.inc(1);
        if !args.json {
            bar.suspend(|| failed.iter().for_each(|one| print_failure(one)));
        }
    };
    let results = suite::run(sources, settings, &progress)?;
    bar.finish_and_clear();
    Ok(results)
}

fn print_failure(result: &CaseResult) {
    let reason = result.reason.as_deref().unwrap_or_default();
    println!("FAILED {}\n    {reason}", result.name);
}

fn json_object(results: &[CaseResult]) -> serde_json::Value {
    let count = |outcome| results.iter().filter(|one| one.outcome == outcome).count();
    json!({
        "passed": count(CaseOutcome::Passed),
        "failed": count(CaseOutcome::Failed),
        "skipped": count(CaseOutcome::Skipped),
        "cases": results,
    })
}
