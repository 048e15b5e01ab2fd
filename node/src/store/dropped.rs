//! Transactions that are in no block and do not wait, with the reasons.

use super::batch::Batch;
use super::change::Change;
use super::error::StoreError;
use super::raw_row::{self, RawRow};
use super::store::Store;
use super::tables::{DROPPED, put_bytes, put_number, seal, take_bytes, take_number, unseal};
use alloy_primitives::{Address, B256, Bytes};

/// Why a transaction was dropped, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedDrop {
    /// Its place in the order in which they were dropped.
    pub order: u64,
    /// When, in seconds since 1970.
    pub at: u64,
    /// The number of the reason.
    pub reason: u8,
    /// The kernel's reason.
    pub said: Option<String>,
    /// Of one that waited here: who sent it, its nonce, and its bytes if they are few.
    pub sent: Option<(Address, u64, Bytes)>,
}

impl SavedDrop {
    fn encode(&self) -> Vec<u8> {
        let mut row = Vec::new();
        put_number(&mut row, self.order);
        put_number(&mut row, self.at);
        row.push(self.reason);
        row.push(self.said.is_some().into());
        put_bytes(
            &mut row,
            self.said.as_deref().unwrap_or_default().as_bytes(),
        );
        if let Some((sender, nonce, raw)) = &self.sent {
            row.extend(sender);
            put_number(&mut row, *nonce);
            put_bytes(&mut row, raw);
        }
        row
    }

    fn decode(mut row: &[u8]) -> Option<Self> {
        let (order, at) = (take_number(&mut row)?, take_number(&mut row)?);
        let ([reason, has_said], rest) = row.split_first_chunk()?;
        row = rest;
        let said = String::from_utf8(take_bytes(&mut row)?.to_vec()).ok()?;
        let sent = match row.split_first_chunk() {
            Some((sender, mut rest)) => {
                let nonce = take_number(&mut rest)?;
                let raw = Bytes::copy_from_slice(take_bytes(&mut rest)?);
                Some((Address::new(*sender), nonce, raw))
            }
            None if row.is_empty() => None,
            None => return None,
        };
        Some(Self {
            order,
            at,
            reason: *reason,
            said: (*has_said != 0).then_some(said),
            sent,
        })
    }
}

impl Batch<'_> {
    /// Keeps why transactions were dropped, and forgets it of others.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn put_dropped(
        &self,
        dropped: &[(B256, SavedDrop)],
        forgotten: &[B256],
    ) -> Result<(), StoreError> {
        for (hash, saved) in dropped {
            self.change(Change::Row(RawRow {
                table: raw_row::DROPPED,
                key: hash.to_vec(),
                row: seal(hash.as_slice(), saved.encode()),
            }))?;
        }
        match forgotten.is_empty() {
            true => Ok(()),
            false => self.change(Change::Forgotten(forgotten.to_vec())),
        }
    }

    pub(super) fn forget_dropped(&self, hashes: &[B256]) -> Result<(), StoreError> {
        let mut dropped = self.transaction()?.open_table(DROPPED)?;
        for hash in hashes {
            dropped.remove(hash.0)?;
        }
        Ok(())
    }
}

impl Store {
    /// Why transactions were dropped, in the order in which they were.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn dropped(&self) -> Result<Vec<(B256, SavedDrop)>, StoreError> {
        use redb::ReadableTable;
        let mut all = self.read(|transaction| {
            let dropped = transaction.open_table(DROPPED)?;
            let read = dropped.iter()?.map(|found| {
                let (hash, row) = found?;
                let hash = B256::new(hash.value());
                let saved = unseal(hash.as_slice(), row.value()).and_then(SavedDrop::decode);
                let saved = saved.ok_or_else(|| StoreError::Row {
                    table: "dropped transaction",
                    key: hash.to_string(),
                })?;
                Ok((hash, saved))
            });
            read.collect::<Result<Vec<_>, StoreError>>()
        })?;
        all.sort_by_key(|(_, saved)| saved.order);
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn rows_survive_a_round_trip(
            order: u64,
            at: u64,
            reason: u8,
            said: Option<String>,
            sent: Option<([u8; 20], u64, Vec<u8>)>,
        ) {
            let sent = sent.map(|(sender, nonce, raw)| (Address::new(sender), nonce, raw.into()));
            let saved = SavedDrop { order, at, reason, said, sent };
            prop_assert_eq!(SavedDrop::decode(&saved.encode()), Some(saved));
        }

        #[test]
        fn other_bytes_are_refused_or_another_row(row: Vec<u8>) {
            let _ = SavedDrop::decode(&row);
        }
    }
}
