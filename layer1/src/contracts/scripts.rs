//! The code here against the scripts of `contracts/layer1`, call by call: the same calls
//! byte by byte, the same storage, the same refusals.

use super::{Bridge, Claim, Code, DelayedInbox, Exchanger, FastWithdrawal, Frame, TokenWrapper};
use crate::account::{Account, Address, Mutez};
use crate::failure::Failure;
use crate::ledger::Ledger;
use crate::michelson::{Michelson, Timestamp};
use crate::value::{Ticket, TicketId, Value};
use messages::contract::Contract as Tezos;
use michelson::run::{self, Context};
use michelson::{Contract, Node, Type, encoding};
use proptest::prelude::*;
use std::collections::BTreeMap;

const OWN: [u8; 20] = [0x11; 20];
const EXCHANGER: [u8; 20] = [0x22; 20];
const TOKEN: [u8; 20] = [0x33; 20];
const ROLLUP: [u8; 20] = [0x44; 20];

/// Everybody is there and takes everything: who is not is no matter of the code here.
struct World;

impl run::World for World {
    fn takes(&self, _: &[u8], _: &Type) -> bool {
        true
    }

    fn is_signed(&self, _: &[u8], _: &[u8], _: &[u8]) -> bool {
        true
    }
}

fn script(name: &str) -> Contract {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../contracts/layer1");
    let text = std::fs::read_to_string(format!("{folder}/{name}.tz")).unwrap();
    Contract::parse(&text).unwrap()
}

/// The storage that the code here stands for, as a node of the script's.
fn storage(code: &Code) -> Node {
    let address = |hash: [u8; 20]| Node::Bytes(Address::from(Account::originated(hash)).encode());
    let rollup = |hash: [u8; 20]| {
        let bytes = Address::from(Account::Rollup(hash)).encode();
        Node::prim("Right", vec![Node::Bytes(bytes)])
    };
    match code {
        Code::Exchanger(_) => Node::prim("Unit", vec![]),
        Code::Bridge(bridge) => {
            let request = bridge.request.clone().map_or_else(
                || Node::prim("None", vec![]),
                |request| {
                    let bytes = request.into_value().encode();
                    Node::prim("Some", vec![encoding::from_binary(&bytes).unwrap()])
                },
            );
            Node::prim("Pair", vec![address(bridge.exchanger), request])
        }
        Code::DelayedInbox(inbox) => rollup(inbox.rollup),
        Code::TokenWrapper(wrapper) => Node::prim("Left", vec![address(wrapper.token)]),
        Code::FastWithdrawal(fast) => {
            let mut paid: Vec<_> = fast.paid.iter().map(|(key, who)| paid(key, who)).collect();
            // As Michelson orders keys: by the small numbers in front.
            paid.sort_by_key(|(key, _)| key.encode());
            let paid = paid.into_iter().map(|(key, who)| {
                let key = encoding::from_binary(&key.encode()).unwrap();
                Node::prim("Elt", vec![key, Node::Bytes(who)])
            });
            let head = Node::prim("Pair", vec![rollup(fast.rollup), address(fast.exchanger)]);
            Node::prim("Pair", vec![head, Node::Sequence(paid.collect())])
        }
        other => panic!("no script for {other:?}"),
    }
}

/// A claim as a key of the script, and who paid.
fn paid((claim, amount): &(Claim, u128), who: &Address) -> (Value, Vec<u8>) {
    let Claim {
        id,
        timestamp,
        receiver,
        payload,
        caller,
    } = claim.clone();
    let details = (timestamp, (receiver, (payload, caller)));
    ((*amount, (id, details)).into_value(), who.encode())
}

type Call = (Vec<u8>, u64, Vec<u8>);

/// Runs both on one call; gives what both did.
fn both(
    name: &str,
    code: &mut Code,
    (entrypoint, parameter): (&str, Value),
    sender: Account,
    amount: u64,
) -> Result<Vec<Call>, String> {
    let contract = script(name);
    let before = encoding::read(&storage(code), contract.storage()).unwrap();
    let node = encoding::from_binary(&parameter.encode()).unwrap();
    let argument = encoding::read(&node, &contract.entrypoint(entrypoint).unwrap()).unwrap();
    let context = Context {
        own: Address::from(Account::originated(OWN)).encode(),
        sender: Address::from(sender).encode(),
        amount,
        now: 0,
        chain_id: [0; 4],
    };
    let called = contract.call((entrypoint, argument), before, &context, &World);
    let theirs = called
        .as_ref()
        .map(|called| {
            let calls = called.transfers.iter().map(|transfer| {
                let parameter = encoding::write(&transfer.parameter);
                let bytes = encoding::binary(&parameter).unwrap();
                (transfer.destination.clone(), transfer.amount, bytes)
            });
            calls.collect()
        })
        .map_err(|failure| match failure {
            run::Failure::With(Node::Text(word)) => word.clone(),
            other => other.to_string(),
        });

    let mut ledger = Ledger::default();
    // As the operation that brings tickets leaves them.
    for ticket in parameter.tickets() {
        ledger.mint(Account::originated(OWN), ticket).unwrap();
    }
    let mut frame = Frame {
        ledger: &mut ledger,
        own: OWN,
        sender,
        amount: Mutez(amount),
        rollup: ROLLUP,
        now: 0,
    };
    let ours = code
        .call(&mut frame, entrypoint, parameter)
        .map(|calls| {
            let calls = calls.iter().map(|call| {
                let bytes = call.parameter.encode();
                (call.destination.encode(), call.amount.0, bytes)
            });
            calls.collect()
        })
        .map_err(|failure| match failure {
            Failure::FailWith { why, .. } => why.into_owned(),
            other => other.to_string(),
        });
    assert_eq!(ours, theirs, "{name} %{entrypoint}");
    if let Ok(called) = called {
        let after = encoding::read(&storage(code), contract.storage()).unwrap();
        assert_eq!(after, called.storage, "{name} %{entrypoint}");
    }
    ours
}

fn account(byte: u8) -> Account {
    let mut account = [byte; 21];
    account[0] = byte % 4;
    Tezos::Implicit(account).into()
}

fn anybody() -> impl Strategy<Value = Account> {
    prop_oneof![
        any::<u8>().prop_map(account),
        Just(Account::originated(EXCHANGER)),
        Just(Account::originated(OWN)),
        Just(Account::Rollup(ROLLUP)),
    ]
}

fn amounts() -> impl Strategy<Value = u64> {
    prop_oneof![
        Just(0),
        Just(999_999),
        1..5_000_000_u64,
        Just(i64::MAX as u64)
    ]
}

fn tickets() -> impl Strategy<Value = Ticket> {
    let ticketer = prop_oneof![Just(OWN), Just(EXCHANGER), Just(TOKEN)];
    (ticketer, 1..=u128::from(u64::MAX >> 1)).prop_map(|(ticketer, amount)| Ticket {
        id: TicketId::of(ticketer),
        amount,
    })
}

fn bytes(most: usize) -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), 0..most)
}

fn rollup() -> Address {
    Account::Rollup(ROLLUP).into()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn exchanger(ticket in tickets(), receiver in anybody(), sender in anybody(), amount in amounts()) {
        let mut code = Code::Exchanger(Exchanger);
        let callback = Account::originated(TOKEN).at("callback");
        let _ = both("exchanger", &mut code, ("mint", callback.into_value()), sender, amount);
        let burn = (Address::from(receiver), ticket).into_value();
        let _ = both("exchanger", &mut code, ("burn", burn), sender, amount);
    }

    #[test]
    fn bridge(
        ticket in tickets(),
        routing in bytes(80),
        sender in anybody(),
        amount in amounts(),
        pending: bool,
    ) {
        let request = (rollup(), routing);
        let mut code = Code::Bridge(Bridge {
            exchanger: EXCHANGER,
            request: pending.then(|| request.clone()),
        });
        let deposit = ("deposit", request.into_value());
        let _ = both("bridge", &mut code, deposit, sender, amount);
        // By anybody, then by the exchanger.
        for sender in [sender, Account::originated(EXCHANGER)] {
            let callback = ("callback", ticket.clone().into_value());
            let _ = both("bridge", &mut code, callback, sender, 0);
        }
    }

    #[test]
    fn delayed_inbox(transaction in bytes(10_000), sender in anybody(), amount in amounts()) {
        let mut code = Code::DelayedInbox(DelayedInbox { rollup: ROLLUP });
        let parameter = ("default", transaction.into_value());
        let _ = both("delayed_inbox", &mut code, parameter, sender, amount);
    }

    #[test]
    fn token_wrapper(
        ticket in tickets(),
        (routing, tokens) in (bytes(80), 0..u128::from(u64::MAX)),
        (sender, receiver) in (anybody(), anybody()),
        amount in prop_oneof![3 => Just(0), 1 => amounts()],
    ) {
        let mut code = Code::TokenWrapper(TokenWrapper { token: TOKEN });
        let deposit = (tokens, (routing, rollup())).into_value();
        let _ = both("token_wrapper", &mut code, ("deposit", deposit), sender, amount);
        let withdraw = (Address::from(receiver), ticket).into_value();
        let _ = both("token_wrapper", &mut code, ("withdraw", withdraw), sender, amount);
    }

    #[test]
    fn fast_withdrawal(
        steps in proptest::collection::vec((0..3_u8, 0..2_u128, 1..3_u64, anybody(), 0..4_u8), 1..12),
    ) {
        let mut code = Code::FastWithdrawal(FastWithdrawal {
            exchanger: EXCHANGER,
            rollup: ROLLUP,
            paid: BTreeMap::new(),
        });
        for (kind, id, amount, sender, rare) in steps {
            let details = (
                Timestamp(1_700_000_000),
                (Address::from(account(1)), (vec![id as u8], vec![3; 20])),
            );
            if kind == 0 {
                let amount = if rare == 0 { 0 } else { amount };
                let claim = ("payout_withdrawal", (id, details).into_value());
                let _ = both("fast_withdrawal", &mut code, claim, sender, amount);
                continue;
            }
            let ticketer = if kind == 1 { EXCHANGER } else { TOKEN };
            let ticket = Ticket { id: TicketId::of(ticketer), amount: amount.into() };
            let message = ("default", (id, (ticket, details)).into_value());
            let sender = if rare == 1 { sender } else { Account::Rollup(ROLLUP) };
            let _ = both("fast_withdrawal", &mut code, message, sender, u64::from(rare == 2));
        }
    }
}

/// The properties reach what they are about: each entrypoint goes through once.
#[test]
fn calls_that_go_through_are_among_them() {
    let alice = account(1);
    let mut code = Code::Exchanger(Exchanger);
    let callback = Account::originated(TOKEN).at("callback").into_value();
    let minted = both("exchanger", &mut code, ("mint", callback), alice, 7).unwrap();
    assert_eq!(minted.len(), 1);
    let mut code = Code::DelayedInbox(DelayedInbox { rollup: ROLLUP });
    let long = vec![7_u8; 255 * 4_000].into_value();
    let sent = both(
        "delayed_inbox",
        &mut code,
        ("default", long),
        alice,
        1_000_000,
    )
    .unwrap();
    assert_eq!(sent.len(), 257);
    let longer = vec![7_u8; 255 * 4_000 + 1].into_value();
    let refused = both(
        "delayed_inbox",
        &mut code,
        ("default", longer),
        alice,
        1_000_000,
    );
    assert_eq!(refused, Err("TOO_LONG".to_owned()));
}
