//! `evm-rollup l1`: uses the layer 1 of a running devnet, or of a node.

mod answer;

use crate::address::EvmAddress;
use crate::{BAD_USAGE, FOUND_WRONG};
use answer::{clean, is_complete, text, withdrawal};
use anyhow::{Context, bail, ensure};
use clap::{Args, Subcommand};
use michelson::{Type, encoding};
use serde_json::{Value, json};
use std::process::ExitCode;
use std::time::Duration;

/// The time limit of a call: the devnet may run many levels.
const PATIENCE: Duration = Duration::from_secs(600);

/// The most bytes of an answer: a level's inbox, raw and decoded.
const MAX_ANSWER: u64 = 1 << 28;

/// The options of `l1`.
#[derive(Args, Debug)]
pub(crate) struct L1Args {
    /// The URL of the devnet, or of a node: inbox, outbox, withdrawals and execute
    #[arg(
        long,
        global = true,
        default_value = "http://127.0.0.1:8545",
        env = "ETH_RPC_URL"
    )]
    url: String,
    /// Print the answer as JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Send tez through the bridge to an account of the rollup
    Deposit {
        /// The account on the rollup
        receiver: EvmAddress,
        /// The amount in tez, such as 1.5
        #[arg(value_parser = some_mutez)]
        amount: u64,
        /// Routing bytes (hex), instead of the receiver's address
        #[arg(long, value_name = "HEX")]
        routing: Option<String>,
        /// The account of the devnet that pays
        #[arg(long, value_name = "tz…")]
        from: Option<String>,
    },
    /// Send tokens through their wrapper to an account of the rollup
    FaDeposit {
        /// The account on the rollup
        receiver: EvmAddress,
        /// The number of tokens
        #[arg(value_parser = tokens)]
        amount: u128,
        /// The ERC-20 contract on the rollup that mints them
        #[arg(long, value_name = "ADDRESS")]
        proxy: Option<EvmAddress>,
        /// Routing bytes (hex), instead of receiver and proxy
        #[arg(long, value_name = "HEX")]
        routing: Option<String>,
        /// The account of the devnet that pays
        #[arg(long, value_name = "tz…")]
        from: Option<String>,
    },
    /// List the messages on their way to layer 1 and their states
    Withdrawals,
    /// Execute an outbox message whose commitment is cemented; without LEVEL and INDEX the only one
    /// that can be executed
    Execute {
        /// The level of the outbox
        #[arg(requires = "index")]
        level: Option<u32>,
        /// The index of the message in it
        index: Option<u32>,
        /// The newest message that can be executed
        #[arg(long, conflicts_with_all = ["level", "index"])]
        latest: bool,
        /// The account of the devnet that signs
        #[arg(long, value_name = "tz…")]
        from: Option<String>,
    },
    /// Pay a fast withdrawal before the commitment to its level is cemented
    PayOut {
        /// The level of the outbox
        level: u32,
        /// The index of the message in it
        index: u32,
        /// The account of the devnet that pays
        #[arg(long, value_name = "tz…")]
        from: Option<String>,
    },
    /// Run levels: the given count, or until every outbox message can be executed
    Advance {
        /// The number of levels
        count: Option<u64>,
    },
    /// Show the rollup's inbox of a level, raw and decoded
    Inbox {
        /// The level [default: the newest]
        level: Option<u32>,
    },
    /// Show the rollup's outbox, raw and decoded
    Outbox {
        /// The level [default: all]
        level: Option<u32>,
    },
    /// Show the tez, tokens and tickets of an account on layer 1
    Balance {
        /// The account: tz…, KT1… or sr1…
        address: String,
    },
    /// Force a raw Ethereum transaction into the rollup, for 1 tez
    Delayed {
        /// The signed transaction, in hex
        transaction: String,
        /// The account of the devnet that pays
        #[arg(long, value_name = "tz…")]
        from: Option<String>,
    },
    /// Send a payload to the kernel from the governance contract
    Govern {
        /// The payload, in hex
        payload: String,
    },
    /// Print addresses of layer 1 in the 22 bytes each that the bridge's contracts take, in hex
    Routing {
        /// An account (tz…) or a contract (KT1…); several are printed one behind the other
        #[arg(required = true, value_parser = contract_bytes)]
        addresses: Vec<[u8; 22]>,
    },
    /// Show addresses, levels and delays
    Info,
}

/// An account or a contract of layer 1 as its 22 bytes.
fn contract_bytes(text: &str) -> Result<[u8; 22], String> {
    let bytes = encoding::from_base58(text, &Type::Address)?;
    bytes
        .try_into()
        .map_err(|_| format!("{text:?} is not an account (tz…) or a contract (KT1…) alone"))
}

/// Runs the command. Exit code 1 if the devnet refuses, 2 if there is none.
pub(crate) fn run(args: &L1Args) -> anyhow::Result<ExitCode> {
    if let Command::Govern { payload } = &args.command
        && let Err(why) = readable(payload)
    {
        eprintln!("error: the kernel would refuse it: {why}");
        return Ok(ExitCode::from(FOUND_WRONG));
    }
    if let Command::Routing { addresses } = &args.command {
        println!("{}", routing(addresses, args.json));
        return Ok(ExitCode::SUCCESS);
    }
    let (method, mut params) = request(&args.command);
    if let Command::Execute {
        latest,
        level: None,
        ..
    } = args.command
    {
        match only(&args.url, latest)? {
            Ok((level, index)) => (params[0], params[1]) = (level, index),
            Err(code) => return Ok(code),
        }
    }
    let answer = post(&args.url, method, &params)?;
    if let Some(code) = refused(&answer) {
        return Ok(code);
    }
    let result = answer.get("result").context("the answer has no result")?;
    ensure!(
        is_complete(&args.command, result),
        "{} answers {method} with {}: it is no devnet, and no node of evm-rollup",
        args.url,
        shortened(result)
    );
    // The command that a node gives would be refused by layer 1.
    let over = match result["status"].as_str() {
        Some(status @ ("executed" | "expired")) => Some(status),
        _ => None,
    };
    let over = over.filter(|_| matches!(args.command, Command::Execute { .. }));
    if args.json {
        println!("{result:#}");
    } else if over.is_none() {
        print!("{}", text(&args.command, result));
    }
    if let Some(status) = over {
        eprintln!(
            "error: message {} of level {} is {status} already: the rollup node does not list it \
             as one that can be executed (--json prints the command all the same)",
            params[1], params[0]
        );
        return Ok(ExitCode::from(FOUND_WRONG));
    }
    if !result["refused"].is_null() {
        return Ok(ExitCode::from(FOUND_WRONG));
    }
    Ok(ExitCode::SUCCESS)
}

/// Addresses in hex, as the bridge's contracts take them.
fn routing(addresses: &[[u8; 22]], json: bool) -> String {
    let hex = format!("0x{}", hex::encode(addresses.concat()));
    match json {
        true => json!(hex).to_string(),
        false => hex,
    }
}

/// Checks that the kernel can read a payload of governance.
fn readable(payload: &str) -> Result<(), String> {
    let bytes = hex::decode(payload.trim_start_matches("0x"));
    let bytes = bytes.map_err(|why| format!("it is not hex: {why}"))?;
    node::governance::read(&bytes).map(|_| ())
}

/// Asks for the only message that can be executed, or the newest. Prints why there is none.
fn only(url: &str, latest: bool) -> anyhow::Result<Result<(Value, Value), ExitCode>> {
    let listed = post(url, "rollup_withdrawals", &json!([]))?;
    if let Some(code) = refused(&listed) {
        return Ok(Err(code));
    }
    Ok(place(&listed["result"], latest).map_err(|why| {
        eprintln!("error: {why}");
        ExitCode::from(FOUND_WRONG)
    }))
}

/// The place of the only message that can be executed, or of the newest.
fn place(withdrawals: &Value, latest: bool) -> Result<(Value, Value), String> {
    let all = withdrawals.as_array().into_iter().flatten();
    let executable: Vec<&Value> = all.filter(|one| one["status"] == "executable").collect();
    match executable[..] {
        [] => Err(
            "no message can be executed: `evm-rollup l1 withdrawals` says how far each is".into(),
        ),
        [.., one] if latest || executable.len() == 1 => {
            Ok((one["outboxLevel"].clone(), one["messageIndex"].clone()))
        }
        _ => {
            let lines: String = executable.iter().map(|one| withdrawal(one)).collect();
            Err(format!(
                "{} messages can be executed: name one by level and index, or the newest by \
                 --latest\n{}",
                executable.len(),
                lines.trim_end()
            ))
        }
    }
}

/// The first letters of an answer.
fn shortened(result: &Value) -> String {
    let all = result.to_string();
    match all.char_indices().nth(80) {
        Some((at, _)) => format!("{}…", &all[..at]),
        None => all,
    }
}

/// Prints why the devnet refuses a call, if it does.
pub(crate) fn refused(answer: &Value) -> Option<ExitCode> {
    let error = answer.get("error")?;
    let message = error["message"].as_str().unwrap_or("no reason given");
    eprintln!("error: {message}");
    if message.contains(" tickets of ") && message.contains(" and needs ") {
        eprintln!(
            "layer 1 pays what was deposited there: somebody has to deposit more first (tickets of tez \
             count mutez)"
        );
    }
    // -32602: an argument is invalid.
    let usage = error["code"] == -32602;
    Some(ExitCode::from(if usage { BAD_USAGE } else { FOUND_WRONG }))
}

/// The method that a command calls, with its parameters.
fn request(command: &Command) -> (&'static str, Value) {
    match command {
        Command::Deposit {
            receiver,
            amount,
            routing,
            from,
        } => {
            let routing = routing.as_deref().map(prefixed);
            let amount = amount.to_string();
            let receiver = receiver.0.to_string();
            let deposit =
                json!({ "receiver": receiver, "amount": amount, "routing": routing, "from": from });
            ("rollup_deposit", json!([deposit]))
        }
        Command::FaDeposit {
            receiver,
            amount,
            proxy,
            routing,
            from,
        } => {
            let routing = routing.as_deref().map(prefixed);
            let amount = amount.to_string();
            let receiver = receiver.0.to_string();
            let proxy = proxy.as_ref().map(|proxy| proxy.0.to_string());
            let deposit = json!({ "receiver": receiver, "amount": amount, "proxy": proxy, "routing": routing, "from": from });
            ("rollup_depositTokens", json!([deposit]))
        }
        Command::Withdrawals => ("rollup_withdrawals", json!([])),
        Command::Execute {
            level, index, from, ..
        } => ("rollup_executeOutboxMessage", json!([level, index, from])),
        Command::PayOut { level, index, from } => ("rollup_payOut", json!([level, index, from])),
        Command::Advance { count } => ("rollup_advanceLevels", json!([count])),
        Command::Inbox { level } => ("rollup_inbox", json!([level])),
        Command::Outbox { level } => ("rollup_outbox", json!([level])),
        Command::Balance { address } => ("rollup_layer1Balance", json!([address])),
        Command::Delayed { transaction, from } => {
            ("rollup_sendDelayed", json!([prefixed(transaction), from]))
        }
        Command::Govern { payload } => ("rollup_govern", json!([prefixed(payload)])),
        // `routing` asks nobody: see `run`.
        Command::Info | Command::Routing { .. } => ("rollup_layer1", json!([])),
    }
}

/// Hex digits with `0x` in front, as JSON-RPC wants them.
fn prefixed(hex: &str) -> String {
    format!("0x{}", hex.trim_start_matches("0x"))
}

/// Calls a method of the devnet.
pub(crate) fn post(url: &str, method: &str, params: &Value) -> anyhow::Result<Value> {
    let agent = ureq::Agent::new_with_config(
        ureq::Agent::config_builder()
            .tls_config(node::tls::config())
            .timeout_global(Some(PATIENCE))
            // The devnet is local: no proxy of the environment.
            .proxy(None)
            .build(),
    );
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    let mut answer = agent
        .post(url)
        .content_type("application/json")
        .send(call.to_string())
        .with_context(|| {
            format!("no devnet at {url}, and no node: start a devnet with `evm-rollup devnet`")
        })?;
    let body = answer.body_mut().with_config().limit(MAX_ANSWER);
    let text = body.read_to_string().context("the answer is incomplete")?;
    match serde_json::from_str(&text) {
        Ok(mut answer) => {
            clean(&mut answer);
            Ok(answer)
        }
        Err(error) => bail!("the answer of {url} is not JSON: {error}"),
    }
}

/// A number of tokens above 0.
fn tokens(text: &str) -> Result<u128, String> {
    match text.parse() {
        Ok(0) => Err("expected more than none".into()),
        Ok(number) => Ok(number),
        Err(_) => Err("expected a number of tokens".into()),
    }
}

/// Tez to deposit, as mutez.
fn some_mutez(text: &str) -> Result<u64, String> {
    match mutez(text)? {
        0 => Err("expected more than no tez".into()),
        amount => Ok(amount),
    }
}

/// Tez as mutez: at most six digits behind the point.
fn mutez(text: &str) -> Result<u64, String> {
    let (whole, rest) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(rest) || rest.len() > 6 {
        return Err("expected a number of tez with at most six digits after the point".into());
    }
    format!("{whole}{rest:0<6}")
        .parse()
        .map_err(|_| "too many tez".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tez_are_read_to_the_mutez_and_printed_back() {
        for (text, amount) in [
            ("1.5", 1_500_000),
            ("0.000001", 1),
            ("20", 20_000_000),
            ("0", 0),
        ] {
            assert_eq!(mutez(text), Ok(amount));
            assert_eq!(answer::tez(&amount.to_string()), text);
        }
        for text in [
            "",
            ".5",
            "1.",
            "-1",
            "1.0000001",
            "1e3",
            "99999999999999999999",
        ] {
            assert!(mutez(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_only_or_the_newest_that_can_be_executed_is_taken() {
        let one = |level: u32, status: &str| json!({ "outboxLevel": level, "messageIndex": 0, "status": status });
        let all = json!([
            one(1, "executed"),
            one(2, "executable"),
            one(3, "executable"),
            one(4, "cementing")
        ]);
        assert_eq!(place(&all, true), Ok((json!(3), json!(0))));
        let which = place(&all, false).unwrap_err();
        assert!(
            which.contains("2 messages can be executed") && which.contains("level 2 index 0"),
            "{which}"
        );
        let executed = json!([one(1, "executed")]);
        assert!(place(&executed, true).is_err());
        assert!(place(&executed, false).is_err());
        let only = json!([one(1, "executed"), one(2, "executable")]);
        assert_eq!(place(&only, false), Ok((json!(2), json!(0))));
    }
}
