//! `evm-rollup govern`: payloads of governance, built of options, shown decoded, signed
//! for by keys, and sent on a devnet.

mod decision;
mod multisig;
mod settings;

use crate::address::Sr1;
use crate::{FOUND_WRONG, l1};
use anyhow::{Context, bail, ensure};
use clap::{Args, Subcommand};
use decision::{Assign, Upgrade};
use multisig::Multisig;
use node::governance::{self, Decision};
use serde_json::{Value, json};
use settings::ChangeSettings;
use std::process::ExitCode;

/// The options of `govern`.
#[derive(Args, Debug)]
pub(crate) struct GovernArgs {
    /// The rollup's address
    #[arg(long, global = true, value_name = "sr1…")]
    rollup: Option<Sr1>,
    /// Send the payload on the running devnet, from its governance contract
    #[arg(long, global = true)]
    send: bool,
    /// The URL of the devnet
    #[arg(
        long,
        global = true,
        default_value = "http://127.0.0.1:8545",
        env = "ETH_RPC_URL"
    )]
    url: String,
    /// Print one JSON object
    #[arg(long, global = true)]
    json: bool,
    #[command(flatten)]
    multisig: Multisig,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Replace the kernel
    Upgrade(Upgrade),
    /// Give a deposit of tez that nobody can claim to an account
    AssignDeposit {
        /// The level of layer 1 that the deposit came at
        #[arg(long)]
        level: u64,
        /// The index of its message in that level
        #[arg(long)]
        message: u64,
        #[command(flatten)]
        assign: Assign,
    },
    /// Give a deposit of other tickets that nobody can claim to an account
    AssignTickets {
        /// The deposit's number
        #[arg(long)]
        deposit: u64,
        /// The ERC-20 contract that it goes to instead, or `none`
        #[arg(long, value_name = "0x…|none")]
        proxy: Option<String>,
        #[command(flatten)]
        assign: Assign,
    },
    /// Change settings from the next level on
    Settings(ChangeSettings),
    /// Send a message to layer 1 again, if a trap left it in doubt
    Requeue {
        /// The message's number
        #[arg(long)]
        number: u64,
    },
    /// Show what a payload decides, as the kernel reads it; --send and --multisig take it as it is
    Show {
        /// The payload, in hex
        payload: String,
    },
}

const NO_ROLLUP: &str =
    "which rollup is meant? --rollup sr1… (`evm-rollup l1 info` tells that of a devnet or node)";

/// A payload that the kernel reads, with what to say about it.
struct Made {
    decision: Decision,
    payload: Vec<u8>,
    warnings: Vec<String>,
}

/// Runs the command. Exit code 1 if the devnet refuses.
pub(crate) fn run(args: &GovernArgs) -> anyhow::Result<ExitCode> {
    let made = make(args)?;
    for warning in &made.warnings {
        eprintln!("warning: {warning}");
    }
    let signing = args
        .multisig
        .signing(
            || named(args, decision::rollup(&made.decision)),
            &made.payload,
        )
        .context("for the governance contract")?;
    let (text, mut object) = decision::describe(&made.decision);
    object["payload"] = format!("0x{}", hex::encode(&made.payload)).into();
    object["warnings"] = json!(made.warnings);
    if let Some(signing) = &signing {
        object["multisig"] = signing.json();
    }
    if args.json {
        println!("{object:#}");
    } else {
        println!("{text}");
        println!("payload    0x{}", hex::encode(&made.payload));
        if let Some(signing) = signing {
            print!("{signing}");
        }
    }
    if !args.send {
        return Ok(ExitCode::SUCCESS);
    }
    send(args, &made)
}

/// The rollup of a devnet.
fn rollup_of(url: &str) -> anyhow::Result<Sr1> {
    let overview = l1::post(url, "rollup_layer1", &json!([]))?;
    let found = overview["result"]["rollup"].as_str().unwrap_or_default();
    let rollup = found.parse::<Sr1>().map_err(anyhow::Error::msg);
    rollup.with_context(|| format!("{url} does not tell its rollup: --rollup sr1…"))
}

/// The rollup that is meant: of `--rollup`, of the decision, or of the devnet that it is sent on.
fn named(args: &GovernArgs, decided: Option<[u8; 20]>) -> anyhow::Result<Sr1> {
    match args.rollup.or(decided.map(Sr1)) {
        None if args.send => rollup_of(&args.url),
        rollup => rollup.context(NO_ROLLUP),
    }
}

fn make(args: &GovernArgs) -> anyhow::Result<Made> {
    let rollup = || named(args, None).map(|Sr1(hash)| hash);
    let mut warnings = Vec::new();
    let decision = match &args.command {
        Command::Upgrade(upgrade) => upgrade.decision(&mut warnings)?,
        Command::AssignDeposit {
            level,
            message,
            assign,
        } => Decision::AssignDeposit(assign.assignment(rollup()?, [*level, *message], None)?),
        Command::AssignTickets {
            deposit,
            proxy,
            assign,
        } => {
            let proxy = proxy.as_deref().map(decision::proxy).transpose()?;
            Decision::AssignTickets(assign.assignment(rollup()?, [*deposit], proxy)?)
        }
        Command::Settings(settings) => settings.decision(rollup()?, &mut warnings)?,
        Command::Requeue { number } => Decision::Requeue {
            rollup: rollup()?,
            number: *number,
        },
        Command::Show { payload } => {
            let payload = payload.trim_start_matches("0x");
            let bytes = hex::decode(payload).context("the payload is not hex")?;
            let decision = governance::read(&bytes);
            decision.map_err(|why| anyhow::anyhow!("the kernel would refuse it: {why}"))?
        }
    };
    if let (Some(Sr1(wanted)), Some(meant)) = (args.rollup, decision::rollup(&decision)) {
        ensure!(
            wanted == meant,
            "the payload is for another rollup, {}",
            Sr1(meant)
        );
    }
    let payload = governance::encode(&decision);
    match governance::read(&payload) {
        Ok(read) if read == decision => Ok(Made {
            decision,
            payload,
            warnings,
        }),
        Ok(_) => bail!("the kernel would read another decision"),
        Err(why) => bail!("the kernel would refuse it: {why}"),
    }
}

/// Sends the payload on a devnet, if it is meant for its rollup.
fn send(args: &GovernArgs, made: &Made) -> anyhow::Result<ExitCode> {
    if let Some(meant) = decision::rollup(&made.decision) {
        let overview = l1::post(&args.url, "rollup_layer1", &json!([]))?;
        let found = overview["result"]["rollup"].as_str().unwrap_or_default();
        ensure!(
            found == Sr1(meant).to_string(),
            "the payload is for the rollup {}, and this devnet's is {found}",
            Sr1(meant)
        );
    }
    let payload = format!("0x{}", hex::encode(&made.payload));
    let answer = l1::post(&args.url, "rollup_govern", &json!([payload]))?;
    if let Some(code) = l1::refused(&answer) {
        return Ok(code);
    }
    let result: &Value = &answer["result"];
    let refused = result["refused"].as_str();
    // With --json standard output is one object, which is printed.
    if !args.json {
        println!(
            "sent       level {}, message {}",
            result["level"], result["messageId"]
        );
    }
    if let Some(why) = result["waits"].as_str() {
        eprintln!("warning: the rollup waits: {why}");
    } else if result["ran"] == false {
        eprintln!("warning: the level has not run yet: what the kernel does is in its log");
    }
    if let Some(why) = refused {
        eprintln!("error: the kernel refuses it: {why}");
        return Ok(ExitCode::from(FOUND_WRONG));
    }
    Ok(ExitCode::SUCCESS)
}
