//! The states of durable storage: which are kept, and under which names.
//!
//! A state is a version of the tree, and versions are numbered in the order of their writing,
//! whatever they are behind. One that nothing names any more goes in the transaction in which
//! its last name went, with the records that no other version has. The newest stays.

use super::batch::Batch;
use super::bounds::AT_ONCE;
use super::change::{Change, Record};
use super::error::StoreError;
use super::state_name::StateName;
use super::store::Store;
use super::tables::{STATES, VERSIONS, seal, unseal};
use super::tree::{Tree, Turnover};
use pvm::Durable;
use pvm::durable::{NodeHash, NodeSource};
use redb::{ReadTransaction, ReadableTable, Table};
use std::ops::Range;
use std::sync::Arc;

/// A version's row.
#[derive(Clone, Copy)]
struct Version {
    root: NodeHash,
    names: u32,
}

impl Version {
    fn seal(self, number: u64) -> Vec<u8> {
        let mut row = self.root.to_vec();
        row.extend(self.names.to_le_bytes());
        seal(&number.to_be_bytes(), row)
    }

    fn unseal(number: u64, row: &[u8]) -> Result<Self, StoreError> {
        let read = || {
            let (root, names) = unseal(&number.to_be_bytes(), row)?.split_first_chunk()?;
            let names = u32::from_le_bytes(names.try_into().ok()?);
            Some(Self { root: *root, names })
        };
        read().ok_or_else(|| damaged(number))
    }

    fn get(
        versions: &impl ReadableTable<u64, &'static [u8]>,
        number: u64,
    ) -> Result<Self, StoreError> {
        let row = versions.get(number)?.ok_or_else(|| damaged(number))?;
        Self::unseal(number, row.value())
    }

    fn newest(
        versions: &impl ReadableTable<u64, &'static [u8]>,
    ) -> Result<Option<(u64, Self)>, StoreError> {
        let Some((number, row)) = versions.last()? else {
            return Ok(None);
        };
        let number = number.value();
        Ok(Some((number, Self::unseal(number, row.value())?)))
    }
}

fn version_of(key: u128, row: &[u8]) -> Result<u64, StoreError> {
    let version = unseal(&key.to_be_bytes(), row).and_then(|row| row.try_into().ok());
    version
        .map(u64::from_le_bytes)
        .ok_or_else(|| StoreError::Row {
            table: "state",
            key: key.to_string(),
        })
}

impl Store {
    /// The state that is kept under a name, read as it is needed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn state(&self, name: StateName) -> Result<Option<Durable>, StoreError> {
        if let Some(root) = self.behind().state(name) {
            return root.map(|root| self.open_state(root)).transpose();
        }
        let root = self.read_tables(|transaction| {
            let states = transaction.open_table(STATES)?;
            let Some(row) = states.get(name.key())? else {
                return Ok(None);
            };
            let version = version_of(name.key(), row.value())?;
            let versions = transaction.open_table(VERSIONS)?;
            Version::get(&versions, version).map(|version| Some(version.root))
        })?;
        root.map(|root| self.open_state(root)).transpose()
    }

    /// The same storage, of which next to nothing is in memory.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn let_go(&self, state: &Durable) -> Result<Durable, StoreError> {
        self.open_state(state.root_hash())
    }

    fn open_state(&self, root: NodeHash) -> Result<Durable, StoreError> {
        Ok(Durable::open(root, self.source())?)
    }

    fn source(&self) -> Arc<dyn NodeSource> {
        Arc::clone(self.records()) as _
    }
}

impl Batch<'_> {
    /// Keeps a state under a name, in place of another one. Gives the same storage as it is
    /// behind the store, for after the commit; a store that does not last keeps none, and gives
    /// it back as it is.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn put_state(&self, name: StateName, state: &Durable) -> Result<Durable, StoreError> {
        if !self.lasts() {
            return Ok(state.clone());
        }
        let Some(row) = self.row() else {
            return self.store_state(name, state);
        };
        let known = self.stored().filter(|stored| stored == state);
        let (state, records) = match known {
            Some(stored) => (stored, Vec::new()),
            None => self.new_records(state)?,
        };
        self.store().records().hold(row, &records);
        let root = state.root_hash();
        self.change(Change::State {
            name,
            root,
            records,
        })?;
        self.set_stored(state.clone());
        self.begun_anew(state)
    }

    /// A state behind the store, and those of its records that may be new there.
    fn new_records(&self, state: &Durable) -> Result<(Durable, Vec<Record>), StoreError> {
        let (store, mut records) = (self.store(), Vec::new());
        let stored = state.store(&store.source(), |hash, record| {
            records.push((*hash, store.records().keep(hash, record)));
            Ok::<_, StoreError>(())
        })?;
        Ok((stored, records))
    }

    /// As it is if not too much of states is in memory.
    fn begun_anew(&self, stored: Durable) -> Result<Durable, StoreError> {
        if !self.store().records().are_many_held() {
            return Ok(stored);
        }
        // The record of the root is in memory, the others are read after the commit.
        self.set_anew();
        self.store().let_go(&stored)
    }

    /// Puts a state into the tables.
    fn store_state(&self, name: StateName, state: &Durable) -> Result<Durable, StoreError> {
        let (store, root) = (self.store(), state.root_hash());
        self.put_version(name, root, |turnover| {
            let Some(turnover) = turnover else {
                let known = self.stored().filter(|stored| stored == state);
                return match known {
                    Some(stored) => Ok(stored),
                    None => state.store(&store.source(), |_, _| Ok(())),
                };
            };
            let stored = state.store(&store.source(), |hash, record| {
                store.records().keep(hash, record);
                turnover.put(hash, record)
            })?;
            self.set_stored(stored.clone());
            self.begun_anew(stored)
        })
    }

    /// Puts a state into the tables whose new records are these.
    pub(super) fn insert_state(
        &self,
        name: StateName,
        root: NodeHash,
        records: &[Record],
    ) -> Result<(), StoreError> {
        self.put_version(name, root, |turnover| match turnover {
            None => Ok(()),
            Some(turnover) => {
                let mut records = records.iter();
                records.try_for_each(|(hash, record)| turnover.put(hash, record))
            }
        })
    }

    /// Makes a state the newest version, if it is not, and gives it a name. `write` writes its
    /// records, if they may be new.
    fn put_version<T>(
        &self,
        name: StateName,
        root: NodeHash,
        write: impl FnOnce(Option<&mut Turnover<'_, '_>>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let transaction = self.transaction()?;
        let mut versions = transaction.open_table(VERSIONS)?;
        let newest = Version::newest(&versions)?;
        if let Some((version, _)) = newest.filter(|(_, newest)| newest.root == root) {
            let written = write(None)?;
            self.give_name(&mut versions, name.key(), version)?;
            return Ok(written);
        }
        let version = newest.map_or(1, |(version, _)| version + 1);
        let written = {
            let mut tree = Tree::open(transaction)?;
            let mut turnover = Turnover::new(&mut tree, version);
            let written = write(Some(&mut turnover))?;
            turnover.run(newest.map(|(_, newest)| newest.root), root)?;
            written
        };
        let row = Version { root, names: 0 }.seal(version);
        versions.insert(version, &row[..])?;
        self.give_name(&mut versions, name.key(), version)?;
        if let Some((old, _)) = newest {
            self.drop_unnamed(&mut versions, old)?;
        }
        Ok(written)
    }

    /// Makes a state the newest version, all of whose records are written, wherever they are
    /// from.
    pub(super) fn put_whole(&self, state: &Durable) -> Result<(), StoreError> {
        let mut versions = self.transaction()?.open_table(VERSIONS)?;
        let newest = Version::newest(&versions)?;
        let version = newest.map_or(1, |(version, _)| version + 1);
        let mut tree = Tree::open(self.transaction()?)?;
        let mut turnover = Turnover::new(&mut tree, version);
        state.each_record(&mut |hash, record| turnover.put(hash, record))?;
        let root = state.root_hash();
        turnover.run(newest.map(|(_, newest)| newest.root), root)?;
        let row = Version { root, names: 0 }.seal(version);
        versions.insert(version, &row[..])?;
        Ok(())
    }

    /// Gives a name to the newest version.
    pub(super) fn name_newest(&self, name: StateName) -> Result<(), StoreError> {
        let mut versions = self.transaction()?.open_table(VERSIONS)?;
        match Version::newest(&versions)? {
            Some((version, _)) => self.give_name(&mut versions, name.key(), version),
            None => Err(damaged(0)),
        }
    }

    /// Gives a name to a version, instead of the one that has it.
    fn give_name(
        &self,
        versions: &mut Table<'_, u64, &'static [u8]>,
        key: u128,
        number: u64,
    ) -> Result<(), StoreError> {
        let mut version = Version::get(versions, number)?;
        version.names = version.names.saturating_add(1);
        versions.insert(number, &version.seal(number)[..])?;
        let mut states = self.transaction()?.open_table(STATES)?;
        let row = seal(&key.to_be_bytes(), number.to_le_bytes().to_vec());
        let old = match states.insert(key, &row[..])? {
            Some(old) => Some(version_of(key, old.value())?),
            None => None,
        };
        match old {
            Some(old) => self.take_name(versions, old),
            None => Ok(()),
        }
    }

    fn take_name(
        &self,
        versions: &mut Table<'_, u64, &'static [u8]>,
        number: u64,
    ) -> Result<(), StoreError> {
        let mut version = Version::get(versions, number)?;
        version.names = version.names.saturating_sub(1);
        versions.insert(number, &version.seal(number)[..])?;
        self.drop_unnamed(versions, number)
    }

    /// Drops a version that has no name and is not the newest.
    fn drop_unnamed(
        &self,
        versions: &mut Table<'_, u64, &'static [u8]>,
        number: u64,
    ) -> Result<(), StoreError> {
        let next = versions.range(number + 1..)?.next().transpose()?;
        let Some(next) = next.map(|(next, _)| next.value()) else {
            return Ok(());
        };
        let is_named = match versions.get(number)? {
            Some(row) => Version::unseal(number, row.value())?.names > 0,
            None => true,
        };
        if is_named {
            return Ok(());
        }
        let before = versions.range(..number)?.next_back().transpose()?;
        let before = before.map(|(before, _)| before.value());
        versions.remove(number)?;
        Tree::open(self.transaction()?)?.free(before, number, next)
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
        self.change(Change::StatesBefore(name))
    }

    pub(super) fn drop_states_before(&self, name: StateName) -> Result<(), StoreError> {
        self.remove_states(name.earlier(), AT_ONCE)
    }

    fn remove_states(&self, keys: Range<u128>, most: usize) -> Result<(), StoreError> {
        let mut states = self.transaction()?.open_table(STATES)?;
        let mut gone = Vec::new();
        for found in states.range(keys)?.take(most) {
            let (key, row) = found?;
            gone.push((key.value(), version_of(key.value(), row.value())?));
        }
        for (key, _) in &gone {
            states.remove(key)?;
        }
        drop(states);
        let mut versions = self.transaction()?.open_table(VERSIONS)?;
        gone.into_iter()
            .try_for_each(|(_, version)| self.take_name(&mut versions, version))
    }

    /// Keeps the states behind a block and those after it also for the case that these blocks
    /// come back.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn set_aside(&self, first: u64) -> Result<(), StoreError> {
        let mut found = Vec::new();
        {
            let states = self.transaction()?.open_table(STATES)?;
            for state in states.range(StateName::Block(first).and_later())? {
                let (key, row) = state?;
                let key = key.value();
                found.push((key as u64, version_of(key, row.value())?));
            }
        }
        let mut versions = self.transaction()?.open_table(VERSIONS)?;
        found.into_iter().try_for_each(|(number, version)| {
            self.give_name(&mut versions, StateName::Aside(number).key(), version)
        })
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
