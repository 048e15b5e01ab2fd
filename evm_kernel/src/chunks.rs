//! Transactions that come in pieces, because a message has at most 4,096 bytes.
//!
//! `01` announces the hash of the transaction and those of its chunks; `02`
//! brings a chunk. An announcement is known by the hash of all its bytes, and a
//! chunk counts for every announcement of its transaction that names its hash,
//! so a false announcement of the same transaction blocks nobody.

use crate::decode::MAX_TRANSACTION;
use crate::source::ChunkSet;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use alloy_primitives::{B256, Bytes};
use core::fmt;
use ethereum::keccak::keccak256;
use host::ReadStore;
use storage::layout::CHUNKED;
use storage::{Piece, StorageError};

/// The most bytes of a chunk: what a message leaves beside inbox tag, frame,
/// input tag, two hashes and the index.
pub(crate) const MAX_CHUNK: usize = 4095 - 1 - 20 - 1 - 2 - 32 - 32;

/// The most chunks of a transaction.
const MAX_CHUNKS: usize = MAX_TRANSACTION.div_ceil(MAX_CHUNK);
const _: () = assert!(MAX_CHUNKS <= ChunkSet::BITS as usize);

/// The most announcements that are open at once.
const MAX_OPEN: usize = 1_000;

/// How many levels an announcement stays open.
const LIFETIME: u32 = 20;

/// Why a piece is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadPiece {
    Malformed,
    TooManyChunks(usize),
    TooManyOpen,
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
            Self::TooManyOpen => write!(
                f,
                "{MAX_OPEN} chunked transactions are open, no more are taken"
            ),
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

/// What taking a piece gives: a transaction if it is whole now.
type Taken = Result<Result<Option<Assembled>, BadPiece>, StorageError>;

/// An announcement that is open, as the list of all names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Open {
    /// The hash of the announcement.
    id: B256,
    transaction: B256,
    /// The level that it was made at.
    level: u32,
}

/// What an announcement says, and which of its chunks are here.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Announcement {
    hashes: Vec<B256>,
    /// A bit for each chunk, the first lowest.
    here: ChunkSet,
    /// Whether durable storage knows it, and knows it as it is.
    stored: bool,
    saved: bool,
}

/// What the last piece added, while its transaction may still be put back.
#[derive(Clone, Copy, Debug)]
enum Last {
    Announcement(B256),
    Chunk { transaction: B256, hash: B256 },
}

/// What a block looked at and changed.
#[derive(Debug)]
pub(crate) struct Chunks {
    level: u32,
    /// The level of the oldest announcement in durable storage, 0 for none.
    open_since: u32,
    /// All that are open, oldest first; `None` while nobody asked.
    open: Option<Vec<Open>>,
    /// That list as durable storage has it.
    stored: Bytes,
    announcements: BTreeMap<B256, Announcement>,
    /// Chunks that came in this block, by transaction and hash.
    chunks: BTreeMap<(B256, B256), Vec<u8>>,
    deleted: Vec<Piece>,
    last: Option<Last>,
}

impl Chunks {
    /// The chunked transactions at a block of `level`; `open_since` as the last
    /// block's [`Chunks::into_changes`] gave it.
    pub(crate) const fn new(level: u32, open_since: u32) -> Self {
        Self {
            level,
            open_since,
            open: None,
            stored: Bytes::new(),
            announcements: BTreeMap::new(),
            chunks: BTreeMap::new(),
            deleted: Vec::new(),
            last: None,
        }
    }

    /// Gives up what has been open for too long.
    pub(crate) fn expire(&mut self, store: &impl ReadStore) -> Result<(), StorageError> {
        let level = self.level;
        let old = |since: u32| since.saturating_add(LIFETIME) < level;
        if self.open_since == 0 || !old(self.open_since) {
            return Ok(());
        }
        self.load_list(store)?;
        let expired: Vec<Open> = self
            .list()
            .iter()
            .take_while(|open| old(open.level))
            .copied()
            .collect();
        for open in expired {
            self.load(store, open.transaction)?;
            self.close(open);
        }
        Ok(())
    }

    /// Takes an announcement: `hash ++ count (u16, little-endian) ++ count hashes`.
    pub(crate) fn announce(&mut self, store: &impl ReadStore, bytes: &[u8]) -> Taken {
        let Some((transaction, hashes)) = announcement(bytes) else {
            return Ok(Err(BadPiece::Malformed));
        };
        if hashes.len() > MAX_CHUNKS {
            return Ok(Err(BadPiece::TooManyChunks(hashes.len())));
        }
        self.load_list(store)?;
        let id = keccak256(bytes);
        if self.list().iter().any(|open| open.id == id) {
            return Ok(Err(BadPiece::Repeated));
        }
        if self.list().len() >= MAX_OPEN {
            return Ok(Err(BadPiece::TooManyOpen));
        }
        self.load(store, transaction)?;
        // Chunks that others announced may be here already.
        let here = bits(&hashes, |hash| {
            self.of(transaction)
                .any(|(_, known)| known.here & bits(&known.hashes, |named| named == hash) != 0)
        });
        self.announcements.insert(
            id,
            Announcement {
                hashes,
                here,
                stored: false,
                saved: false,
            },
        );
        let level = self.level;
        self.list_mut().push(Open {
            id,
            transaction,
            level,
        });
        self.last = Some(Last::Announcement(id));
        self.assemble(store, transaction)
    }

    /// Takes a chunk: `hash ++ index (u16, little-endian) ++ chunk hash ++ chunk`.
    /// The index says nothing that the announcement does not, and is not looked at.
    pub(crate) fn chunk(&mut self, store: &impl ReadStore, bytes: &[u8]) -> Taken {
        let Some((transaction, hash, chunk)) = piece(bytes) else {
            return Ok(Err(BadPiece::Malformed));
        };
        self.load_list(store)?;
        self.load(store, transaction)?;
        let (mut named, mut missing) = (false, false);
        for (_, known) in self.of(transaction) {
            let places = bits(&known.hashes, |named| *named == hash);
            named |= places != 0;
            missing |= places & !known.here != 0;
        }
        if !named {
            return Ok(Err(BadPiece::NotAnnounced));
        }
        if !missing {
            return Ok(Err(BadPiece::Repeated));
        }
        if keccak256(chunk) != hash {
            return Ok(Err(BadPiece::WrongHash));
        }
        self.chunks.insert((transaction, hash), chunk.to_vec());
        self.set(transaction, hash, true);
        self.last = Some(Last::Chunk { transaction, hash });
        self.assemble(store, transaction)
    }

    /// Undoes the piece that made the last transaction whole, so that it can
    /// come again.
    pub(crate) fn put_back(&mut self) {
        match self.last.take() {
            Some(Last::Announcement(id)) => {
                self.announcements.remove(&id);
                self.list_mut().retain(|open| open.id != id);
            }
            Some(Last::Chunk { transaction, hash }) => {
                self.chunks.remove(&(transaction, hash));
                self.set(transaction, hash, false);
            }
            None => {}
        }
    }

    /// Forgets all pieces of a transaction that was whole.
    pub(crate) fn done(&mut self, transaction: B256) {
        let all: Vec<Open> = self
            .list()
            .iter()
            .filter(|open| open.transaction == transaction)
            .copied()
            .collect();
        all.into_iter().for_each(|open| self.close(open));
    }

    /// What the commit writes, in its order, and the level of the oldest
    /// announcement that stays open, 0 for none.
    pub(crate) fn into_changes(self) -> (Vec<(Piece, Option<Bytes>)>, u32) {
        let Some(open) = self.open else {
            return (Vec::new(), self.open_since);
        };
        let mut changes: Vec<_> = self
            .deleted
            .into_iter()
            .map(|piece| (piece, None))
            .collect();
        for Open {
            id, transaction, ..
        } in &open
        {
            if let Some(known) = self.announcements.get(id)
                && !known.saved
            {
                let piece = Piece::Announcement {
                    transaction: *transaction,
                    id: *id,
                };
                changes.push((piece, Some(known.encode().into())));
            }
        }
        for ((transaction, hash), chunk) in self.chunks {
            changes.push((Piece::Chunk { transaction, hash }, Some(chunk.into())));
        }
        let list: Vec<u8> = open.iter().flat_map(Open::encode).collect();
        if self.stored != list {
            changes.push((Piece::Open, (!list.is_empty()).then(|| list.into())));
        }
        (changes, open.first().map_or(0, |open| open.level))
    }

    fn list(&self) -> &[Open] {
        self.open.as_deref().unwrap_or_default()
    }

    fn list_mut(&mut self) -> &mut Vec<Open> {
        self.open.get_or_insert_default()
    }

    fn load_list(&mut self, store: &impl ReadStore) -> Result<(), StorageError> {
        if self.open.is_none() {
            if self.open_since != 0 {
                self.stored = CHUNKED.get(store, &Piece::Open)?.unwrap_or_default();
            }
            let (entries, _) = self.stored.as_chunks();
            self.open = Some(entries.iter().map(Open::decode).collect());
        }
        Ok(())
    }

    /// Loads the open announcements of a transaction.
    fn load(&mut self, store: &impl ReadStore, transaction: B256) -> Result<(), StorageError> {
        for open in self.open.as_deref().unwrap_or_default() {
            if open.transaction != transaction || self.announcements.contains_key(&open.id) {
                continue;
            }
            let piece = Piece::Announcement {
                transaction,
                id: open.id,
            };
            let stored = CHUNKED.get(store, &piece)?;
            // One that cannot be read has no chunks: nothing completes it, and it expires.
            let known = stored.and_then(|bytes| Announcement::decode(&bytes));
            self.announcements
                .insert(open.id, known.unwrap_or_else(Announcement::unreadable));
        }
        Ok(())
    }

    /// The announcements of a transaction, which were loaded.
    fn of(&self, transaction: B256) -> impl Iterator<Item = (Open, &Announcement)> {
        self.list()
            .iter()
            .filter(move |open| open.transaction == transaction)
            .filter_map(|open| Some((*open, self.announcements.get(&open.id)?)))
    }

    /// Notes that a chunk of a transaction is here, or is not.
    fn set(&mut self, transaction: B256, hash: B256, here: bool) {
        for open in self.open.as_deref().unwrap_or_default() {
            if open.transaction == transaction
                && let Some(known) = self.announcements.get_mut(&open.id)
            {
                let places = bits(&known.hashes, |named| *named == hash);
                known.saved &= places == 0;
                if here {
                    known.here |= places;
                } else {
                    known.here &= !places;
                }
            }
        }
    }

    /// The transaction, if an announcement has all its chunks; an announcement
    /// whose chunks do not make it was false and is closed.
    fn assemble(&mut self, store: &impl ReadStore, transaction: B256) -> Taken {
        let whole: Vec<(Open, Vec<B256>)> = self
            .of(transaction)
            .filter(|(_, known)| known.here == bits(&known.hashes, |_| true))
            .map(|(open, known)| (open, known.hashes.clone()))
            .collect();
        let mut outcome = Ok(None);
        for (open, hashes) in whole {
            if let Some(raw) = self.concat(store, transaction, &hashes)?
                && keccak256(&raw) == transaction
            {
                return Ok(Ok(Some((transaction, raw))));
            }
            self.close(open);
            outcome = Err(BadPiece::Assembled {
                expected: transaction,
            });
        }
        Ok(outcome)
    }

    fn concat(
        &self,
        store: &impl ReadStore,
        transaction: B256,
        hashes: &[B256],
    ) -> Result<Option<Vec<u8>>, StorageError> {
        let mut raw = Vec::new();
        for hash in hashes {
            let hash = *hash;
            if let Some(chunk) = self.chunks.get(&(transaction, hash)) {
                raw.extend_from_slice(chunk);
            } else if let Some(chunk) = CHUNKED.get(store, &Piece::Chunk { transaction, hash })? {
                raw.extend_from_slice(&chunk);
            } else {
                return Ok(None);
            }
        }
        Ok(Some(raw))
    }

    /// Forgets an announcement, and its chunks that no other names.
    fn close(&mut self, open: Open) {
        let Open {
            id, transaction, ..
        } = open;
        self.list_mut().retain(|open| open.id != id);
        let Some(closed) = self.announcements.remove(&id) else {
            return;
        };
        let mut stored = Vec::new();
        if closed.stored {
            stored.push(Piece::Announcement { transaction, id });
        }
        for hash in closed.chunks() {
            let wanted = |(_, other): (Open, &Announcement)| other.hashes.contains(&hash);
            if !self.of(transaction).any(wanted)
                && self.chunks.remove(&(transaction, hash)).is_none()
            {
                stored.push(Piece::Chunk { transaction, hash });
            }
        }
        if stored.is_empty() || self.of(transaction).next().is_some() {
            self.deleted.extend(stored);
        } else {
            self.deleted.push(Piece::Transaction(transaction));
        }
    }
}

/// A bit for each hash that is wanted; there are at most [`MAX_CHUNKS`].
fn bits(hashes: &[B256], wanted: impl Fn(&B256) -> bool) -> ChunkSet {
    hashes
        .iter()
        .rev()
        .fold(0, |bits, hash| bits << 1 | ChunkSet::from(wanted(hash)))
}

impl Open {
    /// Announcement, transaction, level (u32, big-endian).
    fn encode(&self) -> [u8; 68] {
        let mut bytes = [0; 68];
        let (id, rest) = bytes.split_at_mut(32);
        let (transaction, level) = rest.split_at_mut(32);
        id.copy_from_slice(self.id.as_slice());
        transaction.copy_from_slice(self.transaction.as_slice());
        level.copy_from_slice(&self.level.to_be_bytes());
        bytes
    }

    fn decode(bytes: &[u8; 68]) -> Self {
        let (id, rest) = bytes.split_at(32);
        let (transaction, level) = rest.split_at(32);
        Self {
            id: B256::from_slice(id),
            transaction: B256::from_slice(transaction),
            level: level
                .first_chunk()
                .map_or(0, |level| u32::from_be_bytes(*level)),
        }
    }
}

impl Announcement {
    /// The chunks that are here; several places of a transaction may hold the same.
    fn chunks(&self) -> BTreeSet<B256> {
        let places = self.hashes.iter().enumerate();
        places
            .filter(|(index, _)| self.here >> index & 1 == 1)
            .map(|(_, hash)| *hash)
            .collect()
    }

    /// The bits ([`ChunkSet`], big-endian), then the hashes.
    fn encode(&self) -> Vec<u8> {
        let mut out = self.here.to_be_bytes().to_vec();
        for hash in &self.hashes {
            out.extend_from_slice(hash.as_slice());
        }
        out
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
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

    /// What stands for bytes that are none: a chunk that no bytes hash to.
    fn unreadable() -> Self {
        Self {
            hashes: alloc::vec![B256::ZERO],
            here: 0,
            stored: true,
            saved: true,
        }
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
    use storage::Head;
    use storage::commit;
    use storage::layout::HEAD;

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

    /// Blocks over a store; a whole transaction is done at once.
    #[derive(Default)]
    struct Blocks {
        host: MockHost,
        level: u32,
    }

    impl Blocks {
        fn at(level: u32) -> Self {
            Self {
                level,
                ..Self::default()
            }
        }

        /// One block of the next level; `act` gets its pieces.
        fn block<T>(&mut self, act: impl FnOnce(&MockHost, &mut Chunks) -> T) -> T {
            let head = HEAD.get(&self.host, &()).unwrap().unwrap_or_default();
            let mut chunks = Chunks::new(self.level, head.chunks_since);
            chunks.expire(&self.host).unwrap();
            let result = act(&self.host, &mut chunks);
            let (chunked, chunks_since) = chunks.into_changes();
            let block = commit::Block {
                head: Head {
                    chunks_since,
                    ..Head::default()
                },
                chunked,
                ..commit::Block::default()
            };
            commit::block(&mut self.host, &block).unwrap();
            self.level += 1;
            result
        }

        fn announce(&mut self, bytes: &[u8]) -> Result<Option<Assembled>, BadPiece> {
            self.block(|host, chunks| done(chunks.announce(host, bytes).unwrap(), chunks))
        }

        fn chunk(&mut self, bytes: &[u8]) -> Result<Option<Assembled>, BadPiece> {
            self.block(|host, chunks| done(chunks.chunk(host, bytes).unwrap(), chunks))
        }

        /// The values that are kept of chunked transactions.
        fn kept(&self) -> usize {
            let paths = self.host.values().into_keys();
            paths
                .filter(|path| path.starts_with(b"/evm/state/k/"))
                .count()
        }
    }

    fn done(
        taken: Result<Option<Assembled>, BadPiece>,
        chunks: &mut Chunks,
    ) -> Result<Option<Assembled>, BadPiece> {
        if let Ok(Some((hash, _))) = &taken {
            chunks.done(*hash);
        }
        taken
    }

    #[test]
    fn chunks_in_any_order_make_the_transaction() {
        let hash = keccak256(b"onetwo");
        let mut blocks = Blocks::at(7);
        assert_eq!(
            blocks.announce(&announce(hash, &[b"one", b"two"])),
            Ok(None)
        );
        assert_eq!(blocks.chunk(&chunk(hash, 1, b"two")), Ok(None));
        assert_eq!(
            blocks.chunk(&chunk(hash, 1, b"two")),
            Err(BadPiece::Repeated)
        );
        assert_eq!(
            blocks.chunk(&chunk(hash, 0, b"one")),
            Ok(Some((hash, b"onetwo".to_vec())))
        );
        assert_eq!(blocks.kept(), 0);
        assert_eq!(
            blocks.chunk(&chunk(hash, 0, b"one")),
            Err(BadPiece::NotAnnounced)
        );
    }

    #[test]
    fn a_transaction_in_one_block_touches_no_storage() {
        let hash = keccak256(b"oneone");
        let mut chunks = Chunks::new(7, 0);
        let host = MockHost::default();
        let announcement = announce(hash, &[b"one", b"one"]);
        assert_eq!(chunks.announce(&host, &announcement).unwrap(), Ok(None));
        let whole = chunks.chunk(&host, &chunk(hash, 0, b"one")).unwrap();
        assert_eq!(whole, Ok(Some((hash, b"oneone".to_vec()))));
        chunks.done(hash);
        assert_eq!(chunks.into_changes(), (Vec::new(), 0));
    }

    #[test]
    fn false_announcements_block_nobody() {
        let hash = keccak256(b"onetwo");
        let mut blocks = Blocks::at(7);
        for lie in 0..100_u8 {
            assert_eq!(
                blocks.announce(&announce(hash, &[&[lie], b"one"])),
                Ok(None)
            );
            blocks.level -= 1;
        }
        // What the liar brings does not have to come again.
        assert_eq!(blocks.chunk(&chunk(hash, 0, b"one")), Ok(None));
        assert_eq!(
            blocks.chunk(&chunk(hash, 0, &[5])),
            Err(BadPiece::Assembled { expected: hash })
        );
        assert_eq!(
            blocks.announce(&announce(hash, &[b"one", b"two"])),
            Ok(None)
        );
        assert_eq!(
            blocks.chunk(&chunk(hash, 0, b"one")),
            Err(BadPiece::Repeated)
        );
        assert_eq!(
            blocks.chunk(&chunk(hash, 1, b"two")),
            Ok(Some((hash, b"onetwo".to_vec())))
        );
        assert_eq!(blocks.kept(), 0);
    }

    #[test]
    fn an_announcement_of_what_is_here_makes_the_transaction() {
        let hash = keccak256(b"onetwo");
        let mut blocks = Blocks::at(7);
        let lie = announce(hash, &[b"two", b"one", b"lie"]);
        assert_eq!(blocks.announce(&lie), Ok(None));
        assert_eq!(blocks.chunk(&chunk(hash, 0, b"two")), Ok(None));
        assert_eq!(blocks.chunk(&chunk(hash, 0, b"one")), Ok(None));
        let truth = announce(hash, &[b"one", b"two"]);
        let whole = Ok(Some((hash, b"onetwo".to_vec())));
        // A block that has no room for it puts it back.
        let first = blocks.block(|host, chunks| {
            let first = chunks.announce(host, &truth).unwrap();
            chunks.put_back();
            first
        });
        assert_eq!(first, whole);
        assert_eq!(blocks.announce(&truth), whole);
        assert_eq!(blocks.kept(), 0);
    }

    #[test]
    fn the_last_chunk_can_come_again() {
        let hash = keccak256(b"onetwo");
        let mut blocks = Blocks::at(7);
        let whole = Ok(Some((hash, b"onetwo".to_vec())));
        blocks.announce(&announce(hash, &[b"one", b"two"])).unwrap();
        blocks.chunk(&chunk(hash, 0, b"one")).unwrap();
        let last = chunk(hash, 1, b"two");
        let first = blocks.block(|host, chunks| {
            let first = chunks.chunk(host, &last).unwrap();
            chunks.put_back();
            first
        });
        assert_eq!(first, whole);
        assert_eq!(blocks.chunk(&last), whole);
        assert_eq!(blocks.kept(), 0);
    }

    #[test]
    fn what_nobody_announced_is_dropped() {
        let hash = keccak256(b"x");
        let mut blocks = Blocks::at(7);
        assert_eq!(
            blocks.chunk(&chunk(hash, 0, b"x")),
            Err(BadPiece::NotAnnounced)
        );
        assert_eq!(
            blocks.announce(&announce(hash, &[])),
            Err(BadPiece::Malformed)
        );
        assert_eq!(
            blocks.announce(&announce(hash, &[&b"x"[..]; MAX_CHUNKS + 1])),
            Err(BadPiece::TooManyChunks(MAX_CHUNKS + 1))
        );
        assert_eq!(blocks.announce(&announce(hash, &[b"x", b"y"])), Ok(None));
        let mut wrong = chunk(hash, 0, b"x");
        wrong.push(b'x');
        assert_eq!(blocks.chunk(&wrong), Err(BadPiece::WrongHash));
        assert_eq!(
            blocks.announce(&announce(hash, &[b"x", b"y"])),
            Err(BadPiece::Repeated)
        );
    }

    #[test]
    fn what_stays_open_expires() {
        let hash = keccak256(b"onetwo");
        let mut blocks = Blocks::at(7);
        blocks.announce(&announce(hash, &[b"one", b"two"])).unwrap();
        blocks.chunk(&chunk(hash, 0, b"one")).unwrap();
        // A later announcement keeps the chunk, which it names too.
        blocks.level = 7 + LIFETIME;
        blocks.announce(&announce(hash, &[b"one", b"lie"])).unwrap();
        assert_eq!(blocks.kept(), 4);
        assert_eq!(
            blocks.announce(&announce(hash, &[b"one", b"two"])),
            Ok(None)
        );
        assert_eq!(
            blocks.chunk(&chunk(hash, 0, b"one")),
            Err(BadPiece::Repeated)
        );
        blocks.level = 7 + 2 * LIFETIME + 2;
        blocks.block(|_, _| ());
        assert_eq!(blocks.kept(), 0);
    }

    #[test]
    fn a_thousand_may_be_open() {
        let mut blocks = Blocks::at(7);
        let nth = |n: u32| announce(keccak256(n.to_be_bytes()), &[b"x"]);
        blocks.block(|host, chunks| {
            for n in 0..MAX_OPEN as u32 {
                assert_eq!(chunks.announce(host, &nth(n)).unwrap(), Ok(None));
            }
            let more = chunks.announce(host, &nth(MAX_OPEN as u32)).unwrap();
            assert_eq!(more, Err(BadPiece::TooManyOpen));
        });
        blocks.level = 7 + LIFETIME + 1;
        assert_eq!(blocks.announce(&nth(MAX_OPEN as u32)), Ok(None));
        assert_eq!(blocks.kept(), 2);
    }

    #[test]
    fn an_announcement_survives_a_round_trip() {
        let known = Announcement {
            hashes: alloc::vec![B256::repeat_byte(1), B256::repeat_byte(2)],
            here: 2,
            stored: true,
            saved: true,
        };
        assert_eq!(Announcement::decode(&known.encode()), Some(known));
        let open = Open {
            id: B256::repeat_byte(1),
            transaction: B256::repeat_byte(2),
            level: 3,
        };
        assert_eq!(Open::decode(&open.encode()), open);
    }

    /// Pieces of two transactions, true and false, of which some are cut short.
    fn any_piece() -> impl Strategy<Value = (bool, Vec<u8>)> {
        let parts = ["one", "two", "six"].map(str::as_bytes);
        let part = proptest::sample::select(parts.to_vec());
        let hash =
            proptest::sample::select(alloc::vec![keccak256(b"onetwo"), keccak256(b"sixone")]);
        let named = proptest::collection::vec(part.clone(), 0..4);
        prop_oneof![
            (hash.clone(), named).prop_map(|(hash, named)| (true, announce(hash, &named))),
            (hash, part).prop_map(|(hash, part)| (false, chunk(hash, 0, part))),
            (any::<bool>(), any::<Vec<u8>>()),
        ]
    }

    proptest! {
        /// However pieces come, and wherever blocks end, whatever is made is a
        /// transaction that was meant, and nothing of it stays.
        #[test]
        fn only_whole_transactions_are_made(
            pieces in proptest::collection::vec((any_piece(), any::<bool>(), 0..8_u32), 1..40)
        ) {
            let mut blocks = Blocks::at(7);
            for ((announces, bytes), puts_back, levels) in pieces {
                let take = |host: &MockHost, chunks: &mut Chunks| {
                    if announces { chunks.announce(host, &bytes) } else { chunks.chunk(host, &bytes) }.unwrap()
                };
                let taken = blocks.block(|host, chunks| {
                    let taken = take(host, chunks);
                    if puts_back && matches!(taken, Ok(Some(_))) {
                        chunks.put_back();
                        // It comes again, and is made again.
                        assert_eq!(take(host, chunks), taken);
                    }
                    done(taken, chunks)
                });
                if let Ok(Some((hash, raw))) = taken {
                    prop_assert_eq!(keccak256(&raw), hash);
                }
                blocks.level += levels;
            }
            blocks.level += LIFETIME + 1;
            blocks.block(|_, _| ());
            prop_assert_eq!(blocks.kept(), 0);
        }
    }
}
