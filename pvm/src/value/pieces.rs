//! The bytes of a long value: a binary tree of pieces, of which versions share
//! what they have in common, and which is in memory as far as it was needed.

use crate::node_source::{Hashed, Hasher, NodeHash, Unavailable};
use std::convert::Infallible;
use std::sync::{Arc, OnceLock};

/// The number of bytes of a piece; a value's last one is filled up with zeros.
pub(crate) const PIECE: usize = 1024;

/// A part of the tree: `2^height` pieces, where a piece itself has height 0.
#[derive(Clone)]
pub(crate) enum Piece {
    /// Zeros, of any height.
    Zero,
    Bytes(Arc<Bytes>),
    Pair(Arc<Pair>),
    Stub(Arc<PieceStub>),
}

#[derive(Clone)]
pub(crate) struct Bytes {
    /// [`PIECE`] of them.
    pub(crate) bytes: Box<[u8]>,
    hash: OnceLock<NodeHash>,
}

#[derive(Clone)]
pub(crate) struct Pair {
    pub(crate) sides: [Piece; 2],
    hash: OnceLock<NodeHash>,
}

/// A part that is loaded when it is needed.
pub(crate) struct PieceStub {
    pub(crate) hash: NodeHash,
    height: u32,
    backing: Backing,
    loaded: OnceLock<Piece>,
}

enum Backing {
    Loader(Arc<dyn PieceLoader>),
    /// It is seen in another tree, of which one part at a time is taken over.
    Origin(Piece),
}

/// A loader of parts of values.
pub(crate) trait PieceLoader: Send + Sync {
    /// The part with this hash and of this height; no stub.
    fn piece(&self, hash: &NodeHash, height: u32) -> Result<Piece, Unavailable>;

    /// The bytes with this hash.
    fn record(&self, hash: &NodeHash) -> Result<Vec<u8>, Unavailable>;
}

impl Bytes {
    /// At most [`PIECE`] bytes, filled up with zeros.
    pub(crate) fn new(bytes: &[u8]) -> Self {
        let mut whole = vec![0; PIECE];
        whole[..bytes.len()].copy_from_slice(bytes);
        Self {
            bytes: whole.into(),
            hash: OnceLock::new(),
        }
    }

    /// The bytes up to the last that is not zero: what is hashed and stored.
    pub(crate) fn stripped(&self) -> &[u8] {
        stripped(&self.bytes)
    }
}

pub(crate) fn stripped(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|byte| *byte != 0);
    &bytes[..end.map_or(0, |last| last + 1)]
}

/// The hash of one piece with these bytes.
pub(crate) fn piece_hash(bytes: &[u8]) -> NodeHash {
    Hasher::new(Hashed::Piece).with(stripped(bytes)).done()
}

/// The height of the tree of a value of `len` bytes.
pub(crate) const fn height(len: usize) -> u32 {
    len.div_ceil(PIECE).next_power_of_two().trailing_zeros()
}

/// The most that a tree is high: that of the longest value.
pub(crate) const MAX_HEIGHT: u32 = 21;

/// The hash of zeros of some height.
fn zero_hash(height: u32) -> NodeHash {
    static HASHES: OnceLock<[NodeHash; MAX_HEIGHT as usize + 1]> = OnceLock::new();
    let hashes = HASHES.get_or_init(|| {
        let mut hashes = [piece_hash(&[]); MAX_HEIGHT as usize + 1];
        for height in 1..hashes.len() {
            let side = hashes[height - 1];
            hashes[height] = Hasher::new(Hashed::Pair).with(side).with(side).done();
        }
        hashes
    });
    hashes[height.min(MAX_HEIGHT) as usize]
}

impl PieceStub {
    /// Its loader; `None` if it is seen in another tree.
    pub(crate) const fn loader(&self) -> Option<&Arc<dyn PieceLoader>> {
        match &self.backing {
            Backing::Loader(loader) => Some(loader),
            Backing::Origin(_) => None,
        }
    }

    fn load(&self) -> Result<&Piece, Unavailable> {
        if let Some(piece) = self.loaded.get() {
            return Ok(piece);
        }
        let piece = match &self.backing {
            Backing::Loader(loader) => loader.piece(&self.hash, self.height)?,
            Backing::Origin(piece) => one(piece.resolved()?, self.height),
        };
        Ok(self.loaded.get_or_init(|| piece))
    }
}

/// The part alone, with what is below it to be seen through stubs.
fn one(piece: &Piece, height: u32) -> Piece {
    let below = height.saturating_sub(1);
    let seen = |side: &Piece| Ok::<_, Infallible>(Piece::seen(side, below));
    let Ok(piece) = piece.with_sides(seen);
    piece
}

impl Piece {
    /// A piece of at most [`PIECE`] bytes.
    pub(crate) fn bytes(bytes: &[u8]) -> Self {
        Self::Bytes(Arc::new(Bytes::new(bytes)))
    }

    pub(crate) fn pair(left: Self, right: Self) -> Self {
        Self::Pair(Arc::new(Pair {
            sides: [left, right],
            hash: OnceLock::new(),
        }))
    }

    /// To be loaded when it is needed.
    pub(crate) fn stub(hash: NodeHash, height: u32, loader: Arc<dyn PieceLoader>) -> Self {
        Self::Stub(Arc::new(PieceStub {
            hash,
            height,
            backing: Backing::Loader(loader),
            loaded: OnceLock::new(),
        }))
    }

    /// Behind a loader, and loaded.
    pub(crate) fn stored(self, height: u32, loader: Arc<dyn PieceLoader>) -> Self {
        Self::Stub(Arc::new(PieceStub {
            hash: self.hash(height),
            height,
            backing: Backing::Loader(loader),
            loaded: OnceLock::from(self),
        }))
    }

    /// A part of another tree, of which it is noted what is looked at.
    pub(crate) fn seen(origin: &Self, height: u32) -> Self {
        Self::Stub(Arc::new(PieceStub {
            hash: origin.hash(height),
            height,
            backing: Backing::Origin(origin.clone()),
            loaded: OnceLock::new(),
        }))
    }

    /// This part, itself no stub.
    pub(crate) fn resolved(&self) -> Result<&Self, Unavailable> {
        match self {
            Self::Stub(stub) => stub.load(),
            piece => Ok(piece),
        }
    }

    /// Its part in memory: `None` for a stub that was not loaded.
    pub(crate) fn loaded(&self) -> Option<&Self> {
        match self {
            Self::Stub(stub) => stub.loaded.get(),
            piece => Some(piece),
        }
    }

    /// The height matters for zeros alone.
    pub(crate) fn hash(&self, height: u32) -> NodeHash {
        match self {
            Self::Zero => zero_hash(height),
            Self::Stub(stub) => stub.hash,
            Self::Bytes(bytes) => *bytes.hash.get_or_init(|| piece_hash(&bytes.bytes)),
            Self::Pair(pair) => *pair.hash.get_or_init(|| {
                let below = height.saturating_sub(1);
                let [left, right] = &pair.sides;
                let hasher = Hasher::new(Hashed::Pair).with(left.hash(below));
                hasher.with(right.hash(below)).done()
            }),
        }
    }

    /// True if there are zeros alone.
    pub(crate) fn is_zero(&self, height: u32) -> bool {
        matches!(self, Self::Zero) || self.hash(height) == zero_hash(height)
    }

    pub(crate) fn ptr_eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Bytes(a), Self::Bytes(b)) => Arc::ptr_eq(a, b),
            (Self::Pair(a), Self::Pair(b)) => Arc::ptr_eq(a, b),
            (Self::Stub(a), Self::Stub(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }

    /// Copies bytes from `offset` within this part on into `buffer`, which it
    /// fills.
    pub(crate) fn read(
        &self,
        height: u32,
        offset: usize,
        buffer: &mut [u8],
    ) -> Result<(), Unavailable> {
        if buffer.is_empty() {
            return Ok(());
        }
        match (self.resolved()?, height) {
            (Self::Zero, _) => buffer.fill(0),
            (Self::Bytes(bytes), 0) => {
                buffer.copy_from_slice(&bytes.bytes[offset..offset + buffer.len()]);
            }
            (Self::Pair(pair), 1..) => {
                let half = PIECE << (height - 1);
                let [left, right] = &pair.sides;
                let cut = half.saturating_sub(offset).min(buffer.len());
                let (first, second) = buffer.split_at_mut(cut);
                left.read(height - 1, offset, first)?;
                right.read(height - 1, (offset + cut).saturating_sub(half), second)?;
            }
            _ => return Err(self.misplaced(height)),
        }
        Ok(())
    }

    /// Writes `bytes` from `offset` within this part on; they fit.
    pub(crate) fn write(
        &mut self,
        height: u32,
        offset: usize,
        bytes: &[u8],
    ) -> Result<(), Unavailable> {
        if bytes.is_empty() {
            return Ok(());
        }
        if height == 0 && bytes.len() == PIECE {
            *self = Self::bytes(bytes);
            return Ok(());
        }
        if let Self::Stub(stub) = self {
            let loaded = stub.load()?.clone();
            *self = loaded;
        }
        if matches!(self, Self::Zero) {
            *self = match height {
                0 => Self::bytes(&[]),
                _ => Self::pair(Self::Zero, Self::Zero),
            };
        }
        match (&mut *self, height) {
            (Self::Bytes(piece), 0) => {
                let piece = Arc::make_mut(piece);
                piece.hash.take();
                piece.bytes[offset..offset + bytes.len()].copy_from_slice(bytes);
            }
            (Self::Pair(pair), 1..) => {
                let half = PIECE << (height - 1);
                let pair = Arc::make_mut(pair);
                pair.hash.take();
                let cut = half.saturating_sub(offset).min(bytes.len());
                let (first, second) = bytes.split_at(cut);
                let [left, right] = &mut pair.sides;
                left.write(height - 1, offset, first)?;
                right.write(height - 1, (offset + cut).saturating_sub(half), second)?;
            }
            _ => return Err(self.misplaced(height)),
        }
        Ok(())
    }

    /// The part behind it that is in a tree in memory, or itself.
    pub(crate) fn origin(&self) -> &Self {
        match self {
            Self::Stub(stub) => match &stub.backing {
                Backing::Origin(origin) => origin.origin(),
                Backing::Loader(_) => self,
            },
            piece => piece,
        }
    }

    /// Itself, with other sides.
    pub(crate) fn with_sides<E>(
        &self,
        mut side: impl FnMut(&Self) -> Result<Self, E>,
    ) -> Result<Self, E> {
        let Self::Pair(pair) = self else {
            return Ok(self.clone());
        };
        let [left, right] = &pair.sides;
        Ok(Self::Pair(Arc::new(Pair {
            sides: [side(left)?, side(right)?],
            hash: pair.hash.clone(),
        })))
    }

    /// Loads all of it.
    pub(crate) fn load_all(&self) -> Result<(), Unavailable> {
        if let Self::Pair(pair) = self.resolved()? {
            pair.sides.iter().try_for_each(Self::load_all)?;
        }
        Ok(())
    }

    fn misplaced(&self, height: u32) -> Unavailable {
        Unavailable::Corrupt {
            hash: self.hash(height),
            why: "a value's tree is not as high as its length says",
        }
    }
}
