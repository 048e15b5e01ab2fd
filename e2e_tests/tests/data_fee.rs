//! Fees for bytes on layer 1, through the compiled kernel.

use alloy_primitives::{Address, Bytes, TxKind, U256};
use e2e_tests::layer1::{self, DELAYED_BRIDGE, GOVERNANCE, TICKETER};
use e2e_tests::{Build, Included, MAX_FEE, Rollup, Setup, User};
use ethereum::transaction::{Eip1559, Transaction};
use evm_kernel::native::governance::{Decision, change, encode};
use pvm::LevelReport;
use storage::Config;

const ROLLUP: [u8; 20] = [7; 20];

/// A mutez: 1,000 units of gas at the lowest base fee.
const FEE: u64 = 1_000_000_000_000;

/// The lowest base fee, and the priority fee of 1 wei that all transactions offer.
const PRICE: u64 = 1_000_000_001;

const RECIPIENT: Address = Address::repeat_byte(0xfe);
const SOMEBODY: Address = Address::repeat_byte(0xbb);

fn config(data_fee: u64) -> Config {
    Config {
        data_fee,
        fee_recipient: RECIPIENT,
        ticketer: Some(TICKETER),
        delayed_bridge: Some(DELAYED_BRIDGE),
        kernel_governance: Some(GOVERNANCE),
        ..Config::default()
    }
}

fn rollup(data_fee: u64, users: &[&User]) -> Rollup {
    let mut rollup = Rollup::new(&Setup {
        config: config(data_fee),
        ..Setup::funded(users)
    });
    rollup.empty_level();
    rollup
}

/// The gas that so many bytes cost.
fn data_gas(bytes: usize) -> u64 {
    (FEE * bytes as u64).div_ceil(PRICE)
}

/// A transaction of `user`'s with the gas limit that `besides` its bytes it wants, give or
/// take `more`.
fn sized(user: &mut User, to: TxKind, input: &[u8], (besides, more): (u64, i64)) -> Vec<u8> {
    let mut gas_limit = besides;
    loop {
        let transaction = Eip1559 {
            chain_id: 1337,
            nonce: user.nonce,
            max_priority_fee_per_gas: U256::from(1),
            max_fee_per_gas: U256::from(MAX_FEE),
            gas_limit,
            to,
            value: U256::from(5),
            input: Bytes::copy_from_slice(input),
            ..Eip1559::default()
        };
        let raw = user.sign(Transaction::DynamicFee(transaction)).encode();
        let wanted = besides + data_gas(raw.len());
        let wanted = wanted.checked_add_signed(more).unwrap();
        if gas_limit == wanted {
            user.nonce += 1;
            return raw;
        }
        gas_limit = wanted;
    }
}

fn call(address: Address) -> TxKind {
    TxKind::Call(address)
}

/// The only transaction of the next level.
fn only(rollup: &mut Rollup, raw: &[u8]) -> Included {
    let number = rollup.head().number;
    let report = rollup.level(&[raw]);
    let included = rollup.since(number);
    assert_eq!(included.len(), 1, "{:?}", report.debug);
    included[0].clone()
}

fn said(report: &LevelReport, text: &str) -> bool {
    report.debug.iter().any(|line| line.contains(text))
}

#[test]
fn a_transfer_pays_for_its_bytes_and_the_recipient_gets_that() {
    let mut user = User::new("user");
    let mut rollup = rollup(FEE, &[&user]);
    let before = rollup.account(user.address).balance;
    let raw = sized(&mut user, call(SOMEBODY), &[], (21_000, 0));
    let included = only(&mut rollup, &raw);
    let data = data_gas(raw.len());
    assert!(included.receipt.success);
    assert_eq!(included.receipt.data_gas, data);
    assert_eq!(included.receipt.gas_used, 21_000 + data);
    // The price that wallets reckon with: gas used times the price, no more.
    let paid = U256::from(21_000 + data) * U256::from(PRICE);
    let after = rollup.account(user.address).balance;
    assert_eq!(before - after, paid + U256::from(5));
    // All that bytes cost, and the priority fee of the rest.
    let fee = U256::from(data) * U256::from(PRICE);
    assert!(fee >= U256::from(FEE) * U256::from(raw.len()));
    let got = rollup.account(RECIPIENT).balance;
    assert_eq!(got, fee + U256::from(21_000));
    let (_, header) = rollup.header(rollup.head().number);
    assert_eq!(header.gas_used, 21_000 + data);
    // The base fee follows what Ethereum counts.
    assert_eq!(rollup.head().gas_used, 21_000);
}

#[test]
fn a_limit_that_does_not_pay_for_the_bytes_is_refused_and_changes_nothing() {
    let mut user = User::new("user");
    let mut rollup = rollup(FEE, &[&user]);
    let before = rollup.account(user.address);
    let short = sized(&mut user, call(SOMEBODY), &[], (21_000, -1));
    user.nonce = 0;
    let none = user.send(1337, call(SOMEBODY), U256::ZERO, Bytes::new(), 21_000);
    for (raw, reason) in [
        (short, "call gas cost"),
        (none.encode(), "its bytes alone want"),
    ] {
        let report = rollup.level(&[raw]);
        assert!(said(&report, reason), "{:?}", report.debug);
        assert_eq!(rollup.account(user.address), before);
        assert_eq!(rollup.account(RECIPIENT).balance, U256::ZERO);
    }
}

/// Whole, in chunks, and forced in by layer 1: the bytes of the transaction count.
#[test]
fn bytes_cost_the_same_whichever_way_they_come() {
    let mut user = User::new("user");
    let input = [1; 3_000];
    // 16 gas a byte, but the floor of 40 is more.
    let raw = sized(&mut user, call(SOMEBODY), &input, (21_000 + 40 * 3_000, 0));
    let [mut whole, mut chunked, mut forced] = [(); 3].map(|()| rollup(FEE, &[&user]));
    let simple = whole.simple(&raw);
    whole.level_of(vec![simple]);
    let chunks = in_chunks(&chunked, &raw);
    assert!(chunks.len() > 2);
    chunked.level_of(chunks);
    let delayed = |bytes: &[u8]| layer1::delayed(ROLLUP, DELAYED_BRIDGE, bytes);
    forced.level_of(vec![delayed(&[0, 1]), delayed(&[&[1], &raw[..]].concat())]);
    for rollup in [&whole, &chunked, &forced] {
        let all = rollup.since(0);
        assert_eq!(all.len(), 1);
        let receipt = &all[0].receipt;
        assert!(receipt.success);
        assert_eq!(receipt.data_gas, data_gas(raw.len()));
        assert_eq!(receipt.gas_used, 141_000 + data_gas(raw.len()));
        let balances = [user.address, RECIPIENT].map(|one| rollup.account(one).balance);
        assert_eq!(
            balances,
            [user.address, RECIPIENT].map(|one| whole.account(one).balance)
        );
    }
}

/// An announcement and chunks of 1,000 bytes.
fn in_chunks(rollup: &Rollup, raw: &[u8]) -> Vec<Vec<u8>> {
    let hash = alloy_primitives::keccak256(raw);
    let chunks: Vec<_> = raw
        .chunks(1_000)
        .map(|chunk| (chunk, alloy_primitives::keccak256(chunk)))
        .collect();
    let count = (chunks.len() as u16).to_le_bytes();
    let mut announcement = [&[1][..], hash.as_slice(), &count].concat();
    for (_, chunk_hash) in &chunks {
        announcement.extend_from_slice(chunk_hash.as_slice());
    }
    let mut messages = vec![rollup.framed(&announcement)];
    for (index, (chunk, chunk_hash)) in (0_u16..).zip(&chunks) {
        let head = [&[2][..], hash.as_slice(), &index.to_le_bytes()].concat();
        let contents = [&head[..], chunk_hash.as_slice(), chunk].concat();
        messages.push(rollup.framed(&contents));
    }
    messages
}

#[test]
fn the_cap_of_a_transaction_counts_what_is_left() {
    let most = 1 << 24;
    let mut user = User::new("user");
    let mut rollup = rollup(FEE, &[&user]);
    let raw = sized(&mut user, call(SOMEBODY), &[], (most, 0));
    let receipt = only(&mut rollup, &raw).receipt;
    assert_eq!(receipt.gas_used, 21_000 + data_gas(raw.len()));
    let over = sized(&mut user, call(SOMEBODY), &[], (most, 1));
    let report = rollup.level(&[over]);
    assert!(said(&report, "cap"), "{:?}", report.debug);
    user.nonce -= 1;

    // As large as any transaction may be, far over what a block has for execution.
    let floor = 21_000 + 40 * 100_000;
    let large = sized(&mut user, call(SOMEBODY), &[1; 100_000], (floor, 0));
    let receipt = only(&mut rollup, &large).receipt;
    assert!(receipt.success);
    assert_eq!(receipt.gas_used, floor + data_gas(large.len()));
    assert!(receipt.gas_used > 100_000_000);
    assert_eq!(rollup.head().gas_used, floor);
}

/// Execution costs the same with the fee as without: refunds and reverts, too.
#[test]
fn all_else_is_as_without_the_fee() {
    // The constructor sets slot 0. A call clears it, then reverts or halts where the data
    // begins with 1 or 2.
    let runtime = alloy_primitives::hex!(
        "5f5f55 5f35 5f1a 80 6001 14 6015 57 6002 14 6019 57 00 5b 5f5ffd 5b fe"
    );
    let create = [
        &alloy_primitives::hex!("60015f55")[..],
        &[
            0x60,
            runtime.len() as u8,
            0x80,
            0x60,
            13,
            0x5f,
            0x39,
            0x5f,
            0xf3,
        ][..],
        &runtime,
    ]
    .concat();
    let run = |data_fee: u64| {
        let mut user = User::new("user");
        let contract = user.address.create(0);
        let mut rollup = rollup(data_fee, &[&user]);
        let mut receipts = Vec::new();
        for (to, input) in [
            (TxKind::Create, &create[..]),
            (call(contract), &[1]),
            (call(contract), &[2]),
            (call(contract), &[0]),
            (call(contract), &[3; 600]),
        ] {
            let raw = if data_fee == 0 {
                let input = Bytes::copy_from_slice(input);
                let sent = user.send(1337, to, U256::from(5), input, 200_000);
                sent.encode()
            } else {
                sized(&mut user, to, input, (200_000, 0))
            };
            receipts.push(only(&mut rollup, &raw).receipt);
        }
        receipts
    };
    let (free, paid) = (run(0), run(FEE));
    for (free, paid) in free.iter().zip(&paid) {
        assert_eq!(free.data_gas, 0);
        assert!(paid.data_gas > 100_000);
        assert_eq!(paid.gas_used - paid.data_gas, free.gas_used);
        assert_eq!(paid.success, free.success);
    }
}

/// The required balance; and that a refusal leaves nothing behind: not even that
/// the sender was looked at, which would make a later look cheaper.
#[test]
fn the_balance_that_is_asked_for_is_enough_and_a_wei_less_is_not() {
    let (mut poor, mut rich) = (User::new("poor"), User::new("rich"));
    let raw = sized(&mut poor, call(SOMEBODY), &[], (21_000, 0));
    let limit = 21_000 + data_gas(raw.len());
    let asked = U256::from(limit) * U256::from(MAX_FEE) + U256::from(5);
    // BALANCE of what the data says.
    let look = alloy_primitives::hex!("655f35315f5500 5f52 6006 601a f3");
    let funded = Setup {
        config: config(FEE),
        ..Setup::funded(&[&rich])
    };
    let with = |balance: U256| {
        let mut setup = funded.clone();
        setup.balances.push((poor.address, balance));
        let mut rollup = Rollup::new(&setup);
        rollup.empty_level();
        rollup
    };
    let included = only(&mut with(asked), &raw);
    assert!(included.receipt.success);

    let create = sized(&mut rich, TxKind::Create, &look, (500_000, 0));
    let contract = rich.address.create(0);
    let input = poor.address.into_word();
    let ask = sized(&mut rich, call(contract), input.as_slice(), (100_000, 0));
    let mut gas = Vec::new();
    for refused in [true, false] {
        let mut rollup = with(asked - U256::from(1));
        only(&mut rollup, &create);
        let number = rollup.head().number;
        let raws = if refused {
            vec![&raw[..], &ask[..]]
        } else {
            vec![&ask[..]]
        };
        let report = rollup.level(&raws);
        assert_eq!(
            said(&report, "lack of funds"),
            refused,
            "{:?}",
            report.debug
        );
        let included = rollup.since(number);
        assert_eq!(included.len(), 1);
        gas.push(included[0].receipt.gas_used);
        let account = rollup.account(poor.address);
        assert_eq!((account.nonce, account.balance), (0, asked - U256::from(1)));
        let seen = rollup.slot(contract, U256::ZERO);
        assert_eq!(seen, account.balance);
    }
    assert_eq!(gas[0], gas[1]);
}

#[test]
fn a_transaction_that_traps_pays_for_its_bytes_too() {
    let mut user = User::new("user");
    let mut rollup = Rollup::new(&Setup {
        config: config(FEE),
        build: Build::Traps,
        ..Setup::funded(&[&user])
    });
    rollup.empty_level();
    let before = rollup.account(user.address).balance;
    let raw = sized(
        &mut user,
        call(Address::repeat_byte(0x7e)),
        &[],
        (50_000, 0),
    );
    let message = rollup.simple(&raw);
    rollup.level_with_traps(vec![message]);
    let all = rollup.since(0);
    assert_eq!(all.len(), 1);
    let (receipt, data) = (&all[0].receipt, data_gas(raw.len()));
    assert!(!receipt.success);
    assert_eq!((receipt.gas_used, receipt.data_gas), (50_000 + data, data));
    let paid = U256::from(50_000 + data) * U256::from(PRICE);
    assert_eq!(before - rollup.account(user.address).balance, paid);
    let fee = U256::from(data) * U256::from(PRICE) + U256::from(50_000);
    assert_eq!(rollup.account(RECIPIENT).balance, fee);
}

#[test]
fn governance_sets_the_fee() {
    let mut user = User::new("user");
    let mut rollup = rollup(0, &[&user]);
    let decide = |changes| {
        let bytes = encode(&Decision::Settings {
            rollup: ROLLUP,
            changes,
        });
        layer1::governance(ROLLUP, GOVERNANCE, &bytes)
    };
    let report = rollup.level_of(vec![decide(vec![change("data_fee", &(100 * FEE + 1))])]);
    assert!(said(&report, "data_fee is"), "{:?}", report.debug);
    // Without a price that gas pays for, it would be endless gas.
    let report = rollup.level_of(vec![decide(vec![
        change("data_fee", &FEE),
        change("base_fee_floor", &1_u64),
    ])]);
    assert!(said(&report, "a million times"), "{:?}", report.debug);
    rollup.level_of(vec![decide(vec![change("data_fee", &FEE)])]);
    let raw = sized(&mut user, call(SOMEBODY), &[], (21_000, 0));
    let receipt = only(&mut rollup, &raw).receipt;
    assert_eq!(receipt.gas_used, 21_000 + data_gas(raw.len()));
}
