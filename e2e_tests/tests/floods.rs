//! Levels full of rubbish (ARCHITECTURE.md, "Bounded work"): the budgets of runs and levels
//! hold, what does not fit waits, and good transactions get through.

use alloy_primitives::{Address, Bytes, TxKind, U256};
use e2e_tests::{Rollup, Setup, User};
use ethereum::SignedTransaction;
use pvm::{LevelReport, Metering};
use storage::Config;

const NOBODY: Address = Address::repeat_byte(0xbb);

/// The work that the kernel counts (ARCHITECTURE.md, "Bounded work").
const MESSAGE: u64 = 10_000;
const BYTE: u64 = 10;
const RECOVERY: u64 = 25_000;

/// Wasm instructions for a unit of work, at most.
const INSTRUCTIONS: u64 = 80;

/// Instructions of a run besides its work.
const FIXED: u64 = 4_000_000;

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

/// No run and no level does more than its budget.
fn work_is_bounded(config: &Config, rollup: &Rollup, report: &LevelReport) {
    let most = INSTRUCTIONS * (config.run_budget + MESSAGE) + FIXED;
    for run in &report.runs {
        assert!(run.instructions < most, "{} of {most}", run.instructions);
    }
    let head = rollup.head();
    let most = config.level_budget;
    assert!(head.level_work <= most, "{} of {most}", head.level_work);
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
        work_is_bounded(config, &rollup, &report);
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

/// All transactions are included sooner or later, in order, and each level keeps
/// within its bounds. Gives how many levels it took.
fn all_pass(config: &Config, rollup: &mut Rollup, raws: &[Vec<u8>]) -> usize {
    let before = rollup.head().number;
    let mut levels = 0;
    let mut messages = raws
        .iter()
        .flat_map(|raw| evm_kernel::inputs::encode::messages(&[7; 20], raw))
        .collect();
    loop {
        let report = rollup.level_of(std::mem::take(&mut messages));
        work_is_bounded(config, rollup, &report);
        levels += 1;
        if rollup.head().backlog == 0 {
            break;
        }
        assert!(levels < 100, "{} bytes still wait", rollup.head().backlog);
    }
    let included = rollup.since(before);
    let included: Vec<_> = included
        .iter()
        .map(|one| &one.transaction.raw[..])
        .collect();
    assert!(included == raws, "{} of {}", included.len(), raws.len());
    levels
}

#[test]
fn the_largest_calldata_passes_level_by_level() {
    let config = Config {
        level_budget: 100_000_000,
        ..Config::default()
    };
    let mut users = ["zeros", "ones"].map(User::new);
    let mut rollup = rollup(&config, &users.each_ref());
    // As much as a transaction may have, 16 M gas allowing, and 128 KiB of zeros.
    let mut raws = Vec::new();
    for _ in 0..20 {
        let [zeros, ones] = &mut users;
        let to = TxKind::Call(NOBODY);
        let input = vec![0; 130_900];
        raws.push(
            zeros
                .send(1337, to, U256::ZERO, input.into(), 1_500_000)
                .encode(),
        );
        let input = vec![1; 130_900];
        raws.push(
            ones.send(1337, to, U256::ZERO, input.into(), 5_300_000)
                .encode(),
        );
    }
    let levels = all_pass(&config, &mut rollup, &raws);
    assert!((2..=4).contains(&levels), "{levels} levels");
}

#[test]
fn precompiles_count_as_what_they_cost() {
    let config = Config {
        level_budget: 100_000_000,
        ..Config::default()
    };
    let mut user = User::new("abuser");
    let mut rollup = rollup(&config, &[&user]);
    let transactions = abuses().into_iter().map(|(address, input)| {
        let initcode = without_end(address, &input);
        user.send(1337, TxKind::Create, U256::ZERO, initcode.into(), ABUSE)
            .encode()
    });
    let raws: Vec<_> = transactions.collect();
    let mut messages = raws.iter().map(|raw| rollup.simple(raw)).collect();
    let mut levels = 0;
    while levels == 0 || rollup.head().backlog > 0 {
        let report = rollup.level_of(std::mem::take(&mut messages));
        work_is_bounded(&config, &rollup, &report);
        let instructions: u64 = report.runs.iter().map(|run| run.instructions).sum();
        let most = INSTRUCTIONS * rollup.head().level_work + FIXED;
        assert!(instructions < most, "{instructions} of {most}");
        levels += 1;
        assert!(levels < 10);
    }
    let included = rollup.since(0);
    assert_eq!(included.len(), raws.len());
    assert!(included.iter().all(|one| one.receipt.gas_used == ABUSE));
}

/// The gas of a transaction that calls one precompile on and on.
const ABUSE: u64 = 1_000_000;

/// The heaviest calls of each precompile that weighs anything: address and input.
fn abuses() -> Vec<(u16, Vec<u8>)> {
    const NAMES: [(u64, &str); 14] = [
        (0x01, "a signature"),
        (0x02, "1000 bytes"),
        (0x05, "3 to 662"),
        (0x06, "2 G + 3 G"),
        (0x08, "e(6 G, H) = e(2 G, 3 H)"),
        (0x0a, "a proof"),
        (0x0b, "a sum"),
        (0x0c, "two terms"),
        (0x0d, "a sum"),
        (0x0e, "two terms"),
        (0x0f, "e(6 G, H) = e(2 G, 3 H)"),
        (0x10, "an element"),
        (0x11, "an element"),
        (0x100, "a signature"),
    ];
    let vectors = include_str!("fixtures/precompiles.json");
    let vectors: Vec<serde_json::Value> = serde_json::from_str(vectors).unwrap();
    let input = |(precompile, name): (u64, &str)| {
        let named = |vector: &&serde_json::Value| {
            vector["precompile"] == precompile && vector["name"] == name
        };
        let vector = vectors.iter().find(named).unwrap();
        let input: Bytes = vector["input"].as_str().unwrap().parse().unwrap();
        (precompile as u16, input.to_vec())
    };
    let mut abuses: Vec<_> = NAMES.into_iter().map(input).collect();
    // 0xffff rounds (EIP-152); the generator times 2^256 - 1 (EIP-196).
    let word = |number: u64| U256::from(number).to_be_bytes_vec();
    abuses.push((0x07, [word(1), word(2), vec![0xff; 32]].concat()));
    abuses.push((0x09, [&[0, 0, 0xff, 0xff][..], &[7; 208], &[1]].concat()));
    abuses
}

/// Initcode that calls a precompile again and again until its gas is gone. The
/// input is the end of the code.
fn without_end(address: u16, input: &[u8]) -> Vec<u8> {
    let [a, b] = address.to_be_bytes();
    let [high, low] = (input.len() as u16).to_be_bytes();
    let code = [
        // CODECOPY(0, 24, len)
        &[0x61, high, low, 0x60, 24, 0x5f, 0x39][..],
        // loop: POP(STATICCALL(gas, address, 0, len, 0, 0)), in one stack slot less
        &[
            0x5b, 0x5f, 0x5f, 0x61, high, low, 0x5f, 0x61, a, b, 0x5a, 0xfa, 0x50,
        ],
        &[0x60, 7, 0x56, 0x00],
    ]
    .concat();
    assert_eq!(code.len(), 24);
    [&code[..], input].concat()
}

#[test]
fn empty_messages_are_read_and_forgotten() {
    let config = Config::default();
    let mut user = User::new("good");
    let mut rollup = rollup(&config, &[&user]);
    let good = transfer(&mut user).encode();
    // Without a frame, of another rollup, without contents, with a tag alone.
    let kinds = [
        vec![1],
        [&[1, 0][..], &[8; 20]].concat(),
        rollup.framed(b""),
        rollup.framed(&[0]),
    ];
    let mut messages: Vec<_> = kinds.iter().cycle().take(12_000).cloned().collect();
    messages.push(rollup.simple(&good));
    let report = rollup.level_of(messages);
    work_is_bounded(&config, &rollup, &report);
    // 10,000 a message: reading takes two runs.
    assert_eq!(report.runs.len(), 2);
    let included = rollup.since(0);
    assert_eq!(included.len(), 1);
    assert_eq!(included[0].transaction.raw, good);
    let said = |line: &str| report.debug.iter().any(|said| said.contains(line));
    assert!(
        said("messages without a frame: 2"),
        "{:?}",
        report.debug.first()
    );
}

#[test]
fn a_full_queue_drops_the_newest_and_says_so() {
    let mut user = User::new("good");
    let raws: Vec<_> = (0..6).map(|_| transfer(&mut user).encode()).collect();
    let size = |raw: &Vec<u8>| raw.len() as u64 + 4 + 33 + 32;
    let config = Config {
        queue_bytes: raws[..4].iter().map(size).sum(),
        ..Config::default()
    };
    let mut rollup = rollup(&config, &[&user]);
    let report = rollup.level(&raws);
    let said = "messages dropped because the queue is full: 2";
    assert!(
        report.debug.iter().any(|line| line.contains(said)),
        "{:?}",
        report.debug
    );
    assert_eq!(rollup.since(0).len(), 4);
    // Once it is empty there is room again.
    rollup.level(&raws[4..]);
    assert_eq!(rollup.since(0).len(), 6);
}

#[test]
fn messages_without_bytes_count_in_the_queue_too() {
    let mut user = User::new("good");
    let config = Config {
        queue_bytes: 36 * 1_000,
        ..Config::default()
    };
    let mut rollup = rollup(&config, &[&user]);
    let mut messages = vec![rollup.framed(b""); 1_000];
    messages.push(rollup.simple(&transfer(&mut user).encode()));
    let report = rollup.level_of(messages);
    let said = "messages dropped because the queue is full: 1";
    assert!(report.debug.iter().any(|line| line.contains(said)));
    assert_eq!(rollup.since(0), []);
}
