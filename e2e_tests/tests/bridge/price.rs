//! The price of a place in the outbox.

use super::scene::{MUTEZ, ask, deploy, rollup, send, try_call};
use alloy_primitives::{Address, TxKind, U256, address};
use e2e_tests::{Included, Rollup, User, events};
use messages::outbox::Message;
use messages::ticket::Ticket;
use solidity_fixtures::SolCall;
use solidity_fixtures::bridge::fa;
use solidity_fixtures::bridge::native::{self, NativeBridge};
use solidity_fixtures::traveller::flooder::{self, Flooder};
use solidity_fixtures::traveller::{self, Mood};

const TARGET: &str = "tz1Ke2h7sDdakHJQh8WX4Z372du1KChsksyU";
const OUTBOX: Address = address!("ff00000000000000000000000000000000000003");
const COUNTER: Address = address!("ff00000000000000000000000000000000000005");

fn wei(mutez: u64) -> U256 {
    U256::from(mutez) * U256::from(MUTEZ)
}

/// A rollup where somebody withdraws 1 mutez as often as a test says.
struct Scene {
    rollup: Rollup,
    eve: User,
    user: User,
    flooder: Address,
}

impl Scene {
    fn new() -> Self {
        let (mut eve, user) = (User::new("eve"), User::new("user"));
        let mut rollup = rollup(&[&eve, &user]);
        let flooder = deploy(&mut rollup, &mut eve, flooder::deploy());
        Self {
            rollup,
            eve,
            user,
            flooder,
        }
    }

    /// The transaction that fills so many places.
    fn fill(&mut self, places: u64) -> Vec<u8> {
        let call = flooder::flood(TARGET, wei(1), places, U256::MAX);
        let value = wei(10_000_000_000);
        let to = TxKind::Call(self.flooder);
        let signed = self.eve.send(1337, to, value, call, 16_000_000);
        signed.encode()
    }

    /// Runs a level and gives what is included, and the mutez that its outbox pays.
    fn level(&mut self, raws: &[Vec<u8>]) -> (Vec<Included>, Vec<u64>) {
        let number = self.rollup.head().number;
        let report = self.rollup.level(raws);
        let paid = report.outbox.iter().map(|one| mutez(one)).collect();
        (self.rollup.since(number), paid)
    }

    fn price(&self) -> U256 {
        price(&self.rollup)
    }
}

fn price(rollup: &Rollup) -> U256 {
    let answers =
        [native::ADDRESS, fa::ADDRESS].map(|bridge| ask(rollup, bridge, native::outbox_price()));
    assert_eq!(answers[0], answers[1]);
    answers[0]
}

/// The mutez that a message pays out.
fn mutez(message: &[u8]) -> u64 {
    let Ok(Message::Batch(batch)) = Message::parse(message) else {
        panic!("{message:?}");
    };
    let [_, ticket] = batch[0].parameters.pair().unwrap();
    Ticket::from_node(ticket).unwrap().amount.to_u64().unwrap()
}

#[test]
fn the_price_rises_with_what_waits_and_falls_as_it_leaves() {
    let mut scene = Scene::new();
    assert_eq!(scene.price(), U256::ZERO);
    // 130 at a level: 100 leave with it, 30 wait.
    let fill = scene.fill(130);
    let (included, paid) = scene.level(&[fill]);
    assert!(included[0].receipt.success);
    assert_eq!(paid.len(), 100);
    assert_eq!(scene.price(), U256::ZERO);
    let burned = events::<NativeBridge::OutboxPaid>(&included);
    assert_eq!(burned.len(), 80);
    let prices: Vec<U256> = burned.iter().map(|event| event.price).collect();
    assert_eq!(prices[0], wei(1_600));
    assert!(prices.windows(2).all(|pair| pair[0] < pair[1]));
    assert_eq!(prices.iter().sum::<U256>(), wei(18_823_200));
    assert_eq!(
        burned[0].withdrawalId,
        U256::from(50),
        "the withdrawal's number"
    );

    let fill = scene.fill(130);
    let (_, paid) = scene.level(&[fill]);
    assert_eq!(paid.len(), 100);
    // 60 wait.
    assert_eq!(scene.price(), wei(200 * (8 + 2) * 2));
    scene.level(&[]);
    assert_eq!(scene.price(), U256::ZERO);
    for address in [native::ADDRESS, OUTBOX, COUNTER] {
        assert_eq!(scene.rollup.account(address).balance, U256::ZERO);
    }
}

#[test]
fn who_names_no_amount_pays_the_price_out_of_the_value() {
    let mut scene = Scene::new();
    let fill = scene.fill(50);
    let [less, exact] = [wei(159_999), wei(160_000)].map(|value| {
        let call = native::withdraw(TARGET);
        send(&mut scene.user, native::ADDRESS, value, call)
    });
    let (included, paid) = scene.level(&[fill, less, exact]);
    let outcomes: Vec<bool> = included.iter().map(|one| one.receipt.success).collect();
    assert_eq!(outcomes, [true, false, true]);
    assert_eq!(paid[50..], [160_000 - 1_600]);
    let withdrawn = events::<NativeBridge::Withdrawal>(&included);
    assert_eq!(withdrawn[50].amount, wei(160_000 - 1_600));
    let burned = events::<NativeBridge::OutboxPaid>(&included);
    assert_eq!(burned[0].price, wei(1_600));
}

#[test]
fn who_sends_too_little_is_told_the_price() {
    let mut scene = Scene::new();
    let fills = [scene.fill(80), scene.fill(80)];
    scene.level(&fills);
    let price = scene.price();
    assert_eq!(price, wei(200 * (8 + 2) * 2));
    let refused = |to, value, input| {
        let outcome = try_call(&scene.rollup, scene.user.address, to, value, input);
        assert!(!outcome.success);
        outcome.output
    };
    let fast = "KT18amZmM5W7qDWVt2pH6uj7sCEd3kbzLrHT";
    let one = U256::from(1);
    for (value, input, offered) in [
        (wei(100), native::withdraw(TARGET), wei(1)),
        (wei(100), native::fast_withdraw(TARGET, fast, b""), wei(1)),
        (wei(7), native::withdraw_exact(TARGET, wei(7)), U256::ZERO),
        (wei(6), native::withdraw_exact(TARGET, wei(7)), U256::ZERO),
        (
            wei(7) + price - one,
            native::withdraw_exact(TARGET, wei(7)),
            price - one,
        ),
        (
            wei(7) + one,
            native::fast_withdraw_exact(TARGET, fast, b"", wei(7)),
            one,
        ),
        (
            U256::from(9),
            native::withdraw_exact(TARGET, U256::MAX),
            U256::ZERO,
        ),
    ] {
        let expected = native::price_not_paid(price, offered);
        assert_eq!(refused(native::ADDRESS, value, input), expected);
    }
}

#[test]
fn what_is_sent_beyond_the_price_comes_back() {
    let mut scene = Scene::new();
    let fill = scene.fill(60);
    let before = scene.rollup.account(scene.user.address).balance;
    let call = native::withdraw_exact(TARGET, wei(7));
    let raw = send(&mut scene.user, native::ADDRESS, wei(1_000_000), call);
    let (included, paid) = scene.level(&[fill, raw]);
    assert_eq!(paid[60..], [7]);
    let header = scene.rollup.header(included[1].block).1;
    let gas_price = U256::from(header.base_fee_per_gas + 1);
    let fee = U256::from(included[1].receipt.gas_used) * gas_price;
    let spent = before - scene.rollup.account(scene.user.address).balance;
    assert_eq!(spent - fee, wei(7 + 200 * (8 + 2) * 2));
}

#[test]
fn a_sender_that_takes_nothing_back_pays_exactly() {
    let mut scene = Scene::new();
    let traveller = deploy(&mut scene.rollup, &mut scene.user, traveller::deploy());
    let set = traveller::set(Mood::Refuses, TARGET);
    let raw = send(&mut scene.user, traveller, wei(8), set);
    scene.level(&[raw]);
    let withdraw = native::withdraw_exact(TARGET, wei(7));
    let outcome = |value| {
        let to = native::ADDRESS;
        try_call(&scene.rollup, traveller, to, value, withdraw.clone())
    };
    assert!(outcome(wei(7)).success);
    let refused = outcome(wei(8));
    assert!(!refused.success);
    assert_eq!(refused.output, native::refund_refused());
    // Nothing of it stays in the bridge, and no message leaves.
    let call = traveller::call(native::ADDRESS, &withdraw);
    let raw = send(&mut scene.user, traveller, wei(8), call);
    let (included, paid) = scene.level(&[raw]);
    assert!(included[0].receipt.success);
    assert_eq!(paid, Vec::<u64>::new());
    assert_eq!(scene.rollup.account(traveller).balance, wei(16));
}

#[test]
fn a_sender_may_withdraw_what_comes_back() {
    let mut scene = Scene::new();
    let traveller = deploy(&mut scene.rollup, &mut scene.user, traveller::deploy());
    let set = traveller::set(Mood::Withdraws, TARGET);
    let call = traveller::call(native::ADDRESS, &native::withdraw_exact(TARGET, wei(7)));
    let raws = [
        send(&mut scene.user, traveller, U256::ZERO, set),
        send(&mut scene.user, traveller, wei(9), call),
    ];
    let (included, paid) = scene.level(&raws);
    assert!(included.iter().all(|one| one.receipt.success));
    assert_eq!(paid, [7, 2]);
    assert_eq!(scene.rollup.account(traveller).balance, U256::ZERO);
    assert_eq!(scene.rollup.account(native::ADDRESS).balance, U256::ZERO);
}

#[test]
fn what_reverts_frees_its_places_again() {
    let mut scene = Scene::new();
    let call = flooder::feint(TARGET, wei(1), 90);
    let value = wei(1_000_000_000);
    let (eve, to) = (scene.eve.address, scene.flooder);
    let outcome = try_call(&scene.rollup, eve, to, value, call.clone());
    assert!(outcome.success);
    let prices = Flooder::feintCall::abi_decode_returns(&outcome.output).expect("prices");
    assert_eq!(
        [prices.before, prices.between, prices.behind],
        [U256::ZERO, wei((200 * 8) << 5), U256::ZERO]
    );

    let feint = scene
        .eve
        .send(1337, TxKind::Call(to), value, call, 16_000_000);
    let raw = send(
        &mut scene.user,
        native::ADDRESS,
        wei(1),
        native::withdraw(TARGET),
    );
    let (included, paid) = scene.level(&[feint.encode(), raw]);
    assert!(included.iter().all(|one| one.receipt.success));
    assert_eq!(paid, [1]);
    assert_eq!(scene.rollup.slot(COUNTER, U256::ZERO), U256::from(1));
    assert_eq!(scene.rollup.account(to).balance, value);
}

#[test]
fn blocks_of_one_level_see_what_earlier_ones_queued() {
    let mut config = super::scene::config();
    config.block_gas_limit = 6_000_000;
    let mut eve = User::new("eve");
    let mut rollup = super::scene::rollup_with(config, &[&eve]);
    let flooder = deploy(&mut rollup, &mut eve, flooder::deploy());
    let number = rollup.head().number;
    let raws: Vec<Vec<u8>> = (0..2)
        .map(|_| {
            let call = flooder::flood(TARGET, wei(1), 40, U256::MAX);
            let to = TxKind::Call(flooder);
            let signed = eve.send(1337, to, wei(1_000_000), call, 5_900_000);
            signed.encode()
        })
        .collect();
    let report = rollup.level(&raws);
    assert_eq!(rollup.head().number, number + 2);
    let included = rollup.since(number);
    assert!(included.iter().all(|one| one.receipt.success));
    assert_eq!(report.outbox.len(), 80);
    let burned = events::<NativeBridge::OutboxPaid>(&included);
    assert_eq!(burned.len(), 30);
    assert_eq!(burned[0].price, wei(1_600));
}
