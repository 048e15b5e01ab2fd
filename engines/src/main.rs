//! Runs levels that the whole-system tests recorded on every engine there is, the
//! rollup node's own among them, and compares what comes out.
//!
//! `make engines` records the levels and runs this; it is no part of `make test`.

mod probestack;
mod recorded;
mod wasmer_engine;

use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressStyle};
use pvm::engine::{self, Engine};
use recorded::{Outcome, Recorded};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

fn main() -> anyhow::Result<ExitCode> {
    let Some(folder) = std::env::args_os().nth(1).map(PathBuf::from) else {
        bail!("usage: engines FOLDER, where the tests recorded levels: see `make engines`");
    };
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .with_context(|| folder.display().to_string())?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    files.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "json")
    });
    files.sort();
    if files.is_empty() {
        bail!("no levels in {}: see `make engines`", folder.display());
    }
    wasmer_engine::bound_the_stack();
    let engines: [Arc<dyn Engine>; 4] = [
        engine::fast(),
        engine::interpreter(),
        wasmer_engine::cranelift(),
        wasmer_engine::singlepass(),
    ];
    let bar = ProgressBar::new(files.len() as u64).with_style(ProgressStyle::with_template(
        "{bar:30} {pos}/{len} levels, {eta} left, {msg}",
    )?);
    let mut times: BTreeMap<&str, Duration> = BTreeMap::new();
    let (mut differences, mut traps, mut exhausted) = (0, 0, 0);
    for path in &files {
        let level = Recorded::read(path).with_context(|| path.display().to_string())?;
        let mut first: Option<Outcome> = None;
        for engine in &engines {
            bar.set_message(engine.name());
            let start = Instant::now();
            let outcome = level.run(engine)?;
            *times.entry(engine.name()).or_default() += start.elapsed();
            match &first {
                None => {
                    traps += usize::from(outcome.trapped());
                    exhausted += usize::from(outcome.stuck());
                    first = Some(outcome);
                }
                Some(expected) if *expected != outcome => {
                    differences += 1;
                    bar.suspend(|| {
                        println!("{}: {} differs", path.display(), engine.name());
                        println!("  {outcome:?}\n  {} says {expected:?}", engines[0].name());
                    });
                }
                Some(_) => {}
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    println!(
        "{} levels, {traps} with a trap, {exhausted} stuck:",
        files.len()
    );
    for engine in &engines {
        let seconds = times.get(engine.name()).map_or(0, Duration::as_secs);
        println!("  {:<22} {seconds:>5} s", engine.name());
    }
    if differences > 0 {
        println!("{differences} differences");
        return Ok(ExitCode::FAILURE);
    }
    println!("durable root, outbox, debug log and end are the same on all");
    Ok(ExitCode::SUCCESS)
}
