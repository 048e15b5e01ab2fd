//! The way of wei that come from layer 1 and go back: after every level of
//! random deposits, calls, withdrawals, claims and traps, what came in is what is
//! there, was burned as a fee, waits to be claimed, or is on its way out. To the
//! wei.

use super::scene::{MUTEZ, config, deploy, kept, rollup_with, send};
use alloy_primitives::{Address, Bytes, TxKind, U256};
use e2e_tests::{Included, Rollup, User, events};
use ethereum::transaction::{Transaction, decode_included};
use messages::outbox::Message;
use messages::ticket::Ticket;
use proptest::prelude::*;
use solidity_fixtures::bridge::native::{self, NativeBridge};
use solidity_fixtures::traveller::{self, Mood, flooder};
use storage::Account;
use storage::table::Value;

const TARGET: &str = "tz1Ke2h7sDdakHJQh8WX4Z372du1KChsksyU";
const RECIPIENT: Address = Address::repeat_byte(0xfe);
const USERS: usize = 3;

/// Something that happens at a level.
#[derive(Clone, Copy, Debug)]
enum Act {
    /// Tickets for a user.
    Deposit { to: usize, mutez: u64 },
    /// Tickets for a contract that may not take them.
    DepositToContract { mutez: u64 },
    /// Tickets for nobody.
    DepositToNobody { mutez: u64 },
    /// Tickets for a user of another chain.
    DepositElsewhere { to: usize, mutez: u64 },
    /// Wei from user to user.
    Pay { from: usize, to: usize, wei: u64 },
    /// Wei to layer 1; not always a number of mutez.
    Withdraw { from: usize, mutez: u64, wei: u64 },
    /// As much, by name; `more` mutez come along for the price.
    WithdrawExact { from: usize, mutez: u64, more: u64 },
    /// Withdrawals of 1 mutez, so many that places cost something.
    Flood { from: usize, times: u64 },
    /// Withdrawals of which some revert.
    Half { from: usize, mutez: u64 },
    /// Withdrawals in constructors of which one reverts.
    Create { from: usize, mutez: u64 },
    /// A user asks for the kept deposit with this number.
    Claim { from: usize, kept: usize },
    /// A user gives the kept deposit with this number to another one.
    Redirect { from: usize, kept: usize, to: usize },
    /// The contract gives it to a user.
    RedirectByContract { from: usize, kept: usize, to: usize },
    /// The contract asks.
    ClaimByContract { from: usize, kept: usize },
    /// The contract changes its mind.
    Mind { from: usize, mood: u8 },
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let user = || 0..USERS;
    let mutez = || 1..1_000_000_u64;
    let act = prop_oneof![
        (user(), mutez()).prop_map(|(to, mutez)| Act::Deposit { to, mutez }),
        mutez().prop_map(|mutez| Act::DepositToContract { mutez }),
        mutez().prop_map(|mutez| Act::DepositToNobody { mutez }),
        (user(), mutez()).prop_map(|(to, mutez)| Act::DepositElsewhere { to, mutez }),
        (user(), user(), any::<u64>()).prop_map(|(from, to, wei)| Act::Pay { from, to, wei }),
        (user(), mutez(), 0..2_u64).prop_map(|(from, mutez, wei)| Act::Withdraw {
            from,
            mutez,
            wei
        }),
        (user(), mutez(), 0..1_000_000_u64).prop_map(|(from, mutez, more)| Act::WithdrawExact {
            from,
            mutez,
            more
        }),
        (user(), 1..60_u64).prop_map(|(from, times)| Act::Flood { from, times }),
        (user(), mutez()).prop_map(|(from, mutez)| Act::Half { from, mutez }),
        (user(), mutez()).prop_map(|(from, mutez)| Act::Create { from, mutez }),
        (user(), 0..8_usize).prop_map(|(from, kept)| Act::Claim { from, kept }),
        (user(), 0..8_usize).prop_map(|(from, kept)| Act::ClaimByContract { from, kept }),
        (user(), 0..8_usize, user()).prop_map(|(from, kept, to)| Act::Redirect { from, kept, to }),
        (user(), 0..8_usize, user()).prop_map(|(from, kept, to)| Act::RedirectByContract {
            from,
            kept,
            to
        }),
        (user(), 0..4_u8).prop_map(|(from, mood)| Act::Mind { from, mood }),
    ];
    prop::collection::vec(act, 0..12)
}

struct Scene {
    rollup: Rollup,
    users: Vec<User>,
    traveller: Address,
    flooder: Address,
    genesis: U256,
    /// The amounts of all deposits that layer 1 made, in mutez.
    made: Vec<u64>,
    /// The sum of the outbox, in mutez.
    sent: U256,
    traps: usize,
}

fn wei(mutez: u64) -> U256 {
    U256::from(mutez) * U256::from(MUTEZ)
}

/// The mutez that a message pays out.
fn mutez(message: &[u8]) -> U256 {
    let Ok(Message::Batch(batch)) = Message::parse(message) else {
        panic!("{message:?}");
    };
    let [_, ticket] = batch[0].parameters.pair().unwrap();
    U256::from(Ticket::from_node(ticket).unwrap().amount.to_u64().unwrap())
}

impl Scene {
    fn new() -> Self {
        let mut users: Vec<_> = (0..USERS)
            .map(|user| User::new(&format!("user {user}")))
            .collect();
        let mut config = config();
        config.fee_recipient = RECIPIENT;
        // Levels of several blocks.
        config.block_gas_limit = 6_000_000;
        let mut rollup = rollup_with(config, &users.iter().collect::<Vec<_>>());
        let traveller = deploy(&mut rollup, &mut users[0], traveller::deploy());
        let flooder = deploy(&mut rollup, &mut users[0], flooder::deploy());
        let unit = U256::from(10).pow(U256::from(18));
        Self {
            genesis: U256::from(100_000 * USERS) * unit,
            rollup,
            users,
            traveller,
            flooder,
            made: Vec::new(),
            sent: U256::ZERO,
            traps: 0,
        }
    }

    /// Level and id of the kept deposit with this number; some other if there
    /// are fewer.
    fn kept(&self, number: usize) -> (u64, u64) {
        let kept = kept(&self.rollup.since(0));
        let place = kept.get(number % kept.len().max(1));
        place.copied().unwrap_or_default()
    }

    fn message(&mut self, act: Act) -> Vec<u8> {
        let deposit = super::scene::deposit;
        let traveller = self.traveller;
        let (from, to, value, input) = match act {
            Act::Deposit { to, mutez } => {
                self.made.push(mutez);
                return deposit(self.users[to].address.as_slice(), mutez);
            }
            Act::DepositToContract { mutez } => {
                self.made.push(mutez);
                return deposit(traveller.as_slice(), mutez);
            }
            Act::DepositToNobody { mutez } => {
                self.made.push(mutez);
                return deposit(&[9; 21], mutez);
            }
            Act::DepositElsewhere { to, mutez } => {
                self.made.push(mutez);
                let chain = U256::from(1).to_le_bytes::<32>();
                let routing = [self.users[to].address.as_slice(), &chain].concat();
                return deposit(&routing, mutez);
            }
            Act::Pay { from, to, wei } => {
                let to = self.users[to].address;
                (from, to, U256::from(wei), Bytes::new())
            }
            Act::Withdraw { from, mutez, wei } => {
                let value = self::wei(mutez) + U256::from(wei);
                (from, native::ADDRESS, value, native::withdraw(TARGET))
            }
            Act::WithdrawExact { from, mutez, more } => {
                let call = native::withdraw_exact(TARGET, wei(mutez));
                (from, native::ADDRESS, wei(mutez + more), call)
            }
            Act::Flood { from, times } => {
                let call = flooder::flood(TARGET, wei(1), times, wei(1_000_000));
                let (to, value) = (TxKind::Call(self.flooder), wei(1_000_000));
                let signed = self.users[from].send(1337, to, value, call, 5_900_000);
                return self.rollup.simple(&signed.encode());
            }
            Act::Half { from, mutez } => {
                let call = traveller::half(TARGET, wei(mutez));
                (from, traveller, wei(3 * mutez), call)
            }
            Act::Create { from, mutez } => {
                let call = traveller::create(TARGET, wei(mutez));
                (from, traveller, wei(2 * mutez), call)
            }
            Act::Claim { from, kept } => {
                let (level, id) = self.kept(kept);
                (from, native::ADDRESS, U256::ZERO, native::claim(level, id))
            }
            Act::ClaimByContract { from, kept } => {
                let (level, id) = self.kept(kept);
                (from, traveller, U256::ZERO, traveller::claim(level, id))
            }
            Act::Redirect { from, kept, to } => {
                let (level, id) = self.kept(kept);
                let call = native::redirect(level, id, self.users[to].address);
                (from, native::ADDRESS, U256::ZERO, call)
            }
            Act::RedirectByContract { from, kept, to } => {
                let (level, id) = self.kept(kept);
                let call = native::redirect(level, id, self.users[to].address);
                let call = traveller::call(native::ADDRESS, &call);
                (from, traveller, U256::ZERO, call)
            }
            Act::Mind { from, mood } => {
                let moods = [Mood::Takes, Mood::Refuses, Mood::BurnsGas, Mood::Withdraws];
                let mood = moods[usize::from(mood)];
                (from, traveller, U256::ZERO, traveller::set(mood, TARGET))
            }
        };
        let raw = send(&mut self.users[from], to, value, input);
        self.rollup.simple(&raw)
    }

    fn level(&mut self, acts: &[Act], trap: Option<u64>) {
        let messages = acts.iter().map(|act| self.message(*act)).collect();
        if let Some(calls) = trap {
            self.rollup.trap_after(calls);
        }
        let report = self.rollup.level_with_traps(messages);
        assert_eq!(report.status, pvm::Status::Yielded);
        self.traps += report.runs.iter().filter(|run| run.trapped()).count();
        self.sent += report.outbox.iter().map(|one| mutez(one)).sum::<U256>();
        // What a trap took leaves no gap of nonces.
        for user in &mut self.users {
            user.nonce = self.rollup.account(user.address).nonce;
        }
    }

    fn check(&self) {
        let all = self.rollup.since(0);
        let (mut minted, mut fees) = (Vec::new(), U256::ZERO);
        for Included {
            transaction,
            receipt,
            block,
        } in &all
        {
            let signed = decode_included(&transaction.raw).unwrap().transaction;
            if let Transaction::Deposit(deposit) = &signed {
                assert!(receipt.success);
                minted.push(deposit.mint);
                continue;
            }
            let base_fee = self.rollup.header(*block).1.base_fee_per_gas;
            fees += U256::from(receipt.gas_used) * U256::from(base_fee);
        }
        // A trap right behind a message's reading loses that message alone.
        let lost = self.made.len() - minted.len();
        assert!(lost <= self.traps, "{lost} lost, {} traps", self.traps);
        let mut left = self.made.iter().map(|mutez| wei(*mutez));
        for mint in &minted {
            assert!(left.any(|made| made == *mint), "{mint} was never made");
        }

        let withdrawals = events::<NativeBridge::Withdrawal>(&all);
        let withdrawn: U256 = withdrawals.iter().map(|event| event.amount).sum();
        let paid = events::<NativeBridge::OutboxPaid>(&all);
        let prices: U256 = paid.iter().map(|event| event.price).sum();
        let deposits = events::<NativeBridge::Deposit>(&all);
        let deposited: U256 = deposits.iter().map(|event| event.amount).sum();
        let waiting = events::<NativeBridge::DepositKept>(&all);
        let kept: U256 = waiting.iter().map(|event| event.amount).sum();
        let minted: U256 = minted.into_iter().sum();
        let balances = self.balances();
        assert_eq!(self.genesis + minted, balances + fees + withdrawn + prices);
        let bridge = self.rollup.account(native::ADDRESS).balance;
        let delivered = minted - kept;
        // All deposits were delivered or kept; the bridge has what nobody claimed.
        let claimed = deposited - delivered;
        assert_eq!(bridge, kept - claimed);

        let (queued, doubtful) = self.on_the_way();
        let known = (self.sent + queued) * U256::from(MUTEZ);
        let doubtful = doubtful * U256::from(MUTEZ);
        // One in doubt has left, or has not.
        assert!(
            known <= withdrawn && withdrawn <= known + doubtful,
            "{withdrawn} withdrawn, {known} sent or queued, {doubtful} in doubt"
        );
        if doubtful.is_zero() {
            assert_eq!(known, withdrawn);
        }
    }

    /// The mutez of messages that wait, and of those in doubt.
    fn on_the_way(&self) -> (U256, U256) {
        let values = self.rollup.values();
        let below = |root: &str| -> U256 {
            let values = values.iter().filter(|(path, _)| path.starts_with(root));
            values.map(|(_, message)| mutez(message)).sum()
        };
        (below("/evm/state/x/m/"), below("/evm/state/x/d/"))
    }

    fn balances(&self) -> U256 {
        let values = self.rollup.values().into_iter();
        let accounts = values.filter(|(path, _)| {
            let key = path.strip_prefix("/evm/state/a/");
            key.is_some_and(|key| !key.contains('/'))
        });
        accounts
            .map(|(_, value)| Account::decode(&value).unwrap().balance)
            .sum()
    }
}

proptest! {
    // Ten levels each: 300 levels, or as many as PROPTEST_CASES says.
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        max_shrink_iters: 200,
        ..ProptestConfig::with_cases(std::env::var("PROPTEST_CASES").map_or(30, |cases| cases.parse().unwrap()))
    })]

    #[test]
    fn what_came_in_is_somewhere(
        levels in prop::collection::vec((acts(), prop::option::weighted(0.3, 1..160_u64)), 10)
    ) {
        let mut scene = Scene::new();
        for (acts, trap) in &levels {
            scene.level(acts, *trap);
            scene.check();
        }
    }
}
