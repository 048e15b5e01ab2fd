//! The queue: inputs are made durable here before anything executes.
//!
//! Each [lane](crate::lane) is a log. A level that brings inputs has one page, at
//! `TREE/LEVEL`; a page is a run of entries, each a length (4 bytes, big-endian) and
//! that many bytes. A commit consumes entries by moving a cursor that is part of the
//! state; a page that is consumed whole is deleted afterwards.

use alloc::vec::Vec;
use host::{HostError, MAX_CHUNK, Path, PathBuf, ReadStore, Store};

/// The position of an entry. Entries are consumed in this order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    /// The level of its page.
    pub level: u32,
    /// Its first byte in the page.
    pub offset: u32,
}

impl Cursor {
    /// The cursor's 8 bytes.
    #[must_use]
    pub fn encode(&self) -> [u8; 8] {
        ((u64::from(self.level) << 32) | u64::from(self.offset)).to_be_bytes()
    }

    /// The cursor behind 8 bytes.
    #[must_use]
    pub fn decode(bytes: &[u8; 8]) -> Self {
        let word = u64::from_be_bytes(*bytes);
        Self {
            level: (word >> 32) as u32,
            offset: word as u32,
        }
    }
}

/// The bytes that an entry takes in its page besides its own.
pub const ENTRY_OVERHEAD: usize = 4;

/// The page of a level, to append to.
#[derive(Debug)]
pub struct Page {
    path: PagePath,
    cursor: Cursor,
}

impl Page {
    /// The page of `level` before anything was appended to it.
    ///
    /// # Errors
    /// If the path is too long.
    pub fn new(tree: Path<'_>, level: u32) -> Result<Self, HostError> {
        Ok(Self {
            path: path(tree, level)?,
            cursor: Cursor { level, offset: 0 },
        })
    }

    /// Opens the page of `level` at its end. One host call.
    ///
    /// # Errors
    /// If the machine refuses a host call.
    pub fn open(store: &impl ReadStore, tree: Path<'_>, level: u32) -> Result<Self, HostError> {
        let mut page = Self::new(tree, level)?;
        page.cursor.offset = match store.store_value_size(page.path.as_path()) {
            Ok(size) => size as u32,
            Err(HostError::NotAValue) => 0,
            Err(error) => return Err(error),
        };
        Ok(page)
    }

    /// Opens the page of `level` after a trap: an entry that was cut short is
    /// filled up with zeros, so that what follows it can be told apart.
    ///
    /// # Errors
    /// If the machine refuses a host call.
    pub fn repair(store: &mut impl Store, tree: Path<'_>, level: u32) -> Result<Self, HostError> {
        let mut page = Self::open(store, tree, level)?;
        let start = Cursor { level, offset: 0 };
        let Some(mut entries) = Entries::load(store, tree, start, usize::MAX)? else {
            return Ok(page);
        };
        while entries.next_entry().is_some() {}
        let torn = entries.rest();
        if torn.is_empty() {
            return Ok(page);
        }
        let missing = match torn.split_first_chunk::<ENTRY_OVERHEAD>() {
            Some((head, entry)) => (u32::from_be_bytes(*head) as usize).saturating_sub(entry.len()),
            // One write holds a length and the entry's beginning: this cannot be.
            None => ENTRY_OVERHEAD - torn.len(),
        };
        let zeros = alloc::vec![0; missing];
        store.write_chunks(page.path.as_path(), page.cursor.offset as usize, &zeros)?;
        page.cursor.offset = page.cursor.offset.saturating_add(missing as u32);
        Ok(page)
    }

    /// The position of the next appended entry.
    #[must_use]
    pub const fn end(&self) -> Cursor {
        self.cursor
    }

    /// Appends the entry that `framed` holds from its fourth byte on: the first
    /// four are overwritten with the length. Up to 2,044 bytes take one host
    /// call, so that the input is queued whole or not at all; of a longer one a
    /// trap can leave a beginning, which [`Page::repair`] makes harmless.
    ///
    /// # Errors
    /// If the machine refuses a host call.
    pub fn append(
        &mut self,
        store: &mut impl Store,
        framed: &mut [u8],
    ) -> Result<Cursor, HostError> {
        let Some((head, entry)) = framed.split_first_chunk_mut::<ENTRY_OVERHEAD>() else {
            return Ok(self.cursor);
        };
        *head = (entry.len() as u32).to_be_bytes();
        let at = self.cursor;
        store.write_chunks(self.path.as_path(), at.offset as usize, framed)?;
        self.cursor.offset = at.offset.saturating_add(framed.len() as u32);
        Ok(at)
    }
}

/// Entries of one page, in order.
#[derive(Debug)]
pub struct Entries {
    level: u32,
    offset: u32,
    bytes: Vec<u8>,
    at: usize,
}

impl Entries {
    /// No entries yet; those that are appended at `cursor` follow by [`Entries::push`].
    #[must_use]
    pub const fn at(cursor: Cursor) -> Self {
        Self {
            level: cursor.level,
            offset: cursor.offset,
            bytes: Vec::new(),
            at: 0,
        }
    }

    /// Adds what [`Page::append`] has just written.
    pub fn push(&mut self, framed: &[u8]) {
        self.bytes.extend_from_slice(framed);
    }

    /// Reads about `most` bytes of the page of `cursor` from there on; `None`
    /// where the page is absent or consumed. `most` is larger than any entry.
    ///
    /// # Errors
    /// If the machine refuses a host call.
    pub fn load(
        store: &impl ReadStore,
        tree: Path<'_>,
        cursor: Cursor,
        most: usize,
    ) -> Result<Option<Self>, HostError> {
        let path = path(tree, cursor.level)?;
        let mut bytes = Vec::new();
        while bytes.len() < most {
            let start = bytes.len();
            bytes.resize(start + MAX_CHUNK, 0);
            let offset = cursor.offset as usize + start;
            let chunk = bytes.get_mut(start..).unwrap_or_default();
            let len = match store.store_read(path.as_path(), offset, chunk) {
                Ok(len) => len,
                Err(HostError::NotAValue | HostError::InvalidAccess) => 0,
                Err(error) => return Err(error),
            };
            bytes.truncate(start + len);
            if len < MAX_CHUNK {
                break;
            }
        }
        let entries = Self {
            level: cursor.level,
            offset: cursor.offset,
            bytes,
            at: 0,
        };
        Ok((!entries.bytes.is_empty()).then_some(entries))
    }

    /// The position of the next entry, or the page's end.
    #[must_use]
    pub const fn cursor(&self) -> Cursor {
        Cursor {
            level: self.level,
            offset: self.offset.saturating_add(self.at as u32),
        }
    }

    /// The bytes that are left.
    #[must_use]
    pub const fn remaining(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// True if a whole entry is left: not so at a page's end, or where a trap
    /// cut one short.
    #[must_use]
    pub fn holds_one(&self) -> bool {
        self.rest()
            .split_first_chunk::<ENTRY_OVERHEAD>()
            .is_some_and(|(head, rest)| rest.len() >= u32::from_be_bytes(*head) as usize)
    }

    /// The position of the entry behind the next one, if the next one is whole.
    pub(crate) fn after_next(&self) -> Cursor {
        let mut cursor = self.cursor();
        if let Some((head, _)) = self.rest().split_first_chunk::<ENTRY_OVERHEAD>() {
            let len = u32::from_be_bytes(*head).saturating_add(ENTRY_OVERHEAD as u32);
            cursor.offset = cursor.offset.saturating_add(len);
        }
        cursor
    }

    /// Appends what `name` says of each whole entry that is left, behind its length.
    pub(crate) fn names(&self, name: fn(&[u8]) -> &[u8], names: &mut Vec<u8>) {
        for name in self.iter().map(name) {
            names.extend((name.len() as u32).to_be_bytes());
            names.extend(name);
        }
    }

    /// The whole entries that are left; they stay.
    fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = self.rest();
        core::iter::from_fn(move || {
            let (entry, behind) = split_entry(rest)?;
            rest = behind;
            Some(entry)
        })
    }

    fn rest(&self) -> &[u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// Takes the next entry, with where it stands; `None` at the page's end,
    /// and where a trap cut an entry short.
    pub fn next_entry(&mut self) -> Option<(Cursor, &[u8])> {
        let cursor = self.cursor();
        let (entry, _) = split_entry(self.bytes.get(self.at..)?)?;
        self.at += ENTRY_OVERHEAD + entry.len();
        Some((cursor, entry))
    }
}

/// The entry that stands first, and what stands behind it.
fn split_entry(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<ENTRY_OVERHEAD>()?;
    rest.split_at_checked(u32::from_be_bytes(*head) as usize)
}

/// Deletes the page of `level`. One host call.
///
/// # Errors
/// If the machine refuses a host call.
pub fn delete(store: &mut impl Store, tree: Path<'_>, level: u32) -> Result<(), HostError> {
    store.store_delete(path(tree, level)?.as_path())
}

/// `TREE/LEVEL`, with at most ten digits.
type PagePath = PathBuf<52>;

fn path(tree: Path<'_>, level: u32) -> Result<PagePath, HostError> {
    let mut path = PagePath::from_path(tree);
    path.push_number(level.into())
        .map_err(|_| HostError::KeyTooLarge)?;
    Ok(path)
}
