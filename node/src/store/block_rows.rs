//! The rows of a block and its transactions.

use super::error::StoreError;
use super::tables::{place, put_bytes, put_number, seal, take_bytes, take_number, unseal};
use crate::chain::{Block, Included, parties};
use alloy_primitives::Address;
use std::collections::BTreeSet;
use storage::block::{Receipts, StoredHeader, StoredReceipt, StoredTransaction, Transactions};
use storage::table::Value;

/// A block's row.
pub(super) struct Head {
    /// The number of its transactions.
    pub(super) count: usize,
    pub(super) stored: StoredHeader,
}

/// A transaction's row.
pub(super) struct Body {
    /// The number of its first log in the block.
    pub(super) first_log: u64,
    pub(super) transaction: StoredTransaction,
    pub(super) receipt: StoredReceipt,
}

impl Head {
    pub(super) fn seal(number: u64, block: &Block) -> Vec<u8> {
        let header = StoredHeader {
            hash: block.hash,
            rlp: block.header.encode().into(),
        };
        // Fewer than there are places.
        let count = u32::try_from(block.transactions.len()).unwrap_or(u32::MAX);
        let mut row = count.to_le_bytes().to_vec();
        row.extend(header.encode());
        seal(&number.to_be_bytes(), row)
    }

    pub(super) fn unseal(number: u64, row: &[u8]) -> Option<Self> {
        let row = unseal(&number.to_be_bytes(), row)?;
        let (count, header) = row.split_first_chunk()?;
        Some(Self {
            count: usize::try_from(u32::from_le_bytes(*count)).ok()?,
            stored: StoredHeader::decode(header)?,
        })
    }
}

impl Body {
    pub(super) fn seal(place: u64, included: &Included) -> Vec<u8> {
        let transaction = Transactions(vec![StoredTransaction {
            sender: included.sender,
            raw: included.transaction.encode().into(),
        }]);
        let mut row = Vec::new();
        put_number(&mut row, included.cumulative_gas_used);
        put_number(&mut row, included.first_log);
        put_bytes(&mut row, &transaction.encode());
        row.extend(Receipts(vec![included.receipt.clone()]).encode());
        seal(&place.to_be_bytes(), row)
    }

    /// The accounts that have to do with it; `None`: it cannot be read.
    pub(super) fn parties(&self) -> Option<BTreeSet<Address>> {
        let stored = &self.transaction;
        let decoded = ethereum::transaction::decode_included(&stored.raw).ok()?;
        Some(parties(stored.sender, &decoded.transaction, &self.receipt))
    }

    /// The transaction of a row, which may have many logs: these are not read.
    pub(super) fn transaction(place: u64, row: &[u8]) -> Option<StoredTransaction> {
        let mut row = unseal(&place.to_be_bytes(), row)?;
        take_number(&mut row)?;
        take_number(&mut row)?;
        let transactions = Transactions::decode(take_bytes(&mut row)?)?.0;
        let [transaction] = <[_; 1]>::try_from(transactions).ok()?;
        Some(transaction)
    }

    pub(super) fn unseal(place: u64, row: &[u8]) -> Option<Self> {
        let mut row = unseal(&place.to_be_bytes(), row)?;
        take_number(&mut row)?;
        let first_log = take_number(&mut row)?;
        let transactions = Transactions::decode(take_bytes(&mut row)?)?.0;
        let [transaction] = <[_; 1]>::try_from(transactions).ok()?;
        let [receipt] = <[_; 1]>::try_from(Receipts::decode(row)?.0).ok()?;
        Some(Self {
            first_log,
            transaction,
            receipt,
        })
    }
}

/// A block's row, and those of its transactions with their keys.
type BlockRows = (Vec<u8>, Vec<(u64, Vec<u8>)>);

/// The rows of a block.
pub(super) fn rows_of_block(block: &Block) -> Result<BlockRows, StoreError> {
    let number = block.number();
    let bodies = block.transactions.iter().enumerate();
    let bodies = bodies.map(|(index, included)| {
        let place = place(number, index).ok_or(StoreError::Bounds(number))?;
        Ok((place, Body::seal(place, included)))
    });
    let bodies: Result<Vec<_>, StoreError> = bodies.collect();
    Ok((Head::seal(number, block), bodies?))
}

/// The block of such rows; `None`: they are others.
pub(super) fn block_of_rows(number: u64, head: &[u8], bodies: &[&[u8]]) -> Option<Block> {
    let head = Head::unseal(number, head)?;
    let (mut transactions, mut receipts) = (Vec::new(), Vec::new());
    for (index, row) in bodies.iter().enumerate() {
        let body = Body::unseal(place(number, index)?, row)?;
        transactions.push(body.transaction);
        receipts.push(body.receipt);
    }
    if transactions.len() != head.count {
        return None;
    }
    Block::of_parts(number, (head.stored, transactions, receipts), None).ok()
}
