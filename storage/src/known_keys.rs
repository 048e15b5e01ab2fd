//! The public keys of accounts that sent a transaction: a batch names them by index.

use crate::error::StorageError;
use crate::key::KeyPlace;
use crate::layout::KNOWN_KEYS;
use crate::table::{Staging, load};
use alloc::vec::Vec;
use alloy_primitives::{Address, Bytes};
use host::{HostError, ReadStore, Store};

/// A key of the table and whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownKey {
    /// The account: the last 20 bytes of the keccak-256 of the key.
    pub address: Address,
    /// x and y, 32 bytes each, big-endian.
    pub key: [u8; 64],
}

impl KnownKey {
    /// The bytes of an entry: address and key.
    pub const LEN: usize = 20 + 64;
}

const LEN: usize = KnownKey::LEN;

/// The keys of a page.
const PAGE: u64 = 1_024;

/// The key with this index; none if no key has it yet. One host call.
///
/// # Errors
/// If durable storage cannot be read.
pub fn get(store: &impl ReadStore, index: u64) -> Result<Option<KnownKey>, StorageError> {
    Ok(get_run(store, index, 1)?.pop())
}

/// The most keys that one host call reads.
pub const RUN: usize = host::MAX_CHUNK / LEN;

/// The keys from this index on: `count` of them, or fewer where the page or the table
/// ends, or beyond [`RUN`]. One host call.
///
/// # Errors
/// If durable storage cannot be read.
pub fn get_run(
    store: &impl ReadStore,
    index: u64,
    count: usize,
) -> Result<Vec<KnownKey>, StorageError> {
    let mut bytes = [[0; LEN]; RUN];
    let (page, offset) = place(index);
    let path = KNOWN_KEYS.path(&KeyPlace::Page(page))?;
    let wanted = bytes.get_mut(..count.min(RUN)).unwrap_or_default();
    let len = match store.store_read(path.as_path(), offset, wanted.as_flattened_mut()) {
        Ok(len) => len,
        Err(HostError::NotAValue | HostError::InvalidAccess) => 0,
        Err(error) => return Err(error.into()),
    };
    Ok(bytes.iter().take(len / LEN).map(decode).collect())
}

/// The number of keys: the indices are those below. One host call.
///
/// # Errors
/// If durable storage cannot be read.
pub fn count(store: &impl ReadStore) -> Result<u64, StorageError> {
    let path = KNOWN_KEYS.path(&KeyPlace::Count)?;
    let count = load::<Bytes>(store, path.as_path())?;
    Ok(count.and_then(|bytes| number(&bytes)).unwrap_or_default())
}

/// Adds keys behind all others.
///
/// # Errors
/// If durable storage cannot be read or written.
pub(crate) fn append<S: Store>(
    staging: &mut Staging<'_, S>,
    keys: &[KnownKey],
) -> Result<(), StorageError> {
    if keys.is_empty() {
        return Ok(());
    }
    let count = staging.get(&KNOWN_KEYS, &KeyPlace::Count)?;
    let mut next = count.and_then(|bytes| number(&bytes)).unwrap_or_default();
    let mut rest = keys;
    while !rest.is_empty() {
        let (page, offset) = place(next);
        let room = (PAGE - next % PAGE) as usize;
        let (some, others) = rest.split_at(room.min(rest.len()));
        let bytes: Vec<u8> = some.iter().flat_map(encode).collect();
        staging.write_at(&KNOWN_KEYS, &KeyPlace::Page(page), offset, &bytes)?;
        next += some.len() as u64;
        rest = others;
    }
    let count = Bytes::copy_from_slice(&next.to_be_bytes());
    staging.put(&KNOWN_KEYS, &KeyPlace::Count, &count)
}

/// The page of an index, and where its entry begins.
const fn place(index: u64) -> (u64, usize) {
    (index / PAGE, (index % PAGE) as usize * LEN)
}

fn number(bytes: &[u8]) -> Option<u64> {
    bytes.try_into().ok().map(u64::from_be_bytes)
}

fn encode(known: &KnownKey) -> [u8; LEN] {
    let mut bytes = [0; LEN];
    let (address, key) = bytes.split_at_mut(20);
    address.copy_from_slice(known.address.as_slice());
    key.copy_from_slice(&known.key);
    bytes
}

fn decode(bytes: &[u8; LEN]) -> KnownKey {
    let mut known = KnownKey {
        address: Address::ZERO,
        key: [0; 64],
    };
    let (address, key) = bytes.split_at(20);
    known.address.0.copy_from_slice(address);
    known.key.copy_from_slice(key);
    known
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commit::{self, Block};
    use crate::layout::STATE;
    use host::mock::MockHost;

    fn known(number: u64) -> KnownKey {
        let mut key = [0; 64];
        key[..8].copy_from_slice(&number.to_be_bytes());
        key[63] = 1;
        KnownKey {
            address: Address::with_last_byte(number as u8),
            key,
        }
    }

    #[test]
    fn keys_keep_their_indices_across_pages() {
        let mut host = MockHost::default();
        let mut next = 0;
        for count in [1, 0, 1_022, 1, 1, 3_000] {
            let keys = (next..next + count).map(known).collect();
            let block = Block {
                keys,
                ..Block::default()
            };
            commit::block(&mut host, &block).unwrap();
            next += count;
            assert_eq!(super::count(&host).unwrap(), next);
        }
        for index in 0..next {
            assert_eq!(get(&host, index).unwrap(), Some(known(index)), "{index}");
        }
        for index in [next, next + 1, 10_000, u64::MAX] {
            assert_eq!(get(&host, index).unwrap(), None, "{index}");
        }
        // A page is as long as its keys.
        let values = host.values();
        let page = values.get(format!("{STATE}/i/3").as_bytes());
        assert_eq!(
            page.map(|page| page.len()),
            Some((next as usize - 3 * 1_024) * KnownKey::LEN)
        );
    }

    #[test]
    fn no_key_has_an_index_at_first() {
        let host = MockHost::default();
        assert_eq!(count(&host).unwrap(), 0);
        assert_eq!(get(&host, 0).unwrap(), None);
    }
}
