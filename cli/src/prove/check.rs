//! `evm-rollup check`.

use crate::address::Sr1;
use crate::kernel_args::EngineName;
use crate::{FOUND_WRONG, files};
use alloy_primitives::{Address, B256, U256, b256};
use anyhow::Context;
use clap::Args;
use node::chain::Included;
use node::payment::{Payment, PaymentError, Proven};
use pvm::{LevelReport, NodeHash, Options, Witness, WitnessError};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::ExitCode;

/// The options of `check`.
#[derive(Args, Debug)]
pub(crate) struct CheckArgs {
    /// The witness of a level or of a transaction
    file: PathBuf,
    /// The kernel that ran the level: a wasm module, binary or in hex
    #[arg(long, value_name = "FILE")]
    kernel: PathBuf,
    /// The root of durable storage that you trust, before the level or after it
    #[arg(long, value_name = "HEX", value_parser = root)]
    root: Option<NodeHash>,
    /// The engine that executes the module
    #[arg(long, value_enum, default_value_t)]
    engine: EngineName,
    /// The folder of preimage pages, for a level that reveals some
    #[arg(long, value_name = "DIR", value_parser = files::folder)]
    preimages: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

fn root(text: &str) -> Result<NodeHash, String> {
    let bytes = hex::decode(text.trim_start_matches("0x")).ok();
    let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or_else(|| "a root is 32 bytes in hex".to_owned())
}

/// The most bytes of a file: a witness, and a hash before it.
const MOST: u64 = pvm::witness::MAX_WITNESS + 128;

/// Runs the level of a witness again. Exit code 1 where it proves nothing.
pub(crate) fn check(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let name = || args.file.display().to_string();
    let bytes = pvm::files::read(&args.file, MOST).with_context(name)?;
    let kernel = files::kernel(&args.kernel)?;
    let options = args.engine.choose(Options {
        preimages: args.preimages.clone(),
        ..Options::default()
    });
    let wrong = |why: String| {
        eprintln!("error: {}: {why}", name());
        Ok(ExitCode::from(FOUND_WRONG))
    };
    let shown = match checked(&bytes, &kernel, &options) {
        Ok(shown) => shown,
        // It says nothing of the file.
        Err(error @ PaymentError::Level(WitnessError::Host(_))) => return Err(error.into()),
        Err(error) => return wrong(error.to_string()),
    };
    if let Some(root) = &args.root
        && ![shown.witness.before, shown.witness.after].contains(root)
    {
        return wrong(format!(
            "neither its root before the level, {}, nor that after it, {}, is {}",
            hex::encode(shown.witness.before),
            hex::encode(shown.witness.after),
            hex::encode(root),
        ));
    }
    if args.json {
        println!("{}", shown.json());
    } else {
        shown.print();
    }
    Ok(ExitCode::SUCCESS)
}

/// The claims that a file proves.
struct Shown {
    witness: Witness,
    report: LevelReport,
    transaction: Option<Proven>,
}

fn checked(bytes: &[u8], kernel: &[u8], options: &Options) -> Result<Shown, PaymentError> {
    if Payment::is_one(bytes) {
        let payment = Payment::decode(bytes)?;
        let proven = payment.check(kernel, options)?;
        return Ok(Shown {
            witness: payment.level,
            report: proven.report.clone(),
            transaction: Some(proven),
        });
    }
    let witness = Witness::decode(bytes)?;
    let report = witness.check(kernel, options)?;
    Ok(Shown {
        witness,
        report,
        transaction: None,
    })
}

impl Shown {
    fn json(&self) -> Value {
        let Self {
            witness, report, ..
        } = self;
        let mut shown = json!({
            "level": witness.level,
            "rollup": Sr1(witness.rollup).to_string(),
            "status": report.status,
            "messages": witness.messages.iter().map(hex::encode).collect::<Vec<_>>(),
            "before": hex::encode(witness.before),
            "after": hex::encode(witness.after),
            "outbox": report.outbox.iter().map(hex::encode).collect::<Vec<_>>(),
        });
        if let Some(proven) = &self.transaction {
            shown["transaction"] = transaction_json(proven);
        }
        shown
    }

    fn print(&self) {
        let witness = &self.witness;
        if let Some(proven) = &self.transaction {
            print_transaction(proven);
        }
        println!(
            "level {}, {} messages: {}",
            witness.level,
            witness.messages.len(),
            self.report.status
        );
        println!("rollup {}", Sr1(witness.rollup));
        println!("from root {}", hex::encode(witness.before));
        println!("to root   {}", hex::encode(witness.after));
        for (index, message) in self.report.outbox.iter().enumerate() {
            println!("outbox {index}: {}", hex::encode(message));
        }
    }
}

fn print_transaction(proven: &Proven) {
    let included = proven.included();
    let signed = &included.transaction.transaction;
    let outcome = match included.receipt.success {
        true => "succeeded",
        false => "failed",
    };
    println!("transaction {}: {outcome}", included.transaction.hash);
    println!("from {}", included.sender);
    match (signed.kind().to(), included.created()) {
        (Some(receiver), _) => println!("to {receiver}"),
        (None, Some(contract)) => println!("creates {contract}"),
        (None, None) => {}
    }
    println!("value {} wei", signed.value());
    println!("gas {}", included.receipt.gas_used);
    for token in tokens(included) {
        println!(
            "token {}: {} from {} to {}",
            token.contract, token.amount, token.from, token.to
        );
    }
    println!(
        "block {} ({}), transaction {} of {}",
        proven.block.number(),
        proven.block.hash,
        proven.index,
        proven.block.transactions.len(),
    );
}

fn transaction_json(proven: &Proven) -> Value {
    let included = proven.included();
    let signed = &included.transaction.transaction;
    let logs = included.receipt.logs.iter().map(
        |log| json!({ "address": log.address, "topics": log.topics(), "data": log.data.data }),
    );
    let tokens = tokens(included).map(|token| {
        json!({
            "contract": token.contract,
            "from": token.from,
            "to": token.to,
            "amount": token.amount.to_string(),
        })
    });
    json!({
        "hash": included.transaction.hash,
        "status": if included.receipt.success { "succeeded" } else { "failed" },
        "from": included.sender,
        "to": signed.kind().to(),
        "creates": included.created(),
        "value": signed.value().to_string(),
        "nonce": signed.nonce(),
        "input": signed.input(),
        "gas_used": included.receipt.gas_used,
        "block": proven.block.number(),
        "block_hash": proven.block.hash,
        "timestamp": proven.block.header.timestamp,
        "index": proven.index,
        "token_transfers": tokens.collect::<Vec<_>>(),
        "logs": logs.collect::<Vec<_>>(),
    })
}

/// `Transfer(address,address,uint256)` of ERC-20.
const TRANSFER: B256 = b256!("ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef");

/// A transfer that a contract claims in a log; nothing checks the claim.
struct TokenTransfer {
    contract: Address,
    from: Address,
    to: Address,
    amount: U256,
}

fn tokens(included: &Included) -> impl Iterator<Item = TokenTransfer> {
    included.receipt.logs.iter().filter_map(|log| {
        let [event, from, to] = log.topics() else {
            return None;
        };
        let amount: [u8; 32] = log.data.data.as_ref().try_into().ok()?;
        (*event == TRANSFER).then(|| TokenTransfer {
            contract: log.address,
            from: Address::from_word(*from),
            to: Address::from_word(*to),
            amount: U256::from_be_bytes(amount),
        })
    })
}
