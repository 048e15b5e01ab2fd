//! Work that costs the machine more than its sender pays: how much of it a run and
//! a level take, whom it keeps waiting, and what it costs.

use alloy_primitives::{Address, Bytes, TxKind, U256};
use e2e_tests::lab::{Lab, MAX_GAS, Sample};
use e2e_tests::{Rollup, Setup, User};
use ethereum::transaction::{Eip1559, Transaction};
use storage::Config;

/// Instructions for a unit of work, at most.
const BOUND: u64 = 80;

/// The bounds of a run and of a level, in instructions.
const RUN: u64 = 8_000_000_000;
const LEVEL: u64 = 12_000_000_000;

const NOBODY: Address = Address::repeat_byte(0xbb);

/// Wei of a tez.
const TEZ: u64 = 1_000_000_000_000_000_000;

fn creation(user: &mut User, initcode: &[u8], gas: u64) -> Vec<u8> {
    let code = Bytes::copy_from_slice(initcode);
    user.send(1337, TxKind::Create, U256::ZERO, code, gas)
        .encode()
}

fn transfer(user: &mut User) -> Vec<u8> {
    user.send(1337, TxKind::Call(NOBODY), U256::ONE, Bytes::new(), 21_000)
        .encode()
}

/// True if the user's first transaction is in a block.
fn is_included(rollup: &Rollup, user: &User) -> bool {
    rollup.account(user.address).nonce > 0
}

/// Initcode that calls a precompile with `len` zeros, `times` times.
fn calls(precompile: u16, len: u16, times: u16) -> Vec<u8> {
    let [a, b] = precompile.to_be_bytes();
    let [high, low] = len.to_be_bytes();
    let [many, few] = times.to_be_bytes();
    [
        // The number of calls that are left, less one each time.
        &[0x61, many, few, 0x5b][..],
        // STATICCALL(20,000 gas, precompile, 0, len, 0, 0)
        &[
            0x5f, 0x5f, 0x61, high, low, 0x5f, 0x61, a, b, 0x61, 0x4e, 0x20, 0xfa, 0x50,
        ],
        &[0x60, 1, 0x90, 0x03, 0x80, 0x60, 3, 0x57, 0x00],
    ]
    .concat()
}

/// Twenty failing calls of the point evaluation, 2.9 M gas and 150 bytes each, had
/// closed twenty levels (they counted as 205 M units each). A call that fails
/// before it does anything counts as its gas.
#[test]
fn calls_that_fail_keep_nobody_waiting() {
    let (mut attacker, mut victim) = (User::new("attacker"), User::new("victim"));
    let mut rollup = Rollup::new(&Setup::funded(&[&attacker, &victim]));
    rollup.empty_level();
    let failing = [0x5f, 0x5f, 0x5f, 0x5f, 0x60, 0x0a, 0x5a, 0xfa, 0x00];
    let mut level: Vec<_> = (0..20)
        .map(|_| creation(&mut attacker, &failing, 2_900_000))
        .collect();
    level.push(transfer(&mut victim));
    rollup.level(&level);
    assert!(is_included(&rollup, &victim));
}

/// Initcode that does `body` without end; it finds `data` at the start of memory.
fn without_end(body: &[u8], data: &[u8]) -> Vec<u8> {
    let [high, low] = (data.len() as u16).to_be_bytes();
    let end = [0x60, 7, 0x56];
    let start = (8 + body.len() + end.len()) as u8;
    // CODECOPY(0, start, len)
    let copy = [0x61, high, low, 0x60, start, 0x5f, 0x39, 0x5b];
    [&copy[..], body, &end, data].concat()
}

/// P-256 without end in 2^24 gas had been 49 G instructions in a run.
#[test]
fn a_transaction_ends_where_its_work_does() {
    let lab = Lab::new(Config::default());
    let vectors = include_str!("../fixtures/precompiles.json");
    let vectors: Vec<serde_json::Value> = serde_json::from_str(vectors).unwrap();
    let signature = vectors
        .iter()
        .find(|one| one["precompile"] == 0x100)
        .unwrap();
    let input: Bytes = signature["input"].as_str().unwrap().parse().unwrap();
    // STATICCALL(20,000 gas, 0x100, 0, 160, 0, 0)
    let call = [
        0x5f, 0x5f, 0x60, 160, 0x5f, 0x61, 1, 0, 0x61, 0x4e, 0x20, 0xfa, 0x50,
    ];
    let raw = creation(&mut lab.user.clone(), &without_end(&call, &input), MAX_GAS);
    let (sample, included) = lab.transactions(&[raw]);
    assert_eq!(included.len(), 1);
    assert!(!included[0].receipt.success);
    assert_eq!(included[0].receipt.gas_used, MAX_GAS);
    assert_bounded(&sample);
    assert!(sample.worst_run < 3_500_000_000, "{}", sample.worst_run);
}

#[track_caller]
fn assert_bounded(sample: &Sample) {
    let ratio = sample.hundredths();
    assert!(ratio <= 100 * BOUND, "{ratio} hundredths: {sample:?}");
    assert!(sample.worst_run <= RUN, "{sample:?}");
    assert!(sample.worst_level <= LEVEL, "{sample:?}");
}

/// KECCAK256 of large memory had been 351 instructions a unit, MULMOD 133, DIV 71, EXP
/// 131, BLOCKHASH 84 with a host call each time.
#[test]
fn opcodes_that_take_long_count_for_long() {
    let lab = Lab::new(Config::default());
    let ones = [&[0x7f][..], &[0xff; 32]].concat();
    let half = [&[0x70][..], &[0xff; 17]].concat();
    let word = |op: u8| [&ones[..], &ones, &[op, 0x50]].concat();
    let bodies = [
        ("KECCAK256", vec![0x62, 1, 0x86, 0xa0, 0x5f, 0x20, 0x50]),
        ("MULMOD", [&half[..], &ones, &ones, &[0x09, 0x50]].concat()),
        ("SDIV", [&half[..], &ones, &[0x05, 0x50]].concat()),
        ("DIV", [&half[..], &ones, &[0x04, 0x50]].concat()),
        ("EXP", word(0x0a)),
        ("BLOCKHASH", vec![0x5f, 0x40, 0x50]),
    ];
    for (name, body) in bodies {
        let code = without_end(&body, &[]);
        let raw = creation(&mut lab.user.clone(), &code, 2_000_000);
        let (sample, included) = lab.transactions(&[raw]);
        assert_eq!(included[0].receipt.gas_used, 2_000_000, "{name}");
        assert_bounded(&sample);
        assert!(
            sample.host_calls < 50,
            "{name}: {} host calls",
            sample.host_calls
        );
    }
}

/// Contracts of 24 kB whose code nobody looked at yet: 350 instructions a unit and 14
/// host calls for 2,600 gas.
#[test]
fn code_that_is_read_counts() {
    const FIRST: u64 = 1 << 40;
    const COUNT: u64 = 100;
    let mut lab = Lab::new(Config::default());
    lab.change(|rollup| {
        for number in 0..COUNT {
            let address = Address::from_word(U256::from(FIRST + number).into());
            let mut code = vec![0x5b; 24_568];
            code.extend(number.to_be_bytes());
            e2e_tests::lab::contract(rollup, address, &code);
        }
    });
    // EXTCODESIZE(the first + a count that each round adds one to)
    let first = FIRST.to_be_bytes();
    let look = [
        &[0x80, 0x65][..],
        &first[2..],
        &[0x01, 0x3b, 0x50, 0x60, 1, 0x01],
    ]
    .concat();
    let rounds = [
        &[0x5f, 0x5b][..],
        &look,
        &[0x80, 0x60, COUNT as u8, 0x11, 0x60, 1, 0x57],
    ];
    let raw = creation(&mut lab.user.clone(), &rounds.concat(), MAX_GAS);
    let (sample, included) = lab.transactions(&[raw]);
    assert!(included[0].receipt.success);
    assert!(sample.host_calls > 13 * COUNT);
    assert_bounded(&sample);
    // What bounds the host calls of a run, too.
    assert!(sample.work > 4_000 * sample.host_calls, "{sample:?}");
}

/// An attacker that fills twenty levels in a row pays more for each. It had been 0.003
/// tez a level, the twentieth like the first.
#[test]
fn whoever_fills_levels_pays_more_for_each() {
    const LEVELS: usize = 21;
    // As much work as a transaction may do for the least gas: P-256 without input,
    // which counts like any other.
    let code = calls(0x100, 0, 55);
    let (mut attacker, mut victim) = (User::new("attacker"), User::new("victim"));
    let mut rollup = Rollup::new(&Setup::funded(&[&attacker, &victim]));
    rollup.empty_level();
    let mut prices = Vec::new();
    for level in 0..LEVELS {
        let count = if level == 0 { 12 } else { 8 };
        let mut raws: Vec<_> = (0..count).map(|_| dear(&mut attacker, &code)).collect();
        if level + 1 == LEVELS {
            raws.push(transfer(&mut victim));
        }
        let before = rollup.head().number;
        rollup.level(&raws);
        let included = rollup.since(before);
        assert!(included.iter().all(|one| one.receipt.success));
        let wei = included.iter().map(|one| {
            let (_, header) = rollup.header(one.block);
            U256::from(one.receipt.gas_used) * U256::from(header.base_fee_per_gas)
        });
        prices.push(wei.sum::<U256>());
    }
    // The attack works, and this is its price.
    assert!(!is_included(&rollup, &victim));
    assert!(
        prices.windows(2).all(|pair| pair[0] < pair[1]),
        "{prices:?}"
    );
    let last = prices[LEVELS - 1];
    assert!(last > U256::from(TEZ * 3 / 10), "{last} wei");
}

/// A creation that any base fee suits.
fn dear(user: &mut User, initcode: &[u8]) -> Vec<u8> {
    let nonce = user.nonce;
    user.nonce += 1;
    user.sign(Transaction::DynamicFee(Eip1559 {
        chain_id: 1337,
        nonce,
        max_priority_fee_per_gas: U256::ZERO,
        max_fee_per_gas: U256::from(1_000_000_000_000_u64),
        gas_limit: MAX_GAS,
        to: TxKind::Create,
        value: U256::ZERO,
        input: Bytes::copy_from_slice(initcode),
        access_list: Vec::new(),
    }))
    .encode()
}
