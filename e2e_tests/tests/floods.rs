//! Levels full of rubbish (design: bounded work): the budgets of runs and levels
//! hold, what does not fit waits, and good transactions get through.

use alloy_primitives::{Address, Bytes, TxKind, U256};
use e2e_tests::{Rollup, Setup, User};
use ethereum::SignedTransaction;
use pvm::{LevelReport, Metering};
use storage::Config;

const NOBODY: Address = Address::repeat_byte(0xbb);

/// What the kernel counts (design: bounded work).
const MESSAGE: u64 = 10_000;
const BYTE: u64 = 10;
const RECOVERY: u64 = 20_000;

/// The most inputs whose senders are recovered at once.
const PAGE: u64 = 64;

/// Wasm instructions for a unit of work, at most. Recovery takes 83, compute 40.
const INSTRUCTIONS: u64 = 120;

/// Small budgets, so that a flood takes several levels.
fn small() -> Config {
    Config {
        block_gas_limit: 2_000_000,
        run_budget: 8_000_000,
        level_budget: 16_000_000,
        ..Config::default()
    }
}

fn rollup(config: &Config, users: &[&User]) -> Rollup {
    let mut rollup = Rollup::new(&Setup {
        config: config.clone(),
        metering: Metering::Full,
        ..Setup::funded(users)
    });
    rollup.empty_level();
    rollup
}

fn transfer(user: &mut User) -> SignedTransaction {
    let wei = U256::from(1);
    user.send(1337, TxKind::Call(NOBODY), wei, Bytes::new(), 21_000)
}

/// Transactions with signatures of something else: their senders are found, at
/// full cost, but have no money.
fn forged(count: u64) -> Vec<Vec<u8>> {
    let mut user = User::new("forger");
    let mut signed = transfer(&mut user);
    let mut raws = Vec::new();
    for wei in 0..count {
        let mut body = user.clone();
        body.nonce = 0;
        let wei = U256::from(wei + 2);
        let mut other = body.send(1337, TxKind::Call(NOBODY), wei, Bytes::new(), 21_000);
        other.signature = signed.signature;
        signed = other;
        raws.push(signed.encode());
    }
    raws
}

/// Transactions with a signature that is nobody's.
fn unrecoverable(count: u64) -> Vec<Vec<u8>> {
    let mut user = User::new("nobody");
    let signed = (0..count).map(|_| {
        let mut signed = transfer(&mut user);
        // 5 is the x of no point of the curve.
        signed.signature.r = U256::from(5);
        signed.encode()
    });
    signed.collect()
}

/// The work that the level asks for: its inputs, read once and decoded once.
fn work(raws: &[Vec<u8>]) -> u64 {
    raws.iter()
        .map(|raw| RECOVERY + BYTE * (raw.len() as u64 + 37))
        .sum()
}

/// No run does more than its budget, a page and a transaction.
fn runs_are_bounded(config: &Config, report: &LevelReport) {
    let slack = PAGE * (RECOVERY + BYTE * 4_096) + MESSAGE;
    let most = INSTRUCTIONS * (config.run_budget + slack);
    for run in &report.runs {
        assert!(run.instructions < most, "{} of {most}", run.instructions);
    }
}

/// A level is flooded; a good transaction behind the flood and one a level later
/// are included within 2 levels of what the level's budget says.
fn good_transactions_pass(config: &Config, flood: &[Vec<u8>]) {
    let mut user = User::new("good");
    let mut rollup = rollup(config, &[&user]);
    let [behind, later] = [transfer(&mut user), transfer(&mut user)];
    let mut level: Vec<_> = flood.iter().map(|raw| rollup.simple(raw)).collect();
    level.push(rollup.simple(&behind.encode()));
    let allowed = work(flood).div_ceil(config.level_budget) + 2;

    let mut included = Vec::new();
    let mut levels = 0;
    let mut next = level;
    while included.len() < 2 && levels < allowed {
        let head = rollup.head();
        let report = rollup.level_of(next);
        runs_are_bounded(config, &report);
        let most = config.level_budget + config.run_budget;
        assert!(rollup.head().level_work <= most, "{:?}", rollup.head());
        for included in rollup.since(head.number) {
            assert!(included.receipt.success);
        }
        included.extend(rollup.since(head.number));
        next = if levels == 0 {
            vec![rollup.simple(&later.encode())]
        } else {
            vec![]
        };
        levels += 1;
    }
    let raws: Vec<_> = included
        .iter()
        .map(|one| one.transaction.raw.to_vec())
        .collect();
    assert_eq!(
        raws,
        [behind.encode(), later.encode()],
        "after {levels} levels"
    );
    eprintln!("{levels} levels of {allowed}");
}

#[test]
fn four_thousand_signatures_of_nobody() {
    good_transactions_pass(&Config::default(), &unrecoverable(4_000));
}

#[test]
fn four_thousand_signatures_of_strangers() {
    good_transactions_pass(&Config::default(), &forged(4_000));
}

#[test]
fn garbage_beyond_the_levels_budget_waits() {
    good_transactions_pass(&small(), &unrecoverable(2_000));
    good_transactions_pass(&small(), &forged(2_000));
}
