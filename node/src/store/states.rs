//! Durable storage: the newest state value by value, and for each state before it what takes
//! the one after it back to it; which states are kept under which name.
//!
//! A state is a version, and versions are numbered in the order of their writing, whatever
//! they are behind. One that nothing names any more, and that is older than all others, goes in
//! the transaction in which its last name went. The state that a devnet goes back to on a
//! reset is a copy apart.

use super::bounds::AT_ONCE;
use super::error::StoreError;
use super::newest::Newest;
use super::store::{Batch, Store};
use super::tables::{ORIGIN, STATES, UNDO, VALUES, put_bytes, seal, take_bytes, unseal};
use pvm::Durable;
use redb::{ReadTransaction, ReadableTable};
use std::ops::Range;

/// What a state is kept for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateName {
    /// It is behind the block with this number.
    Block(u64),
    /// It is behind the level with this number, which layer 1 may take back.
    Level(u32),
    /// It is that of a devnet's snapshot.
    Snapshot(u64),
    /// It is what a devnet goes back to on a reset; written once.
    Origin,
}

impl StateName {
    const fn key(self) -> u128 {
        let (kind, number) = match self {
            Self::Block(number) => (0_u128, number),
            Self::Level(level) => (1, level as u64),
            Self::Snapshot(id) => (2, id),
            Self::Origin => (3, 0),
        };
        kind << 64 | number as u128
    }

    /// The keys from this name on of all of its kind.
    const fn and_later(self) -> Range<u128> {
        self.key()..((self.key() >> 64) + 1) << 64
    }

    /// The keys before this name of all of its kind.
    const fn earlier(self) -> Range<u128> {
        (self.key() >> 64) << 64..self.key()
    }
}

impl Store {
    /// The state that is kept under a name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn state(&self, name: StateName) -> Result<Option<Durable>, StoreError> {
        self.mend()?;
        // No commit comes between the two.
        let newest = self.newest();
        self.read_as_it_is(|transaction| {
            if name == StateName::Origin {
                let origin = transaction.open_table(ORIGIN)?;
                return Ok(Some(whole(origin.iter()?)?).filter(|state| *state != Durable::new()));
            }
            let states = transaction.open_table(STATES)?;
            let Some(version) = states.get(name.key())?.map(|version| version.value()) else {
                return Ok(None);
            };
            let newest = newest.as_ref().ok_or_else(|| damaged(version))?;
            back(transaction, newest, version).map(Some)
        })
    }

    /// Reads the newest version.
    pub(super) fn read_newest(&self) -> Result<(), StoreError> {
        let newest = self.read(|transaction| {
            let undo = transaction.open_table(UNDO)?;
            let Some((version, _)) = undo.last()? else {
                return Ok(None);
            };
            let (version, values) = (version.value(), transaction.open_table(VALUES)?);
            let state = whole(values.iter()?)?;
            Ok(Some(Newest { version, state }))
        })?;
        *self.newest() = newest;
        Ok(())
    }
}

/// A storage of all its values.
fn whole(values: redb::Range<'_, &'static [u8], &'static [u8]>) -> Result<Durable, StoreError> {
    let mut state = Durable::new();
    for found in values {
        let (path, row) = found?;
        let value = unseal(path.value(), row.value()).ok_or_else(|| lost(path.value()))?;
        write(&mut state, path.value(), Some(value))?;
    }
    Ok(state)
}

/// The version before the newest with this number.
fn back(
    transaction: &ReadTransaction,
    newest: &Newest,
    version: u64,
) -> Result<Durable, StoreError> {
    let undo = transaction.open_table(UNDO)?;
    let mut state = newest.state.clone();
    for number in (version + 1..=newest.version).rev() {
        let row = undo.get(number)?.ok_or_else(|| damaged(number))?;
        let changes = unseal(&number.to_be_bytes(), row.value()).and_then(changes_of);
        for (path, value) in changes.ok_or_else(|| damaged(number))? {
            write(&mut state, path, value)?;
        }
    }
    Ok(state)
}

fn write(state: &mut Durable, path: &[u8], value: Option<&[u8]>) -> Result<(), StoreError> {
    let path_text = std::str::from_utf8(path).map_err(|_| lost(path))?;
    let wrote = match value {
        Some(value) => state.write(path_text, value),
        None => state.delete_value(path_text),
    };
    wrote.map_err(|_| lost(path))
}

/// A change: a path, and its value if it has one.
type Change<'r> = (&'r [u8], Option<&'r [u8]>);

fn changes_of(mut row: &[u8]) -> Option<Vec<Change<'_>>> {
    let mut changes = Vec::new();
    while let Some((has_value, rest)) = row.split_first() {
        row = rest;
        let path = take_bytes(&mut row)?;
        let value = match has_value {
            0 => None,
            _ => Some(take_bytes(&mut row)?),
        };
        changes.push((path, value));
    }
    Some(changes)
}

fn put_change(row: &mut Vec<u8>, path: &[u8], value: Option<&[u8]>) {
    row.push(value.is_some().into());
    put_bytes(row, path);
    if let Some(value) = value {
        put_bytes(row, value);
    }
}

impl Batch<'_> {
    /// Keeps a state under a name, in place of another one. Gives the same storage as it is
    /// behind the store, for after the commit.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn put_state(&self, name: StateName, state: &Durable) -> Result<Durable, StoreError> {
        if name == StateName::Origin {
            self.put_origin(state)?;
            return Ok(state.clone());
        }
        let newest = self.newest();
        let version = newest.as_ref().map_or(0, |newest| newest.version);
        let empty = Durable::new();
        let before = newest.as_ref().map_or(&empty, |newest| &newest.state);
        let mut undo = Vec::new();
        let mut changed: Vec<(Vec<u8>, Option<Vec<u8>>)> = Vec::new();
        state.changes(before, "", |path, value| {
            changed.push((path.to_vec(), value.map(|value| value.to_vec())));
        })?;
        let version = match changed.is_empty() && newest.is_some() {
            true => version,
            false => {
                let mut values = self.transaction().open_table(VALUES)?;
                for (path, value) in &changed {
                    let old = match value {
                        Some(value) => {
                            let row = seal(path, value.clone());
                            values.insert(&path[..], &row[..])?
                        }
                        None => values.remove(&path[..])?,
                    };
                    let old = old.map(|row| unseal(path, row.value()).map(<[u8]>::to_vec));
                    let old = old.map(|old| old.ok_or_else(|| lost(path))).transpose()?;
                    put_change(&mut undo, path, old.as_deref());
                }
                let row = seal(&(version + 1).to_be_bytes(), undo);
                let mut undo = self.transaction().open_table(UNDO)?;
                undo.insert(version + 1, &row[..])?;
                version + 1
            }
        };
        self.set_newest(Newest {
            version,
            state: state.clone(),
        });
        let mut states = self.transaction().open_table(STATES)?;
        states.insert(name.key(), version)?;
        Ok(state.clone())
    }

    fn put_origin(&self, state: &Durable) -> Result<(), StoreError> {
        let mut origin = self.transaction().open_table(ORIGIN)?;
        for (path, value) in state.values("")? {
            let row = seal(path.as_bytes(), value.to_vec());
            origin.insert(path.as_bytes(), &row[..])?;
        }
        Ok(())
    }

    /// Lets the state under a name go.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn remove_state(&self, name: StateName) -> Result<(), StoreError> {
        self.remove_states(name.key()..name.key() + 1, 1)
    }

    /// Lets the states of this name, and of all of its kind after it, go.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn remove_states_from(&self, name: StateName) -> Result<(), StoreError> {
        self.remove_states(name.and_later(), usize::MAX)
    }

    /// Lets the states of its kind before this name go, a few at once.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn remove_states_before(&self, name: StateName) -> Result<(), StoreError> {
        self.remove_states(name.earlier(), AT_ONCE)
    }

    fn remove_states(&self, keys: Range<u128>, most: usize) -> Result<(), StoreError> {
        let mut states = self.transaction().open_table(STATES)?;
        let mut removed = false;
        for _ in 0..most {
            let first = match states.range(keys.clone())?.next() {
                None => break,
                Some(found) => found?.0.value(),
            };
            states.remove(first)?;
            removed = true;
        }
        match removed {
            true => self.forget_versions(&states),
            false => Ok(()),
        }
    }

    /// Forgets what leads to versions that are older than all that have a name.
    fn forget_versions(&self, states: &impl ReadableTable<u128, u64>) -> Result<(), StoreError> {
        let mut oldest = self.newest().map_or(0, |newest| newest.version);
        // Later blocks have later versions, and so have levels.
        for first in [StateName::Block(0), StateName::Level(0)] {
            if let Some(found) = states.range(first.and_later())?.next() {
                oldest = oldest.min(found?.1.value());
            }
        }
        for found in states.range(StateName::Snapshot(0).and_later())? {
            oldest = oldest.min(found?.1.value());
        }
        let mut undo = self.transaction().open_table(UNDO)?;
        undo.retain_in(..oldest, |_, _| false)?;
        Ok(())
    }
}

/// The levels whose states are kept.
pub(super) fn levels(transaction: &ReadTransaction) -> Result<Vec<u32>, StoreError> {
    let states = transaction.open_table(STATES)?;
    let levels = states.range(StateName::Level(0).and_later())?;
    let level = |key: u128| key as u32;
    levels.map(|found| Ok(level(found?.0.value()))).collect()
}

fn damaged(version: u64) -> StoreError {
    StoreError::Row {
        table: "version",
        key: version.to_string(),
    }
}

fn lost(path: &[u8]) -> StoreError {
    StoreError::Row {
        table: "value",
        key: String::from_utf8_lossy(path).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::{Memory, identity};
    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use std::sync::Arc;

    fn storage(values: &BTreeMap<String, u8>) -> Durable {
        let mut storage = Durable::new();
        for (path, value) in values {
            storage.write(path, [*value]).unwrap();
        }
        storage
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        /// A state comes back whatever was written after it, also by a store that was opened
        /// anew, and what nothing names leaves nothing.
        #[test]
        fn states_come_back_as_they_were(
            states in prop::collection::vec(prop::collection::btree_map("(/[ab]{1,2}){1,2}", 0_u8..3, 1..6), 1..12),
            kept in 1_usize..6,
        ) {
            let memory = Arc::new(Memory::default());
            let store = Store::of(memory.clone(), &identity()).unwrap();
            for (number, values) in (0..).zip(&states) {
                store.write(|batch| {
                    batch.put_state(StateName::Block(number), &storage(values))?;
                    batch.remove_states_before(StateName::Block((number + 1).saturating_sub(kept as u64)))
                }).unwrap();
            }
            store.close();
            let store = Store::of(memory, &identity()).unwrap();
            let last = states.len() as u64;
            for (number, values) in (0..).zip(&states) {
                let state = store.state(StateName::Block(number)).unwrap();
                let expected = (number + kept as u64 >= last).then(|| storage(values));
                prop_assert_eq!(state, expected, "{}", number);
            }
            store.write(|batch| batch.remove_states_from(StateName::Block(0))).unwrap();
            let left = store.read(|transaction| {
                let undo = transaction.open_table(UNDO)?;
                Ok(undo.iter()?.count())
            }).unwrap();
            prop_assert_eq!(left, 1, "the newest version alone");
        }
    }
}
