//! Blocks with what finds them by hash.

use super::batch::Batch;
use super::block_rows::{Body, Head, rows_of_block};
use super::change::Change;
use super::error::StoreError;
use super::parties::party_entry;
use super::store::Store;
use super::tables::{
    ANY_LOG, BLOCKS, BODIES, HASHES, LOGS, PARTIES, TRANSACTIONS, entry, log_hash, of_entry,
    of_place, place,
};
use crate::chain::log_filter::LogKey;
use crate::chain::{Block, parties};
use alloy_primitives::{B256, keccak256};
use redb::{ReadTransaction, ReadableTable};
use std::collections::BTreeSet;
use std::sync::Arc;
use storage::block::StoredReceipt;

/// The entries of a transaction's logs.
fn log_entries(receipt: &StoredReceipt, place: u64) -> BTreeSet<u128> {
    let mut entries = BTreeSet::new();
    for log in &receipt.logs {
        entries.insert(entry(&ANY_LOG, place));
        let address = LogKey::Address(log.address);
        entries.insert(entry(&log_hash(&address), place));
        for (position, topic) in log.topics().iter().enumerate() {
            let topic = LogKey::Topic(position, *topic);
            entries.insert(entry(&log_hash(&topic), place));
        }
    }
    entries
}

impl Batch<'_> {
    /// Adds a block, with what finds it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn put_block(&self, block: &Block) -> Result<(), StoreError> {
        if self.row().is_none() {
            return self.insert_block(block);
        }
        let block = Block {
            transactions: block.transactions.clone(),
            header: block.header.clone(),
            state: None,
            ..*block
        };
        self.change(Change::Block(Arc::new(block)))
    }

    pub(super) fn insert_block(&self, block: &Block) -> Result<(), StoreError> {
        let number = block.number();
        let (head, rows) = rows_of_block(block)?;
        let transaction = self.transaction()?;
        transaction.open_table(BLOCKS)?.insert(number, &head[..])?;
        let name = entry(&block.hash, number);
        transaction.open_table(HASHES)?.insert(name, ())?;
        let mut bodies = transaction.open_table(BODIES)?;
        let mut transactions = transaction.open_table(TRANSACTIONS)?;
        let mut logs = transaction.open_table(LOGS)?;
        let mut accounts = transaction.open_table(PARTIES)?;
        for (included, (place, row)) in block.transactions.iter().zip(rows) {
            bodies.insert(place, &row[..])?;
            transactions.insert(entry(&included.transaction.hash, place), ())?;
            for entry in log_entries(&included.receipt, place) {
                logs.insert(entry, ())?;
            }
            let parties_of = &included.transaction.transaction;
            for account in parties(included.sender, parties_of, &included.receipt) {
                accounts.insert(party_entry(&account, place), ())?;
            }
        }
        Ok(())
    }

    /// Takes the blocks after the newest that was shown away: those whose commit failed may be
    /// there all the same.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn remove_unshown(&self, newest: Option<u64>) -> Result<(), StoreError> {
        self.change(Change::Unshown(newest))
    }

    /// Takes the blocks after number `newest` away (`None`: all).
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn remove_after(&self, newest: Option<u64>) -> Result<(), StoreError> {
        let transaction = self.transaction()?;
        let mut blocks = transaction.open_table(BLOCKS)?;
        let mut hashes = transaction.open_table(HASHES)?;
        let mut bodies = transaction.open_table(BODIES)?;
        let mut transactions = transaction.open_table(TRANSACTIONS)?;
        let mut logs = transaction.open_table(LOGS)?;
        let mut accounts = transaction.open_table(PARTIES)?;
        loop {
            let number = match blocks.last()? {
                Some((number, row)) if newest.is_none_or(|newest| number.value() > newest) => {
                    let number = number.value();
                    let head = Head::unseal(number, row.value());
                    let head = head.ok_or_else(|| damaged("block", number))?;
                    hashes.remove(entry(&head.stored.hash, number))?;
                    number
                }
                _ => return Ok(()),
            };
            blocks.remove(number)?;
            let first = place(number, 0).ok_or(StoreError::Bounds(number))?;
            loop {
                let place = match bodies.range(first..)?.next_back() {
                    None => break,
                    Some(found) => {
                        let (place, row) = found?;
                        let place = place.value();
                        let body = Body::unseal(place, row.value());
                        let body = body.ok_or_else(|| damaged("transaction", place))?;
                        let hash = keccak256(&body.transaction.raw);
                        transactions.remove(entry(&hash, place))?;
                        for entry in log_entries(&body.receipt, place) {
                            logs.remove(entry)?;
                        }
                        let accounts_of = body.parties();
                        let accounts_of =
                            accounts_of.ok_or_else(|| damaged("transaction", place))?;
                        for account in accounts_of {
                            accounts.remove(party_entry(&account, place))?;
                        }
                        place
                    }
                };
                bodies.remove(place)?;
            }
        }
    }
}

impl Store {
    /// The numbers of the first block and of the newest; `None`: there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn bounds(&self) -> Result<Option<(u64, u64)>, StoreError> {
        self.read(|transaction| {
            let blocks = transaction.open_table(BLOCKS)?;
            let (first, last) = (blocks.first()?, blocks.last()?);
            let number = |(number, _): (redb::AccessGuard<'_, u64>, _)| number.value();
            Ok(first.map(number).zip(last.map(number)))
        })
    }

    /// The block with this number, without its state.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn block(&self, number: u64) -> Result<Option<Block>, StoreError> {
        match self.behind().block(|block| block.number() == number) {
            Some(block) => Ok(Some(Arc::unwrap_or_clone(block))),
            None => self.read_tables(|transaction| block(transaction, number)),
        }
    }

    /// The hash of the block with this number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn hash(&self, number: u64) -> Result<Option<B256>, StoreError> {
        match self.behind().block(|block| block.number() == number) {
            Some(block) => Ok(Some(block.hash)),
            None => self.read_tables(|transaction| {
                Ok(head(transaction, number)?.map(|head| head.stored.hash))
            }),
        }
    }

    /// The number of the block with this hash.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn number_of(&self, hash: &B256) -> Result<Option<u64>, StoreError> {
        if let Some(block) = self.behind().block(|block| block.hash == *hash) {
            return Ok(Some(block.number()));
        }
        self.read_tables(|transaction| {
            let hashes = transaction.open_table(HASHES)?;
            for found in hashes.range(entry(hash, 0)..=entry(hash, u64::MAX))? {
                let number = of_entry(found?.0.value());
                let head = head(transaction, number)?.ok_or_else(|| damaged("block", number))?;
                if head.stored.hash == *hash {
                    return Ok(Some(number));
                }
            }
            Ok(None)
        })
    }

    /// The block of a transaction, and its index there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn place_of(&self, hash: &B256) -> Result<Option<(u64, usize)>, StoreError> {
        if let Some(place) = self.behind().place_of(hash) {
            return Ok(Some(place));
        }
        self.read_tables(|transaction| {
            let transactions = transaction.open_table(TRANSACTIONS)?;
            let bodies = transaction.open_table(BODIES)?;
            for found in transactions.range(entry(hash, 0)..=entry(hash, u64::MAX))? {
                let place = of_entry(found?.0.value());
                let row = bodies.get(place)?;
                let body = row.and_then(|row| Body::transaction(place, row.value()));
                let body = body.ok_or_else(|| damaged("transaction", place))?;
                if keccak256(&body.raw) == *hash {
                    return Ok(Some(of_place(place)));
                }
            }
            Ok(None)
        })
    }
}

/// A block's row.
pub(super) fn head(transaction: &ReadTransaction, number: u64) -> Result<Option<Head>, StoreError> {
    let blocks = transaction.open_table(BLOCKS)?;
    let Some(row) = blocks.get(number)? else {
        return Ok(None);
    };
    let head = Head::unseal(number, row.value());
    head.map(Some).ok_or_else(|| damaged("block", number))
}

/// A transaction's row, which has to be there.
pub(super) fn body(transaction: &ReadTransaction, place: u64) -> Result<Body, StoreError> {
    let bodies = transaction.open_table(BODIES)?;
    let row = bodies.get(place)?;
    let body = row.and_then(|row| Body::unseal(place, row.value()));
    body.ok_or_else(|| damaged("transaction", place))
}

fn block(transaction: &ReadTransaction, number: u64) -> Result<Option<Block>, StoreError> {
    let Some(head) = head(transaction, number)? else {
        return Ok(None);
    };
    let bodies = transaction.open_table(BODIES)?;
    let (mut transactions, mut receipts) = (Vec::new(), Vec::new());
    let bound = |index| place(number, index).ok_or(StoreError::Bounds(number));
    for found in bodies.range(bound(0)?..bound(head.count)?)? {
        let (place, row) = found?;
        let body = Body::unseal(place.value(), row.value());
        let body = body.ok_or_else(|| damaged("transaction", place.value()))?;
        transactions.push(body.transaction);
        receipts.push(body.receipt);
    }
    if transactions.len() != head.count {
        return Err(damaged("block", number));
    }
    let parts = (head.stored, transactions, receipts);
    Ok(Some(Block::of_parts(number, parts, None)?))
}

pub(super) fn damaged(table: &'static str, key: u64) -> StoreError {
    let key = match table {
        "transaction" => {
            let (number, index) = of_place(key);
            format!("{index} of block {number}")
        }
        _ => key.to_string(),
    };
    StoreError::Row { table, key }
}
