//! `evm-rollup installer`: builds the installer and its preimage pages.

use crate::patience::Patience;
use crate::setup::{self, Target};
use crate::{BAD_USAGE, files, guard};
use anyhow::{Context, bail, ensure};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use messages::hash::blake2b_256;
use michelson::{Node, Type};
use pvm::installer::Installer;
use pvm::report::report;
use pvm::{
    DebugSink, Durable, Inbox, Machine, Metering, Options, Purpose, Status, Version, stack_guard,
};
use serde_json::json;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The name of the installer kernel's module.
pub(crate) const INSTALLER: &str = "installer_kernel.wasm";

/// The parameter of the EVM rollup: deposits, delayed inbox, governance.
pub(crate) const PARAMETERS: &str =
    "or (or (pair bytes (ticket (pair nat (option bytes)))) bytes) bytes";

/// The path at which an installer leaves the kernel.
const KERNEL: &str = "/kernel/boot.wasm";

/// The path of the EVM kernel's newest block.
const HEAD: &str = "/evm/state/h";

/// The most bytes of an installer: an origination is one operation of layer 1, of 32
/// kB with its signature, source and types.
const MAX_INSTALLER: usize = 32 * 1024 - 1024;

/// The options of `installer`.
#[derive(Args, Clone, Debug)]
pub(crate) struct InstallerArgs {
    /// The kernel to install: a wasm module, binary or in hex
    #[arg(short, long, visible_alias = "upgrade-to", value_name = "FILE")]
    pub(crate) kernel: PathBuf,
    /// The installer to write: binary if the name ends in .wasm, else in hex
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// The folder to write the pages to, for the `wasm_2_0_0` folder of every node
    #[arg(short, long, value_name = "DIR")]
    pub(crate) preimages_dir: PathBuf,
    /// A setup file, applied to durable storage before the kernel's first run
    #[arg(short = 'S', long, value_name = "FILE.yaml")]
    pub(crate) setup_file: Option<PathBuf>,
    /// The type of the rollup's parameter, for the origination command: what contracts of layer 1
    /// may send to it, for good [default: that of the EVM kernel]
    #[arg(long, value_name = "TYPE")]
    pub(crate) parameters_type: Option<String>,
    /// The installer kernel [default: installer_kernel.wasm where `make kernel` puts it, or beside this
    /// program]
    #[arg(long, value_name = "FILE")]
    pub(crate) installer_kernel: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

impl InstallerArgs {
    /// The type of the rollup's parameter.
    fn parameters(&self) -> &str {
        self.parameters_type.as_deref().unwrap_or(PARAMETERS)
    }
}

/// A rollup that boots, with what to say about it.
pub(crate) struct Made {
    /// The installer and its pages.
    pub(crate) installer: Installer,
    /// The kernel that it installs.
    pub(crate) kernel: Vec<u8>,
    /// Warnings to consider before the origination.
    pub(crate) warnings: Vec<String>,
}

/// Runs the command: the installer is written, and the command that originates printed,
/// only if the rollup boots.
pub(crate) fn run(args: &InstallerArgs) -> anyhow::Result<ExitCode> {
    let made = match make(args) {
        Ok(made) => made,
        Err(error) if args.json => {
            println!("{}", json!({ "error": format!("{error:#}") }));
            return Ok(ExitCode::from(BAD_USAGE));
        }
        Err(error) => return Err(error),
    };
    for warning in &made.warnings {
        eprintln!("warning: {warning}");
    }
    print(args, &made);
    Ok(ExitCode::SUCCESS)
}

/// Makes and writes an installer, and its pages.
pub(crate) fn make(args: &InstallerArgs) -> anyhow::Result<Made> {
    let named = args.installer_kernel.as_deref();
    let base = files::built(INSTALLER, named, "--installer-kernel")?;
    let kernel = valid(&args.kernel)?;
    let base = valid(&base)?;
    ensure!(
        args.output != args.kernel,
        "the installer would overwrite the kernel: choose another --output"
    );
    let target = Target::of(&kernel);
    check_type(args.parameters(), target)?;
    let mut setup = match &args.setup_file {
        Some(path) => setup::read(path, target)?,
        None => setup::none(target)?,
    };
    let unguarded = stack_guard::unguarded(&kernel)?;
    setup.warnings.extend(guard::warning(unguarded.len()));
    setup.warnings.extend(guard::depth_warning(&kernel));
    if args.parameters_type.is_none() && target != Target::Evm {
        setup.warnings.push(format!(
            "this is not the EVM kernel, but the command below has the EVM kernel's type of \
             parameter, '{PARAMETERS}', which an origination fixes for good: name the one that this \
             kernel reads with --parameters-type (`unit` if it reads external messages alone)"
        ));
    }
    let installer = Installer::new(&base, &kernel, &setup.instructions)
        .with_context(|| args.kernel.display().to_string())?;
    let len = installer.module.len();
    ensure!(
        len <= MAX_INSTALLER,
        "the installer has {len} bytes, but an origination takes at most {MAX_INSTALLER}: shorten \
         the setup"
    );
    write_pages(&installer, args)?;
    boots(&installer, &kernel, &args.preimages_dir)?;
    let binary = args
        .output
        .extension()
        .is_some_and(|ending| ending == "wasm");
    let bytes = if binary {
        installer.module.clone()
    } else {
        hex::encode(&installer.module).into_bytes()
    };
    files::write(&args.output, bytes)?;
    Ok(Made {
        installer,
        kernel,
        warnings: setup.warnings,
    })
}

/// A module that keeps every rule of the machine.
fn valid(path: &Path) -> anyhow::Result<Vec<u8>> {
    let module = files::kernel(path)?;
    let report = report(&module, Version::default());
    let broken = report.rules.iter().filter(|rule| !rule.faults.is_empty());
    let lines: Vec<String> = broken
        .map(|rule| match rule.faults.first() {
            Some(fault) => format!("{}: {}", rule.name, fault.what),
            None => rule.name.to_owned(),
        })
        .collect();
    ensure!(
        lines.is_empty(),
        "{} is not a kernel that the machine accepts:\n{}",
        path.display(),
        lines.join("\n")
    );
    if let Some(why) = Purpose::of(&module).warning() {
        bail!("{} is {why}", path.display());
    }
    Ok(module)
}

/// The parameter's type is Michelson; of the EVM kernel, the one that it reads.
fn check_type(text: &str, target: Target) -> anyhow::Result<()> {
    let node = Node::parse(text)
        .with_context(|| format!("{text:?} is not a type for the rollup's parameter"))?;
    // Layer 1 refuses entrypoints, which are not transmitted.
    ensure!(
        !text.contains('%'),
        "a rollup's parameter has no entrypoints: {text}"
    );
    Type::check_parameter(&node)
        .map_err(|_| anyhow::anyhow!("layer 1 would refuse {text:?} as the type of the rollup's parameter: it is not made of Michelson's types (`unit`, `bytes`, `or (pair nat bytes) string`, …)"))?;
    ensure!(
        target != Target::Evm || Type::read(&node).ok() == Type::parse(PARAMETERS).ok(),
        "the EVM kernel reads parameters of the type '{PARAMETERS}', no others"
    );
    Ok(())
}

/// The first level of a rollup with this installer ends well: pages are revealed, the
/// kernel is in its place and starts.
fn boots(installer: &Installer, kernel: &[u8], pages: &Path) -> anyhow::Result<()> {
    let mut durable = Durable::new();
    durable.write(KERNEL, &installer.module)?;
    let options = Options {
        preimages: Some(pages.to_path_buf()),
        debug: DebugSink::Capture,
        metering: Metering::Off,
        ..Options::default()
    };
    let mut machine = Machine::from_durable(durable, options)?;
    let _patience =
        Patience::new("does the kernel come to an end without messages? Ctrl-C ends this");
    let report = machine
        .run_level(&Inbox {
            timestamp: 0,
            predecessor: [0; 32],
            messages: Vec::new(),
        })
        .context("the installer does not run")?;
    let said = report.debug.concat();
    let trap = report.runs.iter().find_map(|run| run.trap.as_ref());
    ensure!(
        report.status == Status::Yielded && trap.is_none(),
        "the rollup would not boot: {:?} {}\n{said}",
        report.status,
        trap.map(ToString::to_string).unwrap_or_default()
    );
    let installed = machine.durable().get(KERNEL)?;
    ensure!(
        installed.is_some_and(|value| value.to_vec() == kernel),
        "the installer does not install the kernel: is it the installer kernel of this project?\n{said}"
    );
    ensure!(
        Target::of(kernel) != Target::Evm || machine.durable().get(HEAD)?.is_some(),
        "the kernel makes no first block:\n{said}"
    );
    Ok(())
}

/// Writes the pages, each under the hex of its hash.
fn write_pages(installer: &Installer, args: &InstallerArgs) -> anyhow::Result<()> {
    let folder = &args.preimages_dir;
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot create {}", folder.display()))?;
    let bar = if std::io::stderr().is_terminal() && !args.json {
        let style = ProgressStyle::with_template("{bar:30} {pos}/{len} pages")?;
        ProgressBar::new(installer.pages.len() as u64).with_style(style)
    } else {
        ProgressBar::hidden()
    };
    for (hash, page) in &installer.pages {
        let file = folder.join(hex::encode(hash));
        std::fs::write(&file, page).with_context(|| format!("cannot write {}", file.display()))?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(())
}

fn print(args: &InstallerArgs, made: &Made) {
    let installer = &made.installer;
    let root = hex::encode(installer.root);
    let hash = hex::encode(blake2b_256(&made.kernel));
    let (pages, size) = (installer.pages.len(), installer.module.len());
    let command = command(&args.output, args.parameters());
    if args.json {
        let object = json!({
            "root_hash": root,
            "kernel_bytes": made.kernel.len(),
            "kernel_hash": hash,
            "installer_bytes": size,
            "installer": args.output.display().to_string(),
            "pages": pages,
            "preimages_dir": args.preimages_dir.display().to_string(),
            "setup_file": args.setup_file.as_ref().map(|path| path.display().to_string()),
            "kind": "wasm_2_0_0",
            "parameters_type": args.parameters(),
            "originate": command,
            "warnings": made.warnings,
        });
        println!("{object}");
        return;
    }
    println!("kernel     {} bytes, blake2b {hash}", made.kernel.len());
    println!("pages      {pages} in {}", args.preimages_dir.display());
    println!("installer  {size} bytes in {}", args.output.display());
    println!("ROOT_HASH: {root}");
    println!("It boots: the first level of a rollup with it was run.");
    println!();
    println!("1. Copy the pages into the folder wasm_2_0_0 of each rollup node's data directory.");
    println!("2. Originate the rollup (choose ALIAS and SOURCE):");
    println!();
    println!("{command}");
}

/// The command that originates the rollup.
pub(crate) fn command(output: &Path, parameters: &str) -> String {
    format!(
        "octez-client originate smart rollup ALIAS from SOURCE of kind wasm_2_0_0 \\\n  \
         of type '{parameters}' \\\n  with kernel file:{} --burn-cap 999",
        output.display()
    )
}
