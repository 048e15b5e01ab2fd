//! The changes of a level: as bytes for the log, and how they go into the tables.
//!
//! | first byte | what follows |
//! | --- | --- |
//! | 0 | a block: its number, its row of `blocks`, the number of its rows of `bodies`, these |
//! | 1 | a state: its key in `states` (16 bytes BE), root (32 bytes), the number of its new records, of each its hash (32 bytes) and bytes |
//! | 2 | states go that are before one of their kind: its key in `states` (16 bytes BE) |
//! | 3 | a row: number of its table ([`RawRow`]), key, row |
//! | 4 | transactions no longer wait: their number, their hashes (32 bytes each) |
//! | 5 | blocks that nobody was shown go: the number of the newest that was, plus one |
//! | 6 | inboxes go that are before a level |
//! | 7 | of dropped transactions nothing is known any more: their number, their hashes (32 bytes each) |
//!
//! Numbers are in LEB128; bytes have their length before them.

use super::block_rows::{block_of_rows, rows_of_block};
use super::error::StoreError;
use super::raw_row::RawRow;
use super::state_name::StateName;
use super::tables::{put_bytes, put_number, take_bytes, take_number};
use crate::chain::Block;
use alloy_primitives::B256;
use pvm::durable::NodeHash;
use std::sync::Arc;

/// A record of durable storage, by its hash.
pub(super) type Record = (NodeHash, Arc<[u8]>);

/// One of the changes that levels are made of; whatever else is written goes into the tables at
/// once.
#[derive(Clone, Debug)]
pub(super) enum Change {
    /// A block is added.
    Block(Arc<Block>),
    /// A state is kept under a name.
    State {
        name: StateName,
        root: NodeHash,
        /// Those of its records that may be new.
        records: Vec<Record>,
    },
    /// The states of its kind before this name go, a few at once.
    StatesBefore(StateName),
    /// A row is written.
    Row(RawRow),
    /// Transactions no longer wait.
    NotWaiting(Vec<B256>),
    /// Blocks go that are after what was shown.
    Unshown(Option<u64>),
    /// The inboxes of levels before this one go.
    InboxesBefore(u32),
    /// Of these transactions it is no longer known why they were dropped.
    Forgotten(Vec<B256>),
}

impl Change {
    /// The bytes of it in memory, about.
    pub(super) fn weight(&self) -> usize {
        /// Of what has no bytes of its own.
        const FEW: usize = 64;
        FEW + match self {
            Self::Block(block) => {
                /// A transaction and a receipt as Rust has them.
                const EACH: usize = 768;
                let size = usize::try_from(block.size).unwrap_or(usize::MAX);
                size.saturating_add(block.transactions.len() * EACH)
            }
            Self::State { records, .. } => {
                let bytes = records.iter().map(|(_, record)| record.len() + FEW);
                bytes.sum()
            }
            Self::Row(row) => row.key.len() + row.row.len(),
            Self::NotWaiting(hashes) | Self::Forgotten(hashes) => hashes.len() * 32,
            Self::StatesBefore(_) | Self::Unshown(_) | Self::InboxesBefore(_) => 0,
        }
    }

    fn encode(&self, out: &mut Vec<u8>) -> Result<(), StoreError> {
        match self {
            Self::Block(block) => {
                out.push(0);
                put_number(out, block.number());
                let (head, bodies) = rows_of_block(block)?;
                put_bytes(out, &head);
                put_number(out, bodies.len() as u64);
                bodies.iter().for_each(|(_, body)| put_bytes(out, body));
            }
            Self::State {
                name,
                root,
                records,
            } => {
                out.push(1);
                out.extend(name.key().to_be_bytes());
                out.extend(root);
                put_number(out, records.len() as u64);
                for (hash, record) in records {
                    out.extend(hash);
                    put_bytes(out, record);
                }
            }
            Self::StatesBefore(name) => {
                out.push(2);
                out.extend(name.key().to_be_bytes());
            }
            Self::Row(row) => {
                out.extend([3, row.table]);
                put_bytes(out, &row.key);
                put_bytes(out, &row.row);
            }
            Self::NotWaiting(hashes) => {
                out.push(4);
                put_hashes(out, hashes);
            }
            Self::Unshown(newest) => {
                out.push(5);
                put_number(out, newest.map_or(0, |newest| newest.saturating_add(1)));
            }
            Self::InboxesBefore(level) => {
                out.push(6);
                put_number(out, (*level).into());
            }
            Self::Forgotten(hashes) => {
                out.push(7);
                put_hashes(out, hashes);
            }
        }
        Ok(())
    }

    fn decode(bytes: &mut &[u8]) -> Option<Self> {
        let (kind, rest) = bytes.split_first()?;
        *bytes = rest;
        Some(match kind {
            0 => {
                let number = take_number(bytes)?;
                let head = take_bytes(bytes)?;
                let count = take_number(bytes)?;
                let bodies: Option<Vec<_>> = (0..count).map(|_| take_bytes(bytes)).collect();
                Self::Block(Arc::new(block_of_rows(number, head, &bodies?)?))
            }
            1 => {
                let name = take_name(bytes)?;
                let root = take_array(bytes)?;
                let count = take_number(bytes)?;
                let mut record = || Some((take_array(bytes)?, Arc::from(take_bytes(bytes)?)));
                let records: Option<Vec<_>> = (0..count).map(|_| record()).collect();
                Self::State {
                    name,
                    root,
                    records: records?,
                }
            }
            2 => Self::StatesBefore(take_name(bytes)?),
            3 => {
                let [table] = take_array(bytes)?;
                let key = take_bytes(bytes)?.to_vec();
                let row = take_bytes(bytes)?.to_vec();
                Self::Row(RawRow { table, key, row })
            }
            4 => Self::NotWaiting(take_hashes(bytes)?),
            7 => Self::Forgotten(take_hashes(bytes)?),
            5 => Self::Unshown(take_number(bytes)?.checked_sub(1)),
            6 => Self::InboxesBefore(take_number(bytes)?.try_into().ok()?),
            _ => return None,
        })
    }
}

fn take_array<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*taken)
}

fn put_hashes(out: &mut Vec<u8>, hashes: &[B256]) {
    put_number(out, hashes.len() as u64);
    hashes.iter().for_each(|hash| out.extend(hash));
}

fn take_hashes(bytes: &mut &[u8]) -> Option<Vec<B256>> {
    let count = take_number(bytes)?;
    let hashes = (0..count).map(|_| take_array(bytes).map(B256::new));
    hashes.collect()
}

fn take_name(bytes: &mut &[u8]) -> Option<StateName> {
    StateName::of_key(u128::from_be_bytes(take_array(bytes)?))
}

/// Changes as they are in the log.
pub(super) fn encode(changes: &[Change]) -> Result<Vec<u8>, StoreError> {
    let mut out = Vec::with_capacity(changes.iter().map(Change::weight).sum());
    changes
        .iter()
        .try_for_each(|change| change.encode(&mut out))?;
    Ok(out)
}

/// Changes of the log; `None`: the bytes are none.
pub(super) fn decode(mut bytes: &[u8]) -> Option<Vec<Change>> {
    let mut changes = Vec::new();
    while !bytes.is_empty() {
        changes.push(Change::decode(&mut bytes)?);
    }
    Some(changes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn change() -> impl Strategy<Value = Change> {
        let name = prop_oneof![
            any::<u64>().prop_map(StateName::Block),
            any::<u32>().prop_map(StateName::Level),
            any::<u64>().prop_map(StateName::Snapshot),
            Just(StateName::Origin),
            any::<u64>().prop_map(StateName::Aside),
        ];
        let record = (any::<[u8; 32]>(), any::<Vec<u8>>());
        let record = record.prop_map(|(hash, bytes)| (hash, Arc::from(bytes)));
        let records = prop::collection::vec(record, 0..4);
        let row = (any::<u8>(), any::<Vec<u8>>(), any::<Vec<u8>>());
        let hashes = prop::collection::vec(any::<[u8; 32]>().prop_map(B256::new), 0..4);
        prop_oneof![
            (name.clone(), any::<[u8; 32]>(), records).prop_map(|(name, root, records)| {
                Change::State {
                    name,
                    root,
                    records,
                }
            }),
            name.prop_map(Change::StatesBefore),
            row.prop_map(|(table, key, row)| Change::Row(RawRow { table, key, row })),
            hashes.clone().prop_map(Change::NotWaiting),
            hashes.prop_map(Change::Forgotten),
            prop::option::of(0..u64::MAX).prop_map(Change::Unshown),
            any::<u32>().prop_map(Change::InboxesBefore),
        ]
    }

    proptest! {
        #[test]
        fn changes_survive_a_round_trip(changes in prop::collection::vec(change(), 0..5)) {
            let bytes = encode(&changes).unwrap();
            let read = decode(&bytes).unwrap();
            prop_assert_eq!(format!("{read:?}"), format!("{changes:?}"));
        }

        #[test]
        fn other_bytes_are_refused_or_other_changes(bytes: Vec<u8>) {
            let _ = decode(&bytes);
        }
    }
}
