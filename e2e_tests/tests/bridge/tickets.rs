//! The way of tickets: after every level of random deposits, claims, redirections,
//! decisions and withdrawals, what came in is somebody's, waits, or left. A proxy
//! holds as much as it gave out.

use super::scene::{ROLLUP, answer, ask, deploy, rollup, send};
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, keccak256};
use e2e_tests::layer1::{self, CONTENT, GOVERNANCE};
use e2e_tests::{Rollup, User, events};
use ethereum::rlp::{Encode, encode_list};
use messages::contract::Contract;
use messages::outbox::Message;
use messages::ticket::Ticket;
use proptest::prelude::*;
use solidity_fixtures::bridge::fa::{self, FaBridge};
use solidity_fixtures::bridge::{native, token};
use solidity_fixtures::traveller::{easygoing, fickle, flooder};
use solidity_fixtures::{SolCall, erc20};

const TICKETER: Contract = Contract::Originated([0x55; 20]);
const TARGET: &str = "tz1Ke2h7sDdakHJQh8WX4Z372du1KChsksyU";
const USERS: usize = 2;

/// Something that happens at a level. A place is a user, or one of the contracts.
#[derive(Clone, Copy, Debug)]
enum Act {
    /// Tickets for a place, without a proxy.
    Deposit { to: usize, amount: u64 },
    /// Tickets for a user by a place, which may be no proxy at all.
    DepositBy { to: usize, by: usize, amount: u64 },
    /// Tickets for nobody.
    DepositToNobody { amount: u64 },
    /// A user claims the deposit with this number for whomever it is.
    Claim { from: usize, id: u64 },
    /// A user sends a deposit another way.
    Redirect {
        from: usize,
        id: u64,
        to: usize,
        by: usize,
    },
    /// Governance gives a deposit to a user.
    Assign { id: u64, to: usize },
    /// A user withdraws what a place has, with some mutez for the price.
    Withdraw {
        from: usize,
        of: usize,
        amount: u64,
        mutez: u64,
    },
    /// The outbox fills, so that places cost something.
    Flood,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let (user, place) = (0..USERS, 0..USERS + 3);
    let (amount, id) = (1..100_u64, 0..12_u64);
    let act =
        prop_oneof![
            (place.clone(), amount.clone()).prop_map(|(to, amount)| Act::Deposit { to, amount }),
            (user.clone(), place.clone(), amount.clone())
                .prop_map(|(to, by, amount)| Act::DepositBy { to, by, amount }),
            amount
                .clone()
                .prop_map(|amount| Act::DepositToNobody { amount }),
            (user.clone(), id.clone()).prop_map(|(from, id)| Act::Claim { from, id }),
            (user.clone(), id.clone(), user.clone(), place.clone())
                .prop_map(|(from, id, to, by)| Act::Redirect { from, id, to, by }),
            (id, user.clone()).prop_map(|(id, to)| Act::Assign { id, to }),
            (user, place, amount, 0..10_000_u64).prop_map(|(from, of, amount, mutez)| {
                Act::Withdraw {
                    from,
                    of,
                    amount,
                    mutez,
                }
            }),
            Just(Act::Flood),
        ];
    prop::collection::vec(act, 0..10)
}

fn ticket() -> B256 {
    keccak256([&TICKETER.encode()[..], &CONTENT].concat())
}

fn wei(mutez: u64) -> U256 {
    U256::from(mutez) * U256::from(super::scene::MUTEZ)
}

struct Scene {
    rollup: Rollup,
    users: Vec<User>,
    /// The users, then a ticket's ERC-20, a proxy that takes nothing, and a wallet
    /// that takes any call.
    places: Vec<Address>,
    flooder: Address,
    deposited: U256,
    assigned: u64,
    sent: U256,
}

impl Scene {
    fn new() -> Self {
        let mut users: Vec<User> = (0..USERS)
            .map(|user| User::new(&format!("user {user}")))
            .collect();
        let mut rollup = rollup(&users.iter().collect::<Vec<_>>());
        let mut places: Vec<Address> = users.iter().map(|user| user.address).collect();
        for code in [
            token::deploy(ticket()),
            fickle::deploy(),
            easygoing::deploy(),
        ] {
            places.push(deploy(&mut rollup, &mut users[0], code));
        }
        let flooder = deploy(&mut rollup, &mut users[0], flooder::deploy());
        Self {
            rollup,
            users,
            places,
            flooder,
            deposited: U256::ZERO,
            assigned: 0,
            sent: U256::ZERO,
        }
    }

    fn deposit(&mut self, routing: &[u8], amount: u64) -> Vec<u8> {
        self.deposited += U256::from(amount);
        let payload = layer1::deposit(routing, TICKETER, &CONTENT, &amount.to_be_bytes());
        layer1::transfer(ROLLUP, [0x70; 20], &payload)
    }

    fn message(&mut self, act: Act) -> Vec<u8> {
        let place = |at: usize| self.places[at];
        let (from, value, input) = match act {
            Act::Deposit { to, amount } => {
                let to = place(to);
                return self.deposit(to.as_slice(), amount);
            }
            Act::DepositBy { to, by, amount } => {
                let routing = [place(to), place(by)].map(|place| place.0.0).concat();
                return self.deposit(&routing, amount);
            }
            Act::DepositToNobody { amount } => return self.deposit(&[7; 19], amount),
            Act::Assign { id, to } => {
                let (name, rollup) = (Bytes::from_static(b"assign-tickets"), Address::new(ROLLUP));
                let to = place(to);
                let items: [&dyn Encode; 5] = [&name, &rollup, &self.assigned, &id, &to];
                return layer1::governance(ROLLUP, GOVERNANCE, &encode_list(&items));
            }
            Act::Flood => {
                let call = flooder::flood(TARGET, wei(1), 60, U256::MAX);
                let to = TxKind::Call(self.flooder);
                let signed = self.users[0].send(1337, to, wei(1_000_000), call, 8_000_000);
                return self.rollup.simple(&signed.encode());
            }
            Act::Claim { from, id } => (from, U256::ZERO, fa::claim(id)),
            Act::Redirect { from, id, to, by } => {
                (from, U256::ZERO, fa::redirect(id, place(to), place(by)))
            }
            Act::Withdraw {
                from,
                of,
                amount,
                mutez,
            } => {
                let receiver = Contract::Implicit([0; 21]).encode();
                let proxy = Contract::Originated([0x66; 20]).encode();
                let withdrawal = fa::Withdrawal {
                    owner: place(of),
                    routing: &[receiver, proxy].concat(),
                    amount: U256::from(amount),
                    ticketer: TICKETER.encode(),
                    content: &CONTENT,
                };
                (from, wei(mutez), withdrawal.call())
            }
        };
        let raw = send(&mut self.users[from], fa::ADDRESS, value, input);
        self.rollup.simple(&raw)
    }

    fn level(&mut self, acts: &[Act]) {
        let messages = acts.iter().map(|act| self.message(*act)).collect();
        let report = self.rollup.level_of(messages);
        self.sent += report.outbox.iter().map(|one| tickets(one)).sum::<U256>();
        self.assigned = self.number(fa::ADDRESS, native::assigned()).to();
    }

    fn number(&self, to: Address, input: Bytes) -> U256 {
        ask(&self.rollup, to, input)
    }

    fn check(&self) {
        let mut owned = U256::ZERO;
        for place in &self.places {
            owned += self.number(fa::ADDRESS, fa::balance_of(ticket(), *place));
        }
        let queued = events::<FaBridge::QueuedDeposit>(&self.rollup.since(0)).len() as u64;
        let waiting: U256 = (0..queued)
            .map(|id| {
                let entry = answer(&self.rollup, fa::ADDRESS, fa::queue(id));
                let entry = FaBridge::queuedCall::abi_decode_returns(&entry);
                entry.expect("an entry").amount
            })
            .sum();
        let values = self.rollup.values().into_iter();
        let leaving: U256 = values
            .filter(|(path, _)| path.starts_with("/evm/state/x/m/"))
            .map(|(_, message)| tickets(&message))
            .sum();
        assert_eq!(self.deposited, owned + waiting + leaving + self.sent);

        let token = self.places[USERS];
        let supply = self.number(token, erc20::total_supply());
        let held = self.number(fa::ADDRESS, fa::proxied(ticket(), token));
        assert_eq!(supply, held);
        // All value was burned as the price or came back.
        assert_eq!(self.rollup.account(fa::ADDRESS).balance, U256::ZERO);
        let withdrawn = events::<FaBridge::Withdrawal>(&self.rollup.since(0));
        let told: U256 = withdrawn.iter().map(|event| event.amount).sum();
        assert_eq!(told, leaving + self.sent);
    }
}

/// The tickets that a message brings, native ones excepted.
fn tickets(message: &[u8]) -> U256 {
    let Ok(Message::Batch(batch)) = Message::parse(message) else {
        panic!("{message:?}");
    };
    let [_, ticket] = batch[0].parameters.pair().unwrap();
    let ticket = Ticket::from_node(ticket).unwrap();
    if ticket.ticketer != TICKETER {
        return U256::ZERO;
    }
    U256::from(ticket.amount.to_u64().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        max_shrink_iters: 200,
        ..ProptestConfig::with_cases(std::env::var("PROPTEST_CASES").map_or(24, |cases| cases.parse().unwrap()))
    })]

    #[test]
    fn tickets_that_came_in_are_somewhere(levels in prop::collection::vec(acts(), 8)) {
        let mut scene = Scene::new();
        for acts in &levels {
            scene.level(acts);
            scene.check();
        }
    }
}
