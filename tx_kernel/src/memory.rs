//! Accounts over durable storage: what a run changes is kept here until it is
//! committed; each cold thing is read once.
//!
//! An account is one value of 144 bytes: its counter, its public key (zeros while
//! it is unknown), and the balance of one of its tickets, so that who has one kind
//! of ticket costs one read and one write. Balances of others lie below it, one
//! value each. Which ticket is inside is whichever came when the place was free.

use crate::bls::{POINT, PublicKey};
use crate::encoding::{TicketHash, Tz4};
use crate::layout;
use alloc::collections::BTreeMap;
use alloc::collections::btree_map::Entry;
use alloc::vec::Vec;
use host::{HostError, ReadStore, Store};

/// An account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// The number of operations that it has signed.
    pub counter: i64,
    /// Its key, once it has signed.
    pub public_key: Option<PublicKey>,
    /// The ticket whose balance stands here, while `amount` is not zero.
    ticket: TicketHash,
    amount: u64,
}

/// The bytes of an account.
const ACCOUNT: usize = 8 + POINT + 32 + 8;

impl Account {
    /// The ticket whose balance stands in the account, and how many.
    #[must_use]
    pub fn inside(&self) -> Option<(TicketHash, u64)> {
        (self.amount > 0).then_some((self.ticket, self.amount))
    }

    fn encode(&self) -> [u8; ACCOUNT] {
        let mut bytes = [0; ACCOUNT];
        let (counter, rest) = bytes.split_at_mut(8);
        let (key, rest) = rest.split_at_mut(POINT);
        let (ticket, amount) = rest.split_at_mut(32);
        counter.copy_from_slice(&self.counter.to_be_bytes());
        if let Some(public_key) = &self.public_key {
            key.copy_from_slice(public_key.to_bytes());
        }
        if self.amount > 0 {
            ticket.copy_from_slice(&self.ticket);
        }
        amount.copy_from_slice(&self.amount.to_be_bytes());
        bytes
    }

    /// The account behind its bytes; `None` if these are invalid.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (counter, rest) = bytes.split_first_chunk()?;
        let (public_key, rest) = rest.split_first_chunk()?;
        let (ticket, amount) = rest.split_first_chunk()?;
        Some(Self {
            counter: i64::from_be_bytes(*counter),
            public_key: PublicKey::from_bytes(public_key),
            ticket: *ticket,
            amount: u64::from_be_bytes(amount.try_into().ok()?),
        })
    }
}

/// A value as it was read, and as it is.
#[derive(Clone, Copy, Debug)]
struct Held<T> {
    stored: T,
    now: T,
}

/// A value to go back to.
#[derive(Clone, Copy, Debug)]
enum Undo {
    Account(Tz4, Option<Account>),
    Balance(Tz4, TicketHash, u64),
}

/// A run's knowledge of accounts, and its changes.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    accounts: BTreeMap<Tz4, Held<Option<Account>>>,
    /// Balances that do not stand in their accounts.
    balances: BTreeMap<(Tz4, TicketHash), Held<u64>>,
    /// Tickets that are new, each as [`layout::TICKETS`] has it.
    tickets: BTreeMap<TicketHash, Vec<u8>>,
    undo: Vec<Undo>,
}

impl Memory {
    /// From here on changes can be taken back.
    pub fn begin(&mut self) {
        self.undo.clear();
    }

    /// Takes back what changed since [`Memory::begin`].
    pub fn roll_back(&mut self) {
        while let Some(undo) = self.undo.pop() {
            match undo {
                Undo::Account(address, before) => {
                    if let Some(held) = self.accounts.get_mut(&address) {
                        held.now = before;
                    }
                }
                Undo::Balance(address, ticket, before) => {
                    if let Some(held) = self.balances.get_mut(&(address, ticket)) {
                        held.now = before;
                    }
                }
            }
        }
    }

    /// The account, if there is one. One host call the first time.
    ///
    /// # Errors
    /// If the machine refuses, or the bytes are no account.
    pub fn account(
        &mut self,
        store: &impl ReadStore,
        address: &Tz4,
    ) -> Result<Option<Account>, HostError> {
        match self.accounts.entry(*address) {
            Entry::Occupied(held) => Ok(held.get().now),
            Entry::Vacant(vacant) => {
                let mut bytes = [0; ACCOUNT];
                let path = layout::account(layout::ACCOUNTS, address)?;
                let account = match store.read_small(path.as_path(), &mut bytes)? {
                    None => None,
                    Some(ACCOUNT) => Account::decode(&bytes),
                    Some(_) => return Err(HostError::GenericInvalidAccess),
                };
                vacant.insert(Held {
                    stored: account,
                    now: account,
                });
                Ok(account)
            }
        }
    }

    /// Makes `account` what the address holds.
    ///
    /// # Errors
    /// As [`Memory::account`].
    pub fn set_account(
        &mut self,
        store: &impl ReadStore,
        address: &Tz4,
        account: Account,
    ) -> Result<(), HostError> {
        let before = self.account(store, address)?;
        if let Some(held) = self.accounts.get_mut(address) {
            held.now = Some(account);
            self.undo.push(Undo::Account(*address, before));
        }
        Ok(())
    }

    /// The account's balance of a ticket. A host call if it does not stand
    /// in the account, the first time.
    ///
    /// # Errors
    /// As [`Memory::account`].
    pub fn balance(
        &mut self,
        store: &impl ReadStore,
        address: &Tz4,
        ticket: &TicketHash,
    ) -> Result<u64, HostError> {
        match self.account(store, address)? {
            None => Ok(0),
            Some(account)
                if account
                    .inside()
                    .is_some_and(|(inside, _)| inside == *ticket) =>
            {
                Ok(account.amount)
            }
            // What is absent has nothing below it: an account that is new.
            Some(_) if self.is_new(address) => Ok(self
                .balances
                .get(&(*address, *ticket))
                .map_or(0, |held| held.now)),
            Some(_) => match self.balances.entry((*address, *ticket)) {
                Entry::Occupied(held) => Ok(held.get().now),
                Entry::Vacant(vacant) => {
                    let mut bytes = [0; 8];
                    let path = layout::balance(layout::ACCOUNTS, address, ticket)?;
                    let stored = match store.read_small(path.as_path(), &mut bytes)? {
                        None => 0,
                        Some(_) => u64::from_be_bytes(bytes),
                    };
                    vacant.insert(Held {
                        stored,
                        now: stored,
                    });
                    Ok(stored)
                }
            },
        }
    }

    fn is_new(&self, address: &Tz4) -> bool {
        let held = self.accounts.get(address);
        held.is_some_and(|held| held.stored.is_none())
    }

    /// Makes `amount` what the account has of a ticket; the account is made if
    /// there is none.
    ///
    /// # Errors
    /// As [`Memory::account`].
    pub fn set_balance(
        &mut self,
        store: &impl ReadStore,
        address: &Tz4,
        ticket: &TicketHash,
        amount: u64,
    ) -> Result<(), HostError> {
        let before = self.balance(store, address, ticket)?;
        let mut account = self.account(store, address)?.unwrap_or_default();
        let inside = account.inside();
        if inside.is_some_and(|(inside, _)| inside == *ticket) || inside.is_none() && before == 0 {
            account.ticket = *ticket;
            account.amount = amount;
            return self.set_account(store, address, account);
        }
        if self.account(store, address)?.is_none() {
            self.set_account(store, address, account)?;
        }
        let held = self.balances.entry((*address, *ticket)).or_insert(Held {
            stored: before,
            now: before,
        });
        held.now = amount;
        self.undo.push(Undo::Balance(*address, *ticket, before));
        Ok(())
    }

    /// Keeps what a ticket is, for whoever looks; once is enough. A host call
    /// the first time of a run.
    ///
    /// # Errors
    /// If the machine refuses a host call.
    pub fn describe(
        &mut self,
        store: &impl ReadStore,
        ticket: &TicketHash,
        description: impl FnOnce() -> Vec<u8>,
    ) -> Result<(), HostError> {
        if let Entry::Vacant(vacant) = self.tickets.entry(*ticket) {
            let path = layout::ticket(layout::TICKETS, ticket)?;
            let known = store.store_has(path.as_path())?.is_some();
            vacant.insert(if known { Vec::new() } else { description() });
        }
        Ok(())
    }

    /// Writes what changed to the staged state.
    ///
    /// # Errors
    /// If the machine refuses a host call.
    pub fn write(&self, store: &mut impl Store) -> Result<(), HostError> {
        for (address, held) in &self.accounts {
            if let Some(account) = held.now.filter(|_| held.now != held.stored) {
                let path = layout::account(layout::STAGED_ACCOUNTS, address)?;
                store.store_write(path.as_path(), 0, &account.encode())?;
            }
        }
        for ((address, ticket), held) in &self.balances {
            if held.now == held.stored {
                continue;
            }
            let path = layout::balance(layout::STAGED_ACCOUNTS, address, ticket)?;
            if held.now == 0 {
                store.store_delete(path.as_path())?;
            } else {
                store.store_write(path.as_path(), 0, &held.now.to_be_bytes())?;
            }
        }
        for (ticket, description) in &self.tickets {
            if !description.is_empty() {
                let path = layout::ticket(layout::STAGED_TICKETS, ticket)?;
                store.write_chunks(path.as_path(), 0, description)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use host::mock::MockHost;
    use proptest::prelude::*;

    /// A step on a few accounts and tickets.
    #[derive(Clone, Copy, Debug)]
    enum Step {
        Set(u8, u8, u64),
        Begin,
        RollBack,
        Commit,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            6 => (0..3_u8, 0..4_u8, 0..3_u64).prop_map(|(who, what, amount)| Step::Set(who, what, amount)),
            2 => Just(Step::Begin),
            1 => Just(Step::RollBack),
            1 => Just(Step::Commit),
        ]
    }

    type Balances = BTreeMap<(u8, u8), u64>;

    fn check(memory: &mut Memory, host: &MockHost, model: &Balances) {
        for who in 0..3 {
            for what in 0..4 {
                let balance = memory.balance(host, &[who; 20], &[what + 1; 32]);
                let expected = model.get(&(who, what)).copied().unwrap_or(0);
                assert_eq!(balance, Ok(expected), "{who}, {what}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Wherever a balance stands, it is what was set; what is taken back never
        /// was; and what is committed is found by the next run.
        #[test]
        fn balances_are_what_was_set(steps in proptest::collection::vec(step(), 0..60)) {
            let mut host = MockHost::default();
            let mut memory = Memory::default();
            let mut model = Balances::new();
            let mut before = model.clone();
            for step in steps {
                match step {
                    Step::Set(who, what, amount) => {
                        memory.set_balance(&host, &[who; 20], &[what + 1; 32], amount).unwrap();
                        model.insert((who, what), amount);
                    }
                    Step::Begin => {
                        memory.begin();
                        before = model.clone();
                    }
                    Step::RollBack => {
                        memory.roll_back();
                        model = before.clone();
                    }
                    Step::Commit => {
                        rollup::state::open(&mut host, &layout::LAYOUT).unwrap();
                        memory.write(&mut host).unwrap();
                        // Before there was anything, nothing is moved.
                        let _ = rollup::state::publish(&mut host, &layout::LAYOUT);
                        memory = Memory::default();
                        before = model.clone();
                    }
                }
                check(&mut memory.clone(), &host, &model);
            }
            // What is not there takes no place.
            let _ = memory.write(&mut host);
            for (path, value) in host.values() {
                // A balance below its account.
                if path.iter().filter(|byte| **byte == b'/').count() == 5 {
                    prop_assert!(value.iter().any(|byte| *byte != 0));
                }
            }
        }
    }

    #[test]
    fn an_account_survives_a_round_trip() {
        let account = Account {
            counter: 1,
            public_key: None,
            ticket: [2; 32],
            amount: 3,
        };
        assert_eq!(Account::decode(&account.encode()), Some(account));
        assert_eq!(Account::decode(&account.encode()[1..]), None);
    }
}
