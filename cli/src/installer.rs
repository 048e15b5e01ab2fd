//! `evm-rollup installer`: builds the installer and its preimage pages.

use crate::files;
use anyhow::Context;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use pvm::installer::Installer;
use pvm::setup::Instruction;
use serde_json::json;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

/// The name of the installer kernel's module.
const INSTALLER: &str = "installer_kernel.wasm";

/// The parameter of the EVM rollup: deposits, delayed inbox, governance.
const PARAMETERS: &str = "or (or (pair bytes (ticket (pair nat (option bytes)))) bytes) bytes";

/// Where a setup file says the chain id of the EVM kernel.
const CHAIN_ID: &str = "/evm/config/chain_id";

/// Bytes that only the EVM kernel contains.
const CONFIG: &[u8] = b"/evm/config";

/// Chain ids of many devnets and rollups.
const COMMON: [u64; 2] = [1337, 31337];

/// The size of a layer 1 operation, in bytes: the origination is one.
const MAX_OPERATION: usize = 32 * 1024;

/// The options of `installer`.
#[derive(Args, Debug)]
pub(crate) struct InstallerArgs {
    /// The kernel to install: a wasm module, binary or in hex
    #[arg(short, long, visible_alias = "upgrade-to", value_name = "FILE")]
    kernel: PathBuf,
    /// The installer to write: binary if the name ends in .wasm, else in hex
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// The folder to write the pages to, for the `wasm_2_0_0` folder of every node
    #[arg(short, long, value_name = "DIR")]
    preimages_dir: PathBuf,
    /// A setup file, applied to durable storage before the kernel's first run
    #[arg(short = 'S', long, value_name = "FILE.yaml")]
    setup_file: Option<PathBuf>,
    /// The type of the rollup's parameter, for the origination command
    #[arg(long, value_name = "TYPE", default_value = PARAMETERS)]
    parameters_type: String,
    /// The installer kernel [default: installer_kernel.wasm beside this program or in ../kernel]
    #[arg(long, value_name = "FILE")]
    installer_kernel: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) fn run(args: &InstallerArgs) -> anyhow::Result<()> {
    let named = args.installer_kernel.as_deref();
    let base = files::built(INSTALLER, named, "--installer-kernel")?;
    let base = files::module(&base)?;
    let kernel = files::module(&args.kernel)?;
    let instructions = match &args.setup_file {
        Some(path) => files::setup(path)?,
        None => Vec::new(),
    };
    let installer = Installer::new(&base, &kernel, &instructions)
        .with_context(|| args.kernel.display().to_string())?;
    write_pages(&installer, args)?;
    let binary = args
        .output
        .extension()
        .is_some_and(|ending| ending == "wasm");
    let bytes = if binary {
        installer.module.clone()
    } else {
        hex::encode(&installer.module).into_bytes()
    };
    std::fs::write(&args.output, bytes)
        .with_context(|| format!("cannot write {}", args.output.display()))?;
    let warnings = warnings(&kernel, &instructions, &installer);
    for warning in &warnings {
        eprintln!("warning: {warning}");
    }
    print(args, &kernel, &installer, &warnings);
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

/// The warnings for the operator before the origination.
fn warnings(kernel: &[u8], setup: &[Instruction], installer: &Installer) -> Vec<String> {
    let mut warnings = Vec::new();
    if installer.module.len() >= MAX_OPERATION {
        warnings.push(format!(
            "the installer has {} bytes, but an operation of layer 1 at most {MAX_OPERATION}: shorten the setup",
            installer.module.len()
        ));
    }
    let is_evm = kernel.windows(CONFIG.len()).any(|bytes| bytes == CONFIG);
    let chain_id = setup
        .iter()
        .rev()
        .find_map(|instruction| match instruction {
            Instruction::Set { value, to } if to == CHAIN_ID => Some(number(value)),
            _ => None,
        });
    match chain_id {
        Some(id) if COMMON.map(Some).contains(&id) => {
            warnings.push(replays(id.unwrap_or_default()));
        }
        None if is_evm => {
            warnings.push(format!(
                "the setup sets no chain id. {}",
                replays(COMMON[0])
            ));
        }
        _ => {}
    }
    warnings
}

fn replays(id: u64) -> String {
    format!(
        "many other rollups and devnets have chain id {id}: a transaction that is signed for one of them \
         can be replayed here. Set {CHAIN_ID} to a chain id of your own"
    )
}

/// A number in a setup file, big-endian.
fn number(bytes: &[u8]) -> Option<u64> {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let bytes = bytes.get(zeros..).filter(|bytes| bytes.len() <= 8)?;
    Some(
        bytes
            .iter()
            .fold(0, |number, byte| number << 8 | u64::from(*byte)),
    )
}

fn print(args: &InstallerArgs, kernel: &[u8], installer: &Installer, warnings: &[String]) {
    let root = hex::encode(installer.root);
    let (pages, size) = (installer.pages.len(), installer.module.len());
    let command = command(&args.output, &args.parameters_type);
    if args.json {
        let object = json!({
            "root_hash": root,
            "kernel_bytes": kernel.len(),
            "installer_bytes": size,
            "pages": pages,
            "parameters_type": args.parameters_type,
            "originate": command,
            "warnings": warnings,
        });
        println!("{object}");
        return;
    }
    println!("kernel     {} bytes", kernel.len());
    println!("pages      {pages} in {}", args.preimages_dir.display());
    println!("installer  {size} bytes in {}", args.output.display());
    println!("ROOT_HASH: {root}");
    println!();
    println!("1. Copy the pages into the folder wasm_2_0_0 of each rollup node's data directory.");
    println!("2. Originate the rollup (choose ALIAS and SOURCE):");
    println!();
    println!("{command}");
}

/// The command that originates the rollup.
fn command(output: &Path, parameters: &str) -> String {
    format!(
        "octez-client originate smart rollup ALIAS from SOURCE of kind wasm_2_0_0 \\\n  \
         of type '{parameters}' \\\n  with kernel file:{} --burn-cap 999",
        output.display()
    )
}
