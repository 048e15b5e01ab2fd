//! `evm-rollup prove` and `evm-rollup check`: levels that anybody can check with the kernel
//! alone.

use crate::kernel_args::EngineName;
use crate::start::StartArgs;
use crate::{FOUND_WRONG, files};
use anyhow::Context;
use clap::{Args, Subcommand};
use pvm::{Options, Witness};
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

/// The options of `prove`.
#[derive(Args, Debug)]
pub(crate) struct ProveArgs {
    #[command(subcommand)]
    command: ProveCommand,
}

#[derive(Subcommand, Debug)]
enum ProveCommand {
    /// Write the witness of a level: its messages, and of durable storage what it looked at
    Level(LevelArgs),
}

#[derive(Args, Debug)]
struct LevelArgs {
    /// The level
    level: u32,
    #[command(flatten)]
    start: StartArgs,
    /// The file to write
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
}

/// Runs the command.
pub(crate) fn run(args: &ProveArgs) -> anyhow::Result<()> {
    let ProveCommand::Level(args) = &args.command;
    let mut recorded = args.start.start()?;
    recorded.run_to(args.level)?;
    let messages = recorded.inbox()?.wrapped();
    let (witness, report) = recorded.machine.prove(messages)?;
    let bytes = witness.encode();
    let name = || args.output.display().to_string();
    std::fs::write(&args.output, &bytes).with_context(name)?;
    println!(
        "{}: level {} ({}), {} bytes, from root {} to {}",
        name(),
        witness.level,
        report.status,
        bytes.len(),
        hex::encode(witness.before),
        hex::encode(witness.after),
    );
    Ok(())
}

/// The options of `check`.
#[derive(Args, Debug)]
pub(crate) struct CheckArgs {
    /// The witness
    file: PathBuf,
    /// The kernel that ran the level: a wasm module, binary or in hex
    #[arg(long, value_name = "FILE")]
    kernel: PathBuf,
    /// The engine that executes the module
    #[arg(long, value_enum, default_value_t)]
    engine: EngineName,
    /// The folder of preimage pages, for a level that reveals some
    #[arg(long, value_name = "DIR", value_parser = files::folder)]
    preimages: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Runs the level of a witness again. Exit code 1 where it proves nothing.
pub(crate) fn check(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let name = || args.file.display().to_string();
    let bytes = pvm::files::read(&args.file, pvm::witness::MAX_WITNESS).with_context(name)?;
    let kernel = files::module(&args.kernel)?;
    let options = args.engine.choose(Options {
        preimages: args.preimages.clone(),
        ..Options::default()
    });
    let checked = Witness::decode(&bytes).and_then(|witness| {
        witness
            .check(&kernel, &options)
            .map(|report| (witness, report))
    });
    let (witness, report) = match checked {
        Ok(checked) => checked,
        Err(error) => {
            eprintln!("error: {}: {error}", name());
            return Ok(ExitCode::from(FOUND_WRONG));
        }
    };
    let outbox: Vec<String> = report.outbox.iter().map(hex::encode).collect();
    if args.json {
        let checked = json!({
            "level": witness.level,
            "rollup": hex::encode(witness.rollup),
            "status": report.status,
            "messages": witness.messages.iter().map(hex::encode).collect::<Vec<_>>(),
            "before": hex::encode(witness.before),
            "after": hex::encode(witness.after),
            "outbox": outbox,
        });
        println!("{checked}");
        return Ok(ExitCode::SUCCESS);
    }
    println!(
        "level {}, {} messages: {}",
        witness.level,
        witness.messages.len(),
        report.status
    );
    println!("rollup {}", hex::encode(witness.rollup));
    println!("from root {}", hex::encode(witness.before));
    println!("to root   {}", hex::encode(witness.after));
    for (index, message) in outbox.iter().enumerate() {
        println!("outbox {index}: {message}");
    }
    Ok(ExitCode::SUCCESS)
}
