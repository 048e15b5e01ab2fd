//! Tickets of other contracts.

use super::scene::{ROLLUP, ask, deploy, deposits, rollup, send};
use alloy_primitives::{Address, B256, TxKind, U256, keccak256};
use e2e_tests::{Rollup, User, events, layer1};
use messages::contract::Contract;
use messages::outbox::Message;
use messages::ticket::Ticket;
use solidity_fixtures::bridge::fa::{self, FaBridge};
use solidity_fixtures::bridge::token::{self, TicketToken};
use solidity_fixtures::traveller::{self, fickle};
use solidity_fixtures::{SolCall, erc20};

const TICKETER: Contract = Contract::Originated([0x55; 20]);

/// `Pair 7 (Some 0xbeef)`.
const CONTENT: [u8; 13] = [7, 7, 0, 7, 5, 9, 10, 0, 0, 0, 2, 0xbe, 0xef];

fn ticket() -> B256 {
    keccak256([&TICKETER.encode()[..], &CONTENT].concat())
}

fn deposit(routing: &[u8], amount: U256) -> Vec<u8> {
    let amount = amount.to_be_bytes::<32>();
    let payload = layer1::deposit(routing, TICKETER, &CONTENT, &amount);
    layer1::transfer(ROLLUP, [0x70; 20], &payload)
}

/// Receiver and proxy on layer 1.
fn routing() -> [u8; 44] {
    let receiver = Contract::Implicit([0; 21]).encode();
    let proxy = Contract::Originated([0x66; 20]).encode();
    let mut routing = [0; 44];
    routing[..22].copy_from_slice(&receiver);
    routing[22..].copy_from_slice(&proxy);
    routing
}

fn withdrawal(owner: Address, routing: &[u8], amount: u64) -> fa::Withdrawal<'_> {
    fa::Withdrawal {
        owner,
        routing,
        amount: U256::from(amount),
        ticketer: TICKETER.encode(),
        content: &CONTENT,
    }
}

fn balance(rollup: &Rollup, owner: Address) -> U256 {
    ask(rollup, fa::ADDRESS, fa::balance_of(ticket(), owner))
}

/// True if each transaction of the next level succeeds.
fn outcomes(rollup: &mut Rollup, raws: &[Vec<u8>]) -> Vec<bool> {
    let number = rollup.head().number;
    rollup.level(raws);
    let included = rollup.since(number);
    included.iter().map(|one| one.receipt.success).collect()
}

#[test]
fn tickets_come_and_go_without_a_proxy() {
    let mut user = User::new("user");
    let mut eve = User::new("eve");
    let mut rollup = rollup(&[&user, &eve]);
    let number = rollup.head().number;
    rollup.level_of(vec![deposit(user.address.as_slice(), U256::from(100))]);
    let event = &events::<FaBridge::Deposit>(&rollup.since(number))[0];
    assert_eq!(event.address, fa::ADDRESS);
    assert_eq!(B256::from(event.ticketHash), ticket());
    assert_eq!(event.amount, U256::from(100));
    assert_eq!(balance(&rollup, user.address), U256::from(100));

    let routing = routing();
    let me = user.address;
    let ours = withdrawal(me, &routing, 30);
    let number = rollup.head().number;
    // Another one's tickets, through an owner without code; too many; none.
    let raws = [
        send(&mut eve, fa::ADDRESS, U256::ZERO, ours.call()),
        send(
            &mut user,
            fa::ADDRESS,
            U256::ZERO,
            withdrawal(me, &routing, 101).call(),
        ),
        send(
            &mut user,
            fa::ADDRESS,
            U256::ZERO,
            withdrawal(me, &routing, 0).call(),
        ),
        send(
            &mut user,
            fa::ADDRESS,
            U256::ZERO,
            withdrawal(me, &routing[..43], 1).call(),
        ),
        send(&mut user, fa::ADDRESS, U256::ZERO, ours.call()),
    ];
    let report = rollup.level(&raws);
    let included = rollup.since(number);
    let outcomes: Vec<bool> = included.iter().map(|one| one.receipt.success).collect();
    assert_eq!(outcomes, [false, false, false, false, true]);
    assert_eq!(balance(&rollup, user.address), U256::from(70));
    let event = &events::<FaBridge::Withdrawal>(&included)[0];
    assert_eq!(B256::from(event.ticketHash), ticket());
    assert_eq!(event.receiver, routing[..22]);
    assert_eq!(event.proxy, routing[22..]);
    assert_eq!(event.amount, U256::from(30));

    assert_eq!(report.outbox.len(), 1);
    let Ok(Message::Batch(batch)) = Message::parse(&report.outbox[0]) else {
        panic!("{:?}", report.outbox);
    };
    assert_eq!(batch[0].destination, [0x66; 20]);
    assert_eq!(batch[0].entrypoint.as_str(), "withdraw");
    let [receiver, sent] = batch[0].parameters.pair().unwrap();
    assert_eq!(receiver.bytes(), Some(&routing[..22]));
    let sent = Ticket::from_node(sent).unwrap();
    assert_eq!((sent.ticketer, sent.amount.to_u64()), (TICKETER, Some(30)));
    assert_eq!(sent.content.as_bytes(), CONTENT);
}

#[test]
fn an_account_with_nothing_but_a_delegation_speaks_for_itself_only() {
    let mut user = User::new("user");
    let mut eve = User::new("eve");
    let mut rollup = rollup(&[&user, &eve]);
    let proxy = deploy(&mut rollup, &mut eve, fickle::deploy());
    let please = send(&mut eve, proxy, U256::ZERO, fickle::please());
    rollup.level_of(vec![
        deposit(user.address.as_slice(), U256::from(100)),
        rollup.simple(&please),
    ]);
    // The user delegates to code that lets everybody withdraw.
    let nonce = user.nonce;
    let authorization = user.delegate(U256::from(1337), proxy, nonce + 1);
    user.nonce += 2;
    let delegation = user.sign(ethereum::transaction::Transaction::SetCode(
        ethereum::transaction::Eip7702 {
            chain_id: 1337,
            nonce,
            max_fee_per_gas: U256::from(e2e_tests::MAX_FEE),
            gas_limit: 200_000,
            to: eve.address,
            authorization_list: vec![authorization],
            ..Default::default()
        },
    ));
    rollup.level(&[delegation.encode()]);
    assert_eq!(rollup.code(user.address).len(), 23);
    let routing = routing();
    let theirs = withdrawal(user.address, &routing, 30).call();
    let raws = [
        send(&mut eve, fa::ADDRESS, U256::ZERO, theirs.clone()),
        send(&mut user, fa::ADDRESS, U256::ZERO, theirs),
    ];
    assert_eq!(outcomes(&mut rollup, &raws), [false, true]);
}

#[test]
fn an_erc20_stands_for_tickets() {
    let mut user = User::new("user");
    let mut other = User::new("other");
    let mut rollup = rollup(&[&user, &other]);
    let proxy = deploy(&mut rollup, &mut user, token::deploy(ticket()));
    let route = [user.address.as_slice(), proxy.as_slice()].concat();
    let number = rollup.head().number;
    rollup.level_of(vec![deposit(&route, U256::from(100))]);
    let queued = &events::<FaBridge::QueuedDeposit>(&rollup.since(number))[0];
    assert_eq!(queued.nonce, U256::ZERO, "its number");
    assert_eq!(balance(&rollup, proxy), U256::ZERO);

    // Anybody may claim for the receiver, once.
    let raws = [
        send(&mut other, fa::ADDRESS, U256::ZERO, fa::claim(0)),
        send(&mut user, fa::ADDRESS, U256::ZERO, fa::claim(0)),
    ];
    assert_eq!(outcomes(&mut rollup, &raws), [true, false]);
    assert_eq!(balance(&rollup, proxy), U256::from(100));
    let tokens = |rollup: &Rollup, owner| ask(rollup, proxy, erc20::balance_of(owner));
    assert_eq!(tokens(&rollup, user.address), U256::from(100));

    // The token changes hands, and its new owner withdraws.
    let routing = routing();
    let give = erc20::transfer(other.address, U256::from(40));
    let raws = [
        send(&mut user, proxy, U256::ZERO, give),
        send(
            &mut other,
            fa::ADDRESS,
            U256::ZERO,
            withdrawal(proxy, &routing, 41).call(),
        ),
        send(
            &mut other,
            fa::ADDRESS,
            U256::ZERO,
            withdrawal(proxy, &routing, 40).call(),
        ),
    ];
    assert_eq!(outcomes(&mut rollup, &raws), [true, false, true]);
    assert_eq!(tokens(&rollup, other.address), U256::ZERO);
    assert_eq!(balance(&rollup, proxy), U256::from(60));
    // Nobody mints but the bridge.
    let mint = TicketToken::depositCall {
        target: other.address,
        amount: U256::from(9),
        hash: ticket().into(),
    };
    let mint = mint.abi_encode().into();
    let raws = [send(&mut other, proxy, U256::ZERO, mint)];
    assert_eq!(outcomes(&mut rollup, &raws), [false]);
}

#[test]
fn a_proxy_that_fails_leaves_the_deposit_claimable() {
    let mut user = User::new("user");
    let mut rollup = rollup(&[&user]);
    let proxy = deploy(&mut rollup, &mut user, fickle::deploy());
    let route = [user.address.as_slice(), proxy.as_slice()].concat();
    rollup.level_of(vec![deposit(&route, U256::from(100))]);
    let raws = [
        send(&mut user, fa::ADDRESS, U256::ZERO, fa::claim(0)),
        send(&mut user, proxy, U256::ZERO, fickle::please()),
        send(&mut user, fa::ADDRESS, U256::ZERO, fa::claim(0)),
    ];
    assert_eq!(outcomes(&mut rollup, &raws), [false, true, true]);
    assert_eq!(balance(&rollup, proxy), U256::from(100));
    assert_eq!(ask(&rollup, proxy, fickle::taken()), U256::from(100));
}

#[test]
fn without_a_proxys_code_only_the_receiver_claims() {
    let mut user = User::new("user");
    let mut eve = User::new("eve");
    let mut rollup = rollup(&[&user, &eve]);
    let nowhere = Address::repeat_byte(0x77);
    let route = [user.address.as_slice(), nowhere.as_slice()].concat();
    // For another chain, without a proxy: it waits as well.
    let foreign = [
        user.address.as_slice(),
        Address::ZERO.as_slice(),
        &U256::from(1).to_le_bytes::<32>(),
    ]
    .concat();
    rollup.level_of(vec![
        deposit(&route, U256::from(100)),
        deposit(&foreign, U256::from(10)),
        // Nobody can read it.
        deposit(&[7; 19], U256::from(1)),
    ]);
    assert_eq!(balance(&rollup, user.address), U256::ZERO);
    let raws = [
        send(&mut eve, fa::ADDRESS, U256::ZERO, fa::claim(0)),
        // It names no proxy: whoever asks, the receiver gets it.
        send(&mut eve, fa::ADDRESS, U256::ZERO, fa::claim(1)),
        send(&mut eve, fa::ADDRESS, U256::ZERO, fa::claim(2)),
        send(&mut eve, fa::ADDRESS, U256::ZERO, fa::claim(3)),
        send(&mut user, fa::ADDRESS, U256::ZERO, fa::claim(0)),
        send(&mut user, fa::ADDRESS, U256::ZERO, fa::claim(1)),
    ];
    let expected = [false, true, false, false, true, false];
    assert_eq!(outcomes(&mut rollup, &raws), expected);
    assert_eq!(balance(&rollup, user.address), U256::from(110));
    assert_eq!(balance(&rollup, nowhere), U256::ZERO);
}

#[test]
fn the_largest_amount_is_credited_and_more_is_kept() {
    let receiver = Address::repeat_byte(0xaa);
    let mut rollup = rollup(&[]);
    let number = rollup.head().number;
    rollup.level_of(vec![
        deposit(receiver.as_slice(), U256::MAX),
        deposit(receiver.as_slice(), U256::from(1)),
    ]);
    assert_eq!(deposits(&rollup, number).len(), 2);
    assert_eq!(balance(&rollup, receiver), U256::MAX);
    let queued = events::<FaBridge::QueuedDeposit>(&rollup.since(number));
    assert_eq!(queued.len(), 1);
}

#[test]
fn a_message_that_layer_1_would_not_take_reverts() {
    let mut user = User::new("user");
    let mut rollup = rollup(&[&user]);
    let traveller = deploy(&mut rollup, &mut user, traveller::deploy());
    // Bytes of 3,950: with a fast withdrawal's payload, more than 4,096.
    let long = [&[10, 0, 0, 0x0f, 0x6e][..], &vec![3; 3_950]].concat();
    let routing = routing();
    let withdrawal = fa::Withdrawal {
        owner: traveller,
        routing: &routing,
        amount: U256::from(4),
        ticketer: TICKETER.encode(),
        content: &long,
    };
    let payload = layer1::deposit(traveller.as_slice(), TICKETER, &long, &[9]);
    assert!(payload.len() < 4_096 - 63);
    rollup.level_of(vec![layer1::transfer(ROLLUP, [0x70; 20], &payload)]);
    let fast = "KT18amZmM5W7qDWVt2pH6uj7sCEd3kbzLrHT";
    let calls = [withdrawal.fast(fast, &[7; 200]), withdrawal.call()];
    let raws = calls.map(|data| {
        let (to, input) = (TxKind::Call(traveller), traveller::call(fa::ADDRESS, &data));
        let signed = user.send(1337, to, U256::ZERO, input, 5_000_000);
        signed.encode()
    });
    let number = rollup.head().number;
    let report = rollup.level(&raws);
    let included = rollup.since(number);
    assert!(included.iter().all(|one| one.receipt.success));
    let fast = events::<FaBridge::FastFaWithdrawal>(&included);
    assert_eq!(fast.len(), 0);
    let slow = events::<FaBridge::Withdrawal>(&included);
    assert_eq!(slow.len(), 1);
    assert_eq!(report.outbox.len(), 1);
    let hash = keccak256([&TICKETER.encode()[..], &long].concat());
    let left = ask(&rollup, fa::ADDRESS, fa::balance_of(hash, traveller));
    assert_eq!(left, U256::from(5));
}
