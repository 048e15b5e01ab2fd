//! Cases: a world, and a block of transactions.

use crate::program::{Pool, deployer, program};
use crate::random::some_bytes;
use alloy_primitives::{Address, B256, TxKind, U256};
use arbitrary::{Arbitrary, Result, Unstructured};
use conformance::Revision;
use conformance::world::{AccountState, World};
use e2e_tests::{MAX_FEE, User};
use ethereum::SignedTransaction;
use ethereum::transaction::{AccessListItem, Eip1559, Eip2930, Eip7702, Legacy, Transaction};
use std::sync::LazyLock;

/// The chain that transactions are for.
pub const CHAIN: u64 = 1337;

/// The number of accounts that sign.
const USERS: usize = 3;

/// The number of contracts at first.
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
    /// The case that `bytes` make; behind their end all choices are the first.
    ///
    /// # Panics
    /// Never: choices from no bytes are not refused.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        Self::arbitrary(&mut Unstructured::new(bytes))
            .expect("choices behind the end are the first")
    }
}

impl<'b> Arbitrary<'b> for Case {
    fn arbitrary(choices: &mut Unstructured<'b>) -> Result<Self> {
        let revision = *choices.choose(&[Revision::Cancun, Revision::Prague, Revision::Osaka])?;
        let users = NAMED.clone();
        let pool = pool(&users);
        let world = world(choices, &users, &pool)?;
        let count = choices.int_in_range(1..=3)?;
        let mut maker = Maker {
            choices,
            revision,
            pool,
            users,
        };
        let transactions = (0..count).map(|_| maker.transaction());
        Ok(Self {
            revision,
            world,
            transactions: transactions.collect::<Result<_>>()?,
        })
    }
}

/// The callees: contracts more often than the others.
fn pool(users: &[User]) -> Pool {
    let mut addresses: Vec<Address> = (0..CONTRACTS).map(contract).collect();
    addresses.extend_from_within(..);
    addresses.extend(users.iter().map(|user| user.address));
    addresses.extend([Address::repeat_byte(0xee), Address::ZERO]);
    addresses.extend([1, 2, 4, 9].map(Address::with_last_byte));
    addresses.extend(users.iter().map(|user| user.address.create(0)));
    Pool { addresses }
}

/// Rich users, and contracts with programs.
fn world(choices: &mut Unstructured<'_>, users: &[User], pool: &Pool) -> Result<World> {
    let mut world = World::default();
    let unit = U256::from(10).pow(U256::from(18));
    for user in users {
        let state = AccountState {
            balance: unit * U256::from(1_000),
            ..AccountState::default()
        };
        world.0.insert(user.address, state);
    }
    for number in 0..CONTRACTS {
        let mut state = AccountState {
            nonce: U256::from(1),
            ..AccountState::default()
        };
        for slot in 0..choices.int_in_range(0..=3)? {
            let value = choices.int_in_range(1..=3)?;
            state.storage.insert(U256::from(slot), U256::from(value));
        }
        state.balance = U256::from(choices.int_in_range(0..=19)?);
        state.code = program(choices, pool, 2)?.into();
        world.0.insert(contract(number), state);
    }
    // Anything but enough to pay for gas.
    if choices.ratio(20, 256)? {
        let poor = world.0.entry(users[0].address).or_default();
        poor.balance = U256::from(1) + U256::from(choices.arbitrary::<u64>()?);
    }
    Ok(world)
}

/// Makes transactions.
struct Maker<'c, 'b> {
    choices: &'c mut Unstructured<'b>,
    revision: Revision,
    pool: Pool,
    users: Vec<User>,
}

impl Maker<'_, '_> {
    /// A transaction of any type, mostly a good one.
    fn transaction(&mut self) -> Result<SignedTransaction> {
        let from = self.choices.choose_index(self.users.len())?;
        let mut nonce = self.users[from].nonce;
        nonce += u64::from(self.choices.ratio(1, 256)?);
        self.users[from].nonce += 1;
        let creates = self.choices.ratio(40, 256)?;
        let input = self.input(creates)?.into();
        let to = if creates {
            TxKind::Create
        } else {
            TxKind::Call(self.callee()?)
        };
        let value = match self.choices.int_in_range(0..=3)? {
            0 => U256::from(self.choices.int_in_range(0..=999)?),
            1 if self.choices.ratio(8, 256)? => U256::MAX,
            _ => U256::ZERO,
        };
        let gas_limit = match self.choices.int_in_range(0..=5)? {
            0 => self.choices.int_in_range(21_000..=220_999)?,
            _ => 1_000_000,
        };
        let max_priority_fee_per_gas = U256::from(self.choices.int_in_range(0..=999_999_999)?);
        let dynamic = Eip1559 {
            chain_id: CHAIN,
            nonce,
            max_priority_fee_per_gas,
            max_fee_per_gas: U256::from(MAX_FEE),
            gas_limit,
            to,
            value,
            input,
            access_list: self.access_list()?,
        };
        let transaction = match self.choices.int_in_range(0..=3)? {
            0 => self.legacy(dynamic)?,
            1 => access_list_transaction(dynamic),
            // Refused before Prague.
            2 if self.revision > Revision::Cancun || self.choices.ratio(8, 256)? => {
                self.set_code(dynamic)?
            }
            _ => Transaction::DynamicFee(dynamic),
        };
        Ok(self.users[from].sign(transaction))
    }

    fn callee(&mut self) -> Result<Address> {
        self.choices.choose(&self.pool.addresses).copied()
    }

    fn input(&mut self, creates: bool) -> Result<Vec<u8>> {
        if !creates {
            return some_bytes(self.choices, 80);
        }
        let code = program(self.choices, &self.pool, 2)?;
        Ok(if self.choices.ratio(128, 256)? {
            deployer(&code)
        } else {
            code
        })
    }

    fn access_list(&mut self) -> Result<Vec<AccessListItem>> {
        let count = self.choices.int_in_range(0..=2)?;
        let items = (0..count).map(|_| {
            let slots = 0..self.choices.int_in_range(0..=2)?;
            Ok(AccessListItem {
                address: self.callee()?,
                storage_keys: slots.map(|slot| B256::from(U256::from(slot))).collect(),
            })
        });
        items.collect()
    }

    fn legacy(&mut self, dynamic: Eip1559) -> Result<Transaction> {
        let protected = self.choices.ratio(200, 256)?;
        Ok(Transaction::Legacy(Legacy {
            chain_id: protected.then_some(dynamic.chain_id),
            nonce: dynamic.nonce,
            gas_price: dynamic.max_fee_per_gas,
            gas_limit: dynamic.gas_limit,
            to: dynamic.to,
            value: dynamic.value,
            input: dynamic.input,
        }))
    }

    /// The same with delegations, unless it creates a contract.
    fn set_code(&mut self, dynamic: Eip1559) -> Result<Transaction> {
        let TxKind::Call(to) = dynamic.to else {
            return Ok(Transaction::DynamicFee(dynamic));
        };
        let count = self.choices.int_in_range(1..=2)?;
        let authorizations = (0..count).map(|_| {
            let authority = self.choices.choose_index(self.users.len())?;
            let mut nonce = self.users[authority].nonce;
            if self.choices.ratio(200, 256)? {
                self.users[authority].nonce += 1;
            } else {
                nonce += self.choices.int_in_range(0..=1)?;
            }
            let chain = U256::from(*self.choices.choose(&[0, CHAIN, CHAIN, 1])?);
            let to = self.callee()?;
            Ok(self.users[authority].delegate(chain, to, nonce))
        });
        Ok(Transaction::SetCode(Eip7702 {
            authorization_list: authorizations.collect::<Result<_>>()?,
            chain_id: dynamic.chain_id,
            nonce: dynamic.nonce,
            max_priority_fee_per_gas: dynamic.max_priority_fee_per_gas,
            max_fee_per_gas: dynamic.max_fee_per_gas,
            gas_limit: dynamic.gas_limit,
            to,
            value: dynamic.value,
            input: dynamic.input,
            access_list: dynamic.access_list,
        }))
    }
}

fn access_list_transaction(dynamic: Eip1559) -> Transaction {
    Transaction::AccessList(Eip2930 {
        chain_id: dynamic.chain_id,
        nonce: dynamic.nonce,
        gas_price: dynamic.max_fee_per_gas,
        gas_limit: dynamic.gas_limit,
        to: dynamic.to,
        value: dynamic.value,
        input: dynamic.input,
        access_list: dynamic.access_list,
    })
}
