//! Transactions that come in pieces, because a message has at most 4,096 bytes.
//!
//! `01` announces the hash of the transaction and those of its chunks; `02`
//! brings a chunk. An announcement is known by the hash of all its bytes, and a
//! chunk counts for every announcement of its transaction that names its hash,
//! so a false announcement of the same transaction blocks nobody.

mod format;
#[cfg(test)]
mod tests;

use crate::inputs::assembly::{Assembly, Whole};
use crate::inputs::format::MAX_CHUNKS;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use alloy_primitives::{B256, Bytes};
use ethereum::keccak::keccak256;
use format::{Announcement, Open};
use host::ReadStore;
use storage::layout::CHUNKED;
use storage::{Piece, StorageError};

/// The most announcements that are open at once.
const MAX_OPEN: usize = 1_000;

/// How many levels an announcement stays open.
const LIFETIME: u32 = 20;

/// Why a piece is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadPiece {
    #[error("malformed announcement or chunk")]
    Malformed,
    #[error("{0} chunks announced, at most {MAX_CHUNKS} make a transaction")]
    TooManyChunks(usize),
    #[error("{MAX_OPEN} chunked transactions are open, no more are taken")]
    TooManyOpen,
    #[error("repeated announcement or chunk")]
    Repeated,
    #[error("chunk that nobody announced")]
    NotAnnounced,
    #[error("chunk does not have its hash")]
    WrongHash,
    #[error("the chunks do not make transaction {expected}")]
    Assembled { expected: B256 },
}

/// What taking a piece gives.
type Taken = Result<Assembly<BadPiece>, StorageError>;

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
        let Some((transaction, hashes)) = format::announcement(bytes) else {
            return Ok(Assembly::Refused(BadPiece::Malformed));
        };
        if hashes.len() > MAX_CHUNKS {
            return Ok(Assembly::Refused(BadPiece::TooManyChunks(hashes.len())));
        }
        self.load_list(store)?;
        let id = keccak256(bytes);
        if self.list().iter().any(|open| open.id == id) {
            return Ok(Assembly::Refused(BadPiece::Repeated));
        }
        if self.list().len() >= MAX_OPEN {
            return Ok(Assembly::Refused(BadPiece::TooManyOpen));
        }
        self.load(store, transaction)?;
        // Chunks that others announced may be here already.
        let here = format::bits(&hashes, |hash| {
            self.of(transaction)
                .any(|(_, known)| known.here & known.places(hash) != 0)
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
        let Some((transaction, hash, chunk)) = format::piece(bytes) else {
            return Ok(Assembly::Refused(BadPiece::Malformed));
        };
        self.load_list(store)?;
        self.load(store, transaction)?;
        let (mut named, mut missing) = (false, false);
        for (_, known) in self.of(transaction) {
            let places = known.places(&hash);
            named |= places != 0;
            missing |= places & !known.here != 0;
        }
        if !named {
            return Ok(Assembly::Refused(BadPiece::NotAnnounced));
        }
        if !missing {
            return Ok(Assembly::Refused(BadPiece::Repeated));
        }
        if keccak256(chunk) != hash {
            return Ok(Assembly::Refused(BadPiece::WrongHash));
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
                let places = known.places(&hash);
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
            .filter(|(_, known)| known.is_whole())
            .map(|(open, known)| (open, known.hashes.clone()))
            .collect();
        let mut outcome = Assembly::Pending;
        for (open, hashes) in whole {
            if let Some(raw) = self.concat(store, transaction, &hashes)?
                && keccak256(&raw) == transaction
            {
                return Ok(Assembly::Whole(Whole {
                    hash: transaction,
                    raw,
                }));
            }
            self.close(open);
            outcome = Assembly::Refused(BadPiece::Assembled {
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
