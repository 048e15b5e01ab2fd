//! The native token comes and goes.

use super::scene::{MUTEZ, ROLLUP, deposit, deposits, kept, rollup, said, send};
use alloy_primitives::{Address, Bytes, U256};
use e2e_tests::{User, events, layer1};
use messages::contract::Contract;
use messages::outbox::Message;
use messages::ticket::Ticket;
use solidity_fixtures::bridge::native::{self, NativeBridge};

const RECEIVER: Address = Address::repeat_byte(0xaa);
const TARGET: &str = "tz1Ke2h7sDdakHJQh8WX4Z372du1KChsksyU";

fn routing(chain: u64) -> Vec<u8> {
    let chain: [u8; 32] = U256::from(chain).to_le_bytes();
    [RECEIVER.as_slice(), &chain].concat()
}

fn wei(mutez: u64) -> U256 {
    U256::from(mutez) * U256::from(MUTEZ)
}

#[test]
fn a_deposit_is_credited_and_tells_so() {
    let mut rollup = rollup(&[]);
    let before = rollup.head();
    rollup.level_of(vec![
        deposit(RECEIVER.as_slice(), 5),
        deposit(&routing(1337), 7),
    ]);
    assert_eq!(rollup.account(RECEIVER).balance, wei(12));
    let included = deposits(&rollup, before.number);
    let deposited = events::<NativeBridge::Deposit>(&included);
    assert_eq!(deposited.len(), 2);
    for (event, (mutez, id)) in deposited.iter().zip([(5, 2), (7, 3)]) {
        assert_eq!(event.address, native::ADDRESS);
        assert_eq!(event.amount, wei(mutez));
        assert_eq!(event.receiver, RECEIVER);
        assert_eq!(event.inboxLevel, U256::from(rollup.head().level));
        assert_eq!(event.inboxMsgId, U256::from(id));
    }
    assert_eq!(rollup.account(native::ADDRESS).balance, U256::ZERO);
}

#[test]
fn a_small_address_is_an_account_like_others() {
    let mut rollup = rollup(&[]);
    let receivers = [0x12, 0xff, 0x101, 0xffff].map(|number: u64| {
        let word = U256::from(number).to_be_bytes::<32>();
        Address::from_slice(&word[12..])
    });
    let messages = receivers.map(|receiver| deposit(receiver.as_slice(), 5));
    rollup.level_of(messages.into());
    for receiver in receivers {
        assert_eq!(rollup.account(receiver).balance, wei(5), "{receiver}");
    }
}

#[test]
fn nobody_posts_a_deposit() {
    let mut rollup = rollup(&[]);
    let before = rollup.head();
    let transfer = deposit(RECEIVER.as_slice(), 5);
    // As the queue has it: tag, index, payload, sender.
    let payload = &transfer[2..transfer.len() - 61];
    let forged = [&[0x80, 0, 0, 0, 9][..], payload, &[0x70; 20]].concat();
    rollup.level_of(vec![rollup.framed(&forged)]);
    assert_eq!(deposits(&rollup, before.number), []);
    assert_eq!(rollup.account(RECEIVER).balance, U256::ZERO);
}

#[test]
fn what_is_no_deposit_is_refused_with_a_reason() {
    let mut rollup = rollup(&[]);
    let before = rollup.head();
    let ticketer = Contract::Originated(layer1::TICKETER);
    let to_us = |payload: &[u8]| layer1::transfer(ROLLUP, [0x70; 20], payload);
    let of = |ticketer, amount: &[u8]| {
        let routing = RECEIVER.as_slice();
        to_us(&layer1::deposit(
            routing,
            ticketer,
            &layer1::CONTENT,
            amount,
        ))
    };
    for (message, reason) in [
        (of(ticketer, &[0]), "no ticket"),
        (
            of(Contract::Implicit([0; 21]), &[5]),
            "the ticket's maker is not a contract",
        ),
        (of(ticketer, &[0xff; 33]), "more than 256 bits"),
        (of(ticketer, &[0xff; 32]), "more than 256 bits"),
        (to_us(&[0, 0]), "another type"),
        (to_us(&[5, 5, 5, 5, 0, 0]), "another type"),
    ] {
        let report = rollup.level_of(vec![message]);
        assert!(said(&report, reason), "{reason}: {:?}", report.debug);
    }
    // For another rollup: nothing to say.
    let foreign = layer1::native_deposit([8; 20], RECEIVER.as_slice(), 5);
    rollup.level_of(vec![foreign]);
    assert_eq!(deposits(&rollup, before.number), []);
}

#[test]
fn a_deposit_for_another_chain_waits_for_its_receiver() {
    let mut user = User::new("receiver");
    let mut other = User::new("other");
    let mut rollup = rollup(&[&user, &other]);
    let foreign: [u8; 32] = U256::from(1).to_le_bytes();
    let routing = [user.address.as_slice(), &foreign].concat();
    let before = rollup.account(user.address).balance;
    let number = rollup.head().number;
    rollup.level_of(vec![deposit(&routing, 5)]);
    assert_eq!(rollup.account(user.address).balance, before);
    let (level, id) = kept(&rollup.since(number))[0];
    assert_eq!(rollup.account(native::ADDRESS).balance, wei(5));

    let claim = native::claim(level, id);
    let number = rollup.head().number;
    let (theirs, ours, again) = (
        send(&mut other, native::ADDRESS, U256::ZERO, claim.clone()),
        send(&mut user, native::ADDRESS, U256::ZERO, claim.clone()),
        send(&mut user, native::ADDRESS, U256::ZERO, claim),
    );
    rollup.level(&[theirs, ours, again]);
    let outcomes: Vec<bool> = rollup
        .since(number)
        .iter()
        .map(|included| included.receipt.success)
        .collect();
    // Whoever asks, the receiver is paid.
    assert_eq!(outcomes, [true, false, false]);
    let deposited = events::<NativeBridge::Deposit>(&rollup.since(number));
    assert_eq!(deposited.len(), 1);
    assert_eq!(rollup.account(native::ADDRESS).balance, U256::ZERO);
}

#[test]
fn a_withdrawal_burns_and_pays_on_layer_1() {
    let mut user = User::new("user");
    let mut rollup = rollup(&[&user]);
    let before = rollup.account(user.address).balance;
    let number = rollup.head().number;
    let raw = send(&mut user, native::ADDRESS, wei(3), native::withdraw(TARGET));
    let report = rollup.level(&[raw]);
    let included = rollup.since(number);
    assert!(included[0].receipt.success);
    let fee = U256::from(included[0].receipt.gas_used) * U256::from(1_000_000_001_u64);
    assert_eq!(before - rollup.account(user.address).balance, wei(3) + fee);
    for address in [
        native::ADDRESS,
        "ff00000000000000000000000000000000000003".parse().unwrap(),
    ] {
        assert_eq!(rollup.account(address).balance, U256::ZERO);
    }

    let target = Contract::from_base58(TARGET).unwrap();
    let event = &events::<NativeBridge::Withdrawal>(&included)[0];
    assert_eq!(event.amount, wei(3));
    assert_eq!(event.sender, user.address);
    assert_eq!(event.receiver, target.encode());
    assert_eq!(event.withdrawalId, U256::ZERO);
    assert_eq!(included[0].receipt.logs.len(), 1, "messages are no logs");

    assert_eq!(report.outbox.len(), 1);
    let Ok(Message::Batch(batch)) = Message::parse(&report.outbox[0]) else {
        panic!("{:?}", report.outbox);
    };
    assert_eq!(batch.len(), 1);
    assert_eq!(batch[0].destination, layer1::TICKETER);
    assert_eq!(batch[0].entrypoint.as_str(), "burn");
    let [receiver, ticket] = batch[0].parameters.pair().unwrap();
    assert_eq!(receiver.bytes(), Some(&target.encode()[..]));
    let ticket = Ticket::from_node(ticket).unwrap();
    assert_eq!(ticket.ticketer, Contract::Originated(layer1::TICKETER));
    assert_eq!(ticket.content.as_bytes(), layer1::CONTENT);
    assert_eq!(ticket.amount.to_u64(), Some(3));
}

#[test]
fn a_wrong_withdrawal_reverts() {
    let mut user = User::new("user");
    let mut rollup = rollup(&[&user]);
    let number = rollup.head().number;
    let long = vec![7; 4_000];
    let fast = "KT18amZmM5W7qDWVt2pH6uj7sCEd3kbzLrHT";
    let raws: Vec<Vec<u8>> = [
        (U256::ZERO, native::withdraw(TARGET)),
        (U256::from(1), native::withdraw(TARGET)),
        (wei(1) + U256::from(1), native::withdraw(TARGET)),
        (
            wei(1),
            native::withdraw("tz1Ke2h7sDdakHJQh8WX4Z372du1KChsksyV"),
        ),
        (
            wei(1),
            native::withdraw("sr163Lv22CdE8QagCwf48PWDTquk6isQwv57"),
        ),
        (wei(1), native::withdraw("")),
        (wei(1), native::fast_withdraw(TARGET, TARGET, b"")),
        (wei(1), native::fast_withdraw(TARGET, fast, &long)),
        (wei(1), Bytes::new()),
    ]
    .map(|(value, input)| send(&mut user, native::ADDRESS, value, input))
    .into();
    let report = rollup.level(&raws);
    let included = rollup.since(number);
    assert_eq!(included.len(), raws.len());
    assert!(included.iter().all(|one| !one.receipt.success));
    assert_eq!(report.outbox, Vec::<Vec<u8>>::new());
    assert_eq!(rollup.account(native::ADDRESS).balance, U256::ZERO);
}

#[test]
fn a_fast_withdrawal_tells_the_contract_that_pays_earlier() {
    let mut user = User::new("user");
    let mut rollup = rollup(&[&user]);
    let fast = "KT18amZmM5W7qDWVt2pH6uj7sCEd3kbzLrHT";
    let call = native::fast_withdraw(TARGET, fast, b"payload");
    let number = rollup.head().number;
    let raw = send(&mut user, native::ADDRESS, wei(9), call);
    let report = rollup.level(&[raw]);
    assert_eq!(
        events::<NativeBridge::FastWithdrawal>(&rollup.since(number)).len(),
        1
    );
    let Ok(Message::Batch(batch)) = Message::parse(&report.outbox[0]) else {
        panic!("{:?}", report.outbox);
    };
    assert_eq!(batch[0].destination, [0; 20]);
    assert_eq!(batch[0].entrypoint.as_str(), "default");
    let [id, rest] = batch[0].parameters.pair().unwrap();
    let [ticket, rest] = rest.pair().unwrap();
    let [timestamp, rest] = rest.pair().unwrap();
    let [receiver, rest] = rest.pair().unwrap();
    let [payload, caller] = rest.pair().unwrap();
    assert_eq!(id.int().unwrap().to_u64(), Some(0));
    assert_eq!(Ticket::from_node(ticket).unwrap().amount.to_u64(), Some(9));
    let time = timestamp.int().unwrap().to_u64();
    assert_eq!(time, Some(rollup.head().timestamp));
    let target = Contract::from_base58(TARGET).unwrap();
    assert_eq!(receiver.bytes(), Some(&target.encode()[..]));
    assert_eq!(payload.bytes(), Some(&b"payload"[..]));
    assert_eq!(caller.bytes(), Some(user.address.as_slice()));
}

#[test]
fn more_than_100_withdrawals_leave_over_the_levels_in_order() {
    let mut user = User::new("user");
    let mut rollup = rollup(&[&user]);
    // Each is ready to pay 10 tez for its place.
    let raws: Vec<Vec<u8>> = (1..=130)
        .map(|mutez| {
            let call = native::withdraw_exact(TARGET, wei(mutez));
            send(&mut user, native::ADDRESS, wei(mutez + 10_000_000), call)
        })
        .collect();
    let mut outbox = rollup.level(&raws).outbox;
    assert_eq!(outbox.len(), 100);
    // All are made before the level ends, or some at the next.
    for _ in 0..3 {
        outbox.extend(rollup.empty_level().outbox);
    }
    let amounts: Vec<u64> = outbox
        .iter()
        .map(|message| {
            let Ok(Message::Batch(batch)) = Message::parse(message) else {
                panic!("{message:?}");
            };
            let [_, ticket] = batch[0].parameters.pair().unwrap();
            Ticket::from_node(ticket).unwrap().amount.to_u64().unwrap()
        })
        .collect();
    assert_eq!(amounts, (1..=130).collect::<Vec<u64>>());
}
