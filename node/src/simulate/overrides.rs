//! Durable storage under the state overrides of a call.

use crate::request::{AccountOverride, StateOverrides};
use alloy_primitives::{Address, KECCAK256_EMPTY, U256, keccak256};
use host::{HostError, MAX_CHUNK, Path, ReadStore, ValueKind};
use std::collections::{BTreeMap, BTreeSet};
use storage::StorageError;
use storage::key::KeyPath;
use storage::layout::{ACCOUNTS, CODE, SLOTS};
use storage::table::Value as _;

/// A store with some of its values replaced.
#[derive(Debug)]
pub struct Overridden<'s, S> {
    base: &'s S,
    /// The replaced values by path; `None`: no value.
    values: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    /// Paths of accounts whose slots are only those in `values`.
    cleared: BTreeSet<Vec<u8>>,
}

impl<'s, S: ReadStore> Overridden<'s, S> {
    /// `base` with these accounts changed.
    ///
    /// # Errors
    /// If `base` cannot be read.
    pub fn new(base: &'s S, overrides: &StateOverrides) -> Result<Self, StorageError> {
        let mut view = Self {
            base,
            values: BTreeMap::new(),
            cleared: BTreeSet::new(),
        };
        for (address, account) in overrides {
            view.account(address, account)?;
        }
        Ok(view)
    }

    fn account(
        &mut self,
        address: &Address,
        changes: &AccountOverride,
    ) -> Result<(), StorageError> {
        let mut account = ACCOUNTS.get(self.base, address)?.unwrap_or_default();
        account.balance = changes.balance.unwrap_or(account.balance);
        account.nonce = changes.nonce.unwrap_or(account.nonce);
        if let Some(code) = &changes.code {
            account.code_hash = if code.is_empty() {
                KECCAK256_EMPTY
            } else {
                keccak256(code)
            };
            self.put(&CODE.path(&account.code_hash)?, code.to_vec());
        }
        let path = ACCOUNTS.path(address)?;
        self.put(&path, account.encode().as_ref().to_vec());
        if let Some(slots) = &changes.state {
            self.cleared.insert(path.as_path().as_bytes().to_vec());
            self.slots(address, slots)?;
        }
        self.slots(address, &changes.state_diff)
    }

    fn slots(
        &mut self,
        address: &Address,
        slots: &BTreeMap<U256, U256>,
    ) -> Result<(), StorageError> {
        for (slot, value) in slots {
            let path = SLOTS.path(&(*address, *slot))?;
            self.put(&path, value.encode().to_vec());
        }
        Ok(())
    }

    fn put(&mut self, path: &KeyPath, value: Vec<u8>) {
        self.values
            .insert(path.as_path().as_bytes().to_vec(), Some(value));
    }

    /// The replacement at `path`; `None`: the base has the value.
    fn overridden(&self, path: Path<'_>) -> Option<Option<&[u8]>> {
        let bytes = path.as_bytes();
        if let Some(value) = self.values.get(bytes) {
            return Some(value.as_deref());
        }
        let parent = bytes.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
        let cleared = bytes
            .get(..parent)
            .is_some_and(|account| self.cleared.contains(account));
        cleared.then_some(None)
    }
}

impl<S: ReadStore> ReadStore for Overridden<'_, S> {
    fn store_read(
        &self,
        path: Path<'_>,
        offset: usize,
        buffer: &mut [u8],
    ) -> Result<usize, HostError> {
        let Some(value) = self.overridden(path) else {
            return self.base.store_read(path, offset, buffer);
        };
        let value = value.ok_or(HostError::NotAValue)?;
        let rest = value
            .get(offset..)
            .filter(|rest| !rest.is_empty())
            .ok_or(HostError::InvalidAccess)?;
        let len = rest.len().min(buffer.len()).min(MAX_CHUNK);
        buffer[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }

    fn store_has(&self, path: Path<'_>) -> Result<Option<ValueKind>, HostError> {
        match self.overridden(path) {
            None => self.base.store_has(path),
            Some(None) => Ok(None),
            Some(Some(_)) => Ok(Some(ValueKind::Value)),
        }
    }

    fn store_value_size(&self, path: Path<'_>) -> Result<usize, HostError> {
        match self.overridden(path) {
            None => self.base.store_value_size(path),
            Some(value) => value.map(<[u8]>::len).ok_or(HostError::NotAValue),
        }
    }

    fn store_list_size(&self, path: Path<'_>) -> Result<u64, HostError> {
        self.base.store_list_size(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::Bytes;
    use pvm::Durable;
    use storage::Account;

    const WHO: Address = Address::repeat_byte(7);

    fn base() -> Durable {
        let mut base = Durable::new();
        let account = Account {
            nonce: 1,
            balance: U256::from(5),
            ..Account::default()
        };
        base.write(ACCOUNTS.path(&WHO).unwrap(), account.encode().as_ref())
            .unwrap();
        for slot in [1_u64, 2] {
            let path = SLOTS.path(&(WHO, U256::from(slot))).unwrap();
            base.write(path, U256::from(10 * slot).encode()).unwrap();
        }
        base
    }

    fn slot(store: &impl ReadStore, slot: u64) -> Option<U256> {
        SLOTS.get(store, &(WHO, U256::from(slot))).unwrap()
    }

    fn with(account: AccountOverride) -> StateOverrides {
        StateOverrides::from([(WHO, account)])
    }

    #[test]
    fn balance_and_code_are_overridden_and_the_rest_stays() {
        let base = base();
        let code = Bytes::from_static(&[0x60; 3000]);
        let overrides = with(AccountOverride {
            balance: Some(U256::from(9)),
            code: Some(code.clone()),
            ..AccountOverride::default()
        });
        let view = Overridden::new(&base, &overrides).unwrap();
        let account = ACCOUNTS.get(&view, &WHO).unwrap().unwrap();
        assert_eq!((account.nonce, account.balance), (1, U256::from(9)));
        assert_eq!(CODE.get(&view, &account.code_hash).unwrap(), Some(code));
        assert_eq!(slot(&view, 1), Some(U256::from(10)));
    }

    #[test]
    fn a_state_diff_changes_slots_and_a_state_replaces_them() {
        let base = base();
        let slots = BTreeMap::from([(U256::from(2), U256::from(99))]);
        let diff = AccountOverride {
            state_diff: slots.clone(),
            ..AccountOverride::default()
        };
        let overrides = with(diff);
        let view = Overridden::new(&base, &overrides).unwrap();
        assert_eq!(
            (slot(&view, 1), slot(&view, 2)),
            (Some(U256::from(10)), Some(U256::from(99)))
        );
        let whole = AccountOverride {
            state: Some(slots),
            ..AccountOverride::default()
        };
        let overrides = with(whole);
        let view = Overridden::new(&base, &overrides).unwrap();
        assert_eq!(
            (slot(&view, 1), slot(&view, 2)),
            (None, Some(U256::from(99)))
        );
    }
}
