//! The plain driver: random bytes for a target, with stable Rust.

use anyhow::{Context, Result, bail};
use clap::Parser;
use e2e_tests::load::{Labs, Load};
use fuzz::random::random;
use fuzz::targets::{self, TARGETS, Target};
use fuzz::work::{self, Goal, Kernel};
use indicatif::{ProgressBar, ProgressStyle};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Runs a target on random bytes until it finds something.
#[derive(Debug, Parser)]
#[command(name = "fuzz", after_help = list(), version)]
struct Args {
    /// The target; without it, the targets are listed.
    target: Option<String>,
    /// The time limit, in seconds.
    #[arg(long, default_value_t = 60, conflicts_with = "runs")]
    seconds: u64,
    /// The number of cases, instead of a time.
    #[arg(long)]
    runs: Option<u64>,
    /// The seed of the random bytes: the same seed gives the same cases.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// The number of the first case.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// The number of threads.
    #[arg(long, default_value_t = 1)]
    jobs: usize,
    /// Writes the dearest cases of `work` to a file, as a test replays them.
    #[arg(long, value_name = "FILE")]
    keep: Option<PathBuf>,
    /// Runs the bytes of a file once: a case that was found.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["runs", "seconds"])]
    replay: Option<PathBuf>,
}

fn list() -> String {
    let targets = TARGETS.iter().map(|target| (target.name, target.about));
    let work = (
        "work",
        "what costs the machine most: a unit of work, a run, a level",
    );
    let lines = targets
        .chain([work])
        .map(|(name, about)| format!("  {name:<14} {about}"));
    format!("Targets:\n{}", lines.collect::<Vec<_>>().join("\n"))
}

/// Runs a case; a panic is a finding, too.
fn run(target: &Target, bytes: &[u8]) -> Result<(), String> {
    catch_unwind(AssertUnwindSafe(|| (target.run)(bytes))).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
        Err(format!("a panic: {}", text.unwrap_or_default()))
    })
}

fn main() -> ExitCode {
    let args = Args::parse();
    match fuzz(&args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// True if nothing was found.
fn fuzz(args: &Args) -> Result<bool> {
    let Some(name) = &args.target else {
        println!("{}", list());
        return Ok(true);
    };
    if name == "work" {
        return work(args);
    }
    let Some(target) = targets::find(name) else {
        bail!("there is no target {name}\n{}", list());
    };
    if let Some(file) = &args.replay {
        let bytes = std::fs::read(file).with_context(|| file.display().to_string())?;
        let found = run(target, &bytes).err();
        println!("{}", found.as_deref().unwrap_or("nothing found"));
        return Ok(found.is_none());
    }
    let start = Instant::now();
    let (runs, found) = search(args, target)?;
    let Some(found) = found else {
        let elapsed = start.elapsed().as_secs();
        println!("{}: {runs} runs in {elapsed} s, nothing found", target.name);
        return Ok(true);
    };
    report(args, target, runs, found)?;
    Ok(false)
}

/// Searches for what costs most; whether it keeps within the bounds.
fn work(args: &Args) -> Result<bool> {
    if let Some(file) = &args.replay {
        let text = std::fs::read(file).with_context(|| file.display().to_string())?;
        let loads: Vec<Load> = serde_json::from_slice(&text).context("loads")?;
        let labs = Labs::new();
        let samples = loads.iter().map(|load| load.run(&labs));
        let mut within = true;
        for sample in samples {
            println!("{sample:?}");
            within &= Goal::ALL
                .iter()
                .all(|goal| goal.figure(&sample) <= goal.bound());
        }
        return Ok(within);
    }
    let time = Duration::from_secs(args.seconds);
    let found = work::search(time, args.seed, |found, kernel, goal| {
        let most = found.most(kernel, goal);
        println!("{}: {most} {}", kernel.name(), goal.name());
        args.keep
            .as_deref()
            .map_or(Ok(()), |file| keep(found, file))
    })?;
    let mut within = true;
    for kernel in Kernel::ALL {
        let [units, levels] = found.runs[kernel as usize];
        let name = kernel.name();
        println!("{name}: {units} cases for units of work, {levels} for runs and levels; at most");
        for goal in Goal::ALL {
            let (most, bound) = (found.most(kernel, goal), goal.bound());
            println!("  {most} {}, bound {bound}", goal.name());
            within &= most <= bound;
        }
    }
    Ok(within)
}

/// Writes the dearest cases of each goal.
fn keep(found: &work::Search, file: &Path) -> Result<()> {
    let mut loads: Vec<Load> = Vec::new();
    for (kernel, goal) in Kernel::ALL
        .into_iter()
        .flat_map(|kernel| Goal::ALL.map(|goal| (kernel, goal)))
    {
        for found in found.kept(kernel, goal).iter().take(2) {
            let load = found.load();
            if !loads.contains(&load) {
                loads.push(load);
            }
        }
    }
    let text = serde_json::to_string_pretty(&loads)? + "\n";
    std::fs::write(file, text).with_context(|| file.display().to_string())
}

/// A case that a target does not get through.
struct Found {
    number: u64,
    bytes: Vec<u8>,
    text: String,
}

/// Runs random cases until one is found, or runs or time are over; with how many
/// ran.
fn search(args: &Args, target: &Target) -> Result<(u64, Option<Found>)> {
    let end = Instant::now() + Duration::from_secs(args.seconds);
    let bar = args
        .runs
        .map_or_else(ProgressBar::new_spinner, ProgressBar::new);
    bar.set_style(ProgressStyle::with_template(
        "{spinner} {msg} {pos} runs, {per_sec}, {elapsed}",
    )?);
    bar.set_message(target.name);
    let (next, stop) = (AtomicU64::new(args.from), AtomicBool::new(false));
    let found = Mutex::new(None);
    let work = || {
        while !stop.load(Ordering::Relaxed) {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let over = args.runs.map_or(Instant::now() >= end, |runs| {
                number >= args.from.saturating_add(runs)
            });
            if over {
                break;
            }
            let bytes = random(args.seed, number, target.len);
            if let Err(text) = run(target, &bytes) {
                stop.store(true, Ordering::Relaxed);
                if let Ok(mut found) = found.lock() {
                    *found = Some(Found {
                        number,
                        bytes,
                        text,
                    });
                }
            }
            bar.inc(1);
        }
    };
    thread::scope(|scope| {
        for _ in 0..args.jobs.max(1) {
            scope.spawn(work);
        }
    });
    bar.finish_and_clear();
    Ok((bar.position(), found.into_inner().ok().flatten()))
}

/// Keeps the smallest bytes that find the same, and says how to run them again.
fn report(args: &Args, target: &Target, runs: u64, found: Found) -> Result<()> {
    let bytes = smaller(target, found.bytes, kind(&found.text));
    let number = found.number;
    let file = format!("target/fuzz/{}-{}-{number}.bin", target.name, args.seed);
    std::fs::create_dir_all("target/fuzz").context("target/fuzz")?;
    std::fs::write(&file, &bytes).with_context(|| file.clone())?;
    println!("{}", run(target, &bytes).err().unwrap_or(found.text));
    println!("{}: found in run {number}, after {runs} runs", target.name);
    println!(
        "again: cargo run -p fuzz --release -- {} --replay {file}",
        target.name
    );
    Ok(())
}

/// The beginning of a finding's text: another beginning is another finding.
fn kind(text: &str) -> &str {
    text.get(..16).unwrap_or(text)
}

/// The shortest beginning of the bytes that still finds the same kind of thing,
/// with as many zeros as can be.
fn smaller(target: &Target, mut bytes: Vec<u8>, sought: &str) -> Vec<u8> {
    let finds = |bytes: &[u8]| run(target, bytes).is_err_and(|text| kind(&text) == sought);
    let mut cut = bytes.len() / 2;
    while cut > 0 {
        if cut < bytes.len() && finds(&bytes[..bytes.len() - cut]) {
            bytes.truncate(bytes.len() - cut);
        } else {
            cut /= 2;
        }
    }
    for at in 0..bytes.len() {
        let byte = std::mem::take(&mut bytes[at]);
        if byte != 0 && !finds(&bytes) {
            bytes[at] = byte;
        }
    }
    bytes
}
