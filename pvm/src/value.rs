//! A value of durable storage: bytes that are cheap to clone and to append to.

use blake2::{Blake2b, Digest, digest::consts::U32};
use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, OnceLock};

/// The largest value, in bytes.
pub const MAX_VALUE: usize = (1 << 31) - 1;

/// Values up to this many bytes lie in one piece, longer ones in pieces of it.
const CHUNK: usize = 4096;

type Blake2b256 = Blake2b<U32>;

/// The bytes of a value. A clone shares them.
#[derive(Clone)]
pub struct Value(Repr);

/// `Flat` exactly for the values of at most [`CHUNK`] bytes, so that the hash
/// depends on the bytes alone.
#[derive(Clone)]
enum Repr {
    Flat(Arc<[u8]>),
    Chunked(Arc<Chunks>),
}

#[derive(Clone)]
struct Chunks {
    len: usize,
    /// A piece that was never written is absent and reads as zeros.
    chunks: Vec<Option<Arc<Chunk>>>,
}

#[derive(Clone)]
struct Chunk {
    bytes: Box<[u8]>,
    hash: OnceLock<[u8; 32]>,
}

impl Value {
    /// A value with these bytes.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        if bytes.len() <= CHUNK {
            return Self(Repr::Flat(bytes.into()));
        }
        let mut value = Self::zeros(0);
        value.write(0, bytes);
        value
    }

    /// `len` zero bytes, which take no memory to speak of.
    #[must_use]
    pub fn zeros(len: usize) -> Self {
        if len <= CHUNK {
            return Self(Repr::Flat(vec![0; len].into()));
        }
        let chunks = vec![None; len.div_ceil(CHUNK)];
        Self(Repr::Chunked(Arc::new(Chunks { len, chunks })))
    }

    /// How many bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.0 {
            Repr::Flat(bytes) => bytes.len(),
            Repr::Chunked(chunks) => chunks.len,
        }
    }

    /// Whether there is no byte.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes in one piece: borrowed for values of up to 4,096 bytes,
    /// copied together for longer ones.
    #[must_use]
    pub fn bytes(&self) -> Cow<'_, [u8]> {
        match &self.0 {
            Repr::Flat(bytes) => Cow::Borrowed(bytes),
            Repr::Chunked(chunks) => {
                let mut bytes = vec![0; chunks.len];
                self.read(0, &mut bytes);
                Cow::Owned(bytes)
            }
        }
    }

    /// A copy of the bytes.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        self.bytes().into_owned()
    }

    /// Copies bytes from `offset` on into `buffer`, as many as there are and
    /// fit; gives how many (0 past the end).
    pub fn read(&self, offset: usize, buffer: &mut [u8]) -> usize {
        let len = self.len().saturating_sub(offset).min(buffer.len());
        match &self.0 {
            Repr::Flat(bytes) => {
                if len > 0 {
                    buffer[..len].copy_from_slice(&bytes[offset..offset + len]);
                }
            }
            Repr::Chunked(chunks) => {
                let mut done = 0;
                while done < len {
                    let (index, start) = ((offset + done) / CHUNK, (offset + done) % CHUNK);
                    let part = (CHUNK - start).min(len - done);
                    let target = &mut buffer[done..done + part];
                    match &chunks.chunks[index] {
                        Some(chunk) => target.copy_from_slice(&chunk.bytes[start..start + part]),
                        None => target.fill(0),
                    }
                    done += part;
                }
            }
        }
        len
    }

    /// Writes `bytes` from `offset` on; the value grows as needed. A gap
    /// between its end and `offset` becomes zeros.
    pub fn write(&mut self, offset: usize, bytes: &[u8]) {
        let old = self.len();
        let new = old.max(offset + bytes.len());
        if new <= CHUNK {
            return self.write_flat(offset, bytes, new);
        }
        if let Repr::Flat(flat) = &self.0 {
            let flat = Arc::clone(flat);
            self.0 = Repr::Chunked(Arc::new(Chunks {
                len: 0,
                chunks: Vec::new(),
            }));
            self.write_chunked(0, &flat);
        }
        self.write_chunked(offset, bytes);
    }

    fn write_flat(&mut self, offset: usize, bytes: &[u8], new: usize) {
        let Repr::Flat(flat) = &mut self.0 else {
            return;
        };
        if offset == 0 && bytes.len() == new {
            *flat = bytes.into();
        } else if flat.len() == new {
            Arc::make_mut(flat)[offset..offset + bytes.len()].copy_from_slice(bytes);
        } else {
            let mut whole = Vec::with_capacity(new);
            whole.extend_from_slice(flat);
            whole.resize(new, 0);
            whole[offset..offset + bytes.len()].copy_from_slice(bytes);
            *flat = whole.into();
        }
    }

    fn write_chunked(&mut self, offset: usize, bytes: &[u8]) {
        let Repr::Chunked(chunks) = &mut self.0 else {
            return;
        };
        let chunks = Arc::make_mut(chunks);
        chunks.len = chunks.len.max(offset + bytes.len());
        chunks.chunks.resize(chunks.len.div_ceil(CHUNK), None);
        let mut done = 0;
        while done < bytes.len() {
            let (index, start) = ((offset + done) / CHUNK, (offset + done) % CHUNK);
            let part = (CHUNK - start).min(bytes.len() - done);
            let chunk = chunks.chunks[index].get_or_insert_with(|| Arc::new(Chunk::zeros()));
            let chunk = Arc::make_mut(chunk);
            chunk.hash.take();
            chunk.bytes[start..start + part].copy_from_slice(&bytes[done..done + part]);
            done += part;
        }
    }

    /// Whether both share their bytes in memory: true implies equal.
    #[must_use]
    pub fn ptr_eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Repr::Flat(a), Repr::Flat(b)) => Arc::ptr_eq(a, b),
            (Repr::Chunked(a), Repr::Chunked(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }

    /// blake2b-256 of `00 ++ bytes` up to 4,096 bytes; else of `01 ++ length
    /// (u64 LE) ++` the blake2b-256 hashes of its pieces of 4,096 bytes, the
    /// last one filled up with zeros. Each piece is hashed once.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        let mut hasher = Blake2b256::new();
        match &self.0 {
            Repr::Flat(bytes) => {
                hasher.update([0]);
                hasher.update(bytes);
            }
            Repr::Chunked(chunks) => {
                hasher.update([1]);
                hasher.update((chunks.len as u64).to_le_bytes());
                for chunk in &chunks.chunks {
                    hasher.update(chunk.as_ref().map_or_else(zero_hash, |chunk| chunk.hash()));
                }
            }
        }
        hasher.finalize().into()
    }
}

impl Chunk {
    fn zeros() -> Self {
        Self {
            bytes: vec![0; CHUNK].into(),
            hash: OnceLock::new(),
        }
    }

    fn hash(&self) -> [u8; 32] {
        *self
            .hash
            .get_or_init(|| Blake2b256::digest(&self.bytes).into())
    }
}

fn zero_hash() -> [u8; 32] {
    static HASH: OnceLock<[u8; 32]> = OnceLock::new();
    *HASH.get_or_init(|| Chunk::zeros().hash())
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.ptr_eq(other) || self.len() == other.len() && self.bytes() == other.bytes()
    }
}

impl Eq for Value {}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        Self::new(bytes)
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut start = [0; 32];
        let len = self.read(0, &mut start);
        write!(f, "{} bytes: {}", self.len(), hex::encode(&start[..len]))?;
        if len < self.len() {
            f.write_str("…")
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_value_is_what_was_written(
            writes in prop::collection::vec((0usize..10_000, prop::collection::vec(any::<u8>(), 0..5_000)), 0..12),
        ) {
            let mut value = Value::new(&[]);
            let mut model: Vec<u8> = Vec::new();
            for (offset, bytes) in writes {
                let offset = offset.min(model.len());
                let before = (value.clone(), model.clone());
                value.write(offset, &bytes);
                model.resize(model.len().max(offset + bytes.len()), 0);
                model[offset..offset + bytes.len()].copy_from_slice(&bytes);
                prop_assert_eq!(&*value.bytes(), &*model);
                prop_assert_eq!(&*before.0.bytes(), &*before.1, "a clone must not change");
                prop_assert_eq!(value.hash(), Value::new(&model).hash());
            }
        }
    }

    #[test]
    fn zeros_are_equal_to_written_zeros() {
        for len in [0, 1, CHUNK, CHUNK + 1, 3 * CHUNK] {
            let written = Value::new(&vec![0; len]);
            assert_eq!(Value::zeros(len), written);
            assert_eq!(Value::zeros(len).hash(), written.hash());
        }
    }

    #[test]
    fn values_of_other_lengths_hash_differently() {
        assert_ne!(Value::zeros(CHUNK).hash(), Value::zeros(CHUNK + 1).hash());
        assert_ne!(
            Value::zeros(CHUNK + 1).hash(),
            Value::zeros(CHUNK + 2).hash()
        );
    }
}
