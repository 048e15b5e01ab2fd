//! Money in and out again: layer 1's contracts on one side, the compiled kernel
//! on the other, and only bytes between them.

use alloy_primitives::{Address, B256, Bytes, TxKind, U256, keccak256};
use e2e_tests::bridged::Bridged;
use e2e_tests::{Setup, User};
use layer1::Mutez;
use layer1::contracts::{Asked, DelayedInbox};
use layer1::devnet::{ACCOUNTS, BALANCE, Contracts, TOKENS, accounts};
use layer1::value::TicketId;
use messages::contract::Contract;
use messages::outbox::Message;
use solidity_fixtures::bridge::{fa, native, token};
use solidity_fixtures::erc20;

const NONE: [&[u8]; 0] = [];

fn wei(mutez: u64) -> U256 {
    U256::from(mutez) * U256::from(1_000_000_000_000_u64)
}

fn bridged(users: &[&User]) -> Bridged {
    let mut bridged = Bridged::new(&Setup::funded(users));
    bridged.level(&NONE);
    bridged
}

fn send(user: &mut User, to: Address, value: U256, input: Bytes) -> Vec<u8> {
    let signed = user.send(1337, TxKind::Call(to), value, input, 1_000_000);
    signed.encode()
}

fn outcomes(bridged: &mut Bridged, raws: &[Vec<u8>]) -> Vec<bool> {
    let number = bridged.rollup.head().number;
    bridged.level(raws);
    let included = bridged.rollup.since(number).into_iter();
    included.map(|one| one.receipt.success).collect()
}

#[test]
fn tez_go_in_are_spent_and_come_out() {
    let mut rich = User::new("rich");
    let poor = User::new("poor");
    let mut bridged = bridged(&[&rich]);
    bridged.deposit(poor.address.as_slice(), Mutez::tez(5));
    bridged.level(&NONE);
    assert_eq!(bridged.rollup.account(poor.address).balance, wei(5_000_000));
    assert_eq!(bridged.tez(0).0, BALANCE.0 - 5_000_000);

    let mut poor = poor;
    let withdraw = native::withdraw(ACCOUNTS[1]);
    let raws = [
        send(&mut poor, rich.address, wei(1_000_000), Bytes::new()),
        send(&mut poor, native::ADDRESS, wei(2_000_000), withdraw.clone()),
        send(&mut rich, native::ADDRESS, wei(3_000_000), withdraw.clone()),
        // More than came in: layer 1 has no tickets for it.
        send(&mut rich, native::ADDRESS, wei(1), withdraw),
    ];
    assert_eq!(outcomes(&mut bridged, &raws), [true; 4]);
    bridged.cement();
    let places: Vec<_> = bridged
        .layer1
        .outbox()
        .iter()
        .map(|(place, _)| place)
        .collect();
    assert_eq!(places.len(), 4 - 1);
    let [first, second, third] = places[..] else {
        panic!("{places:?}")
    };
    for place in [first, second] {
        bridged.layer1.execute(&accounts()[2], place).unwrap();
    }
    assert_eq!(bridged.tez(1).0, BALANCE.0 + 5_000_000);
    assert_eq!(bridged.tickets(Contracts::default().exchanger), 0);
    let refused = bridged.layer1.execute(&accounts()[2], third);
    assert!(refused.is_err(), "{refused:?}");
}

#[test]
fn a_hundred_and_fifty_withdrawals_of_a_level_are_all_paid() {
    let mut user = User::new("user");
    let mut bridged = bridged(&[&user]);
    let count = 150;
    let sum: u64 = (1..=count).sum();
    bridged.deposit(user.address.as_slice(), Mutez(sum));
    let raws: Vec<_> = (1..=count)
        .map(|mutez| {
            // With up to 100 tez for the place; what is not burned comes back.
            let input = native::withdraw_exact(ACCOUNTS[1], wei(mutez));
            send(&mut user, native::ADDRESS, wei(mutez + 100_000_000), input)
        })
        .collect();
    assert_eq!(bridged.level(&raws).outbox.len(), 100);
    for _ in 0..3 {
        bridged.level(&NONE);
    }
    bridged.cement();
    assert_eq!(bridged.execute_all(), 150);
    assert_eq!(bridged.tez(1).0, BALANCE.0 + sum);
    assert_eq!(bridged.tez(0).0, BALANCE.0 - sum);
    assert_eq!(bridged.tickets(Contracts::default().exchanger), 0);
    assert_eq!(bridged.execute_all(), 0);
}

#[test]
fn tokens_go_in_as_an_erc20_and_come_out_as_tokens() {
    let mut user = User::new("user");
    let mut other = User::new("other");
    let mut bridged = bridged(&[&user, &other]);
    let wrapper = Contracts::default().token_wrapper;
    let id = TicketId::of(wrapper);
    let hash: B256 = keccak256(id.evm_preimage());
    let proxy = user.address.create(user.nonce);
    let deploy = user.send(
        1337,
        TxKind::Create,
        U256::ZERO,
        token::deploy(hash),
        5_000_000,
    );
    assert_eq!(outcomes(&mut bridged, &[deploy.encode()]), [true]);

    bridged.deposit_tokens(&[user.address.as_slice(), proxy.as_slice()].concat(), 900);
    bridged.level(&NONE);
    assert_eq!(bridged.tickets(wrapper), 900);
    assert_eq!(bridged.tokens(0), TOKENS - 900);
    let give = erc20::transfer(other.address, U256::from(400));
    let receiver = Contract::Implicit(accounts()[1]).encode();
    let routing = [receiver, Contract::Originated(wrapper).encode()].concat();
    let withdrawal = |amount: u64| {
        let withdrawal = fa::Withdrawal {
            owner: proxy,
            routing: &routing,
            amount: U256::from(amount),
            ticketer: id.ticketer.encode(),
            content: &id.content,
        };
        withdrawal.call()
    };
    let raws = [
        send(&mut user, fa::ADDRESS, U256::ZERO, fa::claim(0)),
        send(&mut user, proxy, U256::ZERO, give),
        send(&mut other, fa::ADDRESS, U256::ZERO, withdrawal(401)),
        send(&mut other, fa::ADDRESS, U256::ZERO, withdrawal(400)),
        send(&mut user, fa::ADDRESS, U256::ZERO, withdrawal(500)),
    ];
    let expected = [true, true, false, true, true];
    assert_eq!(outcomes(&mut bridged, &raws), expected);
    bridged.cement();
    assert_eq!(bridged.execute_all(), 2);
    assert_eq!(bridged.tokens(1), TOKENS + 900);
    assert_eq!(bridged.tickets(wrapper), 0);
}

#[test]
fn who_pays_a_fast_withdrawal_early_is_paid_back() {
    let mut user = User::new("user");
    let mut bridged = bridged(&[&user]);
    bridged.deposit(user.address.as_slice(), Mutez(50));
    let contract = Contracts::default().fast_withdrawal;
    let name = Contract::Originated(contract).to_base58().unwrap();
    let input = native::fast_withdraw(ACCOUNTS[1], &name, &[1, 2, 3]);
    let raws = [send(&mut user, native::ADDRESS, wei(30), input)];
    let outbox = bridged.level(&raws).outbox;
    let Ok(Message::Batch(calls)) = Message::parse(&outbox[0]) else {
        panic!("{outbox:02x?}");
    };
    let asked = Asked::read(calls[0].parameters).expect("a fast withdrawal");
    assert_eq!(asked.claim.caller, user.address.as_slice());
    assert_eq!(asked.claim.payload, [1, 2, 3]);
    let pay = asked.claim.pay(contract, Mutez(30));
    bridged.layer1.operate(&accounts()[2], pay).unwrap();
    assert_eq!(bridged.tez(1).0, BALANCE.0 + 30);
    assert_eq!(bridged.tez(2).0, BALANCE.0 - 30);
    bridged.cement();
    assert_eq!(bridged.execute_all(), 1);
    assert_eq!(
        (bridged.tez(1).0, bridged.tez(2)),
        (BALANCE.0 + 30, BALANCE)
    );
}

#[test]
fn a_transaction_is_forced_in_for_a_tez() {
    let mut user = User::new("user");
    let mut bridged = bridged(&[&user]);
    let to = Address::repeat_byte(0x42);
    // Two chunks.
    let data = Bytes::from(vec![1; 5_000]);
    let raw = send(&mut user, to, U256::from(7), data);
    let call = DelayedInbox::send(Contracts::default().delayed_inbox, raw);
    let receipt = bridged.layer1.operate(&accounts()[0], call).unwrap();
    assert_eq!(receipt.messages.len(), 3);
    bridged.level(&NONE);
    assert_eq!(bridged.rollup.account(to).balance, U256::from(7));
    assert_eq!(bridged.tez(0).0, BALANCE.0 - 1_000_000);
}
