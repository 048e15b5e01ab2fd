//! Calls of layer 1 do not wait behind external messages, nor the other way round:
//! calls of layer 1 (decisions, deposits, forced transactions) and external inputs have
//! a lane each.

use alloy_primitives::{Address, Bytes, TxKind, U256};
use e2e_tests::lab::contract;
use e2e_tests::layer1::{self, DELAYED_BRIDGE, GOVERNANCE, TICKETER};
use e2e_tests::{Build, Included, Rollup, Setup, User};
use ethereum::transaction::tx_type;
use evm_kernel::bridge::NATIVE_BRIDGE;
use rollup::inbox::Transfer;
use storage::layout::UPGRADE;
use storage::table::Value;
use storage::{Config, Head};

const ROLLUP: [u8; 20] = [7; 20];

const RECEIVER: Address = Address::repeat_byte(0xbb);

/// One mutez in wei.
const MUTEZ: u64 = 1_000_000_000_000;

/// The most gas of a transaction.
const MAX_GAS: u64 = 1 << 24;

fn config() -> Config {
    Config {
        ticketer: Some(TICKETER),
        delayed_bridge: Some(DELAYED_BRIDGE),
        kernel_governance: Some(GOVERNANCE),
        ..Config::default()
    }
}

fn start(config: Config, users: &[&User]) -> Rollup {
    start_with(Build::Shipped, config, users)
}

fn start_with(build: Build, config: Config, users: &[&User]) -> Rollup {
    let mut rollup = Rollup::new(&Setup {
        config,
        build,
        ..Setup::funded(users)
    });
    rollup.empty_level();
    rollup
}

/// Initcode that burns all its gas, with so many bytes behind it.
fn burn(user: &mut User, gas: u64, padding: usize) -> Vec<u8> {
    let code = [&[0x5b, 0x5f, 0x56][..], &vec![0xfe; padding]].concat();
    user.send(1337, TxKind::Create, U256::ZERO, code.into(), gas)
        .encode()
}

fn transfer(user: &mut User) -> Vec<u8> {
    user.send(
        1337,
        TxKind::Call(RECEIVER),
        U256::ONE,
        Bytes::new(),
        21_000,
    )
    .encode()
}

fn deposit(mutez: u64) -> Vec<u8> {
    layer1::native_deposit(ROLLUP, RECEIVER.as_slice(), mutez)
}

/// The messages that force a transaction in.
fn forced(raw: &[u8]) -> [Vec<u8>; 2] {
    let call = |bytes: &[u8]| layer1::delayed(ROLLUP, DELAYED_BRIDGE, bytes);
    [call(&[0, 1]), call(&[&[1], raw].concat())]
}

/// A decision for the kernel with this hash, far in the future.
fn decision(hash: u8) -> Vec<u8> {
    let mut root = [hash; 33];
    root[0] = 0;
    layer1::upgrade(ROLLUP, GOVERNANCE, &root, i64::MAX)
}

fn decided(rollup: &Rollup) -> Option<u8> {
    let upgrade = UPGRADE.get(rollup.durable(), &()).expect("readable");
    upgrade.map(|upgrade| upgrade.root[1])
}

fn deposits(included: &[Included]) -> Vec<&Included> {
    let all = included.iter();
    all.filter(|one| one.transaction.raw[0] == tx_type::DEPOSIT)
        .collect()
}

fn external(rollup: &Rollup, raws: &[Vec<u8>]) -> Vec<Vec<u8>> {
    raws.iter().map(|raw| rollup.simple(raw)).collect()
}

/// A queue of 64 MiB that is full of transactions of 16.7 M gas (67 tez at layer 1) is
/// a backlog of 3,000 levels. What layer 1 says takes effect all the same, at its own
/// level; and so does the work of the backlog.
#[test]
fn a_full_queue_keeps_no_call_of_layer_1_waiting() {
    let (mut eve, mut alice) = (User::new("eve"), User::new("alice"));
    let mut rollup = start(config(), &[&eve, &alice]);
    let bytes = Config::default().queue_bytes as usize;
    let flood: Vec<_> = (0..bytes / 4_000 + 400)
        .map(|_| burn(&mut eve, MAX_GAS, 3_800))
        .collect();
    let messages = external(&rollup, &flood);
    let report = rollup.level_of(messages);
    let full = "dropped because the queue is full";
    assert!(report.debug.iter().any(|line| line.contains(full)));
    let backlog = rollup.head().backlog;
    assert!(backlog > 60 << 20, "{backlog}");

    let number = rollup.head().number;
    let mut messages = vec![decision(9), deposit(5)];
    messages.extend(forced(&transfer(&mut alice)));
    rollup.level_of(messages);
    assert_eq!(decided(&rollup), Some(9));
    let received = U256::from(5 * MUTEZ) + U256::ONE;
    assert_eq!(rollup.account(RECEIVER).balance, received);
    // The backlog goes on: a level's budget less what these took.
    let included = rollup.since(number);
    let burned = included.iter().filter(|one| !one.receipt.success).count();
    assert!(burned >= 3, "{burned}");
    assert_eq!(included.len(), burned + 2);
}

/// A transaction that traps each time costs its level some runs; what layer 1 says
/// takes effect at that level.
#[test]
fn a_transaction_that_traps_keeps_no_call_of_layer_1_waiting() {
    let (mut eve, mut alice) = (User::new("eve"), User::new("alice"));
    let mut rollup = start_with(Build::Traps, config(), &[&eve, &alice]);
    let poison = Address::repeat_byte(0x7e);
    // CALL(gas, 0x7e7e…, 0, 0, 0, 0, 0)
    let code = [
        &[0x5f, 0x5f, 0x5f, 0x5f, 0x5f, 0x73][..],
        poison.as_slice(),
        &[0x5a, 0xf1],
    ];
    let raw = eve
        .send(
            1337,
            TxKind::Create,
            U256::ZERO,
            code.concat().into(),
            1_000_000,
        )
        .encode();
    let mut messages = external(&rollup, &[raw]);
    messages.extend([deposit(5), decision(9)]);
    messages.extend(forced(&transfer(&mut alice)));
    let report = rollup.level_with_traps(messages);
    assert!(report.runs.iter().any(|run| run.trapped()));
    assert_eq!(decided(&rollup), Some(9));
    let received = U256::from(5 * MUTEZ) + U256::ONE;
    assert_eq!(rollup.account(RECEIVER).balance, received);
    assert_eq!(rollup.account(eve.address).nonce, 1);
    assert_eq!(rollup.head().backlog, 0);
}

/// A level brings 1,000 deposits for a contract that burns all gas that it is let have,
/// and more external work than a level can do. Each lane gets half; what a level has no
/// room for is applied later, in order.
#[test]
fn a_flood_of_calls_leaves_half_of_the_level() {
    const CALLS: usize = 1_000;
    let mut alice = User::new("alice");
    let mut rollup = start(config(), &[&alice]);
    contract(&mut rollup, RECEIVER, &[0x5b, 0x5f, 0x56]);
    let raws: Vec<_> = (0..40).map(|_| burn(&mut alice, 3_000_000, 0)).collect();
    let mut messages: Vec<_> = (0..CALLS).map(|_| deposit(1)).collect();
    messages.extend(external(&rollup, &raws));
    let start = rollup.head().number;
    let mut next = messages;
    let (mut burned, mut credited, mut levels) = (0, 0, 0);
    while levels == 0 || rollup.head().backlog > 0 {
        let before = rollup.head().number;
        rollup.level_of(std::mem::take(&mut next));
        let included = rollup.since(before);
        let calls = deposits(&included);
        let external = included.len() - calls.len();
        let (more_calls, more_external) = (credited + calls.len() < CALLS, burned + external < 40);
        let work = rollup.head().calls.work;
        println!("{} calls in {work} units, {external} external", calls.len());
        if more_calls && more_external {
            let head = rollup.head();
            let half = Config::default().level_budget / 2;
            let most = 3_500_000;
            assert!(head.calls.work <= half, "{}", head.calls.work);
            assert!(head.calls.work + most > half, "{}", head.calls.work);
            // 4.5 M units each, and what a unit of it may be besides.
            assert!(external >= 6, "{external} in level {levels}");
        }
        credited += calls.len();
        burned += external;
        levels += 1;
        assert!(levels < 20);
    }
    assert!(levels > 2, "{levels} levels");
    assert_eq!((credited, burned), (CALLS, 40));
    // The bridge keeps them.
    let wei = U256::from(CALLS as u64 * MUTEZ);
    assert_eq!(rollup.account(NATIVE_BRIDGE).balance, wei);
    // The place of its message names each deposit, behind the heads of its list.
    let included = rollup.since(start);
    let places: Vec<_> = deposits(&included)
        .into_iter()
        .map(|one| {
            let raw = &one.transaction.raw;
            let at = raw.iter().position(|byte| *byte == 0xa0).expect("a hash");
            U256::from_be_slice(&raw[at + 1..at + 33])
        })
        .collect();
    assert!(places.windows(2).all(|pair| pair[0] < pair[1]));
    assert!(
        !rollup
            .values()
            .keys()
            .any(|path| path.starts_with("/evm/calls/"))
    );
}

/// The dearest deposits: for a contract that asks the P-256 precompile as often as the
/// gas that it is let have allows, which counts far more work than gas. What a level
/// works off of them is what a flood of calls has to pay layer 1 for (docs/security.md).
#[test]
fn the_dearest_deposits_are_bounded() {
    let alice = User::new("alice");
    let mut rollup = start(config(), &[&alice]);
    // for (;;) staticcall(gas, 0x100, 0, 0, 0, 0)
    let code = [
        0x5b, 0x5f, 0x5f, 0x5f, 0x5f, 0x61, 1, 0, 0x5a, 0xfa, 0x50, 0x5f, 0x56,
    ];
    contract(&mut rollup, RECEIVER, &code);
    let report = rollup.level_of((0..600).map(|_| deposit(1)).collect());
    assert!(report.debug.is_empty(), "{:?}", &report.debug[..2]);
    let included = rollup.since(0);
    let (count, work) = (deposits(&included).len(), rollup.head().calls.work);
    println!("{count} deposits in {work} units");
    assert!(work / (count as u64) < 1_700_000);
}

/// Budgets so small that a forced transaction fills a level, which others wait for:
/// they take turns.
#[test]
fn neither_lane_starves_however_small_the_budgets_are() {
    let [mut alice, mut bob] = ["alice", "bob"].map(User::new);
    let small = Config {
        block_gas_limit: 1_000_000,
        run_budget: 2_500_000,
        level_budget: 2_500_000,
        ..config()
    };
    let mut rollup = start(small, &[&alice, &bob]);
    for _ in 0..10 {
        let mut messages = forced(&burn(&mut alice, 1_000_000, 0)).to_vec();
        messages.extend(external(&rollup, &[burn(&mut bob, 1_000_000, 0)]));
        rollup.level_of(messages);
    }
    let nonces = [&alice, &bob].map(|user| rollup.account(user.address).nonce);
    assert_eq!(nonces, [5, 5]);
    for _ in 0..12 {
        rollup.empty_level();
    }
    let nonces = [&alice, &bob].map(|user| rollup.account(user.address).nonce);
    assert_eq!(nonces, [10, 10]);
    assert_eq!(rollup.head().backlog, 0);
}

/// An entry as a kernel with one lane queued it.
fn entry(contents: &[u8]) -> Vec<u8> {
    let len = contents.len() as u32;
    [&len.to_be_bytes(), contents].concat()
}

/// The same of a call, whose message this is.
fn call_entry(id: u32, message: &[u8]) -> Vec<u8> {
    let Ok(messages::inbox::Message::Transfer(transfer)) = messages::inbox::Message::parse(message)
    else {
        panic!("no transfer");
    };
    let transfer = Transfer {
        id,
        payload: transfer.payload.into(),
        sender: *transfer.sender,
    };
    entry(&transfer.encode())
}

/// Takes the rollup back to what a kernel with one lane left: this page waits, of the
/// level that the newest block was made at.
fn with_one_lane(rollup: &mut Rollup, page: &[u8]) {
    let head = rollup.head();
    let cursor = rollup::Cursor {
        level: head.level,
        offset: 0,
    };
    let old = Head {
        cursor,
        oldest_page: head.level,
        backlog: page.len() as u64,
        ..head
    };
    // Before the lane of calls stood behind it.
    rollup.set("/evm/state/h", &old.encode()[..149]);
    rollup.set(&format!("/evm/queue/{}", head.level), page);
}

/// Inputs that an older kernel queued in one lane are drained in order: calls first, before
/// newer ones, though heavy transactions stand in front of them.
#[test]
fn a_queue_of_one_lane_is_drained_in_order() {
    let (mut eve, mut alice) = (User::new("eve"), User::new("alice"));
    let mut rollup = start(config(), &[&eve, &alice]);
    let raw = transfer(&mut alice);
    let [announced, brought] = forced(&raw);
    let mut page = Vec::new();
    for number in 0..20 {
        let raw = burn(&mut eve, MAX_GAS, 0);
        // Behind the frame: inbox tag, frame tag, address.
        page.extend(entry(&rollup.simple(&raw)[22..]));
        match number {
            3 => page.extend(call_entry(3, &decision(1))),
            7 => page.extend(call_entry(7, &deposit(2))),
            19 => page.extend(call_entry(19, &announced)),
            _ => {}
        }
    }
    with_one_lane(&mut rollup, &page);
    // The rest of the forced transaction, and a decision after the first.
    rollup.level_of(vec![brought, decision(2), deposit(3)]);
    assert_eq!(decided(&rollup), Some(2));
    let received = U256::from(5 * MUTEZ) + U256::ONE;
    assert_eq!(rollup.account(RECEIVER).balance, received);
    assert!(rollup.account(eve.address).nonce < 20);
    for _ in 0..10 {
        rollup.empty_level();
    }
    assert_eq!(rollup.account(eve.address).nonce, 20);
    assert_eq!(rollup.account(RECEIVER).balance, received);
    let head = rollup.head();
    assert_eq!((head.backlog, head.calls.since), (0, 0));
    let left = rollup.values().into_keys();
    let mut left =
        left.filter(|path| path.starts_with("/evm/queue") || path.starts_with("/evm/calls"));
    assert_eq!(left.next(), None);
}

/// A trap after each host call of the first level over such a queue: nothing is lost
/// of it, and calls keep their order.
#[test]
fn traps_lose_nothing_of_a_queue_of_one_lane() {
    let (mut eve, mut alice) = (User::new("eve"), User::new("alice"));
    let mut rollup = start(config(), &[&eve, &alice]);
    let mut page = Vec::new();
    for raw in [burn(&mut eve, 100_000, 0), transfer(&mut eve)] {
        page.extend(entry(&rollup.simple(&raw)[22..]));
        page.extend(call_entry(1, &deposit(2)));
    }
    for call in forced(&transfer(&mut alice)) {
        page.extend(call_entry(5, &call));
    }
    with_one_lane(&mut rollup, &page);
    let old = rollup.durable().clone();
    let again = || Rollup::from_durable(old.clone(), &Setup::default());
    let finish = |mut rollup: Rollup| {
        rollup.empty_level();
        let mut values = rollup.values();
        // What layer 1 says of the level may be lost.
        values.retain(|path, _| path != "/evm/level");
        values
    };
    let mut whole = again();
    whole.empty_level();
    let expected = whole.account(RECEIVER);
    let nonces = [&eve, &alice].map(|user| whole.account(user.address).nonce);
    assert_eq!(nonces, [2, 1]);
    let expected_values = finish(whole);
    for call in 1.. {
        let mut rollup = again();
        rollup.trap_after(call);
        let report = rollup.level_with_traps(Vec::new());
        if !report.runs.iter().any(|run| run.trapped()) {
            assert!(call > 30, "{call}");
            break;
        }
        assert_eq!(rollup.account(RECEIVER), expected, "after call {call}");
        let values = finish(rollup);
        assert!(
            !values
                .keys()
                .any(|path| path.starts_with("/evm/queue") || path.starts_with("/evm/careful")),
            "after call {call}"
        );
        assert_eq!(values.len(), expected_values.len(), "after call {call}");
    }
}
