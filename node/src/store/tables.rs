//! The tables, their keys, and the form of a row.
//!
//! | table | key | row |
//! | --- | --- | --- |
//! | `meta` | name | schema, kind, rollup, kernel, genesis; positions; of the log, the last row that is in the tables, and whose it is |
//! | `blocks` | number | number of transactions (u32 LE), header hash, header in RLP |
//! | `bodies` | number × 2^24 + index | gas used up to and with it, number of the first log, length of the next (LEB128 each); transaction; receipt: as durable storage has them |
//! | `hashes` | 8 bytes of a block's hash, then its number | – |
//! | `transactions` | 8 bytes of a transaction's hash, then its key in `bodies` | – |
//! | `logs` | 8 bytes of the hash of an address, or of a topic with its position, then the transaction's key in `bodies`; eight zeros: of any log | – |
//! | `parties` | block number / 256 (u32), 8 bytes of the hash of an account that has to do with the transaction, the lowest 32 bits of its key in `bodies` | – |
//! | `nodes` | hash of a record of durable storage that the newest version has | first version with it (LEB128), record |
//! | `dead` | hash of another record | first version with it, first without it (LEB128), record or what differs from another (`delta`) |
//! | `deaths` | version | hashes of the records that it was the first without, as far as they are there |
//! | `settled` | version | as `deaths`; none of them hangs on another record |
//! | `shared` | hash of a record that the newest version names more than once | how often |
//! | `versions` | version | root, how many names it has (u32 LE) |
//! | `states` | kind × 2^64 + number: 0 behind a block, 1 behind a level, 2 of a snapshot, 3 behind block 0 of a devnet, 4 set aside | version (u64 LE) |
//! | `pool` | hash | order of arrival (u64 LE), sender if nobody signed it, or 20 zeros; transaction |
//! | `dropped` | hash | place in the order, seconds since 1970 (LEB128 each), number of the reason, 1 if the kernel said something, what it said; of one that waited here sender, nonce (LEB128), transaction |
//! | `levels` | level (a node) | newest block then (u64 LE; all ones: none), hash of its block of layer 1 |
//! | `outbox` | level × 2^32 + index | message |
//! | `inboxes` | level (a devnet) | messages, each behind its length |
//! | `snapshots` | number (a devnet) | newest block, clock, layer 1 |
//!
//! Each row of bytes ends with the
//! CRC-32 of its key and its bytes, since redb checks its pages when it repairs, not when it
//! reads.

use crate::chain::log_filter::LogKey;
use alloy_primitives::{B256, keccak256};
use redb::TableDefinition;

/// The version of all this. A store with another one is refused.
pub(super) const SCHEMA: u32 = 5;

/// The versions before, which had no log, and no table of what was dropped, and are else the same.
pub(super) const WITHOUT_LOG: u32 = 3;
pub(super) const WITHOUT_DROPPED: u32 = 4;

/// The names of rows of `meta` that are of this store alone: the last row of the log that is in
/// the tables, and whose log it is.
pub(super) const APPLIED: &str = "applied";
pub(super) const WHOSE: &str = "log";

pub(super) const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
pub(super) const BLOCKS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("blocks");
pub(super) const BODIES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("bodies");
pub(super) const HASHES: TableDefinition<'_, u128, ()> = TableDefinition::new("hashes");
pub(super) const TRANSACTIONS: TableDefinition<'_, u128, ()> = TableDefinition::new("transactions");
pub(super) const LOGS: TableDefinition<'_, u128, ()> = TableDefinition::new("logs");
pub(super) const PARTIES: TableDefinition<'_, u128, ()> = TableDefinition::new("parties");
pub(super) const NODES: TableDefinition<'_, [u8; 32], &[u8]> = TableDefinition::new("nodes");
pub(super) const DEAD: TableDefinition<'_, [u8; 32], &[u8]> = TableDefinition::new("dead");
pub(super) const DEATHS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("deaths");
pub(super) const SETTLED: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("settled");
pub(super) const SHARED: TableDefinition<'_, [u8; 32], u64> = TableDefinition::new("shared");
pub(super) const VERSIONS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("versions");
pub(super) const STATES: TableDefinition<'_, u128, &[u8]> = TableDefinition::new("states");
pub(super) const POOL: TableDefinition<'_, [u8; 32], &[u8]> = TableDefinition::new("pool");
pub(super) const DROPPED: TableDefinition<'_, [u8; 32], &[u8]> = TableDefinition::new("dropped");
pub(super) const LEVELS: TableDefinition<'_, u32, &[u8]> = TableDefinition::new("levels");
pub(super) const OUTBOX: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("outbox");
pub(super) const INBOXES: TableDefinition<'_, u32, &[u8]> = TableDefinition::new("inboxes");
pub(super) const SNAPSHOTS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("snapshots");

/// The bits of a transaction's index in its block.
const INDEX_BITS: u32 = 24;

/// The key of a transaction in `bodies`; `None`: there is no room for so many.
pub(super) fn place(number: u64, index: usize) -> Option<u64> {
    let index = u64::try_from(index).ok()?;
    let fits = number < 1 << (u64::BITS - INDEX_BITS) && index < 1 << INDEX_BITS;
    fits.then_some(number << INDEX_BITS | index)
}

/// The block's number and the index in it.
pub(super) const fn of_place(place: u64) -> (u64, usize) {
    (
        place >> INDEX_BITS,
        (place & ((1 << INDEX_BITS) - 1)) as usize,
    )
}

/// The key of an entry: the start of a hash, then a number.
pub(super) fn entry(hash: &B256, number: u64) -> u128 {
    u128::from(prefix(hash)) << 64 | u128::from(number)
}

/// The number of an entry.
pub(super) const fn of_entry(entry: u128) -> u64 {
    entry as u64
}

/// The first eight bytes of a hash.
pub(super) fn prefix(hash: &B256) -> u64 {
    hash.first_chunk().copied().map_or(0, u64::from_be_bytes)
}

/// The key that stands for any log.
pub(super) const ANY_LOG: B256 = B256::ZERO;

/// The hash by which an address or topic is found.
pub(super) fn log_hash(key: &LogKey) -> B256 {
    match key {
        LogKey::Address(address) => keccak256(address),
        LogKey::Topic(position, topic) => {
            let mut bytes = [0; 33];
            bytes[0] = u8::try_from(*position).unwrap_or(u8::MAX);
            bytes[1..].copy_from_slice(topic.as_slice());
            keccak256(bytes)
        }
    }
}

/// A row with its check.
pub(super) fn seal(key: &[u8], mut row: Vec<u8>) -> Vec<u8> {
    let check = check(key, &row);
    row.extend_from_slice(&check.to_le_bytes());
    row
}

/// The sealed bytes; `None` if the row was not sealed so.
pub(super) fn unseal<'r>(key: &[u8], row: &'r [u8]) -> Option<&'r [u8]> {
    let (bytes, end) = row.split_last_chunk()?;
    (check(key, bytes) == u32::from_le_bytes(*end)).then_some(bytes)
}

fn check(key: &[u8], row: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(key);
    hasher.update(row);
    hasher.finalize()
}

/// Appends a number in LEB128.
pub(super) fn put_number(row: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        row.push(number as u8 | 0x80);
        number >>= 7;
    }
    row.push(number as u8);
}

/// Takes a number off.
pub(super) fn take_number(row: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..u64::BITS).step_by(7) {
        let (byte, rest) = row.split_first()?;
        *row = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// Appends bytes behind their length.
pub(super) fn put_bytes(row: &mut Vec<u8>, bytes: &[u8]) {
    put_number(row, bytes.len() as u64);
    row.extend_from_slice(bytes);
}

/// Takes bytes off.
pub(super) fn take_bytes<'r>(row: &mut &'r [u8]) -> Option<&'r [u8]> {
    let length = usize::try_from(take_number(row)?).ok()?;
    let (bytes, rest) = row.split_at_checked(length)?;
    *row = rest;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_and_bytes_survive_a_round_trip(number: u64, bytes: Vec<u8>) {
            let mut row = Vec::new();
            put_number(&mut row, number);
            put_bytes(&mut row, &bytes);
            let mut rest = &row[..];
            prop_assert_eq!(take_number(&mut rest), Some(number));
            prop_assert_eq!(take_bytes(&mut rest), Some(&bytes[..]));
            prop_assert!(rest.is_empty());
        }

        #[test]
        fn a_row_with_another_bit_or_key_is_noticed(row: Vec<u8>, bit: usize) {
            let mut sealed = seal(b"key", row.clone());
            prop_assert_eq!(unseal(b"key", &sealed), Some(&row[..]));
            prop_assert_eq!(unseal(b"kez", &sealed), None);
            let bit = bit % (sealed.len() * 8);
            sealed[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(unseal(b"key", &sealed), None);
        }

        #[test]
        fn places_are_ordered_as_transactions_are(number in 0_u64..1 << 40, index in 0_usize..1 << 24) {
            let place = place(number, index).unwrap();
            prop_assert_eq!(of_place(place), (number, index));
        }
    }

    #[test]
    fn more_than_there_is_room_for_has_no_place() {
        assert_eq!(place(1 << 40, 0), None);
        assert_eq!(place(0, 1 << 24), None);
    }
}
