//! Where a node in front of a rollup is: the levels that ran, and those that layer 1 may
//! take back.

use super::batch::Batch;
use super::change::Change;
use super::error::StoreError;
use super::raw_row::{self, RawRow};
use super::state_name::StateName;
use super::store::Store;
use super::tables::{LEVELS, seal, unseal};
use pvm::Durable;
use redb::ReadTransaction;

/// The end of a row where there is no block yet.
const NO_BLOCK: u64 = u64::MAX;

/// A level that ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedLevel {
    /// Its number.
    pub level: u32,
    /// The hash of its block of layer 1: `B…`.
    pub hash: String,
    /// The newest block of the rollup then.
    pub newest: Option<u64>,
}

impl Batch<'_> {
    /// Keeps a level that ran.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn put_level(&self, level: &SavedLevel) -> Result<(), StoreError> {
        let mut row = level.newest.unwrap_or(NO_BLOCK).to_le_bytes().to_vec();
        row.extend(level.hash.as_bytes());
        let key = level.level.to_be_bytes();
        self.change(Change::Row(RawRow {
            table: raw_row::LEVELS,
            key: key.to_vec(),
            row: seal(&key, row),
        }))
    }

    /// Takes a level and those after it away, with their states and what they wrote.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn remove_levels_from(&self, level: u32) -> Result<(), StoreError> {
        let mut levels = self.transaction()?.open_table(LEVELS)?;
        levels.retain_in(level.., |_, _| false)?;
        self.remove_states_from(StateName::Level(level))?;
        self.remove_messages_from(level)
    }
}

impl Store {
    /// The newest block of the rollup after a level, as far as is known.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn newest_at(&self, level: u32) -> Result<Option<u64>, StoreError> {
        let logged = self.behind().row(raw_row::LEVELS, |key, row| {
            let number = u32::from_be_bytes(key.try_into().ok()?);
            let (newest, _) = parts(row)?;
            (number <= level).then_some(newest)
        });
        if let Some(newest) = logged {
            return Ok(newest);
        }
        self.read_tables(|transaction| {
            let levels = transaction.open_table(LEVELS)?;
            match levels.range(..=level)?.next_back() {
                None => Ok(None),
                Some(found) => Ok(saved(found?)?.newest),
            }
        })
    }

    /// A level that ran; the newest where none is asked for.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn level(&self, level: Option<u32>) -> Result<Option<SavedLevel>, StoreError> {
        self.read(|transaction| {
            let levels = transaction.open_table(LEVELS)?;
            let (first, last) = (level.unwrap_or_default(), level.unwrap_or(u32::MAX));
            let found = levels.range(first..=last)?.next_back();
            found.map(|found| saved(found?)).transpose()
        })
    }

    /// The levels that layer 1 may take back, oldest first, with the states behind them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn levels(&self) -> Result<Vec<(SavedLevel, Durable)>, StoreError> {
        let levels = self.read(kept)?;
        let with_state = levels.into_iter().map(|level| {
            let state = self.state(StateName::Level(level.level))?;
            let lost = || StoreError::State(format!("after level {}", level.level));
            let state = state.ok_or_else(lost)?;
            Ok((level, state))
        });
        with_state.collect()
    }
}

fn kept(transaction: &ReadTransaction) -> Result<Vec<SavedLevel>, StoreError> {
    let levels = transaction.open_table(LEVELS)?;
    let mut kept = Vec::new();
    for level in super::states::levels(transaction)? {
        let row = levels.get(level)?;
        let row = row.ok_or_else(|| damaged(level))?;
        kept.push(of_row(level, row.value())?);
    }
    Ok(kept)
}

fn saved(
    (level, row): (redb::AccessGuard<'_, u32>, redb::AccessGuard<'_, &[u8]>),
) -> Result<SavedLevel, StoreError> {
    of_row(level.value(), row.value())
}

/// The newest block then, and the hash of the block of layer 1.
fn parts(row: &[u8]) -> Option<(Option<u64>, &str)> {
    let (newest, hash) = row.split_first_chunk()?;
    let newest = u64::from_le_bytes(*newest);
    let newest = (newest != NO_BLOCK).then_some(newest);
    Some((newest, std::str::from_utf8(hash).ok()?))
}

fn of_row(level: u32, row: &[u8]) -> Result<SavedLevel, StoreError> {
    let read = || {
        let (newest, hash) = parts(unseal(&level.to_be_bytes(), row)?)?;
        Some(SavedLevel {
            level,
            hash: hash.to_owned(),
            newest,
        })
    };
    read().ok_or_else(|| damaged(level))
}

fn damaged(level: u32) -> StoreError {
    StoreError::Row {
        table: "level",
        key: level.to_string(),
    }
}
