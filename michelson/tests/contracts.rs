//! Every script of `contracts/layer1` typechecks, and each entrypoint does what its page
//! says or refuses.

use crate::support::{
    self, ALICE, BOB, CONTENT, Call, EXCHANGER, OWN, ROLLUP, TOKEN, account, address, bytes, nat,
    operation, script, storage, ticket,
};
use michelson::run::Failure;
use michelson::value::Ticket;
use michelson::{Contract, Error, Node, Type, Value, encoding};

#[test]
fn every_script_typechecks_and_takes_its_storage() {
    for (name, text) in [
        ("exchanger", "Unit"),
        (
            "bridge",
            "Pair \"KT1Wxne8yES3EC2uKqmEncs8uuM4XjYXkxC2\" None",
        ),
        (
            "delayed_inbox",
            "Left \"tz1KqTpEZ7Yob7QbPE4Hy4Wo8fHG8LhKxZSx\"",
        ),
        (
            "governance",
            "Pair 0 2 { \"edpkuBknW28nW72KG6RoHtYW7p12T6GKc7nAbwYX5m8Wd9sDVC9yav\" }",
        ),
        (
            "token_wrapper",
            "Left \"KT1Wxne8yES3EC2uKqmEncs8uuM4XjYXkxC2\"",
        ),
        (
            "token_wrapper",
            "Right (Pair \"KT1Wxne8yES3EC2uKqmEncs8uuM4XjYXkxC2\" 7)",
        ),
        (
            "fast_withdrawal",
            "Pair (Pair (Left \"tz1KqTpEZ7Yob7QbPE4Hy4Wo8fHG8LhKxZSx\") \
             \"KT1Wxne8yES3EC2uKqmEncs8uuM4XjYXkxC2\") {}",
        ),
    ] {
        let contract = script(name);
        let node = Node::parse(text).unwrap();
        let value = encoding::read(&node, contract.storage()).unwrap();
        assert_eq!(
            encoding::read(&encoding::write(&value), contract.storage()),
            Ok(value)
        );
    }
}

/// A changed script is refused here: the checks can fail.
#[test]
fn a_script_that_is_changed_does_not_typecheck() {
    for (name, from, to) in [
        (
            "exchanger",
            "SWAP ; UNIT ; TRANSFER_TOKENS",
            "UNIT ; TRANSFER_TOKENS",
        ),
        ("exchanger", "DIP { DROP } ;", "DIP { DUP ; DROP 2 } ;"),
        ("bridge", "LEFT bytes ; LEFT bytes", "LEFT bytes"),
        ("bridge", "(address %exchanger)", "(key %exchanger)"),
        ("delayed_inbox", "PUSH bytes 0x01", "PUSH nat 1"),
        ("delayed_inbox", "DROP 2", "DROP 3"),
        ("governance", "DUP 4 ; DUG 2", "DUP 5 ; DUG 2"),
        (
            "governance",
            "(map %signatures key signature)",
            "(map %signatures key bytes)",
        ),
        ("token_wrapper", "DIG 4 ; DIG 3", "DIG 3 ; DIG 4"),
        ("fast_withdrawal", "NONE address", "NONE bytes"),
        (
            "fast_withdrawal",
            "IF_NONE {} { DIG 2",
            "IF_NONE {} { DIG 1",
        ),
    ] {
        let text = support::text(name).replace(from, to);
        assert_ne!(text, support::text(name), "{from}");
        assert!(Contract::parse(&text).is_err(), "{name}: {from} -> {to}");
    }
}

#[test]
fn the_entrypoints_are_those_that_tools_call() {
    let ticket = "(ticket (pair nat (option bytes)))";
    let claim = "(pair timestamp (pair address (pair bytes bytes)))";
    for (name, entrypoint, ty) in [
        ("exchanger", "mint", "address".to_owned()),
        ("exchanger", "burn", format!("(pair address {ticket})")),
        ("bridge", "deposit", "(pair address bytes)".into()),
        ("bridge", "callback", ticket.into()),
        ("delayed_inbox", "default", "bytes".into()),
        (
            "token_wrapper",
            "deposit",
            "(pair nat (pair bytes address))".into(),
        ),
        (
            "token_wrapper",
            "withdraw",
            format!("(pair address {ticket})"),
        ),
        (
            "fast_withdrawal",
            "default",
            format!("(pair nat (pair {ticket} {claim}))"),
        ),
        (
            "fast_withdrawal",
            "payout_withdrawal",
            format!("(pair nat {claim})"),
        ),
    ] {
        let found = script(name).entrypoint(entrypoint).unwrap();
        assert_eq!(found.to_string(), ty, "{name} %{entrypoint}");
    }
    assert_eq!(
        script("bridge").entrypoint("mint"),
        Err(Error::NoEntrypoint("mint".into()))
    );
}

fn fails<T: std::fmt::Debug>(called: Result<T, Failure>, word: &str) {
    match called {
        Err(Failure::With(Node::Text(said))) => assert_eq!(said, word),
        other => panic!("{word}: {other:?}"),
    }
}

mod exchanger {
    use super::*;

    fn call(entrypoint: &str, argument: Value) -> Call {
        Call::new("exchanger", entrypoint, argument).storage(Value::Unit)
    }

    #[test]
    fn mint_gives_a_ticket_for_each_mutez_to_the_callback() {
        let callback = address(OWN, "callback");
        let called = call("mint", bytes(&callback))
            .amount(1_500_000)
            .run()
            .unwrap();
        let made = ticket(OWN, 1_500_000);
        assert_eq!(called.transfers, [operation(&callback, 0, made)]);
        assert_eq!(called.storage, Value::Unit);
    }

    #[test]
    fn mint_refuses_no_tez_and_who_takes_no_tickets() {
        let callback = address(OWN, "callback");
        fails(call("mint", bytes(&callback)).run(), "NO_TICKETS");
        let other = call("mint", bytes(&account(ALICE))).amount(5).run();
        fails(other, "NO_CALLBACK");
    }

    #[test]
    fn burn_pays_a_mutez_for_each_ticket() {
        let receiver = account(BOB);
        let argument = Value::pair(bytes(&receiver), ticket(OWN, 77));
        let called = call("burn", argument).run().unwrap();
        assert_eq!(called.transfers, [operation(&receiver, 77, Value::Unit)]);
    }

    #[test]
    fn burn_refuses_tez_foreign_tickets_receivers_without_code_and_sums_too_large() {
        let burn =
            |receiver: Vec<u8>, ticket: Value| call("burn", Value::pair(bytes(&receiver), ticket));
        fails(
            burn(account(BOB), ticket(OWN, 7)).amount(1).run(),
            "NO_TEZ_WANTED",
        );
        fails(burn(account(BOB), ticket(TOKEN, 7)).run(), "WRONG_TICKETER");
        let nobody = address([0x99; 20], "");
        fails(burn(nobody, ticket(OWN, 7)).run(), "NO_RECEIVER");
        let much = burn(account(BOB), ticket(OWN, i128::from(i64::MAX) + 1));
        assert_eq!(much.run(), Err(Failure::Overflow));
    }
}

mod bridge {
    use super::*;

    fn pending(request: Option<Value>) -> Value {
        Value::pair(bytes(&address(EXCHANGER, "")), Value::option(request))
    }

    fn request() -> Value {
        Value::pair(bytes(&ROLLUP), bytes(&[7; 20]))
    }

    #[test]
    fn deposit_keeps_the_request_and_has_tickets_made() {
        let deposit = Call::new("bridge", "deposit", request()).storage(pending(None));
        let called = deposit.amount(9).run().unwrap();
        let callback = bytes(&address(OWN, "callback"));
        let mint = operation(&address(EXCHANGER, "mint"), 9, callback);
        assert_eq!(called.transfers, [mint]);
        assert_eq!(called.storage, pending(Some(request())));
    }

    #[test]
    fn deposit_refuses_while_another_is_pending_and_without_an_exchanger() {
        let locked = Call::new("bridge", "deposit", request()).storage(pending(Some(request())));
        fails(locked.amount(9).run(), "deposit locked");
        let nobody = Value::pair(bytes(&address([0x99; 20], "")), Value::Option(None));
        let none = Call::new("bridge", "deposit", request()).storage(nobody);
        fails(none.amount(9).run(), "NO_EXCHANGER");
    }

    #[test]
    fn callback_sends_routing_and_ticket_to_the_rollup_and_forgets_the_request() {
        let callback = Call::new("bridge", "callback", ticket(EXCHANGER, 9));
        let called = callback
            .storage(pending(Some(request())))
            .sender(address(EXCHANGER, ""))
            .run()
            .unwrap();
        let deposit = Value::pair(bytes(&[7; 20]), ticket(EXCHANGER, 9));
        let sent = operation(&ROLLUP, 0, Value::left(Value::left(deposit)));
        assert_eq!(called.transfers, [sent]);
        assert_eq!(called.storage, pending(None));
    }

    #[test]
    fn callback_refuses_others_no_request_and_what_is_no_rollup() {
        let callback = || Call::new("bridge", "callback", ticket(EXCHANGER, 9));
        let from = |call: Call| call.sender(address(EXCHANGER, ""));
        let others = callback().storage(pending(Some(request())));
        fails(others.run(), "NOT_THE_EXCHANGER");
        fails(
            from(callback().storage(pending(None))).run(),
            "no deposit is pending",
        );
        let elsewhere = Value::pair(bytes(&account(BOB)), bytes(&[7; 20]));
        let elsewhere = from(callback().storage(pending(Some(elsewhere))));
        fails(elsewhere.run(), "NOT_A_ROLLUP");
    }
}

mod delayed_inbox {
    use super::*;

    fn wired() -> Value {
        Value::right(bytes(&ROLLUP))
    }

    fn send(transaction: &[u8]) -> Call {
        let call = Call::new("delayed_inbox", "default", bytes(transaction));
        call.storage(wired()).amount(1_000_000)
    }

    fn message(bytes: &[u8]) -> michelson::value::Transfer {
        operation(&ROLLUP, 0, Value::left(Value::right(support::bytes(bytes))))
    }

    #[test]
    fn a_transaction_is_announced_and_sent_in_chunks_and_the_tez_are_burned() {
        let fire = encoding::from_base58("tz1burnburnburnburnburnburnburjAYjjX", &Type::Address);
        let fire = fire.unwrap();
        for len in [1, 2, 3_999, 4_000, 4_001, 8_000, 9_000, 255 * 4_000] {
            let transaction: Vec<u8> = (0..len).map(|byte: u32| byte as u8 ^ 0x5a).collect();
            let called = send(&transaction).amount(2_000_000).run().unwrap();
            let chunks = transaction.chunks(4_000);
            let mut expected = vec![
                operation(&fire, 2_000_000, Value::Unit),
                message(&[0, chunks.len() as u8]),
            ];
            expected.extend(chunks.map(|chunk| message(&[&[1], chunk].concat())));
            assert_eq!(called.transfers, expected, "{len} bytes");
            assert_eq!(called.storage, wired());
        }
    }

    #[test]
    fn refusals() {
        fails(send(&[1]).amount(999_999).run(), "NOT_ENOUGH_TEZ");
        fails(send(&[]).run(), "NO_TRANSACTION");
        fails(send(&vec![0; 255 * 4_000 + 1]).run(), "TOO_LONG");
        let open = Value::left(bytes(&account(ALICE)));
        fails(send(&[1]).storage(open).run(), "NOT_WIRED");
        let elsewhere = Value::right(bytes(&account(BOB)));
        fails(send(&[1]).storage(elsewhere).run(), "NOT_A_ROLLUP");
    }
}

/// `wire`, which two contracts have.
mod wire {
    use super::*;

    /// A payment of 1 mutez for withdrawal 2.
    fn paid_key() -> Value {
        let details = Value::pair(bytes(&account(BOB)), Value::pair(bytes(&[]), bytes(&[])));
        Value::pair(
            nat(1),
            Value::pair(nat(2), Value::pair(Value::Int(3), details)),
        )
    }

    /// The storages of both, before and after.
    fn both(name: &str, end: Value) -> Value {
        match name {
            "delayed_inbox" => end,
            _ => Value::pair(
                Value::pair(end, bytes(&address(EXCHANGER, ""))),
                Value::Map([(paid_key(), bytes(&account(BOB)))].into()),
            ),
        }
    }

    #[test]
    fn the_deployer_says_once_which_rollup_it_is_for() {
        for name in ["delayed_inbox", "fast_withdrawal"] {
            let open = both(name, Value::left(bytes(&account(ALICE))));
            let wired = both(name, Value::right(bytes(&ROLLUP)));
            let call = |rollup: &[u8]| Call::new(name, "wire", bytes(rollup)).storage(open.clone());
            let called = call(&ROLLUP).run().unwrap();
            assert_eq!((called.transfers, called.storage), (vec![], wired.clone()));
            fails(call(&ROLLUP).storage(wired).run(), "WIRED");
            fails(call(&ROLLUP).sender(account(BOB)).run(), "NOT_THE_DEPLOYER");
            fails(call(&account(BOB)).run(), "NOT_A_ROLLUP");
            fails(call(&ROLLUP).amount(1).run(), "NO_TEZ_WANTED");
        }
    }
}

mod token_wrapper {
    use super::*;

    fn fa12() -> Value {
        Value::left(bytes(&address(TOKEN, "")))
    }

    fn fa2() -> Value {
        Value::right(Value::pair(bytes(&address(TOKEN, "")), nat(7)))
    }

    /// The call of the token that moves 700 from one to another.
    fn moved(storage: &Value, from: &[u8], to: &[u8]) -> michelson::value::Transfer {
        let (token, from, to) = (address(TOKEN, "transfer"), bytes(from), bytes(to));
        let parameter = if *storage == fa12() {
            Value::pair(from, Value::pair(to, nat(700)))
        } else {
            let one = Value::pair(to, Value::pair(nat(7), nat(700)));
            Value::List(vec![Value::pair(from, Value::List(vec![one]))])
        };
        operation(&token, 0, parameter)
    }

    fn deposit(amount: i128, rollup: &[u8]) -> Call {
        let argument = Value::pair(nat(amount), Value::pair(bytes(&[9; 40]), bytes(rollup)));
        Call::new("token_wrapper", "deposit", argument)
    }

    fn withdraw(ticketer: [u8; 20]) -> Call {
        let argument = Value::pair(bytes(&account(BOB)), ticket(ticketer, 700));
        Call::new("token_wrapper", "withdraw", argument)
    }

    #[test]
    fn deposit_takes_tokens_first_and_then_sends_tickets() {
        for storage in [fa12(), fa2()] {
            let called = deposit(700, &ROLLUP)
                .storage(storage.clone())
                .run()
                .unwrap();
            let taken = moved(&storage, &account(ALICE), &address(OWN, ""));
            let inside = Value::pair(bytes(&[9; 40]), ticket(OWN, 700));
            let sent = operation(&ROLLUP, 0, Value::left(Value::left(inside)));
            assert_eq!(called.transfers, [taken, sent]);
            assert_eq!(called.storage, storage);
        }
    }

    #[test]
    fn withdraw_gives_the_tokens_of_the_tickets() {
        for storage in [fa12(), fa2()] {
            let called = withdraw(OWN).storage(storage.clone()).run().unwrap();
            let given = moved(&storage, &address(OWN, ""), &account(BOB));
            assert_eq!(called.transfers, [given]);
        }
    }

    #[test]
    fn refusals() {
        let none = deposit(0, &ROLLUP).storage(fa2());
        fails(none.run(), "NO_TICKETS");
        fails(
            deposit(7, &account(BOB)).storage(fa12()).run(),
            "NOT_A_ROLLUP",
        );
        fails(withdraw(EXCHANGER).storage(fa12()).run(), "WRONG_TICKETER");
        for storage in [fa12(), fa2()] {
            let paid = deposit(7, &ROLLUP).storage(storage.clone()).amount(1);
            fails(paid.run(), "NO_TEZ_WANTED");
            fails(
                withdraw(OWN).storage(storage).amount(1).run(),
                "NO_TEZ_WANTED",
            );
        }
        let nobody = bytes(&address([0x99; 20], ""));
        for storage in [
            Value::left(nobody.clone()),
            Value::right(Value::pair(nobody, nat(0))),
        ] {
            fails(withdraw(OWN).storage(storage).run(), "NOT_A_TOKEN");
        }
    }
}

mod fast_withdrawal {
    use super::*;
    use std::collections::BTreeMap;

    fn details() -> Value {
        let caller = Value::pair(bytes(&[0xca, 0xfe]), bytes(&[3; 20]));
        Value::pair(
            Value::Int(1_700_000_000),
            Value::pair(bytes(&account(BOB)), caller),
        )
    }

    fn at(paid: BTreeMap<Value, Value>) -> Value {
        let head = Value::pair(Value::right(bytes(&ROLLUP)), bytes(&address(EXCHANGER, "")));
        Value::pair(head, Value::Map(paid))
    }

    /// Alice paid `amount` early.
    fn paid(amount: u64) -> Value {
        let claim = Value::pair(nat(5), details());
        let pay = Call::new("fast_withdrawal", "payout_withdrawal", claim);
        let called = pay
            .storage(at(BTreeMap::new()))
            .amount(amount)
            .run()
            .unwrap();
        let out = operation(&account(BOB), amount, Value::Unit);
        assert_eq!(called.transfers, [out]);
        called.storage
    }

    fn message(ticket: Value) -> Call {
        let argument = Value::pair(nat(5), Value::pair(ticket, details()));
        Call::new("fast_withdrawal", "default", argument).sender(ROLLUP.to_vec())
    }

    fn burned(payee: [u8; 21], amount: i128) -> michelson::value::Transfer {
        let parameter = Value::pair(bytes(&account(payee)), ticket(EXCHANGER, amount));
        operation(&address(EXCHANGER, "burn"), 0, parameter)
    }

    #[test]
    fn who_pays_early_is_paid_by_the_message_once() {
        let storage = paid(30);
        let called = message(ticket(EXCHANGER, 30))
            .storage(storage)
            .run()
            .unwrap();
        assert_eq!(called.transfers, [burned(ALICE, 30)]);
        assert_eq!(called.storage, at(BTreeMap::new()));
        let again = message(ticket(EXCHANGER, 30)).storage(called.storage).run();
        assert_eq!(again.unwrap().transfers, [burned(BOB, 30)]);
    }

    #[test]
    fn another_amount_is_another_withdrawal() {
        let storage = paid(29);
        let called = message(ticket(EXCHANGER, 30))
            .storage(storage.clone())
            .run()
            .unwrap();
        assert_eq!(called.transfers, [burned(BOB, 30)]);
        assert_eq!(called.storage, storage);
    }

    #[test]
    fn tickets_of_others_go_to_the_receiver_by_their_ticketer() {
        let called = message(ticket(TOKEN, 30)).storage(paid(30)).run().unwrap();
        let parameter = Value::pair(bytes(&account(BOB)), ticket(TOKEN, 30));
        let sent = operation(&address(TOKEN, "withdraw"), 0, parameter);
        assert_eq!(called.transfers, [sent]);
        assert_eq!(called.storage, paid(30));
    }

    #[test]
    fn refusals() {
        let claim = |receiver: Vec<u8>| {
            let caller = Value::pair(bytes(&[]), bytes(&[3; 20]));
            let details = Value::pair(Value::Int(0), Value::pair(bytes(&receiver), caller));
            let argument = Value::pair(nat(5), details);
            Call::new("fast_withdrawal", "payout_withdrawal", argument).storage(at(BTreeMap::new()))
        };
        fails(claim(account(BOB)).run(), "NO_TEZ");
        fails(
            claim(address([0x99; 20], "")).amount(1).run(),
            "NO_RECEIVER",
        );
        let again = Value::pair(nat(5), details());
        let again = Call::new("fast_withdrawal", "payout_withdrawal", again).storage(paid(30));
        fails(again.amount(30).run(), "ALREADY_PAID");

        let early = || message(ticket(EXCHANGER, 30)).storage(paid(30));
        fails(early().sender(account(BOB)).run(), "NOT_THE_ROLLUP");
        fails(early().amount(1).run(), "NO_TEZ_WANTED");
        let open = |exchanger: [u8; 20]| {
            let end = Value::left(bytes(&account(ALICE)));
            Value::pair(
                Value::pair(end, bytes(&address(exchanger, ""))),
                Value::Map(BTreeMap::new()),
            )
        };
        fails(early().storage(open(EXCHANGER)).run(), "NOT_WIRED");
        let head = Value::pair(
            Value::right(bytes(&ROLLUP)),
            bytes(&address([0x99; 20], "")),
        );
        let other = Value::pair(head, Value::Map(BTreeMap::new()));
        let lost = message(ticket([0x99; 20], 30)).storage(other.clone());
        fails(lost.run(), "NO_EXCHANGER");
        fails(
            message(ticket([0x98; 20], 30)).storage(other).run(),
            "NO_WITHDRAW",
        );
    }
}

mod governance {
    use super::*;
    use support::{Signer, decision, rekey, send};

    /// Two of three.
    fn two_of_three(counter: i128) -> Value {
        let keys = (1..=3)
            .map(|seed| bytes(&Signer::new(seed).key()))
            .collect();
        storage(counter, 2, keys)
    }

    fn call(decision: &Value, signers: &[u8]) -> Call {
        let signed = support::signed(OWN, decision);
        let signatures = signers.iter().map(|seed| {
            let signer = Signer::new(*seed);
            (bytes(&signer.key()), bytes(&signer.sign(&signed)))
        });
        let argument = Value::pair(decision.clone(), Value::Map(signatures.collect()));
        Call::new("governance", "default", argument).storage(two_of_three(4))
    }

    #[test]
    fn enough_keys_send_a_payload_to_the_rollup() {
        let decision = decision(4, 1_000, send(&ROLLUP, &[0xc0]));
        for signers in [&[1, 2][..], &[1, 3], &[1, 2, 3]] {
            let called = call(&decision, signers).run().unwrap();
            let sent = operation(&ROLLUP, 0, Value::right(bytes(&[0xc0])));
            assert_eq!(called.transfers, [sent]);
            assert_eq!(called.storage, two_of_three(5));
        }
    }

    #[test]
    fn enough_keys_replace_keys_and_threshold() {
        let new: Vec<u8> = Signer::new(9).key();
        let decision = decision(4, 1_000, rekey(1, &[&new]));
        let called = call(&decision, &[2, 3]).run().unwrap();
        assert_eq!(called.transfers, []);
        assert_eq!(called.storage, storage(5, 1, [bytes(&new)].into()));
    }

    #[test]
    fn keys_below_the_threshold_decide_nothing() {
        let decision = decision(4, 1_000, send(&ROLLUP, &[0xc0]));
        for signers in [&[][..], &[1]] {
            fails(call(&decision, signers).run(), "NOT_ENOUGH_SIGNATURES");
        }
        fails(call(&decision, &[1, 9]).run(), "UNKNOWN_KEY");
    }

    #[test]
    fn a_decision_counts_once_and_not_for_ever() {
        let replayed = decision(4, 1_000, send(&ROLLUP, &[0xc0]));
        let replayed = call(&replayed, &[1, 2]).storage(two_of_three(5));
        fails(replayed.run(), "OTHER_COUNTER");
        let early = decision(5, 1_000, send(&ROLLUP, &[0xc0]));
        fails(call(&early, &[1, 2]).run(), "OTHER_COUNTER");
        let late = decision(4, 999, send(&ROLLUP, &[0xc0]));
        fails(call(&late, &[1, 2]).run(), "EXPIRED");
    }

    /// Of another chain, another contract, another decision.
    #[test]
    fn a_signature_holds_for_what_was_signed_alone() {
        let signed = decision(4, 1_000, send(&ROLLUP, &[0xc0]));
        fails(call(&signed, &[1, 2]).chain([9; 4]).run(), "BAD_SIGNATURE");
        fails(
            call(&signed, &[1, 2]).own([0x55; 20]).run(),
            "BAD_SIGNATURE",
        );
        let signatures = |decision: &Value| {
            let bytes = support::signed(OWN, decision);
            let both = [1, 2].map(Signer::new);
            let both = both.map(|one| {
                (
                    support::bytes(&one.key()),
                    support::bytes(&one.sign(&bytes)),
                )
            });
            Value::Map(both.into())
        };
        let mut other = ROLLUP;
        other[1] = 9;
        let elsewhere = decision(4, 1_000, send(&other, &[0xc0]));
        for other in [
            decision(4, 1_000, send(&ROLLUP, &[0xc1])),
            decision(4, 1_001, send(&ROLLUP, &[0xc0])),
            elsewhere,
        ] {
            let argument = Value::pair(other, signatures(&signed));
            let call = Call::new("governance", "default", argument).storage(two_of_three(4));
            fails(call.run(), "BAD_SIGNATURE");
        }
    }

    #[test]
    fn what_would_lock_governance_out_is_refused() {
        let key = Signer::new(1).key();
        let none = decision(4, 1_000, rekey(0, &[&key]));
        fails(call(&none, &[1, 2]).run(), "NO_THRESHOLD");
        for keys in [&[][..], &[&key[..]]] {
            let few = decision(4, 1_000, rekey(2, keys));
            fails(call(&few, &[1, 2]).run(), "TOO_FEW_KEYS");
        }
        let nowhere = decision(4, 1_000, send(&account(BOB), &[0xc0]));
        fails(call(&nowhere, &[1, 2]).run(), "NOT_A_ROLLUP");
        let paid = decision(4, 1_000, send(&ROLLUP, &[0xc0]));
        fails(call(&paid, &[1, 2]).amount(1).run(), "NO_TEZ_WANTED");
    }
}

/// Each `FAILWITH` with a word is reached by a test above: the words are in this file.
#[test]
fn every_refusal_has_a_test() {
    let tests = include_str!("contracts.rs");
    let mut words = 0;
    for name in support::NAMES {
        for line in support::text(name).lines() {
            let Some((_, rest)) = line.split_once("PUSH string \"") else {
                continue;
            };
            let word = rest.split('"').next().unwrap();
            assert!(tests.contains(&format!("\"{word}\"")), "{name}: {word}");
            words += 1;
        }
    }
    assert!(words > 40, "{words} refusals");
}

/// `calls.jsonl` is what the tests above did, for other interpreters
/// (`e2e_tests/clients/pytezos`): `RECORD_CALLS=FILE cargo test --test michelson contracts::` writes it.
#[test]
fn the_recorded_calls_are_those_of_the_scripts() {
    let mut scripts = std::collections::BTreeSet::new();
    for line in include_str!("calls.jsonl").lines() {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        let call = Call::read(&record);
        assert_eq!(support::gives(&call.run()), record["gives"], "{line:.200}");
        scripts.insert(record["script"].as_str().unwrap().to_owned());
    }
    assert_eq!(scripts.len(), support::NAMES.len());
}

/// `scripts.json` is the Micheline of the scripts, for other parsers
/// (`e2e_tests/clients/contracts.mjs`): `RECORD_SCRIPTS=FILE cargo test --test michelson contracts::`
/// writes it.
#[test]
fn the_recorded_scripts_are_those_of_the_folder() {
    let scripts: serde_json::Map<_, _> = support::NAMES
        .iter()
        .map(|name| ((*name).to_owned(), script(name).script().to_json()))
        .collect();
    let text = serde_json::to_string(&scripts).unwrap() + "\n";
    if let Some(path) = std::env::var_os("RECORD_SCRIPTS") {
        std::fs::write(path, &text).unwrap();
    }
    let recorded =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/scripts.json"));
    assert_eq!(recorded.unwrap(), text);
}

#[test]
fn the_content_of_tickets_is_pair_0_none() {
    let Value::Ticket(ticket) = ticket(OWN, 1) else {
        panic!("no ticket");
    };
    let Ticket { content, .. } = *ticket;
    assert_eq!(
        encoding::binary(&encoding::write(&content)).unwrap(),
        CONTENT
    );
}
