//! The forms of announcements and chunks: in messages, and in durable storage
//! (`docs/layout.md`).

use crate::environment::source::ChunkSet;
use crate::inputs::format::MAX_CHUNKS;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use alloy_primitives::B256;

/// An announcement that is open, as the list of all names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Open {
    /// The hash of the announcement.
    pub(super) id: B256,
    pub(super) transaction: B256,
    /// The level that it was made at, below 2^31 as all of layer 1.
    pub(super) level: u32,
    /// True if a chunk of it is here.
    pub(super) progress: bool,
}

/// The bit of [`Open::progress`] beside the level.
const PROGRESS: u32 = 1 << 31;

/// The facts of an announcement, and its chunks that are here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Announcement {
    pub(super) hashes: Vec<B256>,
    /// A bit for each chunk, the first lowest.
    pub(super) here: ChunkSet,
    /// True if durable storage knows it, and knows it as it is.
    pub(super) stored: bool,
    pub(super) saved: bool,
}

/// A bit for each hash that is wanted; there are at most [`MAX_CHUNKS`].
pub(super) fn bits(hashes: &[B256], wanted: impl Fn(&B256) -> bool) -> ChunkSet {
    hashes
        .iter()
        .rev()
        .fold(0, |bits, hash| bits << 1 | ChunkSet::from(wanted(hash)))
}

impl Open {
    /// Announcement, transaction, level (u32, big-endian; the top bit is
    /// [`Open::progress`]).
    pub(super) fn encode(&self) -> [u8; 68] {
        let mut bytes = [0; 68];
        let (id, rest) = bytes.split_at_mut(32);
        let (transaction, level) = rest.split_at_mut(32);
        id.copy_from_slice(self.id.as_slice());
        transaction.copy_from_slice(self.transaction.as_slice());
        let progress = if self.progress { PROGRESS } else { 0 };
        level.copy_from_slice(&(self.level & !PROGRESS | progress).to_be_bytes());
        bytes
    }

    pub(super) fn decode(bytes: &[u8; 68]) -> Self {
        let (id, rest) = bytes.split_at(32);
        let (transaction, level) = rest.split_at(32);
        let level = level
            .first_chunk()
            .map_or(0, |level| u32::from_be_bytes(*level));
        Self {
            id: B256::from_slice(id),
            transaction: B256::from_slice(transaction),
            level: level & !PROGRESS,
            progress: level & PROGRESS != 0,
        }
    }
}

impl Announcement {
    /// The places of the chunk with this hash.
    pub(super) fn places(&self, hash: &B256) -> ChunkSet {
        bits(&self.hashes, |named| named == hash)
    }

    /// True if all chunks are here.
    pub(super) fn is_whole(&self) -> bool {
        self.here == bits(&self.hashes, |_| true)
    }

    /// The chunks that are here; several places of a transaction may hold the same.
    pub(super) fn chunks(&self) -> BTreeSet<B256> {
        let places = self.hashes.iter().enumerate();
        places
            .filter(|(index, _)| self.here >> index & 1 == 1)
            .map(|(_, hash)| *hash)
            .collect()
    }

    /// The bits ([`ChunkSet`], big-endian), then the hashes.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = self.here.to_be_bytes().to_vec();
        for hash in &self.hashes {
            out.extend_from_slice(hash.as_slice());
        }
        out
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (here, rest) = bytes.split_first_chunk()?;
        let (hashes, rest) = rest.as_chunks::<32>();
        let whole = rest.is_empty() && (1..=MAX_CHUNKS).contains(&hashes.len());
        whole.then(|| Self {
            hashes: hashes.iter().map(B256::from).collect(),
            here: ChunkSet::from_be_bytes(*here),
            stored: true,
            saved: true,
        })
    }

    /// A stand-in for unreadable bytes: a chunk that no bytes hash to.
    pub(super) fn unreadable() -> Self {
        Self {
            hashes: alloc::vec![B256::ZERO],
            here: 0,
            stored: true,
            saved: true,
        }
    }
}

/// `hash ++ count (u16, little-endian) ++ count hashes`.
pub(super) fn announcement(bytes: &[u8]) -> Option<(B256, Vec<B256>)> {
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

/// `hash ++ index (u16, little-endian) ++ chunk hash ++ chunk`.
pub(super) fn piece(bytes: &[u8]) -> Option<(B256, B256, &[u8])> {
    let (hash, rest) = bytes.split_first_chunk()?;
    let (_index, rest) = rest.split_first_chunk::<2>()?;
    let (chunk_hash, chunk) = rest.split_first_chunk()?;
    Some((B256::new(*hash), B256::new(*chunk_hash), chunk))
}
