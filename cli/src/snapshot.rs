//! `evm-rollup snapshot` and `evm-rollup replay`: machines between two levels, as files.

pub(crate) mod writing;

use crate::FOUND_WRONG;
use crate::address::Sr1;
use crate::start::{self, StartArgs};
use anyhow::{Context, ensure};
use clap::{Args, Subcommand};
use node::folder_file::{self, FolderFacts};
use pvm::NodeHash;
use pvm::snapshot::Facts;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use writing::{write, write_with};

/// The options of `snapshot`.
#[derive(Args, Debug)]
pub(crate) struct SnapshotArgs {
    #[command(subcommand)]
    command: SnapshotCommand,
}

#[derive(Subcommand, Debug)]
enum SnapshotCommand {
    /// Run a recorded run up to a level, and write the machine to a file; or write the folder of a
    /// stopped devnet or node
    Export(ExportArgs),
    /// Read a snapshot, check all of it, and write it anew; or make the folder of a node or devnet
    /// from it
    Import(ImportArgs),
    /// Show the facts of a snapshot
    Info(InfoArgs),
}

#[derive(Args, Debug)]
struct ExportArgs {
    #[command(flatten)]
    start: StartArgs,
    /// The level that runs next [default: the one after the last of the inputs]; with
    /// --data-dir the level after which it is written [default: the newest]
    #[arg(long, value_name = "LEVEL")]
    level: Option<u32>,
    /// The folder of a stopped devnet or node, instead of a recorded run
    #[arg(long, value_name = "DIR", conflicts_with_all = ["inputs", "from", "kernel", "setup", "rollup", "legacy", "pvm_version"])]
    data_dir: Option<PathBuf>,
    /// The file to write
    file: PathBuf,
}

#[derive(Args, Debug)]
struct ImportArgs {
    /// The snapshot
    file: PathBuf,
    /// The root that it must have
    #[arg(long, value_name = "HEX")]
    root: Option<String>,
    /// The most bytes that it may unpack to [default: 64 MiB and 100 times its size, at most 8 GiB]
    #[arg(long, value_name = "BYTES")]
    most: Option<u64>,
    /// Write the checked snapshot to this file
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Make this folder from it, for `node` or `devnet --data-dir`; the snapshot is then one that was
    /// written with --data-dir
    #[arg(long, value_name = "DIR", conflicts_with = "output")]
    data_dir: Option<PathBuf>,
}

#[derive(Args, Debug)]
struct InfoArgs {
    /// The snapshot; its storage is not read
    file: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) fn run(args: &SnapshotArgs) -> anyhow::Result<()> {
    match &args.command {
        SnapshotCommand::Export(args) => export(args),
        SnapshotCommand::Import(args) => import(args),
        SnapshotCommand::Info(args) => info(args),
    }
}

fn export(args: &ExportArgs) -> anyhow::Result<()> {
    if let Some(folder) = &args.data_dir {
        let target = args
            .file
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty());
        let target = target.unwrap_or_else(|| Path::new(".")).canonicalize().ok();
        ensure!(
            target.is_none() || target != folder.canonicalize().ok(),
            "{} is in the folder that is written: name another place",
            args.file.display()
        );
        let mut facts = None;
        write_with(&args.file, |out| {
            facts = Some(folder_file::export(folder, args.level, out)?);
            Ok(())
        })?;
        if let Some(facts) = facts {
            println!("{}: {}", args.file.display(), folder_facts(&facts));
        }
        return Ok(());
    }
    let mut recorded = args.start.start()?;
    let level = match args.level {
        Some(level) => level,
        None => recorded.last()? + 1,
    };
    recorded.run_to(level)?;
    write(&recorded.machine, &args.file)?;
    println!("{}: level {level} runs next", args.file.display());
    Ok(())
}

fn folder_facts(facts: &FolderFacts) -> String {
    let FolderFacts {
        level,
        newest,
        root,
    } = facts;
    format!(
        "after level {level}, block {newest}, durable root {}",
        hex::encode(root)
    )
}

/// The bytes of a root in hex.
fn root_bytes(text: &str) -> anyhow::Result<NodeHash> {
    let mut root = [0; 32];
    let digits = text.trim_start_matches("0x");
    hex::decode_to_slice(digits, &mut root).with_context(|| format!("{text} is not a root"))?;
    Ok(root)
}

fn import(args: &ImportArgs) -> anyhow::Result<()> {
    if let Some(folder) = &args.data_dir {
        let name = || args.file.display().to_string();
        let root = args.root.as_deref().map(root_bytes).transpose()?;
        let file = BufReader::new(pvm::files::open(&args.file).with_context(name)?);
        let most = start::most(file.get_ref(), args.most).with_context(name)?;
        let facts = folder_file::import(file, most, folder, root).with_context(name)?;
        println!("{}: {}", folder.display(), folder_facts(&facts));
        return Ok(());
    }
    let snapshot = start::snapshot(&args.file, args.most)?;
    let root = hex::encode(snapshot.facts.root);
    if let Some(expected) = &args.root {
        ensure!(
            root.eq_ignore_ascii_case(expected.trim_start_matches("0x")),
            "the snapshot has the root {root}, not {expected}"
        );
    }
    if let Some(path) = &args.output {
        write_with(path, |out| Ok(snapshot.write(out)?))?;
    }
    println!("{}: whole, with the root {root}", args.file.display());
    Ok(())
}

fn info(args: &InfoArgs) -> anyhow::Result<()> {
    let name = || args.file.display().to_string();
    let mut file = BufReader::new(pvm::files::open(&args.file).with_context(name)?);
    let start = file.fill_buf().with_context(name)?;
    let facts = if start.starts_with(&folder_file::MAGIC) {
        let (folder, machine) = folder_file::facts(file).with_context(name)?;
        let mut facts = facts_json(&machine);
        facts["newest_block"] = folder.newest.into();
        facts
    } else {
        facts_json(&pvm::snapshot::facts(file).with_context(name)?)
    };
    if args.json {
        println!("{facts}");
        return Ok(());
    }
    for (name, value) in facts.as_object().into_iter().flatten() {
        match value {
            Value::String(text) => println!("{name}: {text}"),
            Value::Null => println!("{name}: none"),
            value => println!("{name}: {value}"),
        }
    }
    Ok(())
}

fn facts_json(facts: &Facts) -> Value {
    json!({
        "version": facts.version.name(),
        "level": facts.level,
        "rollup": Sr1(facts.rollup).to_string(),
        "origination_level": facts.origination_level,
        "layer1_block": (facts.block != [0; 32]).then(|| hex::encode(facts.block)),
        "kernel": hex::encode(facts.kernel),
        "durable_root": hex::encode(facts.root),
        "stuck": facts.stuck,
    })
}

/// The options of `replay`.
#[derive(Args, Debug)]
pub(crate) struct ReplayArgs {
    #[command(flatten)]
    start: StartArgs,
    /// The last level that runs [default: the last of the inputs]
    #[arg(long, value_name = "LEVEL")]
    to: Option<u32>,
    /// The root of durable storage that must be there at the end
    #[arg(long, value_name = "HEX")]
    root: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Runs levels again. Exit code 1 where another root comes out than the one that is given.
pub(crate) fn replay(args: &ReplayArgs) -> anyhow::Result<ExitCode> {
    let mut recorded = args.start.start()?;
    let to = match args.to {
        Some(to) => to,
        None => recorded.last()?,
    };
    let first = recorded.machine.level();
    ensure!(
        first <= to,
        "it starts at level {first}, which is after level {to}"
    );
    recorded.has_levels_to(to)?;
    let mut levels = Vec::new();
    while recorded.machine.level() <= to {
        let inbox = recorded.inbox()?;
        let report = recorded.machine.run_level(&inbox)?;
        let root = hex::encode(report.durable_root());
        if args.json {
            levels.push(
                json!({ "level": report.level, "status": report.status, "durable_root": root }),
            );
        } else {
            println!(
                "level {}: {}, durable root {root}",
                report.level, report.status
            );
        }
    }
    if args.json {
        println!("{}", json!({ "levels": levels }));
    }
    let root = hex::encode(recorded.machine.durable().root_hash());
    match &args.root {
        Some(expected) if !root.eq_ignore_ascii_case(expected.trim_start_matches("0x")) => {
            eprintln!("error: the root is {root}, not {expected}");
            Ok(ExitCode::from(FOUND_WRONG))
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}
