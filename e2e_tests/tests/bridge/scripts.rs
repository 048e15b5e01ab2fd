//! The contracts of `contracts/layer1` around the compiled kernel: what their code sends
//! goes into the inbox as it is, and what the kernel writes goes into their code.

use super::scene::{MUTEZ, ROLLUP, config, rollup_with, said, send};
use ::layer1::value::TicketId;
use alloy_primitives::{Address, Bytes, U256, keccak256};
use e2e_tests::{Rollup, User, layer1};
use messages::outbox::Message;
use michelson::contract::Called;
use michelson::run::{Context, World};
use michelson::{Contract, Node, Type, Value, encoding};
use node::governance::{self, Decision};
use pvm::LevelReport;
use solidity_fixtures::bridge::{fa, native};
use storage::Config;

const EXCHANGER: [u8; 20] = [0x21; 20];
const BRIDGE: [u8; 20] = [0x22; 20];
const DELAYED: [u8; 20] = [0x23; 20];
const GOVERNANCE: [u8; 20] = [0x24; 20];
const WRAPPER: [u8; 20] = [0x25; 20];
const FAST: [u8; 20] = [0x27; 20];
const RECEIVER: Address = Address::repeat_byte(0xaa);
const TARGET: &str = "tz1Ke2h7sDdakHJQh8WX4Z372du1KChsksyU";

/// A layer 1 that has what the contracts ask for.
struct Layer1;

impl World for Layer1 {
    fn takes(&self, address: &[u8], ty: &Type) -> bool {
        let rollup = "or (or (pair bytes (ticket (pair nat (option bytes)))) bytes) bytes";
        match address {
            [3, ..] => address == sr1() && *ty == Type::parse(rollup).unwrap(),
            _ => true,
        }
    }

    fn is_signed(&self, _: &[u8], _: &[u8], _: &[u8]) -> bool {
        true
    }
}

fn sr1() -> Vec<u8> {
    [&[3], &ROLLUP[..], &[0]].concat()
}

fn kt1(hash: [u8; 20], entrypoint: &str) -> Vec<u8> {
    [&[1], &hash[..], &[0], entrypoint.as_bytes()].concat()
}

fn contract(name: &str) -> Contract {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../contracts/layer1");
    let text = std::fs::read_to_string(format!("{folder}/{name}.tz")).unwrap();
    Contract::parse(&text).unwrap()
}

/// Runs an entrypoint of the script `name`, which is at `own`; storage and argument are
/// in Michelson.
fn call(
    (name, own): (&str, [u8; 20]),
    (entrypoint, argument): (&str, &Node),
    storage: &str,
    (sender, amount): (Vec<u8>, u64),
) -> Called {
    let contract = contract(name);
    let ty = contract.entrypoint(entrypoint).unwrap();
    let argument = encoding::read(argument, &ty).unwrap();
    let storage = encoding::read(&Node::parse(storage).unwrap(), contract.storage()).unwrap();
    let context = Context {
        own: kt1(own, ""),
        sender,
        amount,
        now: 0,
        chain_id: [0; 4],
    };
    let called = contract.call((entrypoint, argument), storage, &context, &Layer1);
    called.unwrap()
}

fn parsed(text: &str) -> Node {
    Node::parse(text).unwrap()
}

fn hexed(bytes: &[u8]) -> String {
    Bytes::copy_from_slice(bytes).to_string()
}

/// The inbox messages that a call brings to the rollup.
fn inbox(sender: [u8; 20], called: &Called) -> Vec<Vec<u8>> {
    let to_us = called
        .transfers
        .iter()
        .filter(|one| one.destination == sr1());
    let messages = to_us.map(|transfer| {
        let payload = encoding::binary(&encoding::write(&transfer.parameter)).unwrap();
        layer1::transfer(ROLLUP, sender, &payload)
    });
    messages.collect()
}

fn rollup(users: &[&User]) -> Rollup {
    let config = Config {
        ticketer: Some(EXCHANGER),
        delayed_bridge: Some(DELAYED),
        kernel_governance: Some(GOVERNANCE),
        ..config()
    };
    rollup_with(config, users)
}

/// Deposit at the bridge, mint at the exchanger, callback at the bridge, inbox.
fn deposit(routing: &[u8], mutez: u64) -> Vec<Vec<u8>> {
    let open = format!("Pair {} None", hexed(&kt1(EXCHANGER, "")));
    let asked = parsed(&format!("Pair {} {}", hexed(&sr1()), hexed(routing)));
    let alice = vec![0; 22];
    let asked = call(
        ("bridge", BRIDGE),
        ("deposit", &asked),
        &open,
        (alice, mutez),
    );
    let [mint] = &asked.transfers[..] else {
        panic!("{asked:?}");
    };
    assert_eq!(
        (&mint.destination, mint.amount),
        (&kt1(EXCHANGER, "mint"), mutez)
    );
    let callback = encoding::write(&mint.parameter);
    let minted = call(
        ("exchanger", EXCHANGER),
        ("mint", &callback),
        "Unit",
        (kt1(BRIDGE, ""), mutez),
    );
    let [given] = &minted.transfers[..] else {
        panic!("{minted:?}");
    };
    assert_eq!(given.destination, kt1(BRIDGE, "callback"));
    let ticket = encoding::write(&given.parameter);
    let pending = encoding::write(&asked.storage).to_string();
    let exchanger = (kt1(EXCHANGER, ""), 0);
    let sent = call(
        ("bridge", BRIDGE),
        ("callback", &ticket),
        &pending,
        exchanger,
    );
    assert_eq!(encoding::write(&sent.storage).to_string(), open);
    inbox(BRIDGE, &sent)
}

/// The parameter of the only message that a level sent, which is meant for this
/// entrypoint.
fn sent(report: &LevelReport, destination: [u8; 20], entrypoint: &str) -> Node {
    let [message] = &report.outbox[..] else {
        panic!("{:?}", report.outbox);
    };
    let Ok(Message::Batch(calls)) = Message::parse(message) else {
        panic!("no batch");
    };
    let [call] = &calls[..] else {
        panic!("{calls:?}");
    };
    assert_eq!(
        (call.destination, call.entrypoint.as_str()),
        (destination, entrypoint)
    );
    encoding::from_binary(call.parameters.as_bytes()).unwrap()
}

#[test]
fn tez_go_in_and_come_out_by_the_scripts() {
    let mut user = User::new("user");
    let mut rollup = rollup(&[&user]);
    rollup.level_of(deposit(RECEIVER.as_slice(), 5));
    assert_eq!(rollup.account(RECEIVER).balance, U256::from(5 * MUTEZ));

    let value = U256::from(3 * MUTEZ);
    let withdraw = native::withdraw(TARGET);
    let report = rollup.level(&[send(&mut user, native::ADDRESS, value, withdraw)]);
    let parameter = sent(&report, EXCHANGER, "burn");
    let sender = (sr1(), 0);
    let paid = call(
        ("exchanger", EXCHANGER),
        ("burn", &parameter),
        "Unit",
        sender,
    );
    let [out] = &paid.transfers[..] else {
        panic!("{paid:?}");
    };
    let target = encoding::from_base58(TARGET, &Type::Address).unwrap();
    assert_eq!(
        (&out.destination, out.amount, &out.parameter),
        (&target, 3, &Value::Unit)
    );
}

#[test]
fn tokens_go_in_by_their_wrapper() {
    let mut rollup = rollup(&[]);
    for (token, amount) in [("Left", 700), ("Right", 800)] {
        let token = match token {
            "Left" => format!("Left {}", hexed(&kt1([0x26; 20], ""))),
            _ => format!("Right (Pair {} 7)", hexed(&kt1([0x26; 20], ""))),
        };
        let routing = hexed(RECEIVER.as_slice());
        let argument = parsed(&format!("Pair {amount} {routing} {}", hexed(&sr1())));
        let wrapper = ("token_wrapper", WRAPPER);
        let sent = call(wrapper, ("deposit", &argument), &token, (vec![0; 22], 0));
        assert_eq!(sent.transfers.len(), 2, "tokens in, tickets out");
        rollup.level_of(inbox(WRAPPER, &sent));
    }
    let hash = keccak256(TicketId::of(WRAPPER).evm_preimage());
    let balance = super::scene::ask(&rollup, fa::ADDRESS, fa::balance_of(hash, RECEIVER));
    assert_eq!(balance, U256::from(1_500));
}

#[test]
fn tokens_come_out_by_their_wrapper() {
    let mut user = User::new("user");
    let mut rollup = rollup(&[&user]);
    let token = format!("Left {}", hexed(&kt1([0x26; 20], "")));
    let routing = hexed(user.address.as_slice());
    let argument = parsed(&format!("Pair 700 {routing} {}", hexed(&sr1())));
    let wrapper = ("token_wrapper", WRAPPER);
    let brought = call(wrapper, ("deposit", &argument), &token, (vec![0; 22], 0));
    rollup.level_of(inbox(WRAPPER, &brought));

    let target = encoding::from_base58(TARGET, &Type::Address).unwrap();
    let withdrawal = fa::Withdrawal {
        owner: user.address,
        routing: &[&target[..], &kt1(WRAPPER, "")].concat(),
        amount: U256::from(300),
        ticketer: kt1(WRAPPER, "").try_into().unwrap(),
        content: &layer1::CONTENT,
    };
    let raw = send(&mut user, fa::ADDRESS, U256::ZERO, withdrawal.call());
    let parameter = sent(&rollup.level(&[raw]), WRAPPER, "withdraw");
    let given = call(wrapper, ("withdraw", &parameter), &token, (sr1(), 0));
    let [transfer] = &given.transfers[..] else {
        panic!("{given:?}");
    };
    assert_eq!(transfer.destination, kt1([0x26; 20], "transfer"));
    let moved = Value::pair(Value::Bytes(target), Value::Int(300));
    let own = Value::Bytes(kt1(WRAPPER, ""));
    assert_eq!(transfer.parameter, Value::pair(own, moved));
}

#[test]
fn fast_withdrawals_pay_who_paid_by_the_script() {
    let mut user = User::new("user");
    let mut rollup = rollup(&[&user]);
    let contract = encoding::to_base58(&kt1(FAST, ""), &Type::Address);
    let value = U256::from(9 * MUTEZ);
    let withdraw = native::fast_withdraw(TARGET, &contract, b"payload");
    let report = rollup.level(&[send(&mut user, native::ADDRESS, value, withdraw)]);
    let parameter = sent(&report, FAST, "default");

    // Somebody pays what the message tells of.
    let script = self::contract("fast_withdrawal");
    let ty = script.entrypoint("default").unwrap();
    let Value::Pair(id, rest) = encoding::read(&parameter, &ty).unwrap() else {
        panic!("{parameter}");
    };
    let Value::Pair(_, details) = *rest else {
        panic!("no ticket");
    };
    let claim = encoding::write(&Value::Pair(id, details));
    let open = format!(
        "Pair (Pair (Right {}) {}) {{}}",
        hexed(&sr1()),
        hexed(&kt1(EXCHANGER, ""))
    );
    let provider = encoding::from_base58("tz1gjaF81ZRRvdzjobyfVNsAeSC6PScjfQwN", &Type::Address);
    let provider = provider.unwrap();
    let fast = ("fast_withdrawal", FAST);
    let paid = call(
        fast,
        ("payout_withdrawal", &claim),
        &open,
        (provider.clone(), 9),
    );
    let target = encoding::from_base58(TARGET, &Type::Address).unwrap();
    assert_eq!(
        (&paid.transfers[0].destination, paid.transfers[0].amount),
        (&target, 9)
    );

    // The message pays the provider; without a payment, the receiver.
    let kept = encoding::write(&paid.storage).to_string();
    for (storage, payee) in [(kept.as_str(), provider), (open.as_str(), target)] {
        let called = call(fast, ("default", &parameter), storage, (sr1(), 0));
        let [burn] = &called.transfers[..] else {
            panic!("{called:?}");
        };
        assert_eq!(burn.destination, kt1(EXCHANGER, "burn"));
        let burn = encoding::write(&burn.parameter);
        let sender = (kt1(FAST, ""), 0);
        let out = call(("exchanger", EXCHANGER), ("burn", &burn), "Unit", sender);
        assert_eq!(
            (&out.transfers[0].destination, out.transfers[0].amount),
            (&payee, 9)
        );
    }
}

#[test]
fn transactions_are_forced_in_by_the_script() {
    let mut user = User::new("user");
    let mut rollup = rollup(&[&user]);
    // Three chunks.
    let raw = send(&mut user, RECEIVER, U256::from(3), vec![7; 10_000].into());
    let storage = format!("Right {}", hexed(&sr1()));
    let argument = Node::Bytes(raw);
    let inbox_contract = ("delayed_inbox", DELAYED);
    let sender = (vec![0; 22], 1_000_000);
    let sent = call(inbox_contract, ("default", &argument), &storage, sender);
    let messages = inbox(DELAYED, &sent);
    assert_eq!(messages.len(), 4);
    let number = rollup.head().number;
    rollup.level_of(messages);
    assert_eq!(rollup.since(number).len(), 1);
    assert_eq!(rollup.account(RECEIVER).balance, U256::from(3));
}

#[test]
fn governance_decides_by_the_script() {
    let mut rollup = rollup(&[]);
    let upgrade = Decision::Upgrade(storage::Upgrade {
        root: [0; 33],
        time: i64::MAX,
        pending: true,
    });
    let payload = hexed(&governance::encode(&upgrade));
    let decision = |payload: &str| {
        parsed(&format!(
            "Pair (Pair (Pair 0 1) (Left (Pair {} {payload}))) {{}}",
            hexed(&sr1())
        ))
    };
    let storage = "Pair 0 0 {}";
    let multisig = ("governance", GOVERNANCE);
    let sent = call(
        multisig,
        ("default", &decision(&payload)),
        storage,
        (vec![0; 22], 0),
    );
    let report = rollup.level_of(inbox(GOVERNANCE, &sent));
    assert!(said(&report, "an upgrade is decided"), "{:?}", report.debug);
    // The same from elsewhere, and nonsense from here.
    let report = rollup.level_of(inbox(BRIDGE, &sent));
    assert!(said(&report, "its sender may not say this"));
    let nonsense = call(
        multisig,
        ("default", &decision("0xc0")),
        storage,
        (vec![0; 22], 0),
    );
    let report = rollup.level_of(inbox(GOVERNANCE, &nonsense));
    assert!(said(&report, "no decision that this kernel knows"));
}
