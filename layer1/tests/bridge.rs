//! The bridge's contracts on the real bytes: deposits make inbox messages,
//! outbox messages move tez and tokens, and nothing is made or lost on the way.

use ed25519_compact::{KeyPair, Seed};
use layer1::contracts::{
    Asked, Bridge, Claim, Code, DelayedInbox, Exchanger, Governance, TokenWrapper,
};
use layer1::devnet::{self, BALANCE, Contracts, TOKENS, governors};
use layer1::michelson::{Michelson, Timestamp};
use layer1::outbox::{OutboxPosition, Parameters, Status};
use layer1::value::{Ticket, TicketId, Type, Value};
use layer1::{Account, Address, Call, Failure, Layer1, Mutez, chain::ExecuteError};
use messages::contract::Contract;
use messages::inbox::{Message as Inbox, Transfer};
use messages::micheline::Node;
use messages::outbox::{Entrypoint, Message, Transaction, TypedTransaction};
use serde_json::Value as Json;

const ROLLUP: [u8; 20] = [0x77; 20];
const PARAMETERS: Parameters = Parameters {
    origination: 0,
    commitment_period: 2,
    challenge_window: 3,
    max_active_levels: 10,
};

fn alice() -> [u8; 21] {
    devnet::accounts()[0]
}

fn bob() -> [u8; 21] {
    devnet::accounts()[1]
}

fn at() -> Contracts {
    Contracts::default()
}

fn layer1() -> Layer1 {
    devnet::layer1(ROLLUP, PARAMETERS).unwrap()
}

/// Ends the level; the rollup writes these messages.
fn level(layer1: &mut Layer1, outbox: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let messages = layer1.messages().to_vec();
    layer1.end_level(layer1.level(), messages.clone(), outbox);
    messages
}

fn levels(layer1: &mut Layer1, count: u32) {
    for _ in 0..count {
        level(layer1, Vec::new());
    }
}

fn deposit(amount: Mutez) -> Call {
    Bridge::deposit(at().bridge, ROLLUP, vec![0xee; 20], amount)
}

fn tez(layer1: &Layer1, account: [u8; 21]) -> Mutez {
    layer1.ledger().balance(&Contract::Implicit(account))
}

fn rollup_tickets(layer1: &Layer1, ticketer: [u8; 20]) -> u128 {
    let id = TicketId::of(ticketer);
    layer1.ledger().tickets(Account::Rollup(ROLLUP), &id)
}

/// An outbox message with one untyped call that takes a receiver and tickets.
fn withdrawal(
    to: [u8; 20],
    entrypoint: &str,
    receiver: [u8; 21],
    ticketer: [u8; 20],
    amount: u128,
) -> Vec<u8> {
    batch(&[(to, entrypoint, burn_parameter(receiver, ticketer, amount))])
}

fn burn_parameter(receiver: [u8; 21], ticketer: [u8; 20], amount: u128) -> Vec<u8> {
    let receiver = Address::from(Account::from(Contract::Implicit(receiver)));
    let id = TicketId::of(ticketer);
    (receiver, Ticket { id, amount }).into_value().encode()
}

fn batch(calls: &[([u8; 20], &str, Vec<u8>)]) -> Vec<u8> {
    let transaction = |(destination, entrypoint, parameter)| Transaction {
        parameters: Node::parse(parameter).unwrap(),
        destination,
        entrypoint: Entrypoint::new(entrypoint).unwrap(),
    };
    let calls = calls
        .iter()
        .map(|(to, name, bytes)| (*to, *name, &bytes[..]));
    Message::Batch(calls.map(transaction).collect()).encode()
}

/// Runs the message through outbox and cementation, up to when it can be executed.
fn cemented(layer1: &mut Layer1, message: Vec<u8>) -> OutboxPosition {
    let place = OutboxPosition {
        level: layer1.level(),
        index: 0,
    };
    level(layer1, vec![message]);
    while layer1.status(place) != Status::Executable {
        level(layer1, Vec::new());
    }
    place
}

fn fail_with(contract: [u8; 20], why: &'static str) -> Failure {
    Failure::FailWith {
        contract: Account::originated(contract),
        why: why.into(),
    }
}

#[test]
fn a_deposit_is_one_transfer_of_tickets_in_the_inbox() {
    let mut layer1 = layer1();
    levels(&mut layer1, 3);
    let receipt = layer1.operate(&alice(), deposit(Mutez(1_500_000))).unwrap();
    assert_eq!((receipt.level, &receipt.messages[..]), (3, &[2][..]));
    let second = layer1.operate(&bob(), deposit(Mutez(1))).unwrap();
    assert_eq!(second.messages, [3]);
    assert_eq!(tez(&layer1, alice()).0, BALANCE.0 - 1_500_000);
    assert_eq!(rollup_tickets(&layer1, at().exchanger), 1_500_001);
    let messages = level(&mut layer1, Vec::new());
    assert_eq!(messages.len(), 2);
    assert!(!layer1.has_messages());

    let Ok(Inbox::Transfer(transfer)) = Inbox::parse(&messages[0]) else {
        panic!("no transfer: {messages:02x?}");
    };
    assert_eq!(transfer.sender, &at().bridge);
    assert_eq!(transfer.source, &alice());
    assert_eq!(transfer.destination, &ROLLUP);
    assert_eq!(transfer.payload[..6], [5, 5, 5, 5, 7, 7]);
}

/// The inbox message of the shared vectors, from our contracts at its addresses.
#[test]
fn a_deposit_is_the_vectors_message_byte_by_byte() {
    let vectors = vectors("inbox");
    for (name, routing_field) in [
        (
            "EVM tez deposit: Left (Left (Pair 0x<20> ticket))",
            "receiver",
        ),
        (
            "EVM tez deposit with chain id (52-byte receiver)",
            "receiver",
        ),
    ] {
        let vector = &vectors[name];
        let fields = &vector["fields"];
        let contract = |value: &Json| {
            let text = value.as_str().unwrap();
            text.parse::<Account>().unwrap()
        };
        let exchanger = contract(&fields["payload"]["ticketer"])
            .code_hash()
            .unwrap();
        let bridge = contract(&fields["sender"]).code_hash().unwrap();
        let Account::Rollup(rollup) = contract(&fields["destination"]) else {
            panic!("no rollup")
        };
        let Account::Contract(Contract::Implicit(source)) = contract(&fields["source"]) else {
            panic!("no source")
        };
        let routing = hex::decode(fields["payload"][routing_field].as_str().unwrap()).unwrap();
        let amount = Mutez(fields["payload"]["amount_mutez"].as_u64().unwrap());

        let mut layer1 = Layer1::new(rollup, PARAMETERS);
        layer1.fund(Contract::Implicit(source), amount).unwrap();
        layer1.originate(exchanger, Code::Exchanger(Exchanger));
        let request = None;
        layer1.originate(bridge, Code::Bridge(Bridge { exchanger, request }));
        let call = Bridge::deposit(bridge, rollup, routing, amount);
        layer1.operate(&source, call).unwrap();
        let expected = hex::decode(vector["hex"].as_str().unwrap()).unwrap();
        assert_eq!(layer1.messages(), [expected], "{name}");
    }
}

/// The tez withdrawal of the shared vectors, untyped and typed, pays its receiver.
#[test]
fn the_vectors_withdrawals_are_paid() {
    let vectors = vectors("outbox");
    for name in [
        "EVM tez withdrawal: Pair receiver ticket -> exchanger %burn",
        "typed: tez withdrawal pair address (ticket ..) to %burn",
    ] {
        let message = hex::decode(vectors[name]["hex"].as_str().unwrap()).unwrap();
        let exchanger = vectors[name]["fields"]["destination"].as_str().unwrap();
        let exchanger = exchanger.parse::<Account>().unwrap().code_hash().unwrap();
        let mut layer1 = layer1();
        layer1.originate(exchanger, Code::Exchanger(Exchanger));
        let request = None;
        layer1.originate([1; 20], Code::Bridge(Bridge { exchanger, request }));
        let call = Bridge::deposit([1; 20], ROLLUP, vec![0xee; 20], Mutez(5));
        layer1.operate(&alice(), call).unwrap();

        let receiver: Account = "tz1RjtZUVeLhADFHDL8UwDZA6vjWWhojpu5w".parse().unwrap();
        let Account::Contract(receiver) = receiver else {
            panic!("no receiver")
        };
        let before = layer1.ledger().balance(&receiver);
        let place = cemented(&mut layer1, message);
        layer1.execute(&bob(), place).unwrap();
        let paid = layer1.ledger().balance(&receiver).0 - before.0;
        assert!((1..=5).contains(&paid), "{name}: {paid}");
        assert_eq!(rollup_tickets(&layer1, exchanger), 5 - u128::from(paid));
    }
}

#[test]
fn a_withdrawal_pays_once_and_when_it_is_cemented() {
    let mut layer1 = layer1();
    let supply = layer1.ledger().supply();
    layer1.operate(&alice(), deposit(Mutez::tez(9))).unwrap();
    let exchanger = at().exchanger;
    let message = withdrawal(exchanger, "burn", bob(), exchanger, 4_000_000);
    let place = OutboxPosition { level: 0, index: 0 };
    assert_eq!(
        layer1.execute(&bob(), place),
        Err(ExecuteError::Unknown(place))
    );
    level(&mut layer1, vec![message]);
    // Commitment 0 is published at level 1 and cemented at level 4.
    for now in 1..4 {
        assert_eq!(layer1.level(), now);
        let refused = layer1.execute(&bob(), place);
        assert_eq!(refused, Err(ExecuteError::NotCemented(4)));
        level(&mut layer1, Vec::new());
    }
    layer1.execute(&bob(), place).unwrap();
    assert_eq!(tez(&layer1, bob()).0, BALANCE.0 + 4_000_000);
    assert_eq!(rollup_tickets(&layer1, exchanger), 5_000_000);
    let pool = Contract::Originated(exchanger);
    assert_eq!(layer1.ledger().balance(&pool), Mutez::tez(5));
    assert_eq!(layer1.ledger().supply(), supply);
    assert_eq!(
        layer1.execute(&bob(), place),
        Err(ExecuteError::Executed(4))
    );
    assert_eq!(layer1.status(place), Status::Executed { at: 4 });
}

#[test]
fn what_nobody_executes_expires() {
    let mut layer1 = layer1();
    layer1.operate(&alice(), deposit(Mutez(1))).unwrap();
    let exchanger = at().exchanger;
    let place = cemented(
        &mut layer1,
        withdrawal(exchanger, "burn", bob(), exchanger, 1),
    );
    levels(&mut layer1, 20);
    assert_eq!(layer1.execute(&bob(), place), Err(ExecuteError::Expired));
    assert_eq!(layer1.status(place), Status::Expired);
}

#[test]
fn a_rollup_cannot_spend_tickets_that_it_does_not_have() {
    let mut layer1 = layer1();
    layer1.operate(&alice(), deposit(Mutez(10))).unwrap();
    let exchanger = at().exchanger;
    let place = cemented(
        &mut layer1,
        withdrawal(exchanger, "burn", bob(), exchanger, 11),
    );
    let missing = Failure::Tickets {
        account: Account::Rollup(ROLLUP),
        ticketer: Account::originated(exchanger),
        has: 10,
        needs: 11,
    };
    assert_eq!(layer1.execute(&bob(), place), Err(missing.into()));
    // Not used up: with more tickets it goes through.
    layer1.operate(&alice(), deposit(Mutez(1))).unwrap();
    layer1.execute(&bob(), place).unwrap();
    assert_eq!(tez(&layer1, bob()).0, BALANCE.0 + 11);
}

#[test]
fn a_batch_happens_whole_or_not_at_all() {
    let mut layer1 = layer1();
    layer1.operate(&alice(), deposit(Mutez(10))).unwrap();
    let exchanger = at().exchanger;
    let call = |amount| {
        let parameter = burn_parameter(bob(), exchanger, amount);
        (exchanger, "burn", parameter)
    };
    let place = cemented(&mut layer1, batch(&[call(6), call(5)]));
    assert!(layer1.execute(&bob(), place).is_err());
    assert_eq!(tez(&layer1, bob()), BALANCE);
    assert_eq!(rollup_tickets(&layer1, exchanger), 10);
    let place = cemented(&mut layer1, batch(&[call(6), call(4)]));
    layer1.execute(&bob(), place).unwrap();
    assert_eq!(tez(&layer1, bob()).0, BALANCE.0 + 10);
}

#[test]
fn parameters_are_typed_by_the_entrypoint() {
    let mut layer1 = layer1();
    let exchanger = at().exchanger;
    let execute = |layer1: &mut Layer1, message| {
        let place = cemented(layer1, message);
        match layer1.execute(&bob(), place) {
            Err(ExecuteError::Failed(failure)) => failure,
            other => panic!("{other:?}"),
        }
    };
    let burn = Account::originated(exchanger).at("burn");
    let expected = <(Address, Ticket)>::ty().to_string();
    assert_eq!(
        execute(&mut layer1, batch(&[(exchanger, "burn", vec![3, 11])])),
        Failure::IllTyped {
            destination: burn.clone(),
            expected: expected.clone(),
        }
    );
    let nowhere = Account::originated(exchanger).at("nowhere");
    assert_eq!(
        execute(&mut layer1, batch(&[(exchanger, "nowhere", vec![3, 11])])),
        Failure::NoEntrypoint(nowhere)
    );
    assert_eq!(
        execute(&mut layer1, batch(&[([1; 20], "burn", vec![3, 11])])),
        Failure::NoContract(Account::originated([1; 20]))
    );
    let parameter = burn_parameter(bob(), exchanger, 1);
    let ty = Type::pair(Type::Address, Type::Nat).encode();
    let typed = TypedTransaction {
        transaction: Transaction {
            parameters: Node::parse(&parameter).unwrap(),
            destination: exchanger,
            entrypoint: Entrypoint::new("burn").unwrap(),
        },
        parameters_ty: Node::parse(&ty).unwrap(),
    };
    let message = Message::TypedBatch(vec![typed]).encode();
    let destination = burn;
    assert_eq!(
        execute(&mut layer1, message),
        Failure::OtherType {
            destination,
            expected
        }
    );
    assert!(matches!(
        execute(&mut layer1, vec![9]),
        Failure::Unreadable(_)
    ));
    assert_eq!(execute(&mut layer1, vec![2, 0]), Failure::PublicRollup);
}

#[test]
fn the_bridge_is_locked_while_a_deposit_is_pending() {
    let mut layer1 = layer1();
    let rollup = Address::from(Account::Rollup(ROLLUP));
    let locked = Bridge {
        exchanger: at().exchanger,
        request: Some((rollup, vec![1; 20])),
    };
    layer1.originate(at().bridge, Code::Bridge(locked));
    let refused = layer1.operate(&alice(), deposit(Mutez(1)));
    assert_eq!(refused, Err(fail_with(at().bridge, "deposit locked")));
    assert_eq!(tez(&layer1, alice()), BALANCE);
}

#[test]
fn deposits_of_nothing_or_of_more_than_there_is_fail() {
    let mut layer1 = layer1();
    let none = layer1.operate(&alice(), deposit(Mutez::ZERO));
    assert_eq!(none, Err(fail_with(at().exchanger, "NO_TICKETS")));
    let much = layer1.operate(&alice(), deposit(Mutez(BALANCE.0 + 1)));
    assert!(matches!(much, Err(Failure::Balance { .. })), "{much:?}");
    let other = Bridge::deposit(at().bridge, [9; 20], vec![1; 20], Mutez(1));
    let unknown = Failure::NoContract(Account::Rollup([9; 20]));
    assert_eq!(layer1.operate(&alice(), other), Err(unknown));
    let long = Bridge::deposit(at().bridge, ROLLUP, vec![1; 4000], Mutez(1));
    let refused = layer1.operate(&alice(), long);
    assert!(
        matches!(refused, Err(Failure::MessageTooLong(_))),
        "{refused:?}"
    );
    assert!(!layer1.has_messages());
}

#[test]
fn only_contracts_call_a_rollup_and_without_tez() {
    let mut layer1 = layer1();
    let call = |amount| Call {
        destination: Account::Rollup(ROLLUP).into(),
        amount,
        parameter: Value::right(Value::Bytes(vec![1])),
    };
    let caller = Account::from(Contract::Implicit(alice()));
    let refused = layer1.operate(&alice(), call(Mutez::ZERO));
    assert_eq!(refused, Err(Failure::CallerWithoutCode(caller)));
    let refused = layer1.operate(&alice(), call(Mutez(1)));
    assert_eq!(refused, Err(Failure::TezToRollup));
}

#[test]
fn the_exchanger_burns_its_own_tickets_only() {
    let mut layer1 = layer1();
    let wrapper = at().token_wrapper;
    let code = TokenWrapper { token: at().token };
    let calls = code.deposit(wrapper, ROLLUP, vec![1; 20], 5);
    layer1.operate_all(&alice(), calls).unwrap();
    let place = cemented(
        &mut layer1,
        withdrawal(at().exchanger, "burn", bob(), wrapper, 5),
    );
    let refused = fail_with(at().exchanger, "WRONG_TICKETER");
    assert_eq!(layer1.execute(&bob(), place), Err(refused.into()));
    assert_eq!(rollup_tickets(&layer1, wrapper), 5);
}

#[test]
fn tokens_go_in_as_tickets_and_come_out_as_tokens() {
    let mut layer1 = layer1();
    let wrapper = at().token_wrapper;
    let code = TokenWrapper { token: at().token };
    let calls = code.deposit(wrapper, ROLLUP, vec![0xee; 40], 700);
    layer1.operate_all(&alice(), calls).unwrap();
    assert_eq!(rollup_tickets(&layer1, wrapper), 700);
    let messages = level(&mut layer1, Vec::new());
    let Ok(Inbox::Transfer(Transfer {
        sender, payload, ..
    })) = Inbox::parse(&messages[0])
    else {
        panic!("no transfer");
    };
    assert_eq!((sender, &payload[..6]), (&wrapper, &[5, 5, 5, 5, 7, 7][..]));

    let place = cemented(
        &mut layer1,
        withdrawal(wrapper, "withdraw", bob(), wrapper, 300),
    );
    layer1.execute(&bob(), place).unwrap();
    let tokens = |account: Account| match layer1.contract(&at().token) {
        Some(Code::Token(token)) => token.balance(account),
        other => panic!("{other:?}"),
    };
    assert_eq!(tokens(Contract::Implicit(alice()).into()), TOKENS - 700);
    assert_eq!(tokens(Contract::Implicit(bob()).into()), TOKENS + 300);
    assert_eq!(tokens(Account::originated(wrapper)), 400);
    assert_eq!(rollup_tickets(&layer1, wrapper), 400);
}

#[test]
fn nobody_wraps_tokens_that_they_have_not() {
    let mut layer1 = layer1();
    let wrapper = at().token_wrapper;
    let code = TokenWrapper { token: at().token };
    let too_many = code.deposit(wrapper, ROLLUP, vec![1; 20], TOKENS + 1);
    let refused = layer1.operate_all(&alice(), too_many);
    assert_eq!(refused, Err(fail_with(at().token, "NotEnoughBalance")));
    // Without the allowance.
    let [_, deposit] = code.deposit(wrapper, ROLLUP, vec![1; 20], 1);
    let refused = layer1.operate(&alice(), deposit);
    assert_eq!(refused, Err(fail_with(at().token, "NotEnoughAllowance")));
    assert_eq!(rollup_tickets(&layer1, wrapper), 0);
}

fn claim() -> Claim {
    Claim {
        id: 5,
        timestamp: Timestamp(1_700_000_000),
        receiver: Account::from(Contract::Implicit(bob())).into(),
        payload: vec![0xca, 0xfe],
        caller: vec![3; 20],
    }
}

fn fast_message(amount: u128) -> Vec<u8> {
    let claim = claim();
    let ticket = Ticket {
        id: TicketId::of(at().exchanger),
        amount,
    };
    let details = (
        claim.timestamp,
        (claim.receiver, (claim.payload, claim.caller)),
    );
    let parameter = (claim.id, (ticket, details)).into_value().encode();
    batch(&[(at().fast_withdrawal, "default", parameter)])
}

#[test]
fn a_provider_who_pays_early_is_paid_by_the_message() {
    let mut layer1 = layer1();
    layer1.operate(&alice(), deposit(Mutez(50))).unwrap();
    let provider = devnet::accounts()[2];
    let pay = claim().pay(at().fast_withdrawal, Mutez(30));
    layer1.operate(&provider, pay.clone()).unwrap();
    assert_eq!(tez(&layer1, bob()).0, BALANCE.0 + 30);
    let again = layer1.operate(&alice(), pay);
    assert_eq!(again, Err(fail_with(at().fast_withdrawal, "ALREADY_PAID")));

    let place = cemented(&mut layer1, fast_message(30));
    layer1.execute(&alice(), place).unwrap();
    assert_eq!(tez(&layer1, provider), BALANCE);
    assert_eq!(tez(&layer1, bob()).0, BALANCE.0 + 30);
}

#[test]
fn a_fast_withdrawal_that_nobody_paid_goes_to_its_receiver() {
    let mut layer1 = layer1();
    layer1.operate(&alice(), deposit(Mutez(50))).unwrap();
    // Another amount is another withdrawal.
    let provider = devnet::accounts()[2];
    let pay = claim().pay(at().fast_withdrawal, Mutez(1));
    layer1.operate(&provider, pay).unwrap();
    let place = cemented(&mut layer1, fast_message(30));
    layer1.execute(&alice(), place).unwrap();
    assert_eq!(tez(&layer1, bob()).0, BALANCE.0 + 31);
    assert_eq!(tez(&layer1, provider).0, BALANCE.0 - 1);
}

/// The shared vector's parameter is of the contract's type.
#[test]
fn the_vectors_fast_withdrawal_is_typed() {
    let vectors = vectors("outbox");
    let vector = &vectors["EVM fast tez withdrawal -> fast contract %default"];
    let message = hex::decode(vector["hex"].as_str().unwrap()).unwrap();
    let Ok(Message::Batch(transactions)) = Message::parse(&message) else {
        panic!("no batch");
    };
    let asked = Asked::read(transactions[0].parameters).expect("a value of the type");
    let Claim {
        id,
        payload,
        caller,
        receiver,
        timestamp,
    } = asked.claim;
    assert_eq!((id, payload, asked.ticket.amount), (5, vec![0xca, 0xfe], 1));
    assert_eq!(timestamp, Timestamp(1_700_000_000));
    assert_eq!(caller, (1..=20).collect::<Vec<u8>>());
    let expected = vector["fields"]["target"].as_str().unwrap();
    assert_eq!(receiver.to_string(), expected);
}

/// The tickets of the shared vectors that are of the bridge's type, in both forms.
#[test]
fn the_vectors_tickets_are_read_and_written_and_named() {
    let vectors = vectors("tickets");
    for name in [
        "FA2.1/tez ticket (0, None) x1000000",
        "FA2.1 ticket (7, Some 0xaabb) x3",
    ] {
        let vector = |form: &str| &vectors[&format!("{name} ({form})")];
        let bytes = |form| hex::decode(vector(form)["hex"].as_str().unwrap()).unwrap();
        let read = |bytes: &[u8]| Type::bridge_ticket().read(Node::parse(bytes).unwrap());
        let nested = bytes("legacy");
        let Some(Value::Ticket(ticket)) = read(&nested) else {
            panic!("{name}: no ticket");
        };
        let preimage = &vector("legacy")["fields"]["evm_hash_preimage"];
        assert_eq!(hex::encode(ticket.id.evm_preimage()), *preimage, "{name}");
        let value = Value::Ticket(ticket);
        assert_eq!(value.encode(), nested, "{name}");
        let typed = bytes("typed Ticket constructor");
        assert_eq!(read(&typed), Some(value), "{name}");
    }
}

#[test]
fn a_delayed_transaction_is_announced_and_sent_in_chunks_for_a_tez() {
    let mut layer1 = layer1();
    let raw: Vec<u8> = (0..9_000_u32).map(|byte| byte as u8).collect();
    let receipt = layer1
        .operate(
            &alice(),
            DelayedInbox::send(at().delayed_inbox, raw.clone()),
        )
        .unwrap();
    assert_eq!(receipt.messages, [2, 3, 4, 5]);
    assert_eq!(tez(&layer1, alice()).0, BALANCE.0 - 1_000_000);
    let bytes: Vec<Vec<u8>> = layer1
        .messages()
        .iter()
        .map(|one| delayed_bytes(one))
        .collect();
    assert_eq!(bytes[0], [0, 3]);
    assert!(
        bytes[1..]
            .iter()
            .all(|chunk| chunk[0] == 1 && chunk.len() <= 4001)
    );
    let whole: Vec<u8> = bytes[1..]
        .iter()
        .flat_map(|chunk| chunk[1..].to_vec())
        .collect();
    assert_eq!(whole, raw);

    let cheap = Call {
        amount: Mutez(999_999),
        ..DelayedInbox::send(at().delayed_inbox, raw)
    };
    let refused = layer1.operate(&alice(), cheap);
    assert_eq!(
        refused,
        Err(fail_with(at().delayed_inbox, "NOT_ENOUGH_TEZ"))
    );
    let empty = layer1.operate(&alice(), DelayedInbox::send(at().delayed_inbox, vec![]));
    assert_eq!(empty, Err(fail_with(at().delayed_inbox, "NO_TRANSACTION")));
}

/// The bytes of `Left (Right bytes)` from the delayed inbox.
fn delayed_bytes(message: &[u8]) -> Vec<u8> {
    let Ok(Inbox::Transfer(transfer)) = Inbox::parse(message) else {
        panic!("no transfer");
    };
    assert_eq!(transfer.sender, &at().delayed_inbox);
    let value = Type::rollup().read(Node::parse(transfer.payload).unwrap());
    match value {
        Some(Value::Left(inside)) => match *inside {
            Value::Right(inside) => match *inside {
                Value::Bytes(bytes) => bytes,
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

/// The governance contract as it is.
fn governance(layer1: &Layer1) -> Governance {
    match layer1.contract(&at().governance) {
        Some(Code::Governance(governance)) => governance.clone(),
        other => panic!("{other:?}"),
    }
}

/// Whoever brings the call: what counts are signatures of two of its three keys, each of
/// which holds once, and not for ever.
#[test]
fn governance_speaks_for_n_of_m_keys() {
    let mut layer1 = layer1();
    let keys = governors();
    let rollup = layer1.rollup();
    let say = |layer1: &Layer1, now: i64, keys: &[KeyPair]| {
        governance(layer1).say(at().governance, (rollup, vec![0xc0]), now, keys)
    };
    let stranger = KeyPair::from_seed(Seed::new([9; 32]));
    for (now, keys, why) in [
        (0, &keys[..1], "NOT_ENOUGH_SIGNATURES"),
        (0, &[], "NOT_ENOUGH_SIGNATURES"),
        (0, &[keys[0].clone(), stranger], "UNKNOWN_KEY"),
        (-10_000, &keys[..], "EXPIRED"),
    ] {
        let refused = layer1.operate(&alice(), say(&layer1, now, keys));
        assert_eq!(refused, Err(fail_with(at().governance, why)));
    }
    let elsewhere = governance(&layer1).say(at().governance, ([9; 20], vec![]), 0, &keys);
    let refused = layer1.operate(&alice(), elsewhere);
    assert_eq!(refused, Err(fail_with(at().governance, "NOT_A_ROLLUP")));
    // Signed for the contract of another address.
    let mut other = governance(&layer1).say([8; 20], (rollup, vec![0xc0]), 0, &keys);
    other.destination = Account::originated(at().governance).into();
    let refused = layer1.operate(&alice(), other);
    assert_eq!(refused, Err(fail_with(at().governance, "BAD_SIGNATURE")));

    let good = say(&layer1, 0, &keys[1..]);
    layer1.operate(&bob(), good.clone()).unwrap();
    let Ok(Inbox::Transfer(transfer)) = Inbox::parse(&layer1.messages()[0]) else {
        panic!("no transfer");
    };
    assert_eq!(transfer.sender, &at().governance);
    assert_eq!(transfer.payload, [5, 8, 10, 0, 0, 0, 1, 0xc0]);
    assert_eq!(governance(&layer1).counter, 1);
    let again = layer1.operate(&bob(), good);
    assert_eq!(again, Err(fail_with(at().governance, "OTHER_COUNTER")));
    let next = say(&layer1, 0, &keys[..2]);
    layer1.operate(&alice(), next).unwrap();
}

/// The shared vectors of a kind, by name.
fn vectors(kind: &str) -> std::collections::BTreeMap<String, Json> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../messages/tests/vectors");
    let text = std::fs::read_to_string(format!("{folder}/{kind}.json")).unwrap();
    let json: Json = serde_json::from_str(&text).unwrap();
    let named = |vector: &Json| (vector["name"].as_str().unwrap().to_owned(), vector.clone());
    json["vectors"]
        .as_array()
        .unwrap()
        .iter()
        .map(named)
        .collect()
}
