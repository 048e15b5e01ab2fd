//! The way of wei: over random blocks, all balances and what was burned are
//! what there was at genesis, and the fee recipient has the tips, to the wei.

use alloy_primitives::{Address, Bytes, TxKind, U256, keccak256};
use e2e_tests::{Included, MAX_FEE, Rollup, Setup, User};
use ethereum::SignedTransaction;
use ethereum::transaction::{Eip1559, Eip2930, Eip7702, Legacy, Transaction, decode};
use proptest::prelude::*;
use solidity_fixtures::{ledger, self_destruct};
use storage::Account;
use storage::table::Value;

const CHAIN: u64 = 1337;
const RECIPIENT: Address = Address::repeat_byte(0xfe);
const FLOOR: u64 = 1_000_000_000;

/// An action of a transaction, and the amount that it burns if it succeeds.
#[derive(Clone, Copy, Debug)]
enum Act {
    Transfer,
    /// To an account that nobody knows yet.
    Endow,
    Revert,
    /// A call that uses its gas limit up.
    Exhaust,
    /// A contract that keeps its endowment.
    Create,
    /// A creation that gives its endowment to a user.
    CreateAndEnd,
    /// A creation that ends in favour of itself: its endowment is burned.
    CreateAndBurn,
    MakeAndEnd,
    MakeAndBurn,
    MakeEndAndPay,
    MakeAndEndTwice,
    MakeAndUndoTheEnd,
    EndInConstructor,
    /// Fresh slots.
    Fill,
    /// Slots are cleared: a refund.
    Clear,
    /// Another user runs the ledger's code from now on (EIP-7702).
    Delegate,
}

const ACTS: [Act; 16] = [
    Act::Transfer,
    Act::Endow,
    Act::Revert,
    Act::Exhaust,
    Act::Create,
    Act::CreateAndEnd,
    Act::CreateAndBurn,
    Act::MakeAndEnd,
    Act::MakeAndBurn,
    Act::MakeEndAndPay,
    Act::MakeAndEndTwice,
    Act::MakeAndUndoTheEnd,
    Act::EndInConstructor,
    Act::Fill,
    Act::Clear,
    Act::Delegate,
];

/// A transaction to make.
#[derive(Clone, Copy, Debug)]
struct Plan {
    act: Act,
    from: usize,
    to: usize,
    wei: u64,
    tip: u64,
    tx_type: u8,
}

fn plans() -> impl Strategy<Value = Vec<Plan>> {
    let act = prop::sample::select(&ACTS[..]);
    let plan = (
        act,
        0..USERS,
        0..USERS,
        any::<u64>(),
        0..10 * FLOOR,
        0..3_u8,
    );
    let plan = plan.prop_map(|(act, from, to, wei, tip, tx_type)| Plan {
        act,
        from,
        to,
        wei,
        tip,
        tx_type,
    });
    prop::collection::vec(plan, 1..20)
}

const USERS: usize = 4;

/// The rollup with what the tests keep count of.
struct Scene {
    rollup: Rollup,
    users: Vec<User>,
    reaper: Address,
    ledger: Address,
    salt: u64,
    genesis: U256,
    /// Wei that went with contracts.
    destroyed: U256,
}

impl Scene {
    fn new() -> Self {
        let mut users: Vec<_> = (0..USERS)
            .map(|user| User::new(&format!("user {user}")))
            .collect();
        let mut setup = Setup::funded(&users.iter().collect::<Vec<_>>());
        setup.config.fee_recipient = RECIPIENT;
        // Some levels take several blocks, and the base fee moves.
        setup.config.block_gas_limit = 5_000_000;
        let genesis = setup.balances.iter().map(|(_, balance)| *balance).sum();
        let mut rollup = Rollup::new(&setup);
        rollup.empty_level();
        let reaper = users[0].address.create(0);
        let ledger = users[0].address.create(1);
        let wei = U256::from(1_000_000);
        let reap = users[0].send(
            CHAIN,
            TxKind::Create,
            wei,
            self_destruct::deploy_reaper(),
            4_000_000,
        );
        let book = users[0].send(
            CHAIN,
            TxKind::Create,
            U256::ZERO,
            ledger::deploy(),
            4_000_000,
        );
        rollup.level(&[reap.encode(), book.encode()]);
        assert!(rollup.since(0).iter().all(|one| one.receipt.success));
        Self {
            rollup,
            users,
            reaper,
            ledger,
            salt: 0,
            genesis,
            destroyed: U256::ZERO,
        }
    }

    /// The transaction, and the wei that go for ever if it succeeds.
    fn make(&mut self, plan: Plan) -> (SignedTransaction, U256) {
        self.salt += 1;
        let salt = keccak256(self.salt.to_be_bytes());
        let other = self.users[plan.to].address;
        let me = self.users[plan.from].clone();
        let wei = U256::from(plan.wei);
        let call = |to, input| (TxKind::Call(to), U256::ZERO, input, 1_000_000);
        let create = |heir| {
            (
                TxKind::Create,
                wei,
                self_destruct::deploy_mortal(heir),
                1_000_000,
            )
        };
        let (to, value, input, gas_limit) = match plan.act {
            Act::Transfer => (TxKind::Call(other), wei, Bytes::new(), 100_000),
            Act::Endow => (
                TxKind::Call(Address::from_word(salt)),
                wei,
                Bytes::new(),
                21_000,
            ),
            Act::Revert => (TxKind::Call(self.ledger), wei, Bytes::new(), 100_000),
            Act::Exhaust => (
                TxKind::Call(self.ledger),
                U256::ZERO,
                ledger::push(90),
                200_000,
            ),
            Act::Create => create(Address::ZERO),
            Act::CreateAndEnd => create(other),
            Act::CreateAndBurn => create(me.address.create(me.nonce)),
            Act::MakeAndEnd => call(self.reaper, self_destruct::make_and_end(salt, other)),
            Act::MakeAndBurn => call(self.reaper, self_destruct::make_and_burn(salt)),
            Act::MakeEndAndPay => call(self.reaper, self_destruct::make_end_and_pay(salt, other)),
            Act::MakeAndEndTwice => {
                call(self.reaper, self_destruct::make_and_end_twice(salt, other))
            }
            Act::MakeAndUndoTheEnd => call(
                self.reaper,
                self_destruct::make_and_undo_the_end(salt, other),
            ),
            Act::EndInConstructor => call(self.reaper, self_destruct::end_in_constructor(other)),
            Act::Fill => call(self.ledger, ledger::push(20)),
            Act::Clear => call(self.ledger, ledger::clear()),
            Act::Delegate => call(other, Bytes::new()),
        };
        let burned = match plan.act {
            Act::CreateAndBurn => wei,
            Act::MakeAndBurn => U256::from(5),
            Act::MakeEndAndPay => U256::from(3),
            _ => U256::ZERO,
        };
        let (chain_id, nonce) = (CHAIN, me.nonce);
        self.users[plan.from].nonce += 1;
        let [max_fee_per_gas, max_priority_fee_per_gas] = [MAX_FEE, plan.tip].map(U256::from);
        let gas_price = U256::from(20 * FLOOR + plan.tip);
        let access_list = Vec::new();
        let transaction = match (plan.act, plan.tx_type) {
            (Act::Delegate, _) => {
                let authority = &mut self.users[plan.to];
                let chain = U256::from(CHAIN);
                let signed = authority.delegate(chain, self.ledger, authority.nonce);
                authority.nonce += 1;
                Transaction::SetCode(Eip7702 {
                    chain_id,
                    nonce,
                    max_priority_fee_per_gas,
                    max_fee_per_gas,
                    gas_limit,
                    to: other,
                    value,
                    input,
                    access_list,
                    authorization_list: vec![signed],
                })
            }
            (_, 0) => Transaction::Legacy(Legacy {
                chain_id: Some(chain_id),
                nonce,
                gas_price,
                gas_limit,
                to,
                value,
                input,
            }),
            (_, 1) => Transaction::AccessList(Eip2930 {
                chain_id,
                nonce,
                gas_price,
                gas_limit,
                to,
                value,
                input,
                access_list,
            }),
            _ => Transaction::DynamicFee(Eip1559 {
                chain_id,
                nonce,
                max_priority_fee_per_gas,
                max_fee_per_gas,
                gas_limit,
                to,
                value,
                input,
                access_list,
            }),
        };
        (me.sign(transaction), burned)
    }

    /// Runs a level; all its transactions are included.
    fn level(&mut self, plans: &[Plan]) {
        let made: Vec<_> = plans.iter().map(|plan| self.make(*plan)).collect();
        let raws: Vec<_> = made.iter().map(|(signed, _)| signed.encode()).collect();
        let before = self.rollup.head().number;
        let report = self.rollup.level(&raws);
        let included = self.rollup.since(before);
        assert_eq!(included.len(), raws.len(), "{:?}", report.debug);
        for (one, (_, burned)) in included.iter().zip(&made) {
            if one.receipt.success {
                self.destroyed += *burned;
            }
        }
    }

    /// Everything adds up.
    fn check(&self) {
        let balances = self.balances();
        let (mut base_fees, mut tips) = (U256::ZERO, U256::ZERO);
        for number in 1..=self.rollup.head().number {
            let (_, header) = self.rollup.header(number);
            let base_fee = header.base_fee_per_gas;
            assert!(base_fee >= FLOOR);
            for Included {
                transaction,
                receipt,
                ..
            } in self.rollup.block(number)
            {
                let gas = U256::from(receipt.gas_used);
                let signed = decode(&transaction.raw).unwrap().transaction;
                let price = match signed.max_priority_fee_per_gas() {
                    Some(tip) => signed.max_fee_per_gas().min(tip + U256::from(base_fee)),
                    None => signed.max_fee_per_gas(),
                };
                base_fees += gas * U256::from(base_fee);
                tips += gas * (price - U256::from(base_fee));
            }
        }
        assert_eq!(self.rollup.account(RECIPIENT).balance, tips);
        assert_eq!(balances + base_fees + self.destroyed, self.genesis);
    }

    /// The sum of all balances in durable storage.
    fn balances(&self) -> U256 {
        let durable = self.rollup.durable();
        let accounts = durable
            .children("/evm/state/a")
            .unwrap()
            .into_iter()
            .filter_map(|name| {
                let value = durable.get(format!("/evm/state/a/{name}")).unwrap()?;
                Some(Account::decode(&value.bytes()).expect("an account"))
            });
        accounts.map(|account| account.balance).sum()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(32) })]

    #[test]
    fn no_wei_is_made_or_lost(levels in prop::collection::vec(plans(), 1..5)) {
        let mut scene = Scene::new();
        for level in &levels {
            scene.level(level);
            scene.check();
        }
    }
}

/// Each act by itself, and what it does to the supply.
#[test]
fn only_what_is_ended_in_favour_of_itself_is_burned() {
    let mut failed = Vec::new();
    for act in ACTS {
        let mut scene = Scene::new();
        // A slot to clear.
        let wei = 1_000;
        let plan = |act| Plan {
            act,
            from: 1,
            to: 2,
            wei,
            tip: FLOOR,
            tx_type: 2,
        };
        scene.level(&[plan(Act::Fill), plan(act)]);
        scene.check();
        let burned = match act {
            Act::CreateAndBurn => wei,
            Act::MakeAndBurn => 5,
            Act::MakeEndAndPay => 3,
            _ => 0,
        };
        assert_eq!(scene.destroyed, U256::from(burned), "{act:?}");
        let head = scene.rollup.head().number;
        if scene
            .rollup
            .block(head)
            .last()
            .is_none_or(|one| !one.receipt.success)
        {
            failed.push(format!("{act:?}"));
        }
    }
    // The delegate is called, and the ledger has no such function.
    assert_eq!(failed, ["Revert", "Exhaust", "Delegate"]);
}

#[test]
fn a_transfer_costs_its_sender_what_the_receipt_says() {
    let mut scene = Scene::new();
    let [start, other] = [1, 2].map(|user| scene.rollup.account(scene.users[user].address).balance);
    // Its gas limit is 100,000; what is not used comes back.
    let plan = Plan {
        act: Act::Transfer,
        from: 1,
        to: 2,
        wei: 77,
        tip: 3,
        tx_type: 2,
    };
    scene.level(&[plan]);
    let base_fee = scene.rollup.head().base_fee;
    let fee = U256::from(21_000) * U256::from(base_fee + 3);
    let [sender, receiver] =
        [1, 2].map(|user| scene.rollup.account(scene.users[user].address).balance);
    assert_eq!(sender, start - fee - U256::from(77));
    assert_eq!(receiver, other + U256::from(77));
    scene.check();
}
