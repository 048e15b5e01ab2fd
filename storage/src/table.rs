//! Typed tables: a place, a key type, a value type.

use crate::error::StorageError;
use crate::key::{Key, KeyPath};
use crate::roots::{LAYOUT, OUTGOING_STEP, STAGING, STATE};
use alloc::boxed::Box;
use alloy_primitives::{Bytes, U256};
use core::marker::PhantomData;
use host::outbox_queue::OutboxQueue;
use host::{Path, ReadStore, Store};

/// The encoding of a value in durable storage.
pub trait Value: Sized {
    /// The type of [`Value::encode`].
    type Bytes: AsRef<[u8]>;

    /// The size of encodings.
    const SIZE: Size;

    /// True if an entry may become shorter than it was. Writes never truncate,
    /// so the old value is then deleted first, and what lies below it.
    const SHRINKS: bool;

    /// The value's bytes.
    fn encode(&self) -> Self::Bytes;

    /// The value behind `bytes`, or `None` if these are invalid.
    fn decode(bytes: &[u8]) -> Option<Self>;
}

/// The usual size of values: short ones are read on a stack
/// buffer, with one host call. Longer ones are read all the same, with more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// Their first 32 bytes are enough, whatever follows.
    Hash,
    /// Under 80 bytes.
    Short,
    /// Under 256 bytes.
    Medium,
    /// Any length: read chunk by chunk.
    Long,
}

/// A table below the root of the state: all that a block changes.
pub struct Table<K, V> {
    name: &'static str,
    /// A step behind the key; empty: none.
    part: &'static str,
    types: PhantomData<(K, V)>,
}

impl<K: Key, V: Value> Table<K, V> {
    /// The table whose entries lie at `/evm/state/NAME/KEY`.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            part: "",
            types: PhantomData,
        }
    }

    /// The table whose entries lie at `/evm/state/NAME/KEY/PART`: they go with the
    /// entry of `KEY` in the table NAME.
    #[must_use]
    pub const fn part(name: &'static str, part: &'static str) -> Self {
        Self {
            name,
            part,
            types: PhantomData,
        }
    }

    /// The path of the entry of `key`.
    ///
    /// # Errors
    /// If the key makes no legal path.
    pub fn path(&self, key: &K) -> Result<KeyPath, StorageError> {
        self.at(STATE, key, |path| Ok(path.clone()))
    }

    /// Does something with the path of `key`, where it is: each move of it costs its bytes.
    #[inline(always)]
    fn at<T>(
        &self,
        root: Path<'_>,
        key: &K,
        then: impl FnOnce(&mut KeyPath) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        let mut path = KeyPath::EMPTY;
        path.restart(root);
        path.push(self.name.as_bytes())?;
        key.push(&mut path)?;
        if !self.part.is_empty() {
            path.push(self.part.as_bytes())?;
        }
        then(&mut path)
    }

    /// The value of `key`, or `None`. One host call for a small value.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`] if the bytes are no value.
    pub fn get(&self, store: &impl ReadStore, key: &K) -> Result<Option<V>, StorageError> {
        self.at(STATE, key, |path| load(store, path.as_path()))
    }

    /// True if `key` has a value or anything below it. One host call.
    ///
    /// # Errors
    /// If the machine refuses a host call.
    pub fn has(&self, store: &impl ReadStore, key: &K) -> Result<bool, StorageError> {
        self.at(STATE, key, |path| {
            Ok(store.store_has(path.as_path())?.is_some())
        })
    }
}

/// The next state while a block is committed: the only place where tables are
/// written. [`crate::commit`] makes it.
pub struct Staging<'s, S> {
    store: &'s mut S,
}

impl<'s, S: Store> Staging<'s, S> {
    pub(crate) fn open(store: &'s mut S) -> Result<Self, StorageError> {
        rollup::state::open(store, &LAYOUT)?;
        Ok(Self { store })
    }

    /// Makes the staged state the state, at once.
    pub(crate) fn publish(self) -> Result<(), StorageError> {
        Ok(rollup::state::publish(self.store, &LAYOUT)?)
    }

    /// The value of `key` as it is staged, or `None`.
    ///
    /// # Errors
    /// As [`Table::get`].
    pub fn get<K: Key, V: Value>(
        &self,
        table: &Table<K, V>,
        key: &K,
    ) -> Result<Option<V>, StorageError> {
        table.at(STAGING, key, |path| load(self.store, path.as_path()))
    }

    /// Lets a migration's step work on what is staged.
    pub(crate) fn step(
        &mut self,
        step: impl FnOnce(&mut S) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        step(self.store)
    }

    /// Queues messages to layer 1, then those in doubt with these numbers.
    ///
    /// # Errors
    /// If the machine refuses a host call.
    pub fn queue(&mut self, messages: &[Bytes], requeued: &[u64]) -> Result<(), StorageError> {
        let mut path = KeyPath::from_path(STAGING);
        path.push(OUTGOING_STEP)?;
        let queue = OutboxQueue::new(path.as_path());
        queue.push_all(self.store, messages.iter().map(|message| &message[..]))?;
        for number in requeued {
            queue.requeue(self.store, *number)?;
        }
        Ok(())
    }

    /// Writes `value` for `key`.
    ///
    /// # Errors
    /// If the machine refuses a host call.
    pub fn put<K: Key, V: Value>(
        &mut self,
        table: &Table<K, V>,
        key: &K,
        value: &V,
    ) -> Result<(), StorageError> {
        table.at(STAGING, key, |path| save(self.store, path.as_path(), value))
    }

    /// Deletes the entry of `key` and all below it.
    ///
    /// # Errors
    /// If the machine refuses a host call.
    pub fn delete<K: Key, V: Value>(
        &mut self,
        table: &Table<K, V>,
        key: &K,
    ) -> Result<(), StorageError> {
        table.at(STAGING, key, |path| {
            Ok(self.store.store_delete(path.as_path())?)
        })
    }

    /// Writes words below the entry of `key`; a zero is no entry.
    ///
    /// # Errors
    /// If the machine refuses a host call.
    pub fn put_children<K: Key, V: Value>(
        &mut self,
        table: &Table<K, V>,
        key: &K,
        words: &[(U256, U256)],
    ) -> Result<(), StorageError> {
        if words.is_empty() {
            return Ok(());
        }
        table.at(STAGING, key, |path| {
            let parent = path.mark();
            for (child, word) in words {
                child.push(path)?;
                if word.is_zero() {
                    self.store.store_delete(path.as_path())?;
                } else {
                    save(self.store, path.as_path(), word)?;
                }
                path.reset(parent);
            }
            Ok(())
        })
    }

    /// Writes `bytes` for `key` over whatever was there, however long.
    ///
    /// # Errors
    /// If the machine refuses a host call.
    pub fn replace<K: Key>(
        &mut self,
        table: &Table<K, Bytes>,
        key: &K,
        bytes: &[u8],
    ) -> Result<(), StorageError> {
        table.at(STAGING, key, |path| {
            Ok(self.store.write_alone(path.as_path(), bytes)?)
        })
    }

    /// Writes `bytes` into the entry of `key` from `offset` on, which is at most its
    /// length.
    ///
    /// # Errors
    /// If the machine refuses a host call.
    pub fn write_at<K: Key>(
        &mut self,
        table: &Table<K, Bytes>,
        key: &K,
        offset: usize,
        bytes: &[u8],
    ) -> Result<(), StorageError> {
        table.at(STAGING, key, |path| {
            Ok(self.store.write_chunks(path.as_path(), offset, bytes)?)
        })
    }

    /// True if `key` has a value or anything below it. One host call.
    ///
    /// # Errors
    /// If the machine refuses a host call.
    pub fn has<K: Key, V: Value>(
        &self,
        table: &Table<K, V>,
        key: &K,
    ) -> Result<bool, StorageError> {
        table.at(STAGING, key, |path| {
            Ok(self.store.store_has(path.as_path())?.is_some())
        })
    }
}

/// Reads the value at `path`.
pub(crate) fn load<V: Value>(
    store: &impl ReadStore,
    path: Path<'_>,
) -> Result<Option<V>, StorageError> {
    match V::SIZE {
        Size::Hash => {
            let mut hash = [0; 32];
            match store.read_small(path, &mut hash)? {
                None => Ok(None),
                Some(len) => decoded(path, hash.get(..len).unwrap_or_default()),
            }
        }
        Size::Short => small::<80, V>(store, path),
        Size::Medium => small::<256, V>(store, path),
        Size::Long => whole(store, path),
    }
}

/// Reads a value that is under `LEN` bytes as a rule.
fn small<const LEN: usize, V: Value>(
    store: &impl ReadStore,
    path: Path<'_>,
) -> Result<Option<V>, StorageError> {
    let mut buffer = [0; LEN];
    match store.read_small(path, &mut buffer)? {
        None => Ok(None),
        Some(len) if len < LEN => decoded(path, buffer.get(..len).unwrap_or_default()),
        // It may be longer.
        Some(_) => whole(store, path),
    }
}

fn whole<V: Value>(store: &impl ReadStore, path: Path<'_>) -> Result<Option<V>, StorageError> {
    match store.read_all(path)? {
        None => Ok(None),
        Some(bytes) => decoded(path, &bytes),
    }
}

fn decoded<V: Value>(path: Path<'_>, bytes: &[u8]) -> Result<Option<V>, StorageError> {
    match V::decode(bytes) {
        Some(value) => Ok(Some(value)),
        None => Err(StorageError::Corrupt {
            path: Box::new(KeyPath::from_path(path)),
        }),
    }
}

/// Makes `value` the whole value at `path`.
pub(crate) fn save<V: Value>(
    store: &mut impl Store,
    path: Path<'_>,
    value: &V,
) -> Result<(), StorageError> {
    let bytes = value.encode();
    let bytes = bytes.as_ref();
    if V::SHRINKS {
        store.write_alone(path, bytes)?;
    } else {
        store.write_chunks(path, 0, bytes)?;
    }
    Ok(())
}

/// Bytes as they are; an entry is written once.
impl Value for Bytes {
    type Bytes = Self;
    const SIZE: Size = Size::Long;
    const SHRINKS: bool = false;

    fn encode(&self) -> Self {
        self.clone()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        Some(Self::copy_from_slice(bytes))
    }
}

/// A slot's word, big-endian.
impl Value for U256 {
    type Bytes = [u8; 32];
    const SIZE: Size = Size::Short;
    const SHRINKS: bool = false;

    fn encode(&self) -> [u8; 32] {
        self.to_be_bytes()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        (bytes.len() == 32).then(|| Self::from_be_slice(bytes))
    }
}
