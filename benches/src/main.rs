#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), warn(clippy::too_many_lines))]
#![expect(
    clippy::float_arithmetic,
    reason = "speeds and shares are told to people, not computed with"
)]

mod amm;
mod baseline;
mod bridge;
mod metered;
mod speed;
mod table;
mod tickets;
mod workload;

use baseline::Baseline;
use indicatif::{ProgressBar, ProgressStyle};
use std::error::Error;
use std::process::ExitCode;
use workload::Workloads;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        [] => report().map(|()| ExitCode::SUCCESS),
        ["check"] => {
            let report = Baseline::read()?.compare(&figures()?);
            print!("{report}");
            Ok(ExitCode::from(u8::from(report.failed())))
        }
        ["accept"] => {
            let (new, old) = (figures()?, Baseline::read().unwrap_or_default());
            print!("{}", old.compare(&new).accepted());
            new.write()?;
            println!("written to {}", baseline::PATH);
            Ok(ExitCode::SUCCESS)
        }
        ["profile", names @ ..] => metered::profile(names).map(|()| ExitCode::SUCCESS),
        _ => {
            eprintln!("usage: benches [check|accept|profile [WORKLOAD…]]");
            Ok(ExitCode::from(2))
        }
    }
}

/// All tables, for people.
fn report() -> Result<(), Box<dyn Error>> {
    let workloads = Workloads::new();
    let progress = progress((2 * workloads.named.len() + workloads.batched.len()) as u64 + 2)?;
    let metered = metered::measure(&workloads, &progress)?;
    let speed = speed::measure(&workloads, &progress)?;
    progress.finish_and_clear();
    let report = table::Report { metered, speed };
    print!("{report}");
    println!("\n{}", bridge::measure()?);
    print!("{}", tickets::measure()?);
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/bench.json");
    std::fs::write(path, serde_json::to_string_pretty(&report)?)?;
    println!("written to target/bench.json");
    Ok(())
}

/// The exact figures of everything that is measured.
fn figures() -> Result<Baseline, Box<dyn Error>> {
    let workloads = Workloads::new();
    let progress = progress((workloads.named.len() + workloads.batched.len()) as u64 + 1)?;
    let metered = metered::measure(&workloads, &progress)?;
    progress.finish_and_clear();
    let mut baseline = Baseline::default();
    for module in ["evm_kernel", "tx_kernel", "installer_kernel"] {
        let bytes = e2e_tests::module(&format!("{module}.wasm")).len() as u64;
        baseline.add(module, [("bytes", bytes)]);
    }
    metered.add_to(&mut baseline);
    bridge::measure()?.add_to(&mut baseline);
    tickets::measure()?.add_to(&mut baseline);
    Ok(baseline)
}

/// A progress bar on a terminal; nothing elsewhere.
fn progress(steps: u64) -> Result<ProgressBar, Box<dyn Error>> {
    let progress = ProgressBar::new(steps);
    progress.set_style(ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}")?);
    Ok(progress)
}
