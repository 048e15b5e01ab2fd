//! Decisions of governance: deposits that name nobody, and messages in doubt.

use super::scene::{MUTEZ, ROLLUP, config, deposit, kept, rollup, said, send};
use alloy_primitives::{Address, Bytes, U256};
use e2e_tests::layer1::{self, GOVERNANCE};
use e2e_tests::{Rollup, Setup, User, events};
use ethereum::rlp::{Encode, encode_list};
use messages::contract::Contract;
use solidity_fixtures::bridge::fa::{self, FaBridge};
use solidity_fixtures::bridge::native;

const TARGET: &str = "tz1Ke2h7sDdakHJQh8WX4Z372du1KChsksyU";

fn decision(rollup: [u8; 20], name: &'static str, items: &[&dyn Encode]) -> Vec<u8> {
    let (name, rollup) = (Bytes::from_static(name.as_bytes()), Address::new(rollup));
    encode_list(&[&[&name as &dyn Encode, &rollup], items].concat())
}

fn decided(sender: [u8; 20], bytes: &[u8]) -> Vec<u8> {
    layer1::governance(ROLLUP, sender, bytes)
}

#[test]
fn a_deposit_that_names_nobody_is_assigned_once() {
    let mut user = User::new("user");
    let mut rollup = rollup(&[&user]);
    let number = rollup.head().number;
    rollup.level_of(vec![deposit(&[7; 19], 5), deposit(&[7; 18], 6)]);
    let kept = kept(&rollup.since(number));
    let assign = |rollup, counter: u64, (level, id): (u64, u64)| {
        let receiver = user.address;
        decision(
            rollup,
            "assign-deposit",
            &[&counter, &level, &id, &receiver],
        )
    };
    for (message, reason) in [
        (
            decided([0x99; 20], &assign(ROLLUP, 0, kept[0])),
            "its sender may not say this",
        ),
        (
            decided(GOVERNANCE, &assign([8; 20], 0, kept[0])),
            "meant for another rollup",
        ),
        (
            decided(GOVERNANCE, &assign(ROLLUP, 1, kept[0])),
            "another counter",
        ),
        (
            decided(GOVERNANCE, &assign(ROLLUP, 0, (1, 1))),
            "no such deposit",
        ),
        (
            decided(GOVERNANCE, &[1, 2, 3]),
            "no decision that this kernel knows",
        ),
    ] {
        let report = rollup.level_of(vec![message]);
        assert!(said(&report, reason), "{reason}: {:?}", report.debug);
    }
    let first = decided(GOVERNANCE, &assign(ROLLUP, 0, kept[0]));
    rollup.level_of(vec![first.clone()]);
    // The same again, and the other by the same counter: both too late.
    let second = decided(GOVERNANCE, &assign(ROLLUP, 0, kept[1]));
    let report = rollup.level_of(vec![first, second]);
    assert!(said(&report, "another counter"));

    let before = rollup.account(native::ADDRESS).balance;
    let number = rollup.head().number;
    let claims = [kept[0], kept[1]].map(|(level, id)| {
        send(
            &mut user,
            native::ADDRESS,
            U256::ZERO,
            native::claim(level, id),
        )
    });
    rollup.level(&claims);
    let outcomes: Vec<bool> = rollup
        .since(number)
        .iter()
        .map(|included| included.receipt.success)
        .collect();
    assert_eq!(outcomes, [true, false]);
    let paid = before - rollup.account(native::ADDRESS).balance;
    assert_eq!(paid, U256::from(5 * MUTEZ));
}

#[test]
fn tickets_that_name_nobody_are_assigned() {
    let mut user = User::new("user");
    let mut rollup = rollup(&[&user]);
    let ticketer = Contract::Originated([0x55; 20]);
    let payload = layer1::deposit(&[7; 19], ticketer, &layer1::CONTENT, &[40]);
    rollup.level_of(vec![layer1::transfer(ROLLUP, [0x70; 20], &payload)]);
    let items: [&dyn Encode; 3] = [&0_u64, &0_u64, &user.address];
    let assign = decision(ROLLUP, "assign-tickets", &items);
    rollup.level_of(vec![decided(GOVERNANCE, &assign)]);
    let number = rollup.head().number;
    let claim = send(&mut user, fa::ADDRESS, U256::ZERO, fa::claim(0));
    rollup.level(&[claim]);
    assert!(rollup.since(number)[0].receipt.success);
    let deposited = events::<FaBridge::Deposit>(&rollup.since(number));
    assert_eq!(deposited.len(), 1);
}

#[test]
fn a_message_in_doubt_is_sent_again_when_governance_says_so() {
    let mut user = User::new("user");
    let mut start = rollup(&[&user]);
    let value = U256::from(3 * MUTEZ);
    let raw = send(&mut user, native::ADDRESS, value, native::withdraw(TARGET));
    let setup = Setup {
        config: config(),
        ..Setup::default()
    };
    let durable = start.durable().clone();
    let message = start.level(std::slice::from_ref(&raw)).outbox.remove(0);
    // A trap between the two marks: at whichever call that is.
    let (mut rollup, sent) = (1..200)
        .find_map(|calls| {
            let mut rollup = Rollup::from_durable(durable.clone(), &setup);
            rollup.trap_after(calls);
            let report = rollup.level_with_traps(vec![rollup.simple(&raw)]);
            let doubtful = rollup.values().contains_key("/evm/state/x/d/0");
            doubtful.then_some((rollup, report.outbox))
        })
        .expect("a trap that leaves doubt");
    assert_eq!(
        sent,
        Vec::<Vec<u8>>::new(),
        "the first such trap is before it left"
    );
    assert_eq!(rollup.empty_level().outbox, Vec::<Vec<u8>>::new());

    let requeue = |number: u64| decision(ROLLUP, "requeue-message", &[&number]);
    for (message, reason) in [
        (
            decided([0x99; 20], &requeue(0)),
            "its sender may not say this",
        ),
        (decided(GOVERNANCE, &requeue(1)), "no message 1 is in doubt"),
        (
            decided(GOVERNANCE, &decision([8; 20], "requeue-message", &[&0_u64])),
            "meant for another rollup",
        ),
    ] {
        let report = rollup.level_of(vec![message]);
        assert!(said(&report, reason), "{reason}: {:?}", report.debug);
    }
    let twice = vec![
        decided(GOVERNANCE, &requeue(0)),
        decided(GOVERNANCE, &requeue(0)),
    ];
    let report = rollup.level_of(twice);
    assert_eq!(report.outbox, [message]);
    assert!(said(&report, "no message 0 is in doubt"));
    let report = rollup.level_of(vec![decided(GOVERNANCE, &requeue(0))]);
    assert_eq!(report.outbox, Vec::<Vec<u8>>::new());
    assert!(!rollup.values().contains_key("/evm/state/x/d/0"));
}
