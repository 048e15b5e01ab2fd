//! Transactions that come in pieces, because a message has at most 4,096 bytes.
//!
//! `01` announces the hash of the transaction and those of its chunks; `02`
//! brings a chunk. A chunk counts for every announcement that names its hash,
//! so a false announcement of the same transaction blocks nobody.

use crate::decode::MAX_TRANSACTION;
use alloc::collections::BTreeMap;
use alloc::collections::btree_map::Entry;
use alloc::vec::Vec;
use alloy_primitives::{B256, Bytes};
use core::fmt;
use ethereum::keccak::keccak256;
use host::ReadStore;
use storage::StorageError;
use storage::layout::CHUNKED;

/// The most bytes of a chunk: what a message leaves beside inbox tag, frame,
/// input tag, two hashes and the index.
pub(crate) const MAX_CHUNK: usize = 4095 - 1 - 20 - 1 - 2 - 32 - 32;

/// The most chunks of a transaction.
const MAX_CHUNKS: usize = MAX_TRANSACTION.div_ceil(MAX_CHUNK);

/// The most announcements of one transaction hash that are kept.
const MAX_ANNOUNCEMENTS: usize = 16;

/// Why a piece is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadPiece {
    Malformed,
    TooManyChunks(usize),
    TooManyAnnouncements,
    Repeated,
    NotAnnounced,
    WrongHash,
    Assembled { expected: B256 },
}

impl fmt::Display for BadPiece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("malformed announcement or chunk"),
            Self::TooManyChunks(count) => write!(
                f,
                "{count} chunks announced, at most {MAX_CHUNKS} make a transaction"
            ),
            Self::TooManyAnnouncements => f.write_str("too many announcements of one transaction"),
            Self::Repeated => f.write_str("repeated announcement or chunk"),
            Self::NotAnnounced => f.write_str("chunk that nobody announced"),
            Self::WrongHash => f.write_str("chunk does not have its hash"),
            Self::Assembled { expected } => {
                write!(f, "the chunks do not make transaction {expected}")
            }
        }
    }
}

/// A transaction's hash and bytes.
pub(crate) type Assembled = (B256, Vec<u8>);

/// What is known of one transaction hash.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Open {
    announcements: Vec<Vec<B256>>,
    chunks: BTreeMap<B256, Vec<u8>>,
}

/// The open transactions that a block has looked at.
#[derive(Debug, Default)]
pub(crate) struct Chunks {
    open: BTreeMap<B256, Open>,
    /// What was known of the last transaction assembled, before its last chunk.
    assembled: Option<(B256, Open)>,
}

impl Chunks {
    /// Takes an announcement: `hash ++ count (u16, little-endian) ++ count hashes`.
    pub(crate) fn announce(
        &mut self,
        store: &impl ReadStore,
        bytes: &[u8],
    ) -> Result<Result<(), BadPiece>, StorageError> {
        let Some((hash, hashes)) = announcement(bytes) else {
            return Ok(Err(BadPiece::Malformed));
        };
        if hashes.len() > MAX_CHUNKS {
            return Ok(Err(BadPiece::TooManyChunks(hashes.len())));
        }
        let open = self.load(store, hash)?;
        if open.announcements.contains(&hashes) {
            return Ok(Err(BadPiece::Repeated));
        }
        if open.announcements.len() == MAX_ANNOUNCEMENTS {
            return Ok(Err(BadPiece::TooManyAnnouncements));
        }
        open.announcements.push(hashes);
        Ok(Ok(()))
    }

    /// Takes a chunk: `hash ++ index (u16, little-endian) ++ chunk hash ++ chunk`.
    /// Gives the transaction's hash and bytes if it is the last one missing. The
    /// index says nothing that the announcement does not, and is not looked at.
    pub(crate) fn chunk(
        &mut self,
        store: &impl ReadStore,
        bytes: &[u8],
    ) -> Result<Result<Option<Assembled>, BadPiece>, StorageError> {
        let Some((hash, chunk_hash, chunk)) = piece(bytes) else {
            return Ok(Err(BadPiece::Malformed));
        };
        let open = self.load(store, hash)?;
        if !open
            .announcements
            .iter()
            .any(|hashes| hashes.contains(&chunk_hash))
        {
            return Ok(Err(BadPiece::NotAnnounced));
        }
        if open.chunks.contains_key(&chunk_hash) {
            return Ok(Err(BadPiece::Repeated));
        }
        if keccak256(chunk) != chunk_hash {
            return Ok(Err(BadPiece::WrongHash));
        }
        open.chunks.insert(chunk_hash, chunk.to_vec());
        let Some((index, raw)) = open.assembled() else {
            return Ok(Ok(None));
        };
        if keccak256(&raw) != hash {
            open.announcements.remove(index);
            return Ok(Err(BadPiece::Assembled { expected: hash }));
        }
        let mut before = core::mem::take(open);
        before.chunks.remove(&chunk_hash);
        self.assembled = Some((hash, before));
        Ok(Ok(Some((hash, raw))))
    }

    /// Undoes the last assembly, so that its last chunk can come again.
    pub(crate) fn put_back(&mut self) {
        self.open.extend(self.assembled.take());
    }

    /// What the commit writes: each transaction looked at, `None` where nothing
    /// of it is open any more.
    pub(crate) fn into_changes(self) -> Vec<(B256, Option<Bytes>)> {
        self.open
            .into_iter()
            .map(|(hash, open)| {
                (
                    hash,
                    (!open.announcements.is_empty()).then(|| open.encode().into()),
                )
            })
            .collect()
    }

    fn load(&mut self, store: &impl ReadStore, hash: B256) -> Result<&mut Open, StorageError> {
        match self.open.entry(hash) {
            Entry::Occupied(open) => Ok(open.into_mut()),
            Entry::Vacant(vacant) => {
                let stored = CHUNKED.get(store, &hash)?;
                let open = stored.and_then(|bytes| Open::decode(&bytes));
                Ok(vacant.insert(open.unwrap_or_default()))
            }
        }
    }
}

impl Open {
    /// The bytes of the first announcement that has all its chunks.
    fn assembled(&self) -> Option<(usize, Vec<u8>)> {
        self.announcements
            .iter()
            .enumerate()
            .find_map(|(index, hashes)| {
                let chunks = hashes
                    .iter()
                    .map(|hash| self.chunks.get(hash).map(Vec::as_slice));
                Some((index, chunks.collect::<Option<Vec<_>>>()?.concat()))
            })
    }

    /// Announcements, each its count (u16, big-endian) and hashes, ended by a
    /// count of 0; then chunks, each its length (u16, big-endian), hash and bytes.
    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for hashes in &self.announcements {
            out.extend_from_slice(&(hashes.len() as u16).to_be_bytes());
            for hash in hashes {
                out.extend_from_slice(hash.as_slice());
            }
        }
        out.extend_from_slice(&[0; 2]);
        for (hash, chunk) in &self.chunks {
            out.extend_from_slice(&(chunk.len() as u16).to_be_bytes());
            out.extend_from_slice(hash.as_slice());
            out.extend_from_slice(chunk);
        }
        out
    }

    fn decode(mut bytes: &[u8]) -> Option<Self> {
        let mut open = Self::default();
        loop {
            let (count, rest) = bytes.split_first_chunk()?;
            let (hashes, rest) =
                rest.split_at_checked(32 * usize::from(u16::from_be_bytes(*count)))?;
            bytes = rest;
            if hashes.is_empty() {
                break;
            }
            open.announcements
                .push(hashes.chunks(32).map(B256::from_slice).collect());
        }
        while !bytes.is_empty() {
            let (len, rest) = bytes.split_first_chunk()?;
            let (hash, rest) = rest.split_first_chunk()?;
            let (chunk, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*len)))?;
            open.chunks.insert(B256::new(*hash), chunk.to_vec());
            bytes = rest;
        }
        Some(open)
    }
}

fn announcement(bytes: &[u8]) -> Option<(B256, Vec<B256>)> {
    let (hash, rest) = bytes.split_first_chunk()?;
    let (count, hashes) = rest.split_first_chunk()?;
    let count = usize::from(u16::from_le_bytes(*count));
    let whole = count > 0 && hashes.len() == 32 * count;
    whole.then(|| {
        (
            B256::new(*hash),
            hashes.chunks(32).map(B256::from_slice).collect(),
        )
    })
}

fn piece(bytes: &[u8]) -> Option<(B256, B256, &[u8])> {
    let (hash, rest) = bytes.split_first_chunk()?;
    let (_index, rest) = rest.split_first_chunk::<2>()?;
    let (chunk_hash, chunk) = rest.split_first_chunk()?;
    Some((B256::new(*hash), B256::new(*chunk_hash), chunk))
}

#[cfg(test)]
mod tests {
    use super::*;
    use host::mock::MockHost;
    use proptest::prelude::*;

    fn announce(hash: B256, chunks: &[&[u8]]) -> Vec<u8> {
        let mut bytes = hash.to_vec();
        bytes.extend_from_slice(&(chunks.len() as u16).to_le_bytes());
        for chunk in chunks {
            bytes.extend_from_slice(keccak256(chunk).as_slice());
        }
        bytes
    }

    fn chunk(hash: B256, index: u16, chunk: &[u8]) -> Vec<u8> {
        [
            hash.as_slice(),
            &index.to_le_bytes(),
            keccak256(chunk).as_slice(),
            chunk,
        ]
        .concat()
    }

    #[test]
    fn chunks_in_any_order_make_the_transaction() {
        let (host, hash) = (MockHost::default(), keccak256(b"onetwo"));
        let mut chunks = Chunks::default();
        assert_eq!(
            chunks
                .announce(&host, &announce(hash, &[b"one", b"two"]))
                .unwrap(),
            Ok(())
        );
        assert_eq!(
            chunks.chunk(&host, &chunk(hash, 1, b"two")).unwrap(),
            Ok(None)
        );
        assert_eq!(
            chunks.chunk(&host, &chunk(hash, 1, b"two")).unwrap(),
            Err(BadPiece::Repeated)
        );
        assert_eq!(
            chunks.chunk(&host, &chunk(hash, 0, b"one")).unwrap(),
            Ok(Some((hash, b"onetwo".to_vec())))
        );
        assert_eq!(chunks.into_changes(), [(hash, None)]);
    }

    #[test]
    fn a_false_announcement_blocks_nobody() {
        let (host, hash) = (MockHost::default(), keccak256(b"onetwo"));
        let mut chunks = Chunks::default();
        assert_eq!(
            chunks.announce(&host, &announce(hash, &[b"lie"])).unwrap(),
            Ok(())
        );
        assert_eq!(
            chunks
                .announce(&host, &announce(hash, &[b"one", b"two"]))
                .unwrap(),
            Ok(())
        );
        assert_eq!(
            chunks.chunk(&host, &chunk(hash, 0, b"lie")).unwrap(),
            Err(BadPiece::Assembled { expected: hash })
        );
        assert_eq!(
            chunks.chunk(&host, &chunk(hash, 0, b"one")).unwrap(),
            Ok(None)
        );
        assert_eq!(
            chunks.chunk(&host, &chunk(hash, 1, b"two")).unwrap(),
            Ok(Some((hash, b"onetwo".to_vec())))
        );
    }

    #[test]
    fn what_nobody_announced_is_dropped() {
        let (host, hash) = (MockHost::default(), keccak256(b"x"));
        let mut chunks = Chunks::default();
        assert_eq!(
            chunks.chunk(&host, &chunk(hash, 0, b"x")).unwrap(),
            Err(BadPiece::NotAnnounced)
        );
        assert_eq!(
            chunks.announce(&host, &announce(hash, &[])).unwrap(),
            Err(BadPiece::Malformed)
        );
        assert_eq!(
            chunks
                .announce(&host, &announce(hash, &[&b"x"[..]; MAX_CHUNKS + 1]))
                .unwrap(),
            Err(BadPiece::TooManyChunks(MAX_CHUNKS + 1))
        );
    }

    #[test]
    fn what_is_open_survives_a_round_trip() {
        let open = Open {
            announcements: alloc::vec![
                alloc::vec![B256::repeat_byte(1)],
                alloc::vec![B256::repeat_byte(2); 3]
            ],
            chunks: [(B256::repeat_byte(1), b"one".to_vec())].into(),
        };
        assert_eq!(Open::decode(&open.encode()), Some(open));
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_piece_or_not(bytes: Vec<u8>) {
            let (host, mut chunks) = (MockHost::default(), Chunks::default());
            let _ = chunks.announce(&host, &bytes).unwrap();
            let _ = chunks.chunk(&host, &bytes).unwrap();
            let _ = Open::decode(&bytes);
        }
    }
}
