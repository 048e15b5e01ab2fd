//! `evm-rollup batch`: raw transactions into batches and back, and what each weighs.

use crate::address::Sr1;
use crate::files;
use alloy_primitives::{Address, Bytes};
use anyhow::{Context, ensure};
use clap::{Args, Subcommand};
use node::batches::{self, Inside, Known};
use node::encode::Batching;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The options of `batch`.
#[derive(Args, Debug)]
pub(crate) struct BatchArgs {
    /// Accounts whose keys the kernel knows: a JSON object of addresses and their indices in its table
    /// (durable storage, /evm/state/i)
    #[arg(long, global = true, value_name = "FILE.json")]
    known: Option<PathBuf>,
    /// Print one JSON object, in one line
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Print the inbox messages that bring raw transactions: a level for `run --inputs`
    Encode {
        /// The transactions in hex, one a line; `-` for the standard input
        file: PathBuf,
        /// The rollup's address [default: the null address]
        #[arg(long, value_name = "sr1…")]
        rollup: Option<Sr1>,
        /// The chain id of the transactions
        #[arg(long, default_value_t = 1337)]
        chain_id: u64,
        /// Add y of each signature's point: 32 bytes more, and a quarter less work for the kernel
        #[arg(long)]
        points: bool,
    },
    /// Print the raw transactions in messages, one a line, after checking every signature
    Decode {
        /// The messages, as `encode` prints them; `-` for the standard input
        file: PathBuf,
    },
    /// Print the bytes and the work of each transaction in messages
    Show {
        /// The messages, as `encode` prints them; `-` for the standard input
        file: PathBuf,
    },
}

/// A message of a level, as `run --inputs` takes it.
#[derive(Debug, Deserialize, Serialize)]
struct External {
    external: String,
}

/// Encodes, decodes or shows.
pub(crate) fn run(args: &BatchArgs) -> anyhow::Result<()> {
    let known = match &args.known {
        None => Known::default(),
        Some(path) => known(path)?,
    };
    match &args.command {
        Command::Encode {
            file,
            rollup,
            chain_id,
            points,
        } => {
            let batching = Batching {
                rollup: rollup.as_ref().map_or([0; 20], |rollup| rollup.0),
                chain_id: *chain_id,
                points: *points,
            };
            encode(&files::text(file)?, &batching, &known, args.json)?;
        }
        Command::Decode { file } => {
            let mut all = Vec::new();
            for message in messages(&files::text(file)?)? {
                for inside in batches::decode(&message, &known)? {
                    let raw = format!("0x{}", hex::encode(&inside.raw));
                    match args.json {
                        true => all.push(json!({
                            "hash": inside.hash, "sender": inside.sender, "raw": raw,
                        })),
                        false => println!("{raw}"),
                    }
                }
            }
            if args.json {
                println!("{}", json!({ "transactions": all }));
            }
        }
        Command::Show { file } => {
            let mut all = Vec::new();
            for message in messages(&files::text(file)?)? {
                let inside = batches::decode(&message, &known)?;
                match args.json {
                    true => all.push(shown(&message, &inside)),
                    false => show(&message, &inside),
                }
            }
            if args.json {
                println!("{}", json!({ "messages": all }));
            }
        }
    }
    Ok(())
}

/// Prints the inputs file of raw transactions.
fn encode(text: &str, batching: &Batching, known: &Known, json: bool) -> anyhow::Result<()> {
    let raws = raws(text)?;
    let messages = batches::encode(batching, known, &raws)?;
    // Without the inbox tag, which `run` adds.
    let level: Vec<External> = messages
        .iter()
        .map(|message| External {
            external: hex::encode(message.get(1..).unwrap_or_default()),
        })
        .collect();
    if json {
        let bytes: usize = messages.iter().map(Vec::len).sum();
        let signed: usize = raws.iter().map(|raw| raw.len()).sum();
        println!(
            "{}",
            json!({
                "levels": [level], "bytes": bytes,
                "transactions": raws.len(), "signedBytes": signed,
            })
        );
    } else {
        println!("{}", serde_json::to_string_pretty(&[level])?);
    }
    Ok(())
}

fn shown(message: &[u8], inside: &[Inside]) -> Value {
    let transactions = inside.iter().map(|inside| {
        json!({
            "hash": inside.hash, "sender": inside.sender,
            "bytes": inside.weight, "signedBytes": inside.raw.len(),
        })
    });
    json!({ "bytes": message.len(), "transactions": transactions.collect::<Value>() })
}

fn show(message: &[u8], inside: &[Inside]) {
    let raw: usize = inside.iter().map(|inside| inside.raw.len()).sum();
    println!(
        "message of {} bytes, {} transactions, {raw} bytes as they were signed",
        message.len(),
        inside.len()
    );
    for inside in inside {
        println!(
            "{}  {}  {:>5} bytes, {:>5} as signed",
            inside.hash,
            inside.sender,
            inside.weight,
            inside.raw.len()
        );
    }
}

/// The bytes of each line.
fn raws(text: &str) -> anyhow::Result<Vec<Bytes>> {
    let lines = text.lines().map(str::trim).enumerate();
    let lines = lines.filter(|(_, line)| !line.is_empty());
    let raws: anyhow::Result<Vec<Bytes>> = lines.map(|(at, line)| raw(at + 1, line)).collect();
    let raws = raws?;
    ensure!(!raws.is_empty(), "no transactions");
    Ok(raws)
}

fn raw(line: usize, digits: &str) -> anyhow::Result<Bytes> {
    let bytes = hex::decode(digits.trim_start_matches("0x"));
    Ok(bytes
        .with_context(|| format!("line {line}: not in hex"))?
        .into())
}

/// The messages of all levels, tags included.
fn messages(text: &str) -> anyhow::Result<Vec<Vec<u8>>> {
    let levels: Vec<Vec<External>> =
        serde_json::from_str(text).context("not what `batch encode` prints")?;
    let messages = levels.iter().flatten().map(|message| {
        let contents = hex::decode(message.external.trim_start_matches("0x"))
            .context("a message is not in hex")?;
        Ok([&[1][..], &contents].concat())
    });
    messages.collect()
}

fn known(path: &Path) -> anyhow::Result<Known> {
    let known: BTreeMap<Address, u64> = serde_json::from_str(&files::text(path)?)
        .with_context(|| format!("{}: not an object of addresses and indices", path.display()))?;
    Ok(known.into_iter().collect())
}
