//! Cases: a world, and a block of transactions.

use crate::choice::Choices;
use crate::program::{Pool, deployer, program};
use alloy_primitives::{Address, B256, Bytes, TxKind, U256};
use conformance::Revision;
use conformance::world::{AccountState, World};
use e2e_tests::{MAX_FEE, User};
use ethereum::SignedTransaction;
use ethereum::transaction::{AccessListItem, Eip1559, Eip2930, Eip7702, Legacy, Transaction};
use std::sync::LazyLock;

/// The chain that transactions are for.
pub const CHAIN: u64 = 1337;

/// How many accounts sign.
const USERS: usize = 3;

/// How many contracts there are at first.
const CONTRACTS: u8 = 4;

static NAMED: LazyLock<Vec<User>> = LazyLock::new(|| {
    let names = 0..USERS;
    names
        .map(|user| User::new(&format!("user {user}")))
        .collect()
});

/// A world, and a block of transactions on it.
#[derive(Clone, Debug)]
pub struct Case {
    /// The rules.
    pub revision: Revision,
    /// The accounts at the start.
    pub world: World,
    /// The transactions, in order. Some must be refused.
    pub transactions: Vec<SignedTransaction>,
}

fn contract(number: u8) -> Address {
    Address::repeat_byte(0xc0 + number)
}

impl Case {
    /// The case that `bytes` make.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        let mut choices = Choices::new(bytes);
        let choices = &mut choices;
        let revision = choices.pick(&[Revision::Cancun, Revision::Prague, Revision::Osaka]);
        let mut users = NAMED.clone();
        let mut addresses: Vec<Address> = (0..CONTRACTS).map(contract).collect();
        // Contracts more often than the others.
        addresses.extend_from_within(..);
        addresses.extend(users.iter().map(|user| user.address));
        addresses.extend([Address::repeat_byte(0xee), Address::ZERO]);
        addresses.extend([1, 2, 4, 9].map(Address::with_last_byte));
        addresses.extend(users.iter().map(|user| user.address.create(0)));
        let pool = Pool { addresses };

        let mut world = World::default();
        let unit = U256::from(10).pow(U256::from(18));
        for user in &users {
            let state = AccountState {
                balance: unit * U256::from(1_000),
                ..AccountState::default()
            };
            world.0.insert(user.address, state);
        }
        for number in 0..CONTRACTS {
            let slots = (0..choices.below(4)).map(U256::from);
            let storage = slots.map(|slot| (slot, U256::from(1 + choices.byte() % 3)));
            let storage = storage.collect();
            let state = AccountState {
                nonce: U256::from(1),
                balance: U256::from(choices.below(20)),
                code: program(choices, &pool, 2).into(),
                storage,
            };
            world.0.insert(contract(number), state);
        }
        // Anything but enough to pay for gas.
        if choices.chance(20) {
            let poor = world.0.entry(users[0].address).or_default();
            poor.balance = U256::from(1) + U256::from(choices.u64());
        }

        let count = 1 + choices.below(3);
        let transactions = (0..count)
            .map(|_| transaction(choices, revision, &pool, &mut users))
            .collect();
        Self {
            revision,
            world,
            transactions,
        }
    }
}

/// A transaction of any type, mostly a good one.
fn transaction(
    choices: &mut Choices<'_>,
    revision: Revision,
    pool: &Pool,
    users: &mut [User],
) -> SignedTransaction {
    let from = choices.below(users.len() as u64) as usize;
    let nonce = match choices.byte() {
        0 => users[from].nonce + 1,
        _ => users[from].nonce,
    };
    users[from].nonce += 1;
    let creates = choices.chance(40);
    let input: Bytes = if creates {
        let code = program(choices, pool, 2);
        if choices.chance(128) {
            deployer(&code)
        } else {
            code
        }
    } else {
        choices.bytes(80)
    }
    .into();
    let to = if creates {
        TxKind::Create
    } else {
        TxKind::Call(choices.pick(&pool.addresses))
    };
    let value = match choices.below(4) {
        0 => U256::from(choices.below(1000)),
        1 if choices.chance(8) => U256::MAX,
        _ => U256::ZERO,
    };
    let gas_limit = match choices.below(6) {
        0 => 21_000 + choices.below(200_000),
        _ => 1_000_000,
    };
    let gas_price = U256::from(MAX_FEE);
    let priority = U256::from(choices.below(1_000_000_000));
    let chain_id = CHAIN;
    let access_list: Vec<AccessListItem> = (0..choices.below(3))
        .map(|_| AccessListItem {
            address: choices.pick(&pool.addresses),
            storage_keys: (0..choices.below(3))
                .map(|slot| B256::from(U256::from(slot)))
                .collect(),
        })
        .collect();
    let transaction = match choices.below(4) {
        0 => Transaction::Legacy(Legacy {
            chain_id: Some(chain_id).filter(|_| choices.chance(200)),
            nonce,
            gas_price,
            gas_limit,
            to,
            value,
            input,
        }),
        1 => Transaction::AccessList(Eip2930 {
            chain_id,
            nonce,
            gas_price,
            gas_limit,
            to,
            value,
            input,
            access_list,
        }),
        // Refused before Prague.
        2 if !creates && (revision > Revision::Cancun || choices.chance(8)) => {
            let authorizations = (0..=choices.below(2)).map(|_| {
                let authority = choices.below(users.len() as u64) as usize;
                let mut nonce = users[authority].nonce;
                if choices.chance(200) {
                    users[authority].nonce += 1;
                } else {
                    nonce += choices.below(2);
                }
                let chain = U256::from(choices.pick(&[0, CHAIN, CHAIN, 1]));
                let to = choices.pick(&pool.addresses);
                users[authority].delegate(chain, to, nonce)
            });
            let authorization_list = authorizations.collect();
            Transaction::SetCode(Eip7702 {
                chain_id,
                nonce,
                max_priority_fee_per_gas: priority,
                max_fee_per_gas: gas_price,
                gas_limit,
                to: to.to().copied().unwrap_or_default(),
                value,
                input,
                access_list,
                authorization_list,
            })
        }
        _ => Transaction::DynamicFee(Eip1559 {
            chain_id,
            nonce,
            max_priority_fee_per_gas: priority,
            max_fee_per_gas: gas_price,
            gas_limit,
            to,
            value,
            input,
            access_list,
        }),
    };
    users[from].sign(transaction)
}
