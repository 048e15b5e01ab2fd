//! Measures through the compiled kernel.
//!
//! `make bench` prints one table and writes `target/bench.json`. Figures are
//! net of the empty level that stands first; instructions and host calls are
//! exact and repeatable, speed is a ratio taken in turns in one process.
#![expect(
    clippy::float_arithmetic,
    reason = "speeds and shares are told to people, not computed with"
)]

mod amm;
mod metered;
mod speed;
mod table;
mod workload;

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let Some(workloads) = workload::Workloads::load()? else {
        println!(
            "SKIPPED: the workloads are not in {}; there is nothing to measure",
            workload::FOLDER
        );
        return Ok(());
    };
    let progress = indicatif::ProgressBar::new(2 * workloads.named.len() as u64 + 2);
    progress.set_style(indicatif::ProgressStyle::with_template(
        "{bar:30} {pos}/{len} {msg}",
    )?);
    let metered = metered::measure(&workloads, &progress)?;
    let speed = speed::measure(&workloads, &progress)?;
    progress.finish_and_clear();
    let report = table::Report { metered, speed };
    print!("{report}");
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/bench.json");
    std::fs::write(path, serde_json::to_string_pretty(&report)?)?;
    println!("written to target/bench.json");
    Ok(())
}
