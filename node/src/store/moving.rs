//! Moves a store into another one: rows as they lie, and a state that comes from elsewhere.

use super::batch::Batch;
use super::error::StoreError;
use super::raw_row::{self, RawRow};
use super::state_name::StateName;
use super::store::Store;
use super::tables::{self, APPLIED, META, WHOSE, unseal};
use pvm::Durable;
use redb::{AccessGuard, ReadableTable, StorageError};

type Found<'a, K> = Result<(AccessGuard<'a, K>, AccessGuard<'a, &'static [u8]>), StorageError>;

fn raw<K: redb::Key>(
    table: u8,
    found: Found<'_, K>,
    key: impl FnOnce(K::SelfType<'_>) -> Vec<u8>,
) -> Result<RawRow, StoreError> {
    let (found, row) = found?;
    Ok(RawRow {
        table,
        key: key(found.value()),
        row: row.value().to_vec(),
    })
}

fn wrong(raw: &RawRow) -> StoreError {
    StoreError::Row {
        table: "row",
        key: alloy_primitives::hex::encode(&raw.key),
    }
}

impl Store {
    /// The rows, but for blocks and states, that are there up to a level.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn raw_rows(&self, level: u32) -> Result<Vec<RawRow>, StoreError> {
        self.read(|transaction| {
            let mut rows = Vec::new();
            for found in transaction.open_table(META)?.iter()? {
                let row = raw(0, found, |name: &str| name.as_bytes().to_vec())?;
                // Of this store alone.
                let is_own = [APPLIED, WHOSE]
                    .iter()
                    .any(|name| row.key == name.as_bytes());
                if !is_own {
                    rows.push(row);
                }
            }
            let messages = u64::from(level) << 32 | u64::from(u32::MAX);
            for found in transaction.open_table(tables::OUTBOX)?.range(..=messages)? {
                rows.push(raw(raw_row::OUTBOX, found, |key: u64| {
                    key.to_be_bytes().to_vec()
                })?);
            }
            for found in transaction.open_table(tables::INBOXES)?.range(..=level)? {
                rows.push(raw(raw_row::INBOXES, found, |key: u32| {
                    key.to_be_bytes().to_vec()
                })?);
            }
            for found in transaction
                .open_table(tables::LEVELS)?
                .range(level..=level)?
            {
                rows.push(raw(raw_row::LEVELS, found, |key: u32| {
                    key.to_be_bytes().to_vec()
                })?);
            }
            Ok(rows)
        })
    }
}

impl Batch<'_> {
    /// Writes a row as it lay in another store.
    ///
    /// # Errors
    /// [`StoreError::Row`] where it is none.
    pub fn put_raw_row(&self, raw: &RawRow) -> Result<(), StoreError> {
        match raw.table {
            0..=raw_row::LEVELS => self.insert_row(raw),
            _ => Err(wrong(raw)),
        }
    }

    pub(super) fn insert_row(&self, raw: &RawRow) -> Result<(), StoreError> {
        let wrong = || wrong(raw);
        unseal(&raw.key, &raw.row).ok_or_else(wrong)?;
        let transaction = self.transaction()?;
        let (key, row) = (&raw.key[..], &raw.row[..]);
        let number = || Some(u32::from_be_bytes(key.try_into().ok()?));
        match raw.table {
            0 => {
                let name = std::str::from_utf8(key).map_err(|_| wrong())?;
                transaction.open_table(META)?.insert(name, row)?;
            }
            raw_row::OUTBOX => {
                let key = key.try_into().map_err(|_| wrong())?;
                let key = u64::from_be_bytes(key);
                transaction.open_table(tables::OUTBOX)?.insert(key, row)?;
            }
            raw_row::INBOXES => {
                let key = number().ok_or_else(wrong)?;
                transaction.open_table(tables::INBOXES)?.insert(key, row)?;
            }
            raw_row::LEVELS => {
                let key = number().ok_or_else(wrong)?;
                transaction.open_table(tables::LEVELS)?.insert(key, row)?;
            }
            raw_row::POOL => {
                let key: [u8; 32] = key.try_into().map_err(|_| wrong())?;
                transaction.open_table(tables::POOL)?.insert(key, row)?;
            }
            raw_row::DROPPED => {
                let key: [u8; 32] = key.try_into().map_err(|_| wrong())?;
                transaction.open_table(tables::DROPPED)?.insert(key, row)?;
            }
            _ => return Err(wrong()),
        }
        Ok(())
    }

    /// Keeps the first state of a store, which is behind another one, under names.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn take_state(&self, names: &[StateName], state: &Durable) -> Result<(), StoreError> {
        self.put_whole(state)?;
        names.iter().try_for_each(|name| self.name_newest(*name))
    }
}
