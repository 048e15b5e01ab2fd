//! A block's view of the world: every cold account, slot and code is read once,
//! and what it was is remembered, so that only what changed is written.

use crate::account::Account;
use crate::block::HeaderHash;
use crate::diff::{AccountChange, AccountDiff, Diff};
use crate::error::StorageError;
use crate::key::{Key, KeyPath};
use crate::layout::{ACCOUNTS, CODE, HEADERS, OUTGOING};
use crate::table::load;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use alloy_primitives::map::HashMap;
use alloy_primitives::{Address, B256, Bytes, U256};
use host::{ReadStore, ValueKind};

/// An account after a block, as the engine tells it.
#[derive(Clone, Debug)]
pub struct Touched {
    /// Whose account.
    pub address: Address,
    /// Its new state.
    pub account: AccountChange,
    /// True if it was destroyed on the way, and its old slots with it.
    pub cleared: bool,
    /// Its code, where it may be new.
    pub code: Option<(B256, Bytes)>,
    /// The slots that were looked at, with what they hold now.
    pub slots: Vec<(U256, U256)>,
}

/// Reads through to durable storage, once for each thing.
#[derive(Debug)]
pub struct Overlay<'s, S> {
    store: &'s S,
    accounts: HashMap<Address, Option<Account>>,
    /// The slots that hold something: what is not here is zero, or was not read.
    slots: HashMap<(Address, U256), U256>,
    /// The account whose slot was read last.
    parent: Option<Parent>,
    /// The accounts of which it was asked whether they have slots.
    asked: HashMap<Address, bool>,
    code: HashMap<B256, Bytes>,
    block_hashes: BTreeMap<u64, B256>,
    reads: u64,
}

/// An account whose slots are read: they lie below its path.
#[derive(Debug)]
struct Parent {
    address: Address,
    path: KeyPath,
    slots: Slots,
}

/// The knowledge about an account's slots.
#[derive(Clone, Copy, Debug)]
enum Slots {
    /// Nothing.
    Unknown,
    /// That one of them is zero. Who looks at a second one asks first whether there are any.
    Missed,
    /// That there are some.
    Some,
    /// That there are none: nobody has to look.
    None,
}

/// True if something lies below what was found.
const fn is_subtree(found: Option<ValueKind>) -> bool {
    matches!(
        found,
        Some(ValueKind::Subtree | ValueKind::ValueWithSubtree)
    )
}

/// Slots in their order. What is moved about meanwhile are 16 bytes, not the 64 of a slot and its
/// value, and mostly their uppermost 8 tell them apart.
fn in_order(slots: &[(U256, U256)]) -> Vec<(U256, U256)> {
    let slot = |place: usize| slots.get(place).map(|(slot, _)| slot);
    let mut order: Vec<(u64, usize)> = slots
        .iter()
        .enumerate()
        .map(|(place, (slot, _))| (slot.as_limbs()[3], place))
        .collect();
    order.sort_unstable_by(|(upper, place), (other, there)| {
        upper
            .cmp(other)
            .then_with(|| slot(*place).cmp(&slot(*there)))
    });
    let sorted = order.iter();
    sorted
        .filter_map(|(_, place)| slots.get(*place).copied())
        .collect()
}

impl<'s, S: ReadStore> Overlay<'s, S> {
    /// A view of what `store` holds now.
    #[must_use]
    pub fn new(store: &'s S) -> Self {
        Self {
            store,
            accounts: HashMap::default(),
            slots: HashMap::default(),
            parent: None,
            asked: HashMap::default(),
            code: HashMap::default(),
            block_hashes: BTreeMap::new(),
            reads: 0,
        }
    }

    /// The host calls that it took so far.
    #[must_use]
    pub const fn reads(&self) -> u64 {
        self.reads
    }

    /// The account at `address`, `None` if it is absent.
    ///
    /// # Errors
    /// If durable storage cannot be read.
    pub fn account(&mut self, address: Address) -> Result<Option<Account>, StorageError> {
        if let Some(account) = self.accounts.get(&address) {
            return Ok(*account);
        }
        self.reads += 1;
        let account = ACCOUNTS.get(self.store, &address)?;
        self.accounts.insert(address, account);
        Ok(account)
    }

    /// The value of `slot` of `address`. One host call for each that is read; none, but for the first
    /// two, where the account has no slots.
    ///
    /// # Errors
    /// If durable storage cannot be read.
    pub fn slot(&mut self, address: Address, slot: U256) -> Result<U256, StorageError> {
        if let Some(known) = self.slots.get(&(address, slot)) {
            return Ok(*known);
        }
        let parent = match &mut self.parent {
            Some(parent) if parent.address == address => parent,
            other => other.insert(Parent {
                address,
                path: ACCOUNTS.path(&address)?,
                slots: match self.asked.get(&address) {
                    None => Slots::Unknown,
                    Some(true) => Slots::Some,
                    Some(false) => Slots::None,
                },
            }),
        };
        if let Slots::Missed = parent.slots {
            self.reads += 1;
            let some = is_subtree(self.store.store_has(parent.path.as_path())?);
            self.asked.insert(address, some);
            parent.slots = if some { Slots::Some } else { Slots::None };
        }
        if let Slots::None = parent.slots {
            return Ok(U256::ZERO);
        }
        let mark = parent.path.mark();
        slot.push(&mut parent.path)?;
        self.reads += 1;
        let value = load(self.store, parent.path.as_path())?;
        parent.path.reset(mark);
        let Some(value) = value else {
            if let Slots::Unknown = parent.slots {
                parent.slots = Slots::Missed;
            }
            return Ok(U256::ZERO);
        };
        parent.slots = Slots::Some;
        if self.slots.len() == self.slots.capacity() {
            // Growth hashes all of them again.
            self.slots.reserve(3 * self.slots.len());
        }
        self.slots.insert((address, slot), value);
        Ok(value)
    }

    /// True if durable storage has slots of `address`. One host call.
    ///
    /// # Errors
    /// If durable storage cannot be read.
    pub fn has_slots(&mut self, address: Address) -> Result<bool, StorageError> {
        let path = ACCOUNTS.path(&address)?;
        self.reads += 1;
        Ok(is_subtree(self.store.store_has(path.as_path())?))
    }

    /// The number of messages to layer 1 that waited before the block. Two host calls.
    ///
    /// # Errors
    /// If durable storage cannot be read.
    pub fn waiting(&self) -> Result<u64, StorageError> {
        Ok(OUTGOING.len(self.store)?)
    }

    /// The code with `hash`; no bytes where it is unknown.
    ///
    /// # Errors
    /// If durable storage cannot be read.
    pub fn code(&mut self, hash: B256) -> Result<Bytes, StorageError> {
        if let Some(code) = self.code.get(&hash) {
            return Ok(code.clone());
        }
        let code = CODE.get(self.store, &hash)?.unwrap_or_default();
        self.reads += 1 + (code.len() / host::MAX_CHUNK) as u64;
        self.code.insert(hash, code.clone());
        Ok(code)
    }

    /// The hash of block `number`; zero if there is none.
    ///
    /// # Errors
    /// If durable storage cannot be read.
    pub fn block_hash(&mut self, number: u64) -> Result<B256, StorageError> {
        if let Some(hash) = self.block_hashes.get(&number) {
            return Ok(*hash);
        }
        let path = HEADERS.path(&number)?;
        self.reads += 1;
        let hash = load::<HeaderHash>(self.store, path.as_path())?;
        let hash = hash.map_or(B256::ZERO, |HeaderHash(hash)| hash);
        self.block_hashes.insert(number, hash);
        Ok(hash)
    }

    /// The differences from durable storage once `touched` holds.
    #[must_use]
    pub fn diff(&self, touched: Vec<Touched>) -> Diff {
        let mut diff = Diff::default();
        for change in touched {
            let before = self.accounts.get(&change.address).copied().flatten();
            let account = match change.account {
                // It came and went within the block.
                AccountChange::Delete if before.is_none() => continue,
                AccountChange::Set(account) if before == Some(account) && !change.cleared => {
                    AccountChange::Keep
                }
                account => account,
            };
            let mut slots = change.slots;
            slots.retain(|(slot, value)| {
                let origin = if change.cleared {
                    U256::ZERO
                } else {
                    self.slots
                        .get(&(change.address, *slot))
                        .copied()
                        .unwrap_or_default()
                };
                account != AccountChange::Delete && origin != *value
            });
            if account == AccountChange::Keep && slots.is_empty() && !change.cleared {
                continue;
            }
            let slots = in_order(&slots);
            if let AccountChange::Set(_) = account {
                diff.code.extend(
                    change
                        .code
                        .filter(|(hash, _)| !self.code.contains_key(hash)),
                );
            }
            diff.accounts.push(AccountDiff {
                address: change.address,
                account,
                had_code: before.is_some_and(|before| before.has_code()),
                cleared: change.cleared,
                slots,
            });
        }
        diff.accounts
            .sort_unstable_by_key(|account| account.address);
        diff.code.sort_unstable_by_key(|(hash, _)| *hash);
        diff.code.dedup_by_key(|(hash, _)| *hash);
        diff
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn slots_are_in_their_order(
            slots in prop::collection::btree_map(
                prop_oneof![
                    (0..300_u64).prop_map(U256::from),
                    any::<[u64; 4]>().prop_map(U256::from_limbs),
                    (0..3_u64, any::<u64>()).prop_map(|(a, b)| U256::from_limbs([b, 1, 2, a])),
                ],
                any::<u64>().prop_map(U256::from),
                0..100,
            ),
            turns in any::<u64>(),
        ) {
            let expected: Vec<(U256, U256)> = slots.into_iter().collect();
            let mut mixed = expected.clone();
            mixed.sort_by_key(|(slot, _)| slot.as_limbs()[0].wrapping_mul(turns | 1));
            prop_assert_eq!(in_order(&mixed), expected);
        }
    }
}
