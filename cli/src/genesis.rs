//! `evm-rollup genesis`: a go-ethereum style genesis as a setup file.

use anyhow::Context;
use clap::Args;
use node::genesis::{Genesis, to_yaml};
use std::path::PathBuf;

/// What `genesis` takes.
#[derive(Args, Debug)]
pub(crate) struct GenesisArgs {
    /// The go-ethereum style genesis.json
    #[arg(long, value_name = "FILE")]
    alloc: PathBuf,
    /// Where the setup file goes; standard output if left out
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
