//! `evm-rollup genesis`: makes a setup file of settings and a go-ethereum genesis file.

use crate::files;
use crate::settings::{Settings, TEMPLATE};
use crate::setup::{self, Checked, Target};
use anyhow::Context;
use clap::Args;
use node::genesis::{Genesis, to_yaml};
use pvm::setup::Instruction;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// The options of `genesis`.
#[derive(Args, Debug)]
pub(crate) struct GenesisArgs {
    /// A go-ethereum genesis file: accounts, chain id, gas limit, base fee, coinbase
    #[arg(long, value_name = "FILE")]
    alloc: Option<PathBuf>,
    /// A file of settings, which override those of the genesis file
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
    /// Print one JSON object: what the setup file sets, and the warnings
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) fn run(args: &GenesisArgs) -> anyhow::Result<()> {
    if args.template {
        if args.json {
            println!("{:#}", json!({ "settings": TEMPLATE }));
        } else {
            print!("{TEMPLATE}");
        }
        return Ok(());
    }
    let mut settings = args.options;
    if let Some(path) = &args.settings {
        settings = settings.or(Settings::read(path)?);
    }
    let made = make(args.alloc.as_deref(), &settings)?;
    for warning in &made.warnings {
        eprintln!("warning: {warning}");
    }
    if let Some(path) = &args.output {
        files::write(path, &made.yaml)?;
    }
    if args.json {
        println!("{:#}", object(&made, args.output.as_deref()));
    } else if args.output.is_none() {
        print!("{}", made.yaml);
    }
    Ok(())
}

/// The result as JSON, for programs.
fn object(made: &Made, output: Option<&Path>) -> Value {
    let sets = made.instructions.iter().filter_map(|one| match one {
        Instruction::Set { value, to } => Some(json!({ "to": to, "value": hex::encode(value) })),
        _ => None,
    });
    json!({
        "setup_file": output.map(|path| path.display().to_string()),
        "sets": sets.collect::<Vec<_>>(),
        "warnings": made.warnings,
    })
}

/// A setup file that the kernel accepts.
pub(crate) struct Made {
    /// The file.
    pub(crate) yaml: String,
    /// The setup file's instructions.
    instructions: Vec<Instruction>,
    /// Warnings to consider before the origination.
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
    let Checked {
        instructions,
        warnings,
    } = setup::check(&yaml, Target::Evm)?;
    Ok(Made {
        yaml,
        instructions,
        warnings,
    })
}
