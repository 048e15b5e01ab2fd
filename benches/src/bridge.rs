//! Costs of the bridge: wasm instructions and host calls of a deposit, of a claim
//! and of a withdrawal, through the compiled kernel.

use crate::baseline::Baseline;
use alloy_primitives::{Address, Bytes, TxKind, U256};
use e2e_tests::layer1::{self, TICKETER};
use e2e_tests::{Rollup, Setup, User};
use pvm::{LevelReport, Metering};
use solidity_fixtures::bridge::native;
use solidity_fixtures::traveller::{self, Mood};
use std::error::Error;
use std::fmt;
use storage::Config;

/// A mutez in wei.
const MUTEZ: u64 = 1_000_000_000_000;

/// The numbers of operations at a level.
const COUNTS: [u64; 2] = [1, 50];

const TARGET: &str = "tz1Ke2h7sDdakHJQh8WX4Z372du1KChsksyU";

/// Instructions and host calls.
#[derive(Clone, Copy, Debug)]
struct Cost {
    instructions: u64,
    calls: u64,
}

fn cost(report: &LevelReport) -> Cost {
    let runs = report.runs.iter();
    Cost {
        instructions: runs.clone().map(|run| run.instructions).sum(),
        calls: runs.flat_map(|run| run.host_calls.values()).sum(),
    }
}

/// The costs of a level, over another: `count` things.
#[derive(Debug)]
struct Row {
    name: &'static str,
    /// The workload's name in the baseline, if it is watched.
    figure: Option<&'static str>,
    count: u64,
    level: Cost,
    base: Cost,
}

/// Costs of deposits and withdrawals.
#[derive(Debug, Default)]
pub(crate) struct Bridge(Vec<Row>);

impl Bridge {
    /// Adds the figures of deposits and withdrawals, net of an empty level.
    pub(crate) fn add_to(&self, baseline: &mut Baseline) {
        for row in &self.0 {
            let Some(figure) = row.figure else { continue };
            let figures = [
                (
                    "instructions",
                    row.level.instructions.saturating_sub(row.base.instructions),
                ),
                ("host_calls", row.level.calls.saturating_sub(row.base.calls)),
            ];
            baseline.add(&format!("{figure}_{}", row.count), figures);
        }
    }
}

impl fmt::Display for Bridge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "bridge, each, over a level without:  count  instructions   calls"
        )?;
        for row in &self.0 {
            let each = |of: fn(Cost) -> u64, unit: i128| {
                unit * (i128::from(of(row.level)) - i128::from(of(row.base)))
                    / i128::from(row.count)
            };
            let instructions = each(|cost| cost.instructions, 1);
            let tenths = each(|cost| cost.calls, 10);
            let (calls, tenth) = (tenths / 10, tenths % 10);
            writeln!(
                f,
                "{:<34} {:>7}  {instructions:>12}  {calls:>4}.{tenth}",
                row.name, row.count
            )?;
        }
        Ok(())
    }
}

fn rollup(users: &[&User]) -> Rollup {
    let mut rollup = Rollup::new(&Setup {
        config: Config {
            ticketer: Some(TICKETER),
            ..Config::default()
        },
        metering: Metering::Full,
        ..Setup::funded(users)
    });
    rollup.empty_level();
    rollup.empty_level();
    rollup
}

/// Runs levels of deposits and of withdrawals.
pub(crate) fn measure() -> Result<Bridge, Box<dyn Error>> {
    let mut rows = Vec::new();
    for count in COUNTS {
        let users: Vec<User> = (0..count)
            .map(|number| User::new(&format!("receiver {number}")))
            .collect();
        let mut rollup = rollup(&users.iter().collect::<Vec<_>>());
        let empty = cost(&rollup.empty_level());
        let row = |name, figure, level, base| Row {
            name,
            figure,
            count,
            level,
            base,
        };
        let mut deposits = |to: &dyn Fn(&User) -> Address| {
            let messages = users.iter().map(to);
            let messages = messages
                .map(|address| layer1::native_deposit([7; 20], address.as_slice(), 5))
                .collect();
            cost(&rollup.level_of(messages))
        };
        let known = deposits(&|user| user.address);
        let new = deposits(&|user| user.address.create(9));
        let [kept, claim] = claims(users.clone())?;
        let [plain, withdrawal] = withdrawals(&mut rollup, users)?;
        rows.extend([
            row(
                "deposit, known account",
                Some("deposit_known"),
                known,
                empty,
            ),
            row("deposit, new account", Some("deposit_new"), new, empty),
            row("deposit that is kept", None, kept, empty),
            row("claim", Some("claim"), claim, empty),
            row("plain call with wei and text", None, plain, empty),
            row("withdrawal", Some("withdrawal"), withdrawal, empty),
            row("withdrawal, over the plain call", None, withdrawal, plain),
        ]);
    }
    Ok(Bridge(rows))
}

/// A level of deposits for another chain, which wait for their receivers, and one where each is
/// claimed.
fn claims(mut users: Vec<User>) -> Result<[Cost; 2], Box<dyn Error>> {
    let mut rollup = rollup(&users.iter().collect::<Vec<_>>());
    let number = rollup.head().number;
    let deposits = users.iter().map(|user| {
        let chain = U256::from(1).to_le_bytes::<32>();
        let routing = [user.address.as_slice(), &chain].concat();
        layer1::native_deposit([7; 20], &routing, 5)
    });
    let kept = cost(&rollup.level_of(deposits.collect()));
    let included = rollup.since(number);
    let logs = included.iter().flat_map(|one| &one.receipt.logs);
    let claims: Vec<_> = logs
        .zip(&mut users)
        .map(|(log, user)| {
            let word = |at: usize| U256::from_be_slice(&log.data.data[32 * at..][..32]);
            let input = native::claim(word(2).to(), word(3).to());
            let to = TxKind::Call(native::ADDRESS);
            user.send(1337, to, U256::ZERO, input, 500_000).encode()
        })
        .collect();
    let number = rollup.head().number;
    let claim = cost(&rollup.level(&claims));
    let included = rollup.since(number);
    let good = included.iter().filter(|one| one.receipt.success).count();
    if good == users.len() {
        Ok([kept, claim])
    } else {
        Err(format!("{good} of {} claims succeeded", users.len()).into())
    }
}

/// A level where each user calls a contract that takes wei and text, and one where each withdraws.
fn withdrawals(rollup: &mut Rollup, mut users: Vec<User>) -> Result<[Cost; 2], Box<dyn Error>> {
    let traveller = users[0].address.create(0);
    let creation = (TxKind::Create, U256::ZERO, traveller::deploy());
    let deploy = users[0].send(1337, creation.0, creation.1, creation.2, 5_000_000);
    rollup.level(&[deploy.encode()]);
    // The second level of each kind counts: the first one meets accounts and slots that are new.
    let mut level = |to: Address, input: &Bytes| {
        let raws: Vec<_> = users
            .iter_mut()
            .map(|user| {
                let (to, wei) = (TxKind::Call(to), U256::from(MUTEZ));
                user.send(1337, to, wei, input.clone(), 500_000).encode()
            })
            .collect();
        let before = rollup.head().number;
        let cost = cost(&rollup.level(&raws));
        let included = rollup.since(before);
        let good = included.iter().filter(|one| one.receipt.success).count();
        if good == raws.len() {
            Ok(cost)
        } else {
            Err(format!("{good} of {} succeeded", raws.len()))
        }
    };
    let call = traveller::set(Mood::Takes, TARGET);
    level(traveller, &call)?;
    let plain = level(traveller, &call)?;
    let withdraw = native::withdraw(TARGET);
    level(native::ADDRESS, &withdraw)?;
    Ok([plain, level(native::ADDRESS, &withdraw)?])
}
