//! The transactions whose hash was told, until a block has them.

use super::batch::Batch;
use super::change::Change;
use super::error::StoreError;
use super::raw_row::{self, RawRow};
use super::store::Store;
use super::tables::{POOL, seal, unseal};
use crate::chain::Block;
use alloy_primitives::{Address, B256, Bytes};
use ethereum::Transaction;
use redb::{ReadableTable, ReadableTableMetadata};
use std::sync::Arc;

/// A transaction that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedTransaction {
    /// Its place in the order of arrival.
    pub arrival: u64,
    /// The sender, if nobody signed it.
    pub unsigned: Option<Address>,
    /// Its bytes.
    pub raw: Bytes,
}

impl Batch<'_> {
    /// Keeps a transaction that waits.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn put_waiting(
        &self,
        hash: &B256,
        transaction: &SavedTransaction,
    ) -> Result<(), StoreError> {
        let mut row = transaction.arrival.to_le_bytes().to_vec();
        row.push(transaction.unsigned.is_some().into());
        row.extend(transaction.unsigned.unwrap_or_default());
        row.extend(&transaction.raw);
        self.change(Change::Row(RawRow {
            table: raw_row::POOL,
            key: hash.to_vec(),
            row: seal(hash.as_slice(), row),
        }))
    }

    /// Keeps the transactions of blocks that left the chain, newest first, until another block
    /// has them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) fn put_waiting_again(&self, gone: &[Arc<Block>]) -> Result<(), StoreError> {
        if !self.lasts() {
            return Ok(());
        }
        let transactions = gone.iter().rev().flat_map(|block| &block.transactions);
        // Nobody sent what layer 1 brings.
        let sent = transactions.filter(|included| {
            !matches!(included.transaction.transaction, Transaction::Deposit(_))
        });
        for (arrival, included) in (0..).zip(sent) {
            let saved = SavedTransaction {
                arrival,
                unsigned: None,
                raw: included.transaction.encode().into(),
            };
            self.put_waiting(&included.transaction.hash, &saved)?;
        }
        Ok(())
    }

    /// Takes transactions away that no longer wait.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn remove_waiting(&self, hashes: impl IntoIterator<Item = B256>) -> Result<(), StoreError> {
        let hashes: Vec<B256> = hashes.into_iter().collect();
        match hashes.is_empty() {
            true => Ok(()),
            false => self.change(Change::NotWaiting(hashes)),
        }
    }

    pub(super) fn drop_waiting(&self, hashes: &[B256]) -> Result<(), StoreError> {
        let mut pool = self.transaction()?.open_table(POOL)?;
        // As on a chain that includes each at once.
        if pool.is_empty()? {
            return Ok(());
        }
        for hash in hashes {
            pool.remove(hash.0)?;
        }
        Ok(())
    }
}

impl Batch<'_> {
    /// Takes all transactions away that wait.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn clear_waiting(&self) -> Result<(), StoreError> {
        let mut pool = self.transaction()?.open_table(POOL)?;
        pool.retain(|_, _| false)?;
        Ok(())
    }
}

impl Store {
    /// The transactions that wait, in order of arrival.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn waiting(&self) -> Result<Vec<(B256, SavedTransaction)>, StoreError> {
        let mut waiting = self.read(|transaction| {
            let pool = transaction.open_table(POOL)?;
            let read = pool.iter()?.map(|found| {
                let (hash, row) = found?;
                let hash = B256::new(hash.value());
                let saved = unseal(hash.as_slice(), row.value()).and_then(of_row);
                let saved = saved.ok_or_else(|| StoreError::Row {
                    table: "waiting transaction",
                    key: hash.to_string(),
                })?;
                Ok((hash, saved))
            });
            read.collect::<Result<Vec<_>, StoreError>>()
        })?;
        waiting.sort_by_key(|(_, saved)| saved.arrival);
        Ok(waiting)
    }
}

fn of_row(row: &[u8]) -> Option<SavedTransaction> {
    let (arrival, row) = row.split_first_chunk()?;
    let (is_unsigned, row) = row.split_first()?;
    let (sender, raw) = row.split_first_chunk()?;
    Some(SavedTransaction {
        arrival: u64::from_le_bytes(*arrival),
        unsigned: (*is_unsigned != 0).then(|| Address::new(*sender)),
        raw: Bytes::copy_from_slice(raw),
    })
}
