//! The evm-rollup command.

mod devnet;
mod files;
mod genesis;
mod installer;
mod l1;
mod run;
mod statetest;
mod tx;
mod verify;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// An Ethereum rollup on Tezos: run it, look into it, develop on it.
#[derive(Parser, Debug)]
#[command(name = "evm-rollup", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// An Ethereum endpoint on a chain of one's own, over the compiled kernel
    Devnet(devnet::DevnetArgs),
    /// A go-ethereum style genesis as a setup file
    Genesis(genesis::GenesisArgs),
    /// What a rollup is originated with: an installer, and the pages of the kernel
    Installer(installer::InstallerArgs),
    /// The layer 1 of a running devnet: deposits, withdrawals, levels
    L1(l1::L1Args),
    /// Run a kernel on the messages of a file, level by level
    Run(run::RunArgs),
    /// Ethereum's state tests through the compiled kernel
    Statetest(statetest::StatetestArgs),
    /// Keys, batches and balances of the transactions kernel
    Tx(tx::TxArgs),
    /// Check a kernel against every rule of the machine
    Verify(verify::VerifyArgs),
}

/// Something wrong was found.
const FOUND_WRONG: u8 = 1;
/// What was asked for cannot be done; as clap says for wrong options.
const BAD_USAGE: u8 = 2;

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Devnet(args) => devnet::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Genesis(args) => genesis::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Installer(args) => installer::run(&args).map(|()| ExitCode::SUCCESS),
        Command::L1(args) => l1::run(&args),
        Command::Run(args) => run::run(&args),
        Command::Statetest(args) => statetest::run(&args),
        Command::Tx(args) => tx::run(&args),
        Command::Verify(args) => verify::run(&args),
    };
    done.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::from(BAD_USAGE)
    })
}
