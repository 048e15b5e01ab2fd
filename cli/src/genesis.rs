//! `evm-rollup genesis`: makes a setup file of settings and a go-ethereum genesis file.

use crate::files;
use crate::settings::{Settings, TEMPLATE};
use crate::setup::{self, Target};
use anyhow::Context;
use clap::Args;
use node::genesis::{Genesis, to_yaml};
use std::path::{Path, PathBuf};

/// The options of `genesis`.
#[derive(Args, Debug)]
pub(crate) struct GenesisArgs {
    /// A go-ethereum genesis file: accounts, chain id, gas limit, base fee, coinbase
    #[arg(long, value_name = "FILE")]
    alloc: Option<PathBuf>,
    /// A file of settings, which come before those of the genesis file
    #[arg(long, value_name = "FILE.toml")]
    settings: Option<PathBuf>,
    /// Print a file of settings to start from, and do nothing else
    #[arg(long)]
    template: bool,
    /// Settings of the command line come first
    #[command(flatten)]
    options: Settings,
    /// The setup file to write [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Runs the command.
pub(crate) fn run(args: &GenesisArgs) -> anyhow::Result<()> {
    if args.template {
        print!("{TEMPLATE}");
        return Ok(());
    }
    let mut settings = args.options;
    if let Some(path) = &args.settings {
        settings = settings.or(Settings::read(path)?);
    }
    let Made { yaml, warnings } = make(args.alloc.as_deref(), &settings)?;
    for warning in &warnings {
        eprintln!("warning: {warning}");
    }
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

/// A setup file that the kernel accepts.
pub(crate) struct Made {
    /// The file.
    pub(crate) yaml: String,
    /// What to think about before the origination.
    pub(crate) warnings: Vec<String>,
}

/// The setup file of a genesis file and settings.
pub(crate) fn make(alloc: Option<&Path>, settings: &Settings) -> anyhow::Result<Made> {
    let mut genesis = match alloc {
        Some(path) => {
            Genesis::from_json(&files::text(path)?).with_context(|| path.display().to_string())?
        }
        None => Genesis::default(),
    };
    settings.apply(&mut genesis.config)?;
    let yaml = to_yaml(&genesis.setup()?);
    let warnings = setup::check(&yaml, Target::Evm)?.warnings;
    Ok(Made { yaml, warnings })
}
