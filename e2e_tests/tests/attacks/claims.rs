//! Kept deposits: who can trigger what, and whom that hurts.

use super::bridged::{ROLLUP, Scene, config, outcomes, ticket};
use alloy_primitives::{Address, Bytes, TxKind, U256};
use e2e_tests::layer1::{self, GOVERNANCE};
use ethereum::rlp::{Encode, encode_list};
use solidity_fixtures::bridge::{fa, native, token};
use solidity_fixtures::traveller::{self, Mood, fickle, slow};
use storage::Config;

const TARGET: &str = "tz1Ke2h7sDdakHJQh8WX4Z372du1KChsksyU";

fn wei(mutez: u64) -> U256 {
    U256::from(mutez) * U256::from(1_000_000_000_000_u64)
}

fn decided(name: &'static str, items: &[&dyn Encode]) -> Vec<u8> {
    let (name, rollup) = (Bytes::from_static(name.as_bytes()), Address::new(ROLLUP));
    let items = [&[&name as &dyn Encode, &rollup], items].concat();
    layer1::governance(ROLLUP, GOVERNANCE, &encode_list(&items))
}

/// Before: a receiver that needs more than 100,000 gas, and cannot ask for its
/// deposit itself, lost it for ever.
#[test]
fn a_slow_receiver_is_paid_once_by_whoever_asks() {
    let mut scene = Scene::new();
    let slow = scene.deploy(slow::deploy());
    let (level, id) = scene.kept(slow, 9);
    let claim = (native::ADDRESS, native::claim(level, id));
    let expect = (slow, slow::expect(level, id));
    // Short of gas, nothing changes: neither for the claim nor for the deposit.
    let (rollup, eve) = (&mut scene.rollup, &mut scene.eve);
    for gas in [60_000, 150_000, 170_000, 200_000] {
        let failed = outcomes(rollup, eve, std::slice::from_ref(&claim), gas);
        assert_eq!(failed, [false], "{gas}");
    }
    assert_eq!(
        scene.eve(&[expect, claim.clone(), claim]),
        [true, true, false]
    );
    assert_eq!(scene.rollup.account(slow).balance, wei(9));
    assert_eq!(scene.ask(slow, slow::taken()), U256::from(1));
    assert_eq!(scene.ask(slow, slow::again()), U256::ZERO);
    assert_eq!(scene.rollup.account(native::ADDRESS).balance, U256::ZERO);
}

/// Before: a receiver that refuses wei for good lost its deposit. Now governance
/// gives it to another one, but not before its time.
#[test]
fn a_deposit_that_is_refused_goes_elsewhere_in_time() {
    let mut scene = Scene::with(Config {
        reassign_after: 4,
        ..config()
    });
    let traveller = scene.deploy(traveller::deploy());
    let refuse = traveller::set(Mood::Refuses, TARGET);
    assert_eq!(scene.eve(&[(traveller, refuse)]), [true]);
    let (level, id) = scene.kept(traveller, 9);
    let claim = (native::ADDRESS, native::claim(level, id));
    let user = scene.user.address;
    let mine = (
        native::ADDRESS,
        native::redirect(level, id, scene.eve.address),
    );
    assert_eq!(scene.eve(&[claim.clone(), mine]), [false, false]);
    let assign = |counter: u64| decided("assign-deposit", &[&counter, &level, &id, &user]);
    // Two levels passed already.
    let mut early = 0;
    while u64::from(scene.rollup.head().level) < level + 4 {
        assert_eq!(scene.level(vec![assign(0)]).len(), 0);
        early += 1;
    }
    assert!(early > 2);
    assert_eq!(scene.level(vec![assign(0)]).len(), 1, "it is time");
    let before = scene.rollup.account(user).balance;
    assert_eq!(scene.eve(&[claim.clone(), claim]), [true, false]);
    assert_eq!(scene.rollup.account(user).balance, before + wei(9));
    assert_eq!(scene.rollup.account(native::ADDRESS).balance, U256::ZERO);
}

/// A receiver that can call, but takes no wei, names another one.
#[test]
fn a_receiver_names_another_one() {
    let mut scene = Scene::new();
    let traveller = scene.deploy(traveller::deploy());
    let refuse = traveller::set(Mood::Refuses, TARGET);
    scene.eve(&[(traveller, refuse)]);
    let (level, id) = scene.kept(traveller, 9);
    let user = scene.user.address;
    let to = |receiver| {
        let redirect = native::redirect(level, id, receiver);
        (traveller, traveller::call(native::ADDRESS, &redirect))
    };
    let claim = (native::ADDRESS, native::claim(level, id));
    // Nobody is no receiver; the calls themselves go on.
    scene.user(&[to(Address::ZERO)]);
    assert_eq!(scene.eve(std::slice::from_ref(&claim)), [false]);
    let before = scene.rollup.account(user).balance;
    let outcomes = scene.eve(&[to(user), claim.clone(), claim]);
    assert_eq!(outcomes, [true, true, false]);
    assert_eq!(scene.rollup.account(user).balance, before + wei(9));
}

/// Nobody pushes a deposit past a proxy that is not there yet: before and now.
#[test]
fn a_deposit_waits_for_its_proxy() {
    let mut scene = Scene::new();
    let (eve, user) = (scene.eve.address, scene.user.address);
    // Behind the two calls below.
    let proxy = user.create(scene.user.nonce + 2);
    let through = [user.as_slice(), proxy.as_slice()].concat();
    let deposits = [100, 20, 3].map(|amount| scene.tickets(&through, amount).expect("queued"));
    let [first, second, third] = deposits;
    let push = [
        (fa::ADDRESS, fa::claim(first)),
        (fa::ADDRESS, fa::redirect(first, eve, Address::ZERO)),
        (fa::ADDRESS, fa::redirect(first, user, Address::ZERO)),
    ];
    assert_eq!(scene.eve(&push), [false; 3]);
    // Its receiver may choose: another receiver without a proxy, or itself.
    let choose = [
        (fa::ADDRESS, fa::redirect(second, eve, Address::ZERO)),
        (fa::ADDRESS, fa::claim(third)),
    ];
    assert_eq!(scene.user(&choose), [true, true]);
    let code = token::deploy(ticket());
    let deploy = scene
        .user
        .send(1337, TxKind::Create, U256::ZERO, code, 5_000_000);
    scene.level(vec![scene.rollup.simple(&deploy.encode())]);
    // Now that it is there, anybody may.
    let claims = [
        (fa::ADDRESS, fa::claim(first)),
        (fa::ADDRESS, fa::claim(second)),
    ];
    assert_eq!(scene.eve(&claims), [true, true]);
    let balances = [proxy, eve, user].map(|owner| scene.balance(owner));
    assert_eq!(balances, [100, 20, 3].map(U256::from));
}

/// Before: tickets for a proxy that always reverts were lost. Now the receiver, or
/// governance in time, names another proxy or none.
#[test]
fn tickets_get_past_a_proxy_that_always_reverts() {
    let mut scene = Scene::with(Config {
        reassign_after: 4,
        ..config()
    });
    let proxy = scene.deploy(fickle::deploy());
    let (eve, user) = (scene.eve.address, scene.user.address);
    let through = [user.as_slice(), proxy.as_slice()].concat();
    let deposits = [100, 20].map(|amount| scene.tickets(&through, amount).expect("queued"));
    let claims = deposits.map(|deposit| (fa::ADDRESS, fa::claim(deposit)));
    assert_eq!(scene.eve(&claims), [false, false]);
    let redirect = fa::redirect(deposits[0], user, Address::ZERO);
    assert_eq!(scene.user(&[(fa::ADDRESS, redirect)]), [true]);
    assert_eq!(scene.eve(&claims), [true, false]);
    assert_eq!(scene.balance(user), U256::from(100));

    let assign = |counter: u64, proxy: Option<Address>| {
        let mut items: Vec<&dyn Encode> = vec![&counter, &deposits[1], &eve];
        items.extend(proxy.as_ref().map(|proxy| proxy as &dyn Encode));
        decided("assign-tickets", &items)
    };
    let none = Some(Address::ZERO);
    assert_eq!(scene.level(vec![assign(0, none)]).len(), 0, "too early");
    for _ in 0..4 {
        scene.level(Vec::new());
    }
    // The same proxy, then none.
    assert_eq!(scene.level(vec![assign(0, None)]).len(), 1);
    assert_eq!(scene.eve(&claims), [false, false]);
    assert_eq!(scene.level(vec![assign(1, none)]).len(), 1);
    assert_eq!(scene.user(&claims), [false, true]);
    assert_eq!(scene.balance(eve), U256::from(20));
    assert_eq!(scene.balance(proxy), U256::ZERO);
}
