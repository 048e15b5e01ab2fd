//! Whatever is done, no tez and no tokens are made or lost, and every ticket has
//! something behind it.

use layer1::contracts::{Bridge, Code, TokenWrapper};
use layer1::devnet::{self, BALANCE, Contracts, TOKENS};
use layer1::michelson::Michelson;
use layer1::outbox::{OutboxPosition, Parameters};
use layer1::value::{Ticket, TicketId, Type};
use layer1::{Account, Address, Layer1, Mutez};
use messages::contract::Contract;
use messages::micheline::Node;
use messages::outbox::{Entrypoint, Message, Transaction};
use proptest::collection::vec;
use proptest::prelude::*;

const ROLLUP: [u8; 20] = [0x77; 20];

#[derive(Clone, Debug)]
enum Act {
    Deposit(usize, u64),
    DepositTokens(usize, u128),
    /// The rollup writes a batch of withdrawals: tokens or tez, to whom, how many.
    Write(Vec<(bool, usize, u128)>),
    Execute(usize, u32, u32),
    Level,
}

fn acts() -> impl Strategy<Value = Act> {
    let amount = 0..20_u64;
    prop_oneof![
        (0..3_usize, amount).prop_map(|(who, amount)| Act::Deposit(who, amount)),
        (0..3_usize, 0..20_u128).prop_map(|(who, amount)| Act::DepositTokens(who, amount)),
        vec((any::<bool>(), 0..3_usize, 1..20_u128), 1..4).prop_map(Act::Write),
        (0..3_usize, 0..30_u32, 0..2_u32).prop_map(|(who, level, at)| Act::Execute(who, level, at)),
        Just(Act::Level),
    ]
}

/// A rollup's outbox message that gives tickets back.
fn batch(withdrawals: &[(bool, usize, u128)]) -> Vec<u8> {
    let at = Contracts::default();
    let parameters: Vec<(Vec<u8>, [u8; 20], &str)> = withdrawals
        .iter()
        .map(|(tokens, who, amount)| {
            let (contract, entrypoint) = match tokens {
                true => (at.token_wrapper, "withdraw"),
                false => (at.exchanger, "burn"),
            };
            let receiver = Contract::Implicit(devnet::accounts()[*who]);
            let receiver = Address::from(Account::from(receiver));
            let ticket = Ticket {
                id: TicketId::of(contract),
                amount: *amount,
            };
            (
                (receiver, ticket).into_value().encode(),
                contract,
                entrypoint,
            )
        })
        .collect();
    let calls = parameters
        .iter()
        .map(|(bytes, destination, name)| Transaction {
            parameters: Node::parse(bytes).unwrap(),
            destination: *destination,
            entrypoint: Entrypoint::new(name).unwrap(),
        });
    Message::Batch(calls.collect()).encode()
}

fn check(layer1: &Layer1, supply: u128) {
    let at = Contracts::default();
    let tickets = |ticketer| {
        let id = TicketId::of(ticketer);
        layer1.ledger().tickets(Account::Rollup(ROLLUP), &id)
    };
    assert_eq!(layer1.ledger().supply(), supply);
    let pool = layer1.ledger().balance(&Contract::Originated(at.exchanger));
    assert_eq!(u128::from(pool.0), tickets(at.exchanger));
    let Some(Code::Token(token)) = layer1.contract(&at.token) else {
        panic!("no token");
    };
    let wrapped = token.balance(Account::originated(at.token_wrapper));
    assert_eq!(wrapped, tickets(at.token_wrapper));
    assert_eq!(token.balances.values().sum::<u128>(), 3 * TOKENS);
}

proptest! {
    #[test]
    fn every_ticket_has_something_behind_it(acts in vec(acts(), 0..60)) {
        let parameters = Parameters {
            commitment_period: 2,
            challenge_window: 2,
            ..Parameters::default()
        };
        let at = Contracts::default();
        let mut layer1 = devnet::layer1(ROLLUP, parameters).unwrap();
        let supply = layer1.ledger().supply();
        prop_assert_eq!(supply, 3 * u128::from(BALANCE.0));
        let mut written = Vec::new();
        for act in acts {
            // Layer 1 may refuse: then nothing changes, which is checked too.
            match act {
                Act::Deposit(who, amount) => {
                    let call = Bridge::deposit(at.bridge, ROLLUP, vec![1; 20], Mutez(amount));
                    let done = layer1.operate(&devnet::accounts()[who], call);
                    prop_assert_eq!(done.is_ok(), amount > 0);
                }
                Act::DepositTokens(who, amount) => {
                    let code = TokenWrapper { token: at.token };
                    let calls = code.deposit(at.token_wrapper, ROLLUP, vec![1; 20], amount);
                    let done = layer1.operate_all(&devnet::accounts()[who], calls);
                    prop_assert_eq!(done.is_ok(), amount > 0);
                }
                Act::Write(withdrawals) => written.push(batch(&withdrawals)),
                Act::Execute(who, level, index) => {
                    let _ = layer1.execute(&devnet::accounts()[who], OutboxPosition { level, index });
                }
                Act::Level => {
                    let outbox = std::mem::take(&mut written);
                    layer1.end_level(layer1.level(), Vec::new(), outbox);
                }
            }
            check(&layer1, supply);
        }
    }

    #[test]
    fn any_bytes_are_a_value_or_none(bytes in vec(any::<u8>(), 0..200)) {
        if let Ok((node, _)) = Node::split(&bytes)
            && let Some(value) = Type::rollup().read(node)
        {
            let again = value.encode();
            prop_assert_eq!(Type::rollup().read(Node::parse(&again).unwrap()), Some(value));
        }
    }
}
