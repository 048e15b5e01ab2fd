//! The places in the outbox: a level takes 100 messages, and who fills them makes
//! everybody wait.

use alloy_primitives::{Address, Bytes, TxKind, U256};
use e2e_tests::layer1::TICKETER;
use e2e_tests::{Rollup, Setup, User, events};
use messages::outbox::Message;
use messages::ticket::Ticket;
use pvm::{LevelReport, Metering};
use solidity_fixtures::bridge::native::{self, NativeBridge};
use solidity_fixtures::traveller::flooder;
use storage::Config;

const TARGET: &str = "tz1Ke2h7sDdakHJQh8WX4Z372du1KChsksyU";

/// The levels that an attack lasts.
const LEVELS: u64 = 30;

/// The gas of each of the attacker's transactions, and how many there are in a level.
const GAS: u64 = 16_700_000;
const FLOODS: usize = 2;

/// Wasm instructions for a unit of gas, at most.
const INSTRUCTIONS: u64 = 80;

fn wei(mutez: u64) -> U256 {
    U256::from(mutez) * U256::from(1_000_000_000_000_u64)
}

/// The mutez that a message pays out.
fn mutez(message: &[u8]) -> u64 {
    let Ok(Message::Batch(batch)) = Message::parse(message) else {
        panic!("{message:?}");
    };
    let [_, ticket] = batch[0].parameters.pair().unwrap();
    Ticket::from_node(ticket).unwrap().amount.to_u64().unwrap()
}

struct Scene {
    rollup: Rollup,
    eve: User,
    honest: User,
    flooder: Address,
}

/// The result of an attack of [`LEVELS`] levels.
#[derive(Debug)]
struct Attack {
    /// The wei that it cost, in each level.
    cost: U256,
    /// After how many levels each honest withdrawal left: 1 is the level that
    /// brought it.
    delays: Vec<u64>,
    /// The highest price of a place that honest withdrawals paid, in wei.
    price: U256,
}

impl Scene {
    fn new() -> Self {
        let (mut eve, honest) = (User::new("eve"), User::new("honest"));
        let mut rollup = Rollup::new(&Setup {
            config: Config {
                ticketer: Some(TICKETER),
                ..Config::default()
            },
            metering: Metering::Full,
            ..Setup::funded(&[&eve, &honest])
        });
        rollup.empty_level();
        let flooder = eve.address.create(eve.nonce);
        let code = flooder::deploy();
        let wealth = wei(50_000_000_000);
        let deploy = eve.send(1337, TxKind::Create, U256::ZERO, code, 5_000_000);
        let endow = eve.send(1337, TxKind::Call(flooder), wealth, Bytes::new(), 50_000);
        rollup.level(&[deploy.encode(), endow.encode()]);
        assert_eq!(rollup.account(flooder).balance, wealth);
        Self {
            rollup,
            eve,
            honest,
            flooder,
        }
    }

    /// The attacker's wealth.
    fn wealth(&self) -> U256 {
        let accounts = [self.eve.address, self.flooder];
        let balances = accounts.map(|account| self.rollup.account(account).balance);
        balances.into_iter().sum()
    }

    /// The attacker calls `flood` in each level, and behind it an honest user
    /// withdraws, ready to pay `most` for the place.
    fn attack(mut self, flood: &Bytes, most: U256) -> Attack {
        let start = self.wealth();
        let mut honest = Vec::new();
        let mut attack = Attack {
            cost: U256::ZERO,
            delays: Vec::new(),
            price: U256::ZERO,
        };
        for level in 0..LEVELS + 2 {
            let mut raws = Vec::new();
            if level < LEVELS {
                for _ in 0..FLOODS {
                    let to = TxKind::Call(self.flooder);
                    let raw = self.eve.send(1337, to, U256::ZERO, flood.clone(), GAS);
                    raws.push(raw.encode());
                }
                let amount = 1_000_000 + level;
                let call = native::withdraw_exact(TARGET, wei(amount));
                let (to, value) = (TxKind::Call(native::ADDRESS), wei(amount) + most);
                let raw = self.honest.send(1337, to, value, call, 300_000);
                raws.push(raw.encode());
                honest.push((amount, level));
            }
            let number = self.rollup.head().number;
            let report = self.level(&raws);
            for paid in report.outbox.iter().map(|message| mutez(message)) {
                if let Some(at) = honest.iter().position(|(amount, _)| *amount == paid) {
                    attack.delays.push(level + 1 - honest.remove(at).1);
                }
            }
            for included in self.rollup.since(number) {
                let ours = included.transaction.sender == self.honest.address;
                assert!(!ours || included.receipt.success, "level {level}");
                for paid in events::<NativeBridge::OutboxPaid>(&[included]) {
                    if ours {
                        attack.price = attack.price.max(paid.price);
                    }
                }
            }
        }
        assert_eq!(honest, [], "all leave");
        attack.cost = (start - self.wealth()) / U256::from(LEVELS);
        attack
    }

    /// Runs a level whose work stays what its gas says.
    fn level(&mut self, raws: &[Vec<u8>]) -> LevelReport {
        let number = self.rollup.head().number;
        let report = self.rollup.level(raws);
        let instructions: u64 = report.runs.iter().map(|run| run.instructions).sum();
        let included = self.rollup.since(number).into_iter();
        let used: u64 = included.map(|one| one.receipt.gas_used).sum();
        let most = INSTRUCTIONS * used.max(500_000);
        assert!(instructions < most, "{instructions} for {used} gas");
        report
    }
}

/// Before: withdrawals of 1 mutez for 0.2 tez of gas a level, and everybody waited 30
/// levels longer for each.
#[test]
fn a_loop_of_withdrawals_that_pay_nothing_fills_half_a_level() {
    let flood = flooder::insist(TARGET, wei(1), 1_000);
    let attack = Scene::new().attack(&flood, wei(1_600));
    assert!(
        attack.delays.iter().all(|levels| *levels == 1),
        "{attack:?}"
    );
    assert_eq!(attack.price, wei(1_600));
}

/// An attacker who pays for every place, up to a price, takes all that a level's
/// outbox has, and more.
#[test]
fn to_make_others_wait_a_level_costs_more_than_a_tez_for_each() {
    for most in [wei(150_000), wei(10_000_000), wei(100_000_000)] {
        let flood = flooder::flood(TARGET, wei(1), 1_000, most);
        let attack = Scene::new().attack(&flood, most * U256::from(2));
        assert!(attack.delays.contains(&2), "it does delay: {attack:?}");
        assert!(
            attack.delays.iter().all(|levels| *levels <= 2),
            "{attack:?}"
        );
        assert!(attack.cost > wei(1_000_000), "{attack:?}");
        // An honest place costs a small part of what the attack does.
        assert!(attack.price * U256::from(5) < attack.cost, "{attack:?}");
    }
}
