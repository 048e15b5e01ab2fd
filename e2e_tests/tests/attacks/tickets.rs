//! Tickets of others.

use super::bridged::{Scene, outcomes, ticket, withdrawal};
use alloy_primitives::{Address, U256};
use solidity_fixtures::bridge::{fa, token};
use solidity_fixtures::traveller::{self, easygoing, fickle};

/// Before: one call of 90,000 gas by anybody took all tickets of a wallet without a
/// handler for unknown calls, and the message named the thief's account.
#[test]
fn tickets_of_a_wallet_that_takes_any_call_are_its_own() {
    let mut scene = Scene::new();
    let wallet = scene.deploy(easygoing::deploy());
    assert_eq!(scene.tickets(wallet.as_slice(), 700), None);
    assert_eq!(
        scene.ask(fa::ADDRESS, fa::direct(ticket(), wallet)),
        U256::from(700)
    );
    let theft = (fa::ADDRESS, withdrawal(wallet, 700));
    let small = (fa::ADDRESS, withdrawal(wallet, 1));
    assert_eq!(scene.eve(&[theft, small]), [false, false]);
    assert_eq!(scene.balance(wallet), U256::from(700));
    // The wallet itself may.
    let own = traveller::call(fa::ADDRESS, &withdrawal(wallet, 650));
    assert_eq!(scene.user(&[(wallet, own)]), [true]);
    assert_eq!(scene.balance(wallet), U256::from(50));
}

/// A proxy that also got tickets for itself: its holders take what it holds for
/// them, and no more.
#[test]
fn a_proxys_own_tickets_are_not_its_holders() {
    let mut scene = Scene::new();
    let proxy = scene.deploy(token::deploy(ticket()));
    let eve = scene.eve.address;
    let through = [eve.as_slice(), proxy.as_slice()].concat();
    let deposit = scene.tickets(&through, 30).expect("queued");
    assert_eq!(scene.tickets(proxy.as_slice(), 1_000), None);
    let calls = [
        (fa::ADDRESS, fa::claim(deposit)),
        (fa::ADDRESS, withdrawal(proxy, 31)),
        (fa::ADDRESS, withdrawal(proxy, 30)),
        (fa::ADDRESS, withdrawal(proxy, 1)),
    ];
    assert_eq!(scene.eve(&calls), [true, false, true, false]);
    assert_eq!(scene.balance(proxy), U256::from(1_000));
    let held = scene.ask(fa::ADDRESS, fa::proxied(ticket(), proxy));
    assert_eq!(held, U256::ZERO);
}

/// A proxy calls back while it is asked, and takes nothing twice.
#[test]
fn a_proxy_that_is_willing_pays_once() {
    let mut scene = Scene::new();
    let proxy = scene.deploy(fickle::deploy());
    let through = [scene.user.address.as_slice(), proxy.as_slice()].concat();
    let deposit = scene.tickets(&through, 30).expect("queued");
    let calls = [
        (proxy, fickle::please()),
        (fa::ADDRESS, fa::claim(deposit)),
        (fa::ADDRESS, fa::claim(deposit)),
        (fa::ADDRESS, withdrawal(proxy, 20)),
        (fa::ADDRESS, withdrawal(proxy, 20)),
    ];
    let expected = [true, true, false, true, false];
    assert_eq!(scene.eve(&calls), expected);
    assert_eq!(scene.balance(proxy), U256::from(10));
}

/// Nothing is owned by nobody, by accounts without code, or by the bridge.
#[test]
fn nobody_speaks_for_accounts_without_code() {
    let mut scene = Scene::new();
    let user = scene.user.address;
    scene.tickets(user.as_slice(), 5);
    for owner in [user, Address::ZERO, fa::ADDRESS, Address::repeat_byte(9)] {
        let theft = (fa::ADDRESS, withdrawal(owner, 5));
        assert_eq!(scene.eve(&[theft]), [false], "{owner}");
    }
    let own = [(fa::ADDRESS, withdrawal(user, 5))];
    let (rollup, user) = (&mut scene.rollup, &mut scene.user);
    assert_eq!(outcomes(rollup, user, &own, 1_000_000), [true]);
}
