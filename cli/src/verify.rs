//! `evm-rollup verify`: checks a kernel against every rule of the machine.

use crate::setup::{self, Checked, Target};
use crate::{FOUND_WRONG, files, guard};
use clap::Args;
use messages::hash::blake2b_256;
use pvm::report::{ModuleReport, report};
use pvm::{Purpose, Version};
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

/// The options of `verify`.
#[derive(Args, Debug)]
pub(crate) struct VerifyArgs {
    /// The kernel: a wasm module, binary or in hex
    kernel: PathBuf,
    /// The version of the machine
    #[arg(short, long, default_value_t)]
    pvm_version: Version,
    /// Check this setup file, too
    #[arg(short = 'S', long, value_name = "FILE.yaml")]
    setup_file: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// The most crates to list.
const CRATES: usize = 15;

/// Runs the command. Exit code 1 if a rule is broken.
pub(crate) fn run(args: &VerifyArgs) -> anyhow::Result<ExitCode> {
    let module = files::module(&args.kernel)?;
    if !args.json && !module.starts_with(files::MAGIC) {
        eprintln!("error: {} is not a wasm module", args.kernel.display());
        return Ok(ExitCode::from(FOUND_WRONG));
    }
    let setup = match &args.setup_file {
        Some(path) => setup::read(path, Target::of(&module))?,
        None => Checked::default(),
    };
    for warning in &setup.warnings {
        eprintln!("warning: {warning}");
    }
    if let Some(why) = Purpose::of(&module).warning() {
        eprintln!(
            "warning: {} is {why}: never for a rollup",
            args.kernel.display()
        );
    }
    let report = report(&module, args.pvm_version);
    let depth = guard::depth_warning(&module);
    for warning in guard::warning(report.unguarded).into_iter().chain(depth) {
        eprintln!("warning: {warning}");
    }
    if args.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        print(&report, &module, args.pvm_version);
    }
    Ok(if report.is_valid() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(FOUND_WRONG)
    })
}

fn print(report: &ModuleReport, module: &[u8], version: Version) {
    let colours = std::io::stdout().is_terminal();
    let paint = |code: &str, text: &str| {
        if colours {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    };
    println!("{} bytes, by the rules of {version}", module.len());
    println!("blake2b {}", hex::encode(blake2b_256(module)));
    for rule in &report.rules {
        let mark = match (rule.checked, rule.faults.is_empty()) {
            (false, _) => "not checked".to_owned(),
            (true, true) => paint("32", "pass"),
            (true, false) => paint("31", "FAIL"),
        };
        println!("{mark}  {}", rule.name);
        for fault in &rule.faults {
            let place = fault.function.as_deref().map(|name| format!(" in {name}"));
            println!(
                "      byte {:#x}{}: {}",
                fault.offset,
                place.unwrap_or_default(),
                fault.what
            );
        }
    }
    println!();
    for (section, size) in &report.sections {
        println!("{size:>10}  {section}");
    }
    if report.crates.is_empty() {
        println!("\nThe module has no name section: the sizes of its crates are unknown.");
        return;
    }
    println!("\ncode by crate:");
    for (name, size) in report.crates.iter().take(CRATES) {
        println!("{size:>10}  {name}");
    }
}
