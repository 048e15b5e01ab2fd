//! `evm-rollup prove` and `evm-rollup check`: levels, and transactions in them, that anybody can
//! check with the kernel alone.

mod check;

pub(crate) use check::{CheckArgs, check};

use crate::snapshot::writing::write_with;
use crate::start::StartArgs;
use alloy_primitives::B256;
use anyhow::{Context, ensure};
use clap::{Args, Subcommand};
use node::chain;
use node::payment::{self, Payment};
use node::recorded::DataDir;
use pvm::{LevelReport, Witness};
use serde_json::json;
use std::io::Write;
use std::path::PathBuf;

/// The options of `prove`.
#[derive(Args, Debug)]
pub(crate) struct ProveArgs {
    #[command(subcommand)]
    command: ProveCommand,
}

/// Sources of levels, for the help of both commands.
const SOURCES: &str = "The level is run once more, from one of these:\n  \
    --data-dir DIR    the folder of a stopped devnet or node (a copy of it will do);\n                    \
    it has the states of the newest blocks (--keep-states), and their messages\n  \
    --inputs FILE     the messages of a run, with --kernel FILE from its first level on,\n                    \
    or with --from SNAPSHOT from there on\n\n\
    A witness proves how one root of durable storage leads to another. It does not prove that \
    either root is the rollup's: compare one with a root that you trust (`check --root`).";

#[derive(Subcommand, Debug)]
enum ProveCommand {
    /// Write the witness of a level: its messages, and the parts of durable storage that it read
    #[command(after_help = SOURCES)]
    Level(LevelArgs),
    /// Write what proves a transaction of the EVM kernel: the witness of the level that
    /// included it
    #[command(after_help = SOURCES)]
    Transaction(TransactionArgs),
}

#[derive(Args, Debug)]
struct LevelArgs {
    /// The level
    level: u32,
    #[command(flatten)]
    source: SourceArgs,
}

#[derive(Args, Debug)]
struct TransactionArgs {
    /// The transaction's hash
    hash: B256,
    #[command(flatten)]
    source: SourceArgs,
}

#[derive(Args, Debug)]
struct SourceArgs {
    /// The data folder of a stopped devnet or node
    #[arg(
        long,
        value_name = "DIR",
        conflicts_with_all = ["inputs", "from", "kernel", "setup", "pvm_version", "legacy", "rollup"]
    )]
    data_dir: Option<PathBuf>,
    #[command(flatten)]
    start: StartArgs,
    /// The file to write
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) fn run(args: &ProveArgs) -> anyhow::Result<()> {
    match &args.command {
        ProveCommand::Level(args) => {
            let (witness, report) = args.source.level(args.level)?;
            args.source.write(&witness, &report, &witness.encode())
        }
        ProveCommand::Transaction(args) => {
            let (witness, report) = args.source.transaction(&args.hash)?;
            let payment = Payment {
                transaction: args.hash,
                level: witness,
            };
            let bytes = payment.encode();
            args.source.write(&payment.level, &report, &bytes)
        }
    }
}

impl SourceArgs {
    fn level(&self, level: u32) -> anyhow::Result<(Witness, LevelReport)> {
        if let Some(folder) = &self.data_dir {
            return self.kept(&DataDir::open(folder)?, level);
        }
        let mut recorded = self.start.start()?;
        let named = || format!("level {level}");
        recorded.run_to(level).with_context(named)?;
        let messages = recorded.inbox()?.wrapped();
        Ok(recorded.machine.prove(messages)?)
    }

    fn transaction(&self, hash: &B256) -> anyhow::Result<(Witness, LevelReport)> {
        if let Some(folder) = &self.data_dir {
            let folder = DataDir::open(folder)?;
            let level = folder.level_of(hash)?;
            return self.kept(&folder, level);
        }
        let mut recorded = self.start.start()?;
        let last = recorded.last()?;
        let mut next = chain::head(recorded.machine.durable()).map_or(0, |head| head.number + 1);
        while recorded.machine.level() <= last {
            let messages = recorded.inbox()?.wrapped();
            let before = recorded.machine.save();
            let report = recorded.machine.run_messages(messages.clone())?;
            if payment::find(hash, next, &report.durable)?.is_some() {
                recorded.machine.restore(before);
                return Ok(recorded.machine.prove(messages)?);
            }
            next = chain::head(&report.durable).map_or(next, |head| head.number + 1);
        }
        anyhow::bail!("no level up to {last}, the last of the inputs, includes transaction {hash}")
    }

    /// A level of a data folder: what comes out of it must be what is there.
    fn kept(&self, folder: &DataDir, level: u32) -> anyhow::Result<(Witness, LevelReport)> {
        let recorded = folder.level(level)?;
        let machine = self.start.resume(&recorded)?;
        let (witness, report) = machine.prove(recorded.messages.clone())?;
        let difference = recorded.difference(&witness.before, &witness.after);
        ensure!(
            difference.is_none(),
            "{}: what the folder keeps of the level does not lead from one to the other; a devnet \
             has blocks that no messages make, by impersonated accounts or chosen randomness",
            difference.unwrap_or_default()
        );
        Ok((witness, report))
    }

    fn write(&self, witness: &Witness, report: &LevelReport, bytes: &[u8]) -> anyhow::Result<()> {
        let name = self.output.display().to_string();
        write_with(&self.output, |out| Ok(out.write_all(bytes)?))
            .with_context(|| format!("cannot write {name}"))?;
        let (before, after) = (hex::encode(witness.before), hex::encode(witness.after));
        if self.json {
            let proved = json!({
                "file": name,
                "bytes": bytes.len(),
                "level": witness.level,
                "status": report.status,
                "before": before,
                "after": after,
            });
            println!("{proved}");
            return Ok(());
        }
        println!(
            "{name}: level {} ({}), {} bytes, from root {before} to {after}",
            witness.level,
            report.status,
            bytes.len(),
        );
        Ok(())
    }
}
