//! Transactions that come in pieces, because a message has at most 4,096 bytes.
//!
//! `01` announces the hash of the transaction and those of its chunks; `02`
//! brings a chunk. An announcement is known by the hash of all its bytes, and a
//! chunk counts for every announcement of its transaction that names its hash,
//! so a false announcement of the same transaction blocks nobody.
//!
//! Places are bounded, for all transactions together and for each. A new
//! announcement always gets one: the oldest without a chunk gives way, or else
//! the one whose last chunk is oldest. What a piece costs does not depend on
//! what others posted, but for these bounds; what it costs besides its bytes is
//! counted ([`Chunks::take_work`]). What many announcements are whole with is tried
//! some at a time: a piece that comes again goes on.

mod format;
mod open_list;
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
use open_list::OpenList;
use storage::layout::CHUNKED;
use storage::{Piece, StorageError};

/// The most announcements that are open at once.
const MAX_OPEN: usize = 1_000;

/// The most of them that name the same transaction.
const MAX_OF_TRANSACTION: usize = 128;

/// The number of levels that an announcement stays open.
const LIFETIME: u32 = 20;

/// The most announcements that one block gives up because of their age.
const MAX_EXPIRED: usize = 64;

/// The work of a value that is read or deleted, in units of the budget.
const VALUE: u64 = 5_000;

/// The work of a byte of a transaction that is put together and hashed.
const BYTE: u64 = 10;

/// The bytes of a chunk's hash in an announcement.
const HASH: u64 = 32;

/// The work of looking at an open announcement.
const OPEN: u64 = 10;

/// The work of comparing two hashes.
const COMPARE: u64 = 2;

/// The work of looking at the announcements of a transaction, for each of them.
const LOOK: u64 = 60;

/// The work after which one piece tries no more announcements that are whole: each of them
/// may have the bytes of the largest transaction.
const MOST_TRIED: u64 = 10_000_000;

/// Why a piece is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadPiece {
    #[error("malformed announcement or chunk")]
    Malformed,
    #[error("{0} chunks announced, at most {MAX_CHUNKS} make a transaction")]
    TooManyChunks(usize),
    #[error("repeated announcement or chunk")]
    Repeated,
    #[error("chunk that nobody announced")]
    NotAnnounced,
    #[error("chunk does not have its hash")]
    WrongHash,
    #[error("the chunks do not make transaction {expected}")]
    Assembled { expected: B256 },
}

/// The result of taking a piece.
type Taken = Result<Assembly<BadPiece>, StorageError>;

/// The chunks that a block read and changed.
#[derive(Debug)]
pub(crate) struct Chunks {
    level: u32,
    /// The level of the oldest announcement in durable storage, 0 for none.
    open_since: u32,
    /// All that are open; `None` while nobody asked.
    open: Option<OpenList>,
    /// That list as durable storage has it.
    stored: Bytes,
    announcements: BTreeMap<B256, Announcement>,
    /// Chunks that came in this block, by transaction and hash.
    chunks: BTreeMap<(B256, B256), Vec<u8>>,
    deleted: Vec<Piece>,
    /// Work that is not taken yet.
    work: u64,
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
            work: 0,
        }
    }

    /// The work since the last call, besides that of the messages' bytes, in units
    /// of the budget.
    pub(crate) fn take_work(&mut self) -> u64 {
        core::mem::take(&mut self.work)
    }

    /// Gives up what has been open for too long, at most [`MAX_EXPIRED`].
    pub(crate) fn expire(&mut self, store: &impl ReadStore) -> Result<(), StorageError> {
        let level = self.level;
        let old = |since: u32| since.saturating_add(LIFETIME) < level;
        if self.open_since == 0 || !old(self.open_since) {
            return Ok(());
        }
        let list = self.load_list(store)?;
        let expired: Vec<Open> = list
            .all()
            .filter(|open| old(open.level))
            .take(MAX_EXPIRED)
            .collect();
        for open in expired {
            self.load(store, open.transaction)?;
            self.close(open);
        }
        Ok(())
    }

    /// Closes one announcement of those that are open, if they are more than `most`: the
    /// first without a chunk, or else the first. The newest stands last and does not give
    /// way to itself.
    fn make_room(
        &mut self,
        store: &impl ReadStore,
        most: usize,
        open: &[Open],
    ) -> Result<(), StorageError> {
        let older = &open[..open.len().saturating_sub(1)];
        if open.len() > most
            && let Some(first) = older.iter().min_by_key(|open| open.progress).copied()
        {
            self.load(store, first.transaction)?;
            self.close(first);
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
        self.load(store, transaction)?;
        if self.of(transaction).any(|(open, _)| open.id == id) {
            return self.again(store, transaction);
        }
        self.compare(transaction, hashes.len());
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
        self.work += VALUE + BYTE * bytes.len() as u64;
        let level = self.level;
        let list = self.open.get_or_insert_default();
        list.push(Open {
            id,
            transaction,
            level,
            progress: here != 0,
        });
        let of_transaction: Vec<Open> = list.of(transaction).collect();
        self.make_room(store, MAX_OF_TRANSACTION, &of_transaction)?;
        if self.list().len() > MAX_OPEN {
            let all: Vec<Open> = self.list().all().collect();
            self.work += OPEN * all.len() as u64;
            self.make_room(store, MAX_OPEN, &all)?;
        }
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
        // Once more when it is noted.
        self.compare(transaction, 2);
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
            return self.again(store, transaction);
        }
        if keccak256(chunk) != hash {
            return Ok(Assembly::Refused(BadPiece::WrongHash));
        }
        self.work += VALUE + BYTE * chunk.len() as u64;
        self.chunks.insert((transaction, hash), chunk.to_vec());
        self.arrived(transaction, hash);
        self.assemble(store, transaction)
    }

    /// A piece that is here already: of a transaction that was whole and found no
    /// room in its block it makes the transaction again, else it is refused.
    fn again(&mut self, store: &impl ReadStore, transaction: B256) -> Taken {
        match self.assemble(store, transaction)? {
            Assembly::Pending => Ok(Assembly::Refused(BadPiece::Repeated)),
            taken => Ok(taken),
        }
    }

    /// Forgets all pieces of a transaction that was whole.
    pub(crate) fn done(&mut self, transaction: B256) {
        let all: Vec<Open> = self.list().of(transaction).collect();
        all.into_iter().for_each(|open| self.close(open));
    }

    /// The commit's writes, in their order, and the level of the oldest
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
        } in open.all()
        {
            if let Some(known) = self.announcements.get(&id)
                && !known.saved
            {
                let piece = Piece::Announcement { transaction, id };
                changes.push((piece, Some(known.encode().into())));
            }
        }
        for ((transaction, hash), chunk) in self.chunks {
            changes.push((Piece::Chunk { transaction, hash }, Some(chunk.into())));
        }
        let list: Vec<u8> = open.all().flat_map(|open| open.encode()).collect();
        if self.stored != list {
            changes.push((Piece::Open, (!list.is_empty()).then(|| list.into())));
        }
        let since = open.all().map(|open| open.level).min();
        (changes, since.unwrap_or(0))
    }

    fn list(&self) -> &OpenList {
        const NONE: &OpenList = &OpenList::new();
        self.open.as_ref().unwrap_or(NONE)
    }

    fn load_list(&mut self, store: &impl ReadStore) -> Result<&OpenList, StorageError> {
        if self.open.is_none() {
            if self.open_since != 0 {
                self.stored = CHUNKED.get(store, &Piece::Open)?.unwrap_or_default();
            }
            let (entries, _) = self.stored.as_chunks();
            // It is read, and the commit writes it.
            self.work += 2 * VALUE + 2 * BYTE * self.stored.len() as u64;
            let mut open = OpenList::new();
            entries
                .iter()
                .for_each(|entry| open.push(Open::decode(entry)));
            self.open = Some(open);
        }
        Ok(self.list())
    }

    /// Loads the open announcements of a transaction.
    fn load(&mut self, store: &impl ReadStore, transaction: B256) -> Result<(), StorageError> {
        for open in self.open.iter().flat_map(|list| list.of(transaction)) {
            if self.announcements.contains_key(&open.id) {
                continue;
            }
            let piece = Piece::Announcement {
                transaction,
                id: open.id,
            };
            self.work += VALUE;
            let stored = CHUNKED.get(store, &piece)?;
            // One that cannot be read has no chunks: nothing completes it, and it expires.
            let known = stored.and_then(|bytes| Announcement::decode(&bytes));
            self.announcements
                .insert(open.id, known.unwrap_or_else(Announcement::unreadable));
        }
        Ok(())
    }

    /// Counts the work of comparing so many hashes with all that announcements of a
    /// transaction name.
    fn compare(&mut self, transaction: B256, hashes: usize) {
        let (mut all, mut named) = (0, 0);
        for (_, known) in self.of(transaction) {
            (all, named) = (all + 1, named + known.hashes.len() as u64);
        }
        self.work += LOOK * all + COMPARE * named * hashes as u64;
    }

    /// The announcements of a transaction, which were loaded.
    fn of(&self, transaction: B256) -> impl Iterator<Item = (Open, &Announcement)> {
        self.list()
            .of(transaction)
            .filter_map(|open| Some((open, self.announcements.get(&open.id)?)))
    }

    /// Notes that a chunk of a transaction is here: the announcements that name
    /// it are the last to give way.
    fn arrived(&mut self, transaction: B256, hash: B256) {
        let list = self.open.get_or_insert_default();
        let all: Vec<Open> = list.of(transaction).collect();
        for mut open in all {
            let known = self.announcements.get_mut(&open.id);
            let Some(known) = known.filter(|known| known.places(&hash) != 0) else {
                continue;
            };
            if known.saved {
                self.work += VALUE + BYTE * HASH * known.hashes.len() as u64;
            }
            known.saved = false;
            known.here |= known.places(&hash);
            open.progress = true;
            list.remove(&open);
            list.push(open);
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
        let most = self.work.saturating_add(MOST_TRIED);
        let mut outcome = Assembly::Pending;
        for (open, hashes) in whole {
            if self.work >= most {
                break;
            }
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
        &mut self,
        store: &impl ReadStore,
        transaction: B256,
        hashes: &[B256],
    ) -> Result<Option<Vec<u8>>, StorageError> {
        let mut raw = Vec::new();
        for hash in hashes {
            let hash = *hash;
            let before = raw.len();
            if let Some(chunk) = self.chunks.get(&(transaction, hash)) {
                raw.extend_from_slice(chunk);
            } else if let Some(chunk) = CHUNKED.get(store, &Piece::Chunk { transaction, hash })? {
                raw.extend_from_slice(&chunk);
            } else {
                return Ok(None);
            }
            self.work += VALUE + BYTE * (raw.len() - before) as u64;
        }
        Ok(Some(raw))
    }

    /// Forgets an announcement, and its chunks that no other names.
    fn close(&mut self, open: Open) {
        let Open {
            id, transaction, ..
        } = open;
        if let Some(list) = &mut self.open {
            list.remove(&open);
        }
        self.work += VALUE;
        let Some(closed) = self.announcements.remove(&id) else {
            return;
        };
        self.compare(transaction, closed.chunks().len());
        let mut stored = Vec::new();
        if closed.stored {
            stored.push(Piece::Announcement { transaction, id });
        }
        for hash in closed.chunks() {
            self.work += VALUE;
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
