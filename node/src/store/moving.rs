//! What of a store goes into another one: rows as they lie, and a state that comes from elsewhere.

use super::error::StoreError;
use super::states::StateName;
use super::store::{Batch, Store};
use super::tables::{INBOXES, LEVELS, META, OUTBOX, unseal};
use pvm::Durable;
use redb::{AccessGuard, ReadableTable, StorageError};

/// A row as it lies: the number of its table, its key (numbers big-endian), its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawRow {
    /// 0 `meta`, 1 `outbox`, 2 `inboxes`, 3 `levels`.
    pub table: u8,
    /// The key.
    pub key: Vec<u8>,
    /// The row, with its check.
    pub row: Vec<u8>,
}

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

impl Store {
    /// The rows, but for blocks and states, that are there up to a level.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn raw_rows(&self, level: u32) -> Result<Vec<RawRow>, StoreError> {
        self.read(|transaction| {
            let mut rows = Vec::new();
            for found in transaction.open_table(META)?.iter()? {
                rows.push(raw(0, found, |name: &str| name.as_bytes().to_vec())?);
            }
            let messages = u64::from(level) << 32 | u64::from(u32::MAX);
            for found in transaction.open_table(OUTBOX)?.range(..=messages)? {
                rows.push(raw(1, found, |key: u64| key.to_be_bytes().to_vec())?);
            }
            for found in transaction.open_table(INBOXES)?.range(..=level)? {
                rows.push(raw(2, found, |key: u32| key.to_be_bytes().to_vec())?);
            }
            for found in transaction.open_table(LEVELS)?.range(level..=level)? {
                rows.push(raw(3, found, |key: u32| key.to_be_bytes().to_vec())?);
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
        let wrong = || StoreError::Row {
            table: "row",
            key: alloy_primitives::hex::encode(&raw.key),
        };
        unseal(&raw.key, &raw.row).ok_or_else(wrong)?;
        let transaction = self.transaction();
        let (key, row) = (&raw.key[..], &raw.row[..]);
        let number = || Some(u32::from_be_bytes(key.try_into().ok()?));
        match raw.table {
            0 => {
                let name = std::str::from_utf8(key).map_err(|_| wrong())?;
                transaction.open_table(META)?.insert(name, row)?;
            }
            1 => {
                let key = key.try_into().map_err(|_| wrong())?;
                let key = u64::from_be_bytes(key);
                transaction.open_table(OUTBOX)?.insert(key, row)?;
            }
            2 => {
                let key = number().ok_or_else(wrong)?;
                transaction.open_table(INBOXES)?.insert(key, row)?;
            }
            3 => {
                let key = number().ok_or_else(wrong)?;
                transaction.open_table(LEVELS)?.insert(key, row)?;
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
