//! `evm-rollup genesis`: converts a go-ethereum genesis file to a setup file.

use crate::files;
use anyhow::Context;
use clap::Args;
use node::genesis::{Genesis, to_yaml};
use std::path::PathBuf;

/// The options of `genesis`.
#[derive(Args, Debug)]
pub(crate) struct GenesisArgs {
    /// The go-ethereum genesis file
    #[arg(long, value_name = "FILE")]
    alloc: PathBuf,
    /// The setup file to write [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Runs the command.
pub(crate) fn run(args: &GenesisArgs) -> anyhow::Result<()> {
    let name = args.alloc.display();
    let text =
        std::fs::read_to_string(&args.alloc).with_context(|| format!("cannot read {name}"))?;
    let genesis = Genesis::from_json(&text).with_context(|| format!("{name}"))?;
    let yaml = to_yaml(&genesis.setup()?);
    files::checked_setup(&yaml).with_context(|| format!("{name}"))?;
    match &args.output {
        Some(path) => {
            std::fs::write(path, yaml).with_context(|| format!("cannot write {}", path.display()))
        }
        None => {
            print!("{yaml}");
            Ok(())
        }
    }
}
