//! A value of durable storage: bytes that are cheap to clone and to append to.

mod pieces;

use crate::node_source::{NodeHash, Unavailable};
use pieces::piece_hash;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

pub(crate) use pieces::{MAX_HEIGHT, PIECE, Piece, PieceLoader, height};

/// The largest value, in bytes.
pub const MAX_VALUE: usize = (1 << 31) - 1;

/// Values up to this many bytes are a part of the node that they lie at, longer
/// ones a tree of pieces beside it.
pub(crate) const INLINE: usize = 64;

/// The bytes of a value. A clone shares them.
///
/// All of a value that [`Durable::get`](crate::Durable::get) gives is in memory.
#[derive(Clone)]
pub struct Value(Repr);

/// `Flat` up to [`PIECE`] bytes, unless the value is from a store.
#[derive(Clone)]
enum Repr {
    Flat(Arc<[u8]>),
    Tree(Arc<Tree>),
}

#[derive(Clone)]
struct Tree {
    len: usize,
    root: Piece,
}

impl Value {
    /// A value with these bytes.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        if bytes.len() <= PIECE {
            return Self(Repr::Flat(bytes.into()));
        }
        Self::tree(bytes.len(), built(height(bytes.len()), bytes))
    }

    /// `len` zero bytes, which take no memory to speak of.
    #[must_use]
    pub fn zeros(len: usize) -> Self {
        if len <= PIECE {
            return Self(Repr::Flat(vec![0; len].into()));
        }
        Self::tree(len, Piece::Zero)
    }

    /// A value of more than [`INLINE`] bytes.
    pub(crate) fn tree(len: usize, root: Piece) -> Self {
        Self(Repr::Tree(Arc::new(Tree { len, root })))
    }

    /// The number of bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.0 {
            Repr::Flat(bytes) => bytes.len(),
            Repr::Tree(tree) => tree.len,
        }
    }

    /// True if there is no byte.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes in one piece: borrowed for short values, copied together for longer
    /// ones.
    #[must_use]
    pub fn bytes(&self) -> Cow<'_, [u8]> {
        match &self.0 {
            Repr::Flat(bytes) => Cow::Borrowed(bytes),
            Repr::Tree(tree) => {
                let mut bytes = vec![0; tree.len];
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
        // What cannot fail for a value that is whole, as all are that leave this crate.
        self.read_part(offset, buffer).unwrap_or_default()
    }

    /// The same, of a value that may have to be loaded.
    pub(crate) fn read_part(&self, offset: usize, buffer: &mut [u8]) -> Result<usize, Unavailable> {
        let len = self.len().saturating_sub(offset).min(buffer.len());
        if len == 0 {
            return Ok(0);
        }
        match &self.0 {
            Repr::Flat(bytes) => buffer[..len].copy_from_slice(&bytes[offset..offset + len]),
            Repr::Tree(tree) => {
                tree.root
                    .read(height(tree.len), offset, &mut buffer[..len])?;
            }
        }
        Ok(len)
    }

    /// The same value, all of it in memory.
    pub(crate) fn whole(&self) -> Result<Self, Unavailable> {
        if let Repr::Tree(tree) = &self.0 {
            tree.root.load_all()?;
        }
        Ok(self.clone())
    }

    /// Writes `bytes` from `offset` on; the value grows as needed. A gap
    /// between its end and `offset` becomes zeros.
    pub(crate) fn write(&mut self, offset: usize, bytes: &[u8]) -> Result<(), Unavailable> {
        let old = self.len();
        let new = old.max(offset + bytes.len());
        if let Repr::Flat(flat) = &mut self.0 {
            if new <= PIECE {
                write_flat(flat, offset, bytes, new);
                return Ok(());
            }
            let piece = Piece::bytes(flat);
            *self = Self::tree(old, piece);
        }
        let Repr::Tree(tree) = &mut self.0 else {
            return Ok(());
        };
        let tree = Arc::make_mut(tree);
        for _ in height(old)..height(new) {
            let root = std::mem::replace(&mut tree.root, Piece::Zero);
            tree.root = Piece::pair(root, Piece::Zero);
        }
        tree.len = new;
        tree.root.write(height(new), offset, bytes)
    }

    /// True if both share their bytes in memory: true implies equal.
    #[must_use]
    pub fn ptr_eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Repr::Flat(a), Repr::Flat(b)) => Arc::ptr_eq(a, b),
            (Repr::Tree(a), Repr::Tree(b)) => {
                Arc::ptr_eq(a, b) || a.len == b.len && a.root.ptr_eq(&b.root)
            }
            _ => false,
        }
    }

    /// The hash of the bytes' tree of pieces (docs/machine.md, "The root"). Values
    /// with the same hash and the same length are equal.
    #[must_use]
    pub fn hash(&self) -> NodeHash {
        match &self.0 {
            Repr::Flat(bytes) => piece_hash(bytes),
            Repr::Tree(tree) => tree.root.hash(height(tree.len)),
        }
    }

    /// The tree of a value that is not short, with its height.
    pub(crate) fn pieces(&self) -> (Piece, u32) {
        match &self.0 {
            Repr::Flat(bytes) => (Piece::bytes(bytes), 0),
            Repr::Tree(tree) => (tree.root.clone(), height(tree.len)),
        }
    }

    /// The bytes of a value that is short.
    pub(crate) fn short(&self) -> Option<&[u8]> {
        match &self.0 {
            Repr::Flat(bytes) if bytes.len() <= INLINE => Some(bytes),
            _ => None,
        }
    }
}

fn built(height: u32, bytes: &[u8]) -> Piece {
    if bytes.is_empty() {
        return Piece::Zero;
    }
    if height == 0 {
        return Piece::bytes(bytes);
    }
    let half = bytes.len().min(PIECE << (height - 1));
    let (left, right) = bytes.split_at(half);
    let sides = (built(height - 1, left), built(height - 1, right));
    Piece::pair(sides.0, sides.1)
}

fn write_flat(flat: &mut Arc<[u8]>, offset: usize, bytes: &[u8], new: usize) {
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

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        if self.ptr_eq(other) {
            return true;
        }
        match (&self.0, &other.0) {
            (Repr::Flat(a), Repr::Flat(b)) => a == b,
            // Nothing is loaded for this.
            _ => self.len() == other.len() && self.hash() == other.hash(),
        }
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
                value.write(offset, &bytes).unwrap();
                model.resize(model.len().max(offset + bytes.len()), 0);
                model[offset..offset + bytes.len()].copy_from_slice(&bytes);
                prop_assert_eq!(&*value.bytes(), &*model);
                prop_assert_eq!(&*before.0.bytes(), &*before.1, "a clone must not change");
                prop_assert_eq!(value.hash(), Value::new(&model).hash());
                prop_assert_eq!(value.clone(), Value::new(&model));
                let middle = model.len() / 3;
                let mut part = vec![0; model.len() / 2];
                let read = value.read(middle, &mut part);
                prop_assert_eq!(&part[..read], &model[middle..middle + read]);
            }
        }
    }

    #[test]
    fn zeros_are_equal_to_written_zeros() {
        for len in [0, 1, PIECE, PIECE + 1, 3 * PIECE, 5 * PIECE + 7] {
            let written = Value::new(&vec![0; len]);
            assert_eq!(Value::zeros(len), written);
            assert_eq!(Value::zeros(len).hash(), written.hash());
            assert_eq!(&*Value::zeros(len).bytes(), vec![0; len]);
        }
        assert_eq!(Value::zeros(MAX_VALUE).pieces().1, 21);
    }

    #[test]
    fn values_of_other_lengths_differ() {
        for len in [0, 1, PIECE, PIECE + 1] {
            assert_ne!(Value::zeros(len), Value::zeros(len + 1));
        }
    }
}
