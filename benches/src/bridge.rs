//! What the bridge costs: wasm instructions and host calls of a deposit and of a
//! withdrawal, through the compiled kernel.

use alloy_primitives::{Address, Bytes, TxKind, U256};
use e2e_tests::layer1::{self, TICKETER};
use e2e_tests::{Rollup, Setup, User};
use pvm::{LevelReport, Metering};
use solidity_fixtures::bridge::native;
use solidity_fixtures::traveller::{self, Mood};
use std::error::Error;
use storage::Config;

/// A mutez in wei.
const MUTEZ: u64 = 1_000_000_000_000;

/// How many of each are at a level.
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

/// A level of `count` things less `base`, for each of them.
fn print(name: &str, count: u64, level: Cost, base: Cost) {
    let each = |of: fn(Cost) -> u64, unit: i128| {
        unit * (i128::from(of(level)) - i128::from(of(base))) / i128::from(count)
    };
    let instructions = each(|cost| cost.instructions, 1);
    let tenths = each(|cost| cost.calls, 10);
    let (calls, tenth) = (tenths / 10, tenths % 10);
    println!("{name:<34} {count:>3}  {instructions:>12}  {calls:>4}.{tenth}");
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

fn main() -> Result<(), Box<dyn Error>> {
    println!("each, over a level without it:    count  instructions   calls");
    for count in COUNTS {
        let receivers: Vec<User> = (0..count)
            .map(|number| User::new(&format!("receiver {number}")))
            .collect();
        let mut rollup = rollup(&receivers.iter().collect::<Vec<_>>());
        let empty = cost(&rollup.empty_level());
        let deposits = |to: &dyn Fn(&User) -> Address| -> Vec<Vec<u8>> {
            let routings = receivers.iter().map(to);
            routings
                .map(|address| layer1::native_deposit([7; 20], address.as_slice(), 5))
                .collect()
        };
        let known = cost(&rollup.level_of(deposits(&|user| user.address)));
        print("deposit, known account", count, known, empty);
        let new = cost(&rollup.level_of(deposits(&|user| user.address.create(9))));
        print("deposit, new account", count, new, empty);

        let mut users = receivers;
        let traveller = users[0].address.create(0);
        let creation = (TxKind::Create, U256::ZERO, traveller::deploy());
        let deploy = users[0].send(1337, creation.0, creation.1, creation.2, 5_000_000);
        rollup.level(&[deploy.encode()]);
        let mut level = |rollup: &mut Rollup, to: Address, wei: U256, input: &Bytes| {
            let raws: Vec<_> = users
                .iter_mut()
                .map(|user| {
                    let to = TxKind::Call(to);
                    user.send(1337, to, wei, input.clone(), 500_000).encode()
                })
                .collect();
            let before = rollup.head().number;
            let cost = cost(&rollup.level(&raws));
            let included = rollup.since(before);
            let good = included.iter().filter(|one| one.receipt.success).count();
            if good as u64 == count {
                Ok(cost)
            } else {
                Err(format!("{good} of {count} succeeded"))
            }
        };
        let wei = U256::from(MUTEZ);
        // A contract that takes the wei and some text.
        let call = traveller::set(Mood::Takes, TARGET);
        level(&mut rollup, traveller, wei, &call)?;
        let plain = level(&mut rollup, traveller, wei, &call)?;
        let withdraw = native::withdraw(TARGET);
        level(&mut rollup, native::ADDRESS, wei, &withdraw)?;
        let withdrawal = level(&mut rollup, native::ADDRESS, wei, &withdraw)?;
        print("plain call with wei and text", count, plain, empty);
        print("withdrawal", count, withdrawal, empty);
        print("withdrawal, over the plain call", count, withdrawal, plain);
    }
    Ok(())
}
