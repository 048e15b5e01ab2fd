//! What the transactions kernel costs: wasm instructions and host calls of a
//! transfer in a batch, and what they are spent on.
//!
//! The parts are differences of levels. A batch whose aggregate is somebody
//! else's is verified and dropped, so what a good one costs more is its
//! transactions and their storage.

use e2e_tests::layer1::transfer;
use messages::contract::Contract;
use messages::micheline::{Node, write};
use pvm::{Durable, Inbox, LevelReport, Machine, Metering, Options, Status};
use std::error::Error;
use tx_kernel::encoding::{Content, Signer, StringTicket, put, string_ticket};
use tx_kernel::wallet::{self, Key};

/// Transactions of the large batch, each of another signer. A message of the
/// inbox holds some 36 of them, so they come in three.
const TRANSACTIONS: usize = 100;

/// As many as fit into one message.
const SMALL: usize = 30;

const ROLLUP: [u8; 20] = [0; 20];
const TICKETER: Contract = Contract::Originated([0x71; 20]);
const CONTENT: &str = "Hello, Ticket!";

/// Instructions and host calls.
#[derive(Clone, Copy, Debug)]
struct Cost {
    instructions: u64,
    calls: u64,
}

impl Cost {
    fn of(report: &LevelReport) -> Self {
        let runs = report.runs.iter();
        Self {
            instructions: runs.clone().map(|run| run.instructions).sum(),
            calls: runs.flat_map(|run| run.host_calls.values()).sum(),
        }
    }

    fn less(self, other: Self) -> Self {
        Self {
            instructions: self.instructions.saturating_sub(other.instructions),
            calls: self.calls.saturating_sub(other.calls),
        }
    }
}

type Fallible<T> = Result<T, Box<dyn Error>>;

/// A transfer of one ticket, with who signs it.
fn give<'k>(from: &'k Key, to: &Key, counter: i64) -> Fallible<(Vec<u8>, Vec<&'k Key>)> {
    let node = string_ticket(&TICKETER, CONTENT, 1);
    let content = put::content(&Content::Transfer {
        destination: &to.address(),
        ticket: StringTicket::from_node(Node::parse(&node)?)?,
    });
    let address = from.address();
    let signer = match counter {
        0 => Signer::PublicKey(from.public_key()),
        _ => Signer::Address(&address),
    };
    let operation = put::operation(&signer, counter, &[content]);
    Ok((put::transaction(&[operation]), vec![from]))
}

/// The transactions as inbox messages; with `good`, the signatures are theirs.
fn post(transactions: &[(Vec<u8>, Vec<&Key>)], per: usize, good: bool) -> Fallible<Vec<Vec<u8>>> {
    let mut messages = Vec::new();
    for part in transactions.chunks(per) {
        let batch = if good {
            wallet::batch(part, &[])
        } else {
            wallet::batch(part, b"of something else")
        };
        let batch = batch.map_err(|error| format!("{error:?}"))?;
        messages.push([&[1], &batch[..]].concat());
    }
    Ok(messages)
}

fn level(machine: &mut Machine, messages: Vec<Vec<u8>>) -> Fallible<Cost> {
    let inbox = Inbox {
        timestamp: 0,
        predecessor: [0; 32],
        messages,
    };
    let report = machine.run_level(&inbox)?;
    if report.status != Status::Yielded || report.runs.iter().any(|run| run.trapped()) {
        return Err(format!("the level did not end well: {}", report.status).into());
    }
    Ok(Cost::of(&report))
}

/// The levels from `first_level` on, from where `durable` is.
fn machine(durable: Durable, first_level: u32) -> Fallible<Machine> {
    let options = Options {
        metering: Metering::Full,
        rollup: ROLLUP,
        first_level,
        ..Options::default()
    };
    Ok(Machine::from_durable(durable, options)?)
}

fn main() -> Fallible<()> {
    let kernel = e2e_tests::module("tx_kernel.wasm");
    println!("kernel: {} bytes (limit 400000)", kernel.len());
    let keys: Result<Vec<Key>, _> = (1..=TRANSACTIONS as u8)
        .map(|byte| Key::from_seed(&[byte; 32]))
        .collect();
    let keys = keys.map_err(|error| format!("{error:?}"))?;
    let next = |index: usize| &keys[(index + 1) % TRANSACTIONS];
    let round = |counter: i64, count: usize| {
        let all = keys.iter().enumerate().take(count);
        all.map(|(index, key)| give(key, next(index), counter))
            .collect::<Fallible<Vec<_>>>()
    };

    // All keys are revealed, all accounts known.
    let mut durable = Durable::new();
    durable.write("/kernel/boot.wasm", &kernel)?;
    let mut start = machine(durable, 1)?;
    let deposits = keys.iter().map(|key| {
        let mut payload = Vec::new();
        write::pair(
            &mut payload,
            |out| write::string(out, &key.to_base58()),
            |out| out.extend(string_ticket(&TICKETER, CONTENT, 1000)),
        );
        transfer(ROLLUP, [0x70; 20], &payload)
    });
    let deposited = level(&mut start, deposits.collect())?;
    let revealed = level(&mut start, post(&round(0, TRANSACTIONS)?, 25, true)?)?;
    let empty = level(&mut start, Vec::new())?;
    let durable = start.durable().clone();
    let measured = |messages: Vec<Vec<u8>>| -> Fallible<Cost> {
        Ok(level(&mut machine(durable.clone(), 10)?, messages)?.less(empty))
    };

    let one_signer = (1..=SMALL as i64)
        .map(|counter| give(&keys[0], next(0), counter))
        .collect::<Fallible<Vec<_>>>()?;
    let alone = measured(post(&round(1, 1)?, 1, true)?)?;
    let batch = measured(post(&round(1, TRANSACTIONS)?, 34, true)?)?;
    // Verified, and dropped.
    let bad = |transactions: &[_]| measured(post(transactions, TRANSACTIONS, false)?);
    let bad_one = bad(&round(1, 1)?)?;
    let bad_signer = bad(&one_signer)?;
    let bad_signers = bad(&round(1, SMALL)?)?;
    let good_signers = measured(post(&round(1, SMALL)?, SMALL, true)?)?;

    let steps = SMALL as u64 - 1;
    let hash = bad_signer.less(bad_one).instructions / steps;
    let signer = bad_signers.less(bad_signer).instructions / steps;
    let fixed = bad_one.instructions.saturating_sub(hash + signer);
    let applied = good_signers.less(bad_signers).instructions / SMALL as u64;
    let count = TRANSACTIONS as u64;
    let each = batch.instructions / count;
    let percent = each * 100 / alone.instructions.max(1);

    println!(
        "empty level: {} instructions, {} host calls",
        empty.instructions, empty.calls
    );
    println!();
    println!("                                      instructions   host calls");
    let row = |name: &str, cost: Cost, count: u64| {
        let tenths = cost.calls * 10 / count;
        let (calls, tenth) = (tenths / 10, tenths % 10);
        println!(
            "{name:<36} {:>13}   {calls:>8}.{tenth}",
            cost.instructions / count
        );
    };
    row("a deposit, 100 at a level", deposited.less(empty), count);
    row(
        "a transfer that reveals its key",
        revealed.less(empty),
        count,
    );
    row("a transfer alone in its batch", alone, 1);
    row("a transfer of a batch of 100", batch, count);
    println!();
    println!("against a pairing check each, which is a batch each: {percent} % (limit 60)");
    println!("host calls of known accounts: limit 5");
    println!();
    println!("of it, a transfer:");
    println!("  hash to the curve                  {hash:>13}");
    println!("  Miller loop, cofactor              {signer:>13}");
    println!("  transaction, storage               {applied:>13}");
    println!("a batch: signature, its Miller loop,");
    println!("  final exponentiation               {fixed:>13}");
    Ok(())
}
