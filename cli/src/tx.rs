//! `evm-rollup tx`: makes keys and batches for the transactions kernel, and shows balances.

mod balances;
mod scenario;

use crate::files;
use anyhow::{Context, anyhow, bail};
use clap::{Args, Subcommand};
use messages::address;
use pvm::DEFAULT_ROLLUP;
use scenario::Wallet;
use serde_json::{Value, json};
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tx_kernel::inbox::Framing;
use tx_kernel::wallet::{Key, SEED};

/// The options of `tx`.
#[derive(Args, Debug)]
pub(crate) struct TxArgs {
    /// Print one JSON object, in one line
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Make a key, write it to a file and print its address
    Key {
        /// The file to write [default: print the key]
        file: Option<PathBuf>,
        /// The seed of the key in hex, at least 32 bytes [default: random]
        #[arg(long, value_name = "HEX")]
        seed: Option<String>,
    },
    /// Sign and aggregate a batch, and print the external message in hex
    Batch {
        /// The transactions: see docs/transactions.md
        file: PathBuf,
        #[command(flatten)]
        signing: Signing,
    },
    /// Convert the levels of a scenario to the input file of `run`
    Inputs {
        /// The levels, each an array of {"deposit": …} and {"batch": …}: see docs/transactions.md
        file: PathBuf,
        #[command(flatten)]
        signing: Signing,
    },
    /// Print the balances in the output of `run --json --dump /tx/state`
    Balances {
        /// The file; - for standard input
        file: PathBuf,
        #[command(flatten)]
        named: Named,
    },
}

/// Key files, which also name their addresses.
#[derive(Args, Debug)]
struct Named {
    /// A key file; the file's name without extension stands for its address
    #[arg(long = "key", value_name = "FILE")]
    keys: Vec<PathBuf>,
}

#[derive(Args, Debug)]
struct Signing {
    #[command(flatten)]
    named: Named,
    /// The rollup's address [default: the null address]
    #[arg(long, value_name = "sr1…", value_parser = pvm::inputs::rollup_address)]
    rollup: Option<[u8; 20]>,
    /// Sign for any rollup and do not frame batches, for rollups that make frames optional
    #[arg(long)]
    unframed: bool,
}

impl Signing {
    fn rollup(&self) -> [u8; 20] {
        self.rollup.unwrap_or(DEFAULT_ROLLUP)
    }

    fn framing(&self) -> Framing {
        if self.unframed {
            Framing::Optional
        } else {
            Framing::Required
        }
    }
}

/// Runs the command.
pub(crate) fn run(args: &TxArgs) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    match &args.command {
        Command::Key { file, seed } => {
            let key = make(seed.as_deref())?;
            let whole = key_json(&key);
            if let Some(path) = file {
                save(path, &format!("{whole:#}"))?;
            }
            match (file, args.json) {
                (Some(_), true) => writeln!(out, "{}", json!({ "address": key.to_base58() }))?,
                (Some(_), false) => writeln!(out, "{}", key.to_base58())?,
                (None, true) => writeln!(out, "{whole}")?,
                (None, false) => writeln!(out, "{whole:#}")?,
            }
        }
        Command::Batch { file, signing } => {
            let wallet = Wallet::new(keys(&signing.named)?);
            let message = scenario::batch(
                &json_file(file)?,
                &wallet,
                &signing.rollup(),
                signing.framing(),
            )
            .with_context(|| file.display().to_string())?;
            let digits = hex::encode(&message);
            match args.json {
                true => {
                    let bytes = message.len();
                    writeln!(out, "{}", json!({ "external": digits, "bytes": bytes }))?;
                }
                false => writeln!(out, "{digits}")?,
            }
        }
        Command::Inputs { file, signing } => {
            let wallet = Wallet::new(keys(&signing.named)?);
            let inputs = scenario::inputs(
                &json_file(file)?,
                &wallet,
                &signing.rollup(),
                signing.framing(),
            )
            .with_context(|| file.display().to_string())?;
            match args.json {
                true => writeln!(out, "{inputs}")?,
                false => writeln!(out, "{inputs:#}")?,
            }
        }
        Command::Balances { file, named } => {
            let wallet = Wallet::new(keys(named)?);
            let accounts =
                balances::read(&json_file(file)?).with_context(|| file.display().to_string())?;
            if args.json {
                writeln!(out, "{:#}", balances::to_json(&accounts))?;
            } else {
                write!(out, "{}", balances::table(&accounts, &wallet))?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn make(seed: Option<&str>) -> anyhow::Result<Key> {
    let seed = match seed {
        Some(text) => hex::decode(text.trim_start_matches("0x")).context("--seed")?,
        None => {
            let mut bytes = vec![0; SEED];
            getrandom::fill(&mut bytes).map_err(|error| anyhow!("no random bytes: {error}"))?;
            bytes
        }
    };
    if seed.len() < SEED {
        bail!("--seed has {} bytes, but needs at least {SEED}", seed.len());
    }
    Key::from_seed(&seed).map_err(|error| anyhow!("invalid key: {error:?}"))
}

fn key_json(key: &Key) -> Value {
    json!({
        "address": key.to_base58(),
        "public_key": hex::encode(key.public_key()),
        "secret_key": hex::encode(key.to_bytes()),
    })
}

/// Writes a new file that its owner alone can read.
fn save(path: &Path, text: &str) -> anyhow::Result<()> {
    let mut options = OpenOptions::new();
    let options = options.write(true).create_new(true).mode(0o600);
    let file = options.open(path);
    let mut file = file.with_context(|| format!("cannot create {}", path.display()))?;
    Ok(writeln!(file, "{text}")?)
}

/// The keys, each with the name of its file.
fn keys(named: &Named) -> anyhow::Result<Vec<(String, Key)>> {
    let keys = named.keys.iter().map(|path| {
        let key = key(&json_file(path)?).with_context(|| path.display().to_string())?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        Ok((name.into_owned(), key))
    });
    keys.collect()
}

fn key(file: &Value) -> anyhow::Result<Key> {
    let secret = file["secret_key"].as_str().context("no \"secret_key\"")?;
    let bytes: Option<[u8; 32]> = hex::decode(secret.trim_start_matches("0x"))?
        .try_into()
        .ok();
    let bytes = bytes.context("\"secret_key\" does not have 32 bytes")?;
    let key = Key::from_bytes(&bytes).map_err(|error| anyhow!("invalid key: {error:?}"))?;
    match file["address"].as_str() {
        Some(address) if address != key.to_base58() => {
            bail!(
                "\"address\" is {address}, but the key's is {}",
                key.to_base58()
            )
        }
        _ => Ok(key),
    }
}

fn json_file(path: &Path) -> anyhow::Result<Value> {
    serde_json::from_str(&files::text(path)?)
        .with_context(|| format!("{} is not JSON", path.display()))
}

/// A hash as the address of its kind.
fn print(kind: address::Kind, hash: &[u8]) -> String {
    address::print(kind, hash).unwrap_or_else(|_| hex::encode(hash))
}
