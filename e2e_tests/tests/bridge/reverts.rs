//! A revert takes its withdrawals back, at every depth; and nobody can use
//! the bridge's rights.

use super::scene::{MUTEZ, deploy, rollup, send};
use alloy_primitives::{Address, Bytes, TxKind, U256, address};
use e2e_tests::{Included, Rollup, User, events};
use messages::outbox::Message;
use messages::ticket::Ticket;
use pvm::LevelReport;
use solidity_fixtures::bridge::fa;
use solidity_fixtures::bridge::native::{self, NativeBridge};
use solidity_fixtures::traveller::{self, Mood};

const TARGET: &str = "tz1Ke2h7sDdakHJQh8WX4Z372du1KChsksyU";
const OUTBOX: Address = address!("ff00000000000000000000000000000000000003");
const COUNTER: Address = address!("ff00000000000000000000000000000000000005");

fn wei(mutez: u64) -> U256 {
    U256::from(mutez) * U256::from(MUTEZ)
}

struct Scene {
    rollup: Rollup,
    user: User,
    traveller: Address,
}

impl Scene {
    fn new() -> Self {
        let mut user = User::new("user");
        let mut rollup = rollup(&[&user]);
        let traveller = deploy(&mut rollup, &mut user, traveller::deploy());
        Self {
            rollup,
            user,
            traveller,
        }
    }

    /// Calls the traveller with `mutez`.
    fn call(&mut self, mutez: u64, input: Bytes) -> (Included, LevelReport) {
        let number = self.rollup.head().number;
        let raw = send(&mut self.user, self.traveller, wei(mutez), input);
        let report = self.rollup.level(&[raw]);
        (self.rollup.since(number).remove(0), report)
    }

    /// The number of withdrawals that were counted.
    fn counted(&self) -> U256 {
        self.rollup.slot(COUNTER, U256::ZERO)
    }
}

/// The mutez that messages pay out.
fn paid(report: &LevelReport) -> Vec<u64> {
    let amount = |message: &Vec<u8>| {
        let Ok(Message::Batch(batch)) = Message::parse(message) else {
            panic!("{message:?}");
        };
        let [_, ticket] = batch[0].parameters.pair().unwrap();
        Ticket::from_node(ticket).unwrap().amount.to_u64().unwrap()
    };
    report.outbox.iter().map(amount).collect()
}

#[test]
fn a_frame_that_reverts_takes_its_withdrawal_along() {
    let mut scene = Scene::new();
    let (included, report) = scene.call(6, traveller::half(TARGET, wei(2)));
    assert!(included.receipt.success);
    assert_eq!(paid(&report), [2]);
    assert_eq!(events::<NativeBridge::Withdrawal>(&[included]).len(), 1);
    assert_eq!(scene.counted(), U256::from(1));
    assert_eq!(scene.rollup.account(scene.traveller).balance, wei(4));

    let (included, report) = scene.call(5, traveller::regret(TARGET));
    assert!(!included.receipt.success);
    assert_eq!(paid(&report), Vec::<u64>::new());
    assert_eq!(scene.counted(), U256::from(1));
    assert_eq!(scene.rollup.account(scene.traveller).balance, wei(4));
}

#[test]
fn a_constructor_that_reverts_takes_its_withdrawal_along() {
    let mut scene = Scene::new();
    let (included, report) = scene.call(6, traveller::create(TARGET, wei(3)));
    assert!(included.receipt.success);
    assert_eq!(paid(&report), [3]);
    assert_eq!(scene.counted(), U256::from(1));
    assert_eq!(scene.rollup.account(scene.traveller).balance, wei(3));

    // A creating transaction that runs out of gas behind its withdrawal.
    let number = scene.rollup.head().number;
    let constructed = traveller::constructed(TARGET, true);
    let raw = scene
        .user
        .send(1337, TxKind::Create, wei(1), constructed, 1_000_000);
    let report = scene.rollup.level(&[raw.encode()]);
    assert!(!scene.rollup.since(number)[0].receipt.success);
    assert_eq!(paid(&report), Vec::<u64>::new());
    assert_eq!(scene.counted(), U256::from(1));
}

#[test]
fn nobody_borrows_the_bridge() {
    let mut scene = Scene::new();
    let withdraw = native::withdraw(TARGET);
    // `pushNative(string)` of the precompile.
    let push = [&[0x63, 0xeb, 0xe0, 0x70][..], &withdraw[4..]].concat();
    let deposit = native::deposit(Address::repeat_byte(1), 1, 1);
    for (what, mutez, input) in [
        ("delegatecall", 1, traveller::delegate(&withdraw)),
        ("callcode", 1, traveller::callcode(&withdraw)),
        ("staticcall", 0, traveller::look(&withdraw)),
        ("the precompile", 1, traveller::call(OUTBOX, &push)),
        (
            "the precompile, nothing said",
            1,
            traveller::call(OUTBOX, &[]),
        ),
        ("a deposit", 1, traveller::call(native::ADDRESS, &deposit)),
        ("wei alone", 1, traveller::call(native::ADDRESS, &[])),
        ("the counter", 1, traveller::call(COUNTER, &[])),
    ] {
        let before = scene.rollup.account(scene.traveller).balance;
        let (included, report) = scene.call(mutez, input);
        assert!(included.receipt.success, "{what}: the traveller goes on");
        assert!(included.receipt.logs.is_empty(), "{what}");
        assert_eq!(paid(&report), Vec::<u64>::new(), "{what}");
        assert_eq!(scene.counted(), U256::ZERO, "{what}");
        let after = scene.rollup.account(scene.traveller).balance;
        assert_eq!(after - before, wei(mutez), "{what}: nothing is spent");
    }
    for address in [native::ADDRESS, fa::ADDRESS, OUTBOX, COUNTER] {
        assert_eq!(scene.rollup.account(address).balance, U256::ZERO);
    }
}

#[test]
fn an_account_that_delegates_to_the_bridge_is_not_the_bridge() {
    let mut scene = Scene::new();
    let mut eve = User::new("eve");
    for to in [native::ADDRESS, OUTBOX] {
        let authorization = eve.delegate(U256::from(1337), to, eve.nonce);
        eve.nonce += 1;
        let nonce = scene.user.nonce;
        scene.user.nonce += 1;
        let delegation = scene.user.sign(ethereum::transaction::Transaction::SetCode(
            ethereum::transaction::Eip7702 {
                chain_id: 1337,
                nonce,
                max_fee_per_gas: U256::from(e2e_tests::MAX_FEE),
                gas_limit: 1_000_000,
                to: eve.address,
                value: wei(1),
                input: native::withdraw(TARGET),
                authorization_list: vec![authorization],
                ..Default::default()
            },
        ));
        let number = scene.rollup.head().number;
        let report = scene.rollup.level(&[delegation.encode()]);
        assert!(!scene.rollup.since(number)[0].receipt.success);
        assert_eq!(paid(&report), Vec::<u64>::new());
    }
}

#[test]
fn a_receiver_may_withdraw_what_it_gets() {
    let mut scene = Scene::new();
    scene.call(0, traveller::set(Mood::Withdraws, TARGET));
    let deposit = super::scene::deposit(scene.traveller.as_slice(), 8);
    let report = scene.rollup.level_of(vec![deposit]);
    assert_eq!(paid(&report), [8]);
    assert_eq!(scene.rollup.account(scene.traveller).balance, U256::ZERO);
}
