//! Receivers that do not take a deposit: it waits for them.

use super::scene::{MUTEZ, deploy, deposit, deposits, rollup, send};
use alloy_primitives::{Address, Bytes, U256, address};
use e2e_tests::{Rollup, User};
use solidity_fixtures::bridge::{fa, native};
use solidity_fixtures::traveller::{self, Mood};

const TARGET: &str = "tz1Ke2h7sDdakHJQh8WX4Z372du1KChsksyU";

fn wei(mutez: u64) -> U256 {
    U256::from(mutez) * U256::from(MUTEZ)
}

/// The level and id of the deposit that was kept after block `number`.
fn kept(rollup: &Rollup, number: u64) -> (u64, u64) {
    let kept = super::scene::kept(&rollup.since(number));
    assert_eq!(kept.len(), 1);
    kept[0]
}

#[test]
fn a_receiver_that_refuses_or_burns_its_gas_claims_later() {
    for mood in [Mood::Refuses, Mood::BurnsGas] {
        let mut user = User::new("user");
        let mut rollup = rollup(&[&user]);
        let traveller = deploy(&mut rollup, &mut user, traveller::deploy());
        let moody = send(
            &mut user,
            traveller,
            U256::ZERO,
            traveller::set(mood, TARGET),
        );
        rollup.level(&[moody]);
        let number = rollup.head().number;
        let raw = send(&mut user, Address::repeat_byte(1), wei(1), Bytes::new());
        let mut messages = vec![deposit(traveller.as_slice(), 9)];
        messages.push(rollup.simple(&raw));
        rollup.level_of(messages);
        let (level, id) = kept(&rollup, number);
        assert_eq!(rollup.account(traveller).balance, U256::ZERO);
        assert_eq!(rollup.account(native::ADDRESS).balance, wei(9));
        let included = rollup.since(number);
        assert!(included.iter().all(|one| one.receipt.success));
        assert!(included[0].receipt.gas_used < 300_000);

        // Whoever asks, it gets it, and once.
        let claim = native::claim(level, id);
        let mind = traveller::set(Mood::Takes, TARGET);
        let raws = [
            send(&mut user, native::ADDRESS, U256::ZERO, claim),
            send(&mut user, traveller, U256::ZERO, mind),
            send(
                &mut user,
                traveller,
                U256::ZERO,
                traveller::claim(level, id),
            ),
            send(
                &mut user,
                traveller,
                U256::ZERO,
                traveller::claim(level, id),
            ),
        ];
        let number = rollup.head().number;
        rollup.level(&raws);
        let outcomes: Vec<bool> = rollup
            .since(number)
            .iter()
            .map(|included| included.receipt.success)
            .collect();
        assert_eq!(outcomes, [false, true, true, false]);
        assert_eq!(rollup.account(traveller).balance, wei(9));
        assert_eq!(rollup.account(native::ADDRESS).balance, U256::ZERO);
    }
}

#[test]
fn a_deposit_that_names_nobody_is_kept() {
    let mut rollup = rollup(&[]);
    let reserved = [
        native::ADDRESS,
        fa::ADDRESS,
        address!("ff00000000000000000000000000000000000003"),
        address!("0000000000000000000000000000000000000001"),
        address!("0000000000000000000000000000000000000100"),
        Address::ZERO,
    ];
    let routings = reserved.iter().map(|address| address.to_vec());
    // Nothing at all, and nothing that is a routing.
    let routings = routings.chain([vec![], vec![0xaa; 19], vec![1], vec![0xff; 33]]);
    for (count, routing) in (1..).zip(routings) {
        let number = rollup.head().number;
        rollup.level_of(vec![deposit(&routing, 1)]);
        let (level, id) = kept(&rollup, number);
        assert_eq!(level, u64::from(rollup.head().level));
        let entry = super::scene::answer(&rollup, native::ADDRESS, native::claimable(level, id));
        let receiver_and_amount = [U256::ZERO, wei(1)].map(|word| word.to_be_bytes::<32>());
        assert_eq!(entry[..], receiver_and_amount.concat(), "{routing:?}");
        assert_eq!(rollup.account(native::ADDRESS).balance, wei(count));
    }
}

#[test]
fn the_same_message_twice_is_two_deposits_of_two_tickets() {
    let receiver = Address::repeat_byte(0xaa);
    let mut rollup = rollup(&[]);
    let number = rollup.head().number;
    let message = deposit(receiver.as_slice(), 5);
    rollup.level_of(vec![message.clone(), message.clone()]);
    rollup.level_of(vec![message]);
    let deposits = deposits(&rollup, number);
    assert_eq!(deposits.len(), 3);
    assert_eq!(rollup.account(receiver).balance, wei(15));
    let mut raws: Vec<_> = deposits.iter().map(|one| &one.transaction.raw).collect();
    raws.dedup();
    assert_eq!(raws.len(), 3, "each has a hash of its own");
}
