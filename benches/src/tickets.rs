//! Costs of the transactions kernel: wasm instructions and host calls of a
//! transfer in a batch, and what they are spent on.
//!
//! The parts are differences of levels. A batch whose aggregate is somebody
//! else's is verified and dropped, so what a good one costs more is its
//! transactions and their storage.

use crate::baseline::Baseline;
use e2e_tests::tickets::{self, CONTENT, deposit, inbox, operation, reveal, signed};
use pvm::{Durable, LevelReport, Machine, Metering, Options, Status};
use std::error::Error;
use std::fmt;
use tx_kernel::wallet::{self, Key};

/// Transactions of the large batch, each of another signer. A message of the
/// inbox holds some 36 of them, so they come in three.
const TRANSACTIONS: usize = 100;

/// As many as fit into one message.
const SMALL: usize = 30;

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
fn give<'k>(from: &'k Key, to: &Key, counter: i64) -> (Vec<u8>, Vec<&'k Key>) {
    let content = tickets::give(to, 1);
    let operation = match counter {
        0 => reveal(from, counter, &[content]),
        _ => operation(from, counter, &[content]),
    };
    signed(&[(from, operation)])
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
        messages.push(tickets::external(&batch));
    }
    Ok(messages)
}

fn level(machine: &mut Machine, messages: &[Vec<u8>]) -> Fallible<Cost> {
    let report = machine.run_level(&inbox(messages))?;
    if report.status != Status::Yielded || report.runs.iter().any(|run| run.trapped()) {
        return Err(format!("the level did not end well: {}", report.status).into());
    }
    Ok(Cost::of(&report))
}

/// The levels from `first_level` on, from where `durable` is.
fn machine(durable: Durable, first_level: u32) -> Fallible<Machine> {
    let options = Options {
        metering: Metering::Full,
        first_level,
        ..tickets::options()
    };
    Ok(Machine::from_durable(durable, options)?)
}

/// Costs of transfers, whole and in parts.
#[derive(Debug)]
pub(crate) struct Tickets {
    kernel_bytes: usize,
    empty: Cost,
    /// Levels net of the empty one: what, the workload's name, how many, the cost.
    rows: [(&'static str, &'static str, u64, Cost); 4],
    /// Of a transfer: hash to the curve, Miller loop, the rest; of a batch: what is once.
    parts: [u64; 4],
}

impl Tickets {
    /// Adds the figures of whole levels.
    pub(crate) fn add_to(&self, baseline: &mut Baseline) {
        let empty = ("tickets_empty_level", self.empty);
        let rows = self.rows.iter().map(|&(_, figure, _, cost)| (figure, cost));
        for (figure, cost) in rows.chain([empty]) {
            let figures = [
                ("instructions", cost.instructions),
                ("host_calls", cost.calls),
            ];
            baseline.add(figure, figures);
        }
    }
}

impl fmt::Display for Tickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "tx_kernel: {} bytes (limit 400000)", self.kernel_bytes)?;
        let Cost {
            instructions,
            calls,
        } = self.empty;
        writeln!(
            f,
            "empty level: {instructions} instructions, {calls} host calls\n"
        )?;
        writeln!(
            f,
            "                                      instructions   host calls"
        )?;
        for (name, _, count, cost) in &self.rows {
            let tenths = cost.calls * 10 / count;
            let (calls, tenth) = (tenths / 10, tenths % 10);
            let each = cost.instructions / count;
            writeln!(f, "{name:<36} {each:>13}   {calls:>8}.{tenth}")?;
        }
        let [.., (_, _, _, alone), (_, _, count, batch)] = &self.rows;
        let percent = batch.instructions / count * 100 / alone.instructions.max(1);
        writeln!(
            f,
            "\nagainst a pairing check each, which is a batch each: {percent} % (limit 60)"
        )?;
        writeln!(f, "host calls of known accounts: limit 5\n")?;
        let [hash, signer, applied, fixed] = self.parts;
        writeln!(f, "of it, a transfer:")?;
        writeln!(f, "  hash to the curve                  {hash:>13}")?;
        writeln!(f, "  Miller loop, cofactor              {signer:>13}")?;
        writeln!(f, "  transaction, storage               {applied:>13}")?;
        writeln!(f, "a batch: signature, its Miller loop,")?;
        writeln!(f, "  final exponentiation               {fixed:>13}")
    }
}

/// Runs levels of transfers.
pub(crate) fn measure() -> Fallible<Tickets> {
    let kernel = e2e_tests::module("tx_kernel.wasm");
    let keys: Result<Vec<Key>, _> = (1..=TRANSACTIONS as u8)
        .map(|byte| Key::from_seed(&[byte; 32]))
        .collect();
    let keys = keys.map_err(|error| format!("{error:?}"))?;

    // All keys are revealed, all accounts known.
    let mut start = machine(tickets::durable(), tickets::ORIGINATION + 1)?;
    let deposited = level(&mut start, &deposits(&keys))?;
    let revealed = level(&mut start, &post(&round(&keys, 0, TRANSACTIONS), 25, true)?)?;
    let empty = level(&mut start, &[])?;
    let durable = start.durable().clone();
    let next = tickets::ORIGINATION + 4;
    let measured = |messages: Vec<Vec<u8>>| -> Fallible<Cost> {
        Ok(level(&mut machine(durable.clone(), next)?, &messages)?.less(empty))
    };
    let alone = measured(post(&round(&keys, 1, 1), 1, true)?)?;
    let batch = measured(post(&round(&keys, 1, TRANSACTIONS), 34, true)?)?;
    let count = TRANSACTIONS as u64;
    Ok(Tickets {
        kernel_bytes: kernel.len(),
        empty,
        rows: [
            (
                "a deposit, 100 at a level",
                "tickets_deposit_100",
                count,
                deposited.less(empty),
            ),
            (
                "a transfer that reveals its key",
                "tickets_reveal_100",
                count,
                revealed.less(empty),
            ),
            ("a transfer alone in its batch", "tickets_alone_1", 1, alone),
            (
                "a transfer of a batch of 100",
                "tickets_batch_100",
                count,
                batch,
            ),
        ],
        parts: parts(&keys, measured)?,
    })
}

/// Each account's first tickets.
fn deposits(keys: &[Key]) -> Vec<Vec<u8>> {
    let deposits = keys
        .iter()
        .map(|key| deposit(&key.to_base58(), CONTENT, 1000));
    deposits.collect()
}

/// A transfer by each of the first `count` keys to the next one.
fn round(keys: &[Key], counter: i64, count: usize) -> Vec<(Vec<u8>, Vec<&Key>)> {
    let all = keys.iter().enumerate().take(count);
    all.map(|(index, key)| give(key, &keys[(index + 1) % TRANSACTIONS], counter))
        .collect()
}

/// The parts of the cost of a transfer and of a batch.
fn parts(keys: &[Key], measured: impl Fn(Vec<Vec<u8>>) -> Fallible<Cost>) -> Fallible<[u64; 4]> {
    // Verified, and dropped.
    let bad = |transactions: &[_]| measured(post(transactions, TRANSACTIONS, false)?);
    let one_signer = (1..=SMALL as i64)
        .map(|counter| give(&keys[0], &keys[1], counter))
        .collect::<Vec<_>>();
    let bad_one = bad(&round(keys, 1, 1))?;
    let bad_signer = bad(&one_signer)?;
    let bad_signers = bad(&round(keys, 1, SMALL))?;
    let good_signers = measured(post(&round(keys, 1, SMALL), SMALL, true)?)?;
    let steps = SMALL as u64 - 1;
    let hash = bad_signer.less(bad_one).instructions / steps;
    let signer = bad_signers.less(bad_signer).instructions / steps;
    let fixed = bad_one.instructions.saturating_sub(hash + signer);
    let applied = good_signers.less(bad_signers).instructions / SMALL as u64;
    Ok([hash, signer, applied, fixed])
}
