#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), warn(clippy::too_many_lines))]

#[macro_use]
mod output;

mod abis;
mod address;
mod batch;
mod config;
mod debug;
mod devnet;
mod dispute;
mod double;
mod files;
mod genesis;
mod govern;
mod guard;
mod installer;
mod kernel_args;
mod l1;
mod names;
mod near;
mod node;
mod originate;
mod patience;
mod profile;
mod prove;
mod run;
mod settings;
mod setup;
mod snapshot;
mod start;
mod statetest;
mod tx;
mod verify;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use std::process::ExitCode;

/// Run, test and operate kernels of Tezos smart rollups, above all an Ethereum rollup
#[derive(Parser, Debug)]
#[command(name = "evm-rollup", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Put raw transactions into batches, and show what is in them
    Batch(batch::BatchArgs),
    /// Check the witness of a level with the kernel alone
    Check(prove::CheckArgs),
    /// Debug a kernel: stop it at breakpoints, and show storage, memory and open calls
    Debug(debug::DebugArgs),
    /// Run a local Ethereum node on the compiled kernel
    Devnet(Box<devnet::DevnetArgs>),
    /// Play a dispute about a level between an honest and a faulty operator; the judge has no state
    Dispute(Box<dispute::DisputeArgs>),
    /// Stand in for a rollup node of Octez, for rehearsals of `node`
    Double(double::DoubleArgs),
    /// Make a setup file of settings and a go-ethereum genesis file
    Genesis(genesis::GenesisArgs),
    /// Make and show decisions of governance, and send them on a devnet
    Govern(govern::GovernArgs),
    /// Bound the stack of a compiled kernel, and take names out of it
    Guard(guard::GuardArgs),
    /// Build the installer and its preimage pages
    Installer(installer::InstallerArgs),
    /// Use the layer 1 of a running devnet or node: deposits, withdrawals, levels
    L1(l1::L1Args),
    /// Run an Ethereum node for an originated rollup, in front of a rollup node of Octez
    Node(node::NodeArgs),
    /// Plan the originations of a rollup and its contracts, and show them step by step
    Originate(originate::OriginateArgs),
    /// Write a witness, with which anybody can check a level without the rollup's storage
    Prove(prove::ProveArgs),
    /// Run levels again from a snapshot
    Replay(snapshot::ReplayArgs),
    /// Show which functions a kernel's instructions are spent in, as a flame graph and as tables
    Profile(profile::ProfileArgs),
    /// Run a kernel on the messages of a file, level by level
    Run(run::RunArgs),
    /// Write, check and show snapshots: files with the state between two levels
    Snapshot(snapshot::SnapshotArgs),
    /// Run Ethereum's state tests through the compiled kernel
    Statetest(statetest::StatetestArgs),
    /// Make keys and batches for the transactions kernel, and show its balances
    Tx(tx::TxArgs),
    /// Check a kernel against every rule of the machine
    Verify(verify::VerifyArgs),
}

/// The exit code if a check fails.
const FOUND_WRONG: u8 = 1;
/// The exit code if the command cannot run, as clap has it for invalid options.
const BAD_USAGE: u8 = 2;

fn main() -> ExitCode {
    run().unwrap_or_else(|error| {
        eprintln!("error: {}", output::plain(&once(&error)));
        ExitCode::from(BAD_USAGE)
    })
}

fn run() -> anyhow::Result<ExitCode> {
    let configured = config::read(Cli::command(), std::env::args_os().collect())?;
    if let Some(shown) = configured.shown()? {
        print!("{shown}");
        return Ok(ExitCode::SUCCESS);
    }
    let cli = Cli::from_arg_matches(&configured.matches).unwrap_or_else(|error| error.exit());
    match cli.command {
        Command::Batch(args) => batch::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Check(args) => prove::check(&args),
        Command::Debug(args) => debug::debug(&args),
        Command::Devnet(args) => devnet::run(&args),
        Command::Dispute(args) => dispute::run(&args),
        Command::Double(args) => double::run(&args),
        Command::Genesis(args) => genesis::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Govern(args) => govern::run(&args),
        Command::Guard(args) => guard::run(&args),
        Command::Installer(args) => installer::run(&args),
        Command::L1(args) => l1::run(&args),
        Command::Node(args) => node::run(&args),
        Command::Originate(args) => originate::run(&args),
        Command::Prove(args) => prove::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Replay(args) => snapshot::replay(&args),
        Command::Profile(args) => profile::profile(&args),
        Command::Run(args) => run::run(&args),
        Command::Snapshot(args) => snapshot::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Statetest(args) => statetest::run(&args),
        Command::Tx(args) => tx::run(&args),
        Command::Verify(args) => verify::run(&args),
    }
}

/// An error and its causes, but for those that it names already.
fn once(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        if !text.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_a_thing_once() {
        let cause = anyhow::anyhow!("expected a list");
        let named = cause.context("not an inputs file: expected a list");
        let error = named.context("cannot read x.json");
        assert_eq!(
            once(&error),
            "cannot read x.json: not an inputs file: expected a list"
        );
    }
}
