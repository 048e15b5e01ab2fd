//! Parts of the tree as bytes: records of a store, and what a witness holds. Each
//! form says which parts it leaves out, by their hashes; so one codec serves all.
//!
//! | first byte | what follows |
//! | --- | --- |
//! | 0 | a part that is elsewhere: 32 bytes hash |
//! | 1 | a leaf: edge, value |
//! | 2, 3 | a node without, with a value: edge, (value,) the part below |
//! | 4 | below the root of an empty storage |
//! | 8 + bit | a branch: prefix (1 byte), its two sides |
//! | 16 | a part of a value that is elsewhere: 32 bytes hash |
//! | 17 | a piece: length (u16 LE), bytes, the last of which is not 0 |
//! | 18 | a pair: its height (1 byte), its two sides |
//! | 19 | zeros |
//!
//! An edge is its length (1 byte, up to 240) and its bytes. A value is its length (u32 LE), then
//! up to [`INLINE`] bytes as they are, more as the parts of its tree.

use super::link::{Branch, Link, MAX_EDGE, above};
use crate::node_source::NodeHash;
use crate::value::{INLINE, MAX_HEIGHT, MAX_VALUE, PIECE, Piece, Value, height};

const ELSEWHERE: u8 = 0;
const LEAF: u8 = 1;
const NODE: u8 = 2;
const NODE_WITH_VALUE: u8 = 3;
/// Only in place of what is below a root that has nothing.
const NOTHING: u8 = 4;
const BRANCH: u8 = 8;
const PIECE_ELSEWHERE: u8 = 16;
const BYTES: u8 = 17;
const PAIR: u8 = 18;
const ZEROS: u8 = 19;

/// The maximum depth of parts; a path of the EVM kernel takes some 40.
const MAX_DEPTH: u32 = 1_024;

/// Which parts are written, and which are left out.
pub(super) trait Cutter {
    /// The part to write in place of a link; `None` leaves it out.
    fn link<'l>(&mut self, link: &'l Link) -> Option<&'l Link>;

    /// The part to write in place of a part of a value; `None` leaves it out.
    fn piece<'p>(&mut self, piece: &'p Piece) -> Option<&'p Piece>;
}

/// Appends a part that is no stub.
pub(super) fn write_link(out: &mut Vec<u8>, link: &Link, cutter: &mut impl Cutter) {
    match link {
        Link::Leaf(leaf) => {
            out.push(LEAF);
            write_edge(out, &leaf.edge);
            write_value(out, leaf.value.as_ref(), cutter);
        }
        Link::Node(node) => {
            out.push(match node.value {
                None => NODE,
                Some(_) => NODE_WITH_VALUE,
            });
            write_edge(out, &node.edge);
            if node.value.is_some() {
                write_value(out, node.value.as_ref(), cutter);
            }
            match &node.below {
                Some(below) => write_or_name(out, below, cutter),
                // The root of an empty storage.
                None => out.push(NOTHING),
            }
        }
        Link::Branch(branch) => {
            out.extend([BRANCH + branch.bit(), branch.prefix()]);
            for side in &branch.sides {
                write_or_name(out, side, cutter);
            }
        }
        Link::Stub(stub) => name(out, ELSEWHERE, &stub.hash),
    }
}

fn write_or_name(out: &mut Vec<u8>, link: &Link, cutter: &mut impl Cutter) {
    match cutter.link(link) {
        Some(link) => write_link(out, link, cutter),
        None => name(out, ELSEWHERE, &link.hash()),
    }
}

fn name(out: &mut Vec<u8>, tag: u8, hash: &NodeHash) {
    out.push(tag);
    out.extend(hash);
}

fn write_edge(out: &mut Vec<u8>, edge: &[u8]) {
    out.push(edge.len() as u8);
    out.extend(edge);
}

fn write_value(out: &mut Vec<u8>, value: Option<&Value>, cutter: &mut impl Cutter) {
    let Some(value) = value else { return };
    out.extend((value.len() as u32).to_le_bytes());
    match value.short() {
        Some(bytes) => out.extend(bytes),
        None => {
            let (piece, height) = value.pieces();
            piece_or_name(out, &piece, height, cutter);
        }
    }
}

/// Appends a part of a value that is no stub.
pub(super) fn write_piece(out: &mut Vec<u8>, piece: &Piece, height: u32, cutter: &mut impl Cutter) {
    if piece.is_zero(height) {
        return out.push(ZEROS);
    }
    match piece {
        Piece::Zero => out.push(ZEROS),
        Piece::Bytes(bytes) => {
            let bytes = bytes.stripped();
            out.push(BYTES);
            out.extend((bytes.len() as u16).to_le_bytes());
            out.extend(bytes);
        }
        Piece::Pair(pair) => {
            out.extend([PAIR, height as u8]);
            for side in &pair.sides {
                piece_or_name(out, side, height.saturating_sub(1), cutter);
            }
        }
        Piece::Stub(stub) => name(out, PIECE_ELSEWHERE, &stub.hash),
    }
}

fn piece_or_name(out: &mut Vec<u8>, piece: &Piece, height: u32, cutter: &mut impl Cutter) {
    if piece.is_zero(height) {
        return out.push(ZEROS);
    }
    match cutter.piece(piece) {
        Some(piece) => write_piece(out, piece, height, cutter),
        None => name(out, PIECE_ELSEWHERE, &piece.hash(height)),
    }
}

/// A stand-in for parts that are elsewhere.
pub(super) trait Elsewhere {
    /// `depth`: how many parts it lies in, itself included.
    fn link(&mut self, hash: NodeHash, depth: u32) -> Result<Link, &'static str>;
    fn piece(&mut self, hash: NodeHash, height: u32) -> Result<Piece, &'static str>;
}

/// Reads parts.
pub(super) struct Reader<'b, E> {
    rest: &'b [u8],
    depth: u32,
    elsewhere: E,
}

/// A record: a part of the tree, or of a value.
pub(super) enum Part {
    Link(Link),
    /// With its height.
    Piece(Piece, u32),
}

impl Part {
    pub(super) fn hash(&self) -> NodeHash {
        match self {
            Self::Link(link) => link.hash(),
            Self::Piece(piece, height) => piece.hash(*height),
        }
    }
}

type Read<T> = Result<T, &'static str>;

const CUT_SHORT: &str = "it ends too early";

impl<'b, E: Elsewhere> Reader<'b, E> {
    pub(super) const fn new(bytes: &'b [u8], elsewhere: E) -> Self {
        Self {
            rest: bytes,
            depth: 0,
            elsewhere,
        }
    }

    /// All of the bytes: one part, not named by its hash alone.
    pub(super) fn part(mut self) -> Read<Part> {
        let part = match self.rest.first() {
            Some(&ELSEWHERE | &PIECE_ELSEWHERE) => return Err("it is a hash alone"),
            Some(&(BYTES | PAIR)) => {
                let (piece, height) = self.piece(None)?;
                Part::Piece(piece, height)
            }
            _ => Part::Link(self.link(true)?),
        };
        match self.rest {
            [] => Ok(part),
            _ => Err("something follows behind its end"),
        }
    }

    fn link(&mut self, top: bool) -> Read<Link> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err("its parts lie too deep in each other");
        }
        let tag = self.byte()?;
        let link = match tag {
            ELSEWHERE => {
                let hash = self.hash()?;
                self.elsewhere.link(hash, self.depth)?
            }
            LEAF => {
                let edge = self.edge(false)?;
                Link::node(edge, Some(self.value()?), None)
            }
            NODE | NODE_WITH_VALUE => self.node(tag, top)?,
            BRANCH..=15 => self.branch(tag - BRANCH)?,
            _ => return Err("a part of an unknown kind"),
        };
        self.depth -= 1;
        Ok(link)
    }

    fn node(&mut self, tag: u8, top: bool) -> Read<Link> {
        let edge = self.edge(top)?;
        let value = match tag {
            NODE_WITH_VALUE => Some(self.value()?),
            _ => None,
        };
        if top && edge.is_empty() && value.is_none() && self.rest == [NOTHING] {
            self.rest = &[];
            return Ok(Link::node(edge, None, None));
        }
        let below = self.link(false)?;
        let alone = match &below {
            Link::Leaf(leaf) => Some(leaf.edge.len()),
            Link::Node(node) => Some(node.edge.len()),
            Link::Branch(_) | Link::Stub(_) => None,
        };
        if alone.is_some_and(|len| len < MAX_EDGE) && value.is_none() && !edge.is_empty() {
            return Err("a node without use");
        }
        Ok(Link::node(edge, value, Some(below)))
    }

    fn branch(&mut self, bit: u8) -> Read<Link> {
        let prefix = self.byte()?;
        if prefix & !above(bit) != 0 {
            return Err("a branch with bits that are not its own");
        }
        let sides = [self.link(false)?, self.link(false)?];
        let branch = Branch::new(bit, prefix, sides);
        for (at, side) in branch.sides.iter().enumerate() {
            let first = match side {
                Link::Leaf(leaf) => leaf.edge.first().copied(),
                Link::Node(node) => node.edge.first().copied(),
                Link::Branch(below) if below.bit() >= bit => return Err("a branch in disorder"),
                // Its own bit counts, too.
                Link::Branch(below) => Some(below.prefix()),
                Link::Stub(_) => continue,
            };
            if !first.is_some_and(|first| branch.holds(first) && branch.side(first) == at) {
                return Err("a branch with a path that is not its own");
            }
        }
        Ok(Link::branch(branch))
    }

    fn edge(&mut self, may_be_empty: bool) -> Read<&'b [u8]> {
        let len = self.byte()?.into();
        if len == 0 && !may_be_empty {
            return Err("an empty edge");
        }
        if len > MAX_EDGE {
            return Err("an edge that is too long");
        }
        self.take(len)
    }

    fn value(&mut self) -> Read<Value> {
        let len = u32::from_le_bytes(self.array()?) as usize;
        if len <= INLINE {
            return Ok(Value::new(self.take(len)?));
        }
        if len > MAX_VALUE {
            return Err("a value that is too long");
        }
        let (piece, _) = self.piece(Some(height(len)))?;
        Ok(Value::tree(len, piece))
    }

    /// A part of a value, and its height, which must be this one.
    fn piece(&mut self, expected: Option<u32>) -> Read<(Piece, u32)> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err("its parts lie too deep in each other");
        }
        let (piece, height) = match (self.byte()?, expected) {
            (PIECE_ELSEWHERE, Some(height)) => {
                let hash = self.hash()?;
                (self.elsewhere.piece(hash, height)?, height)
            }
            (ZEROS, Some(height)) => (Piece::Zero, height),
            (BYTES, _) => (self.bytes()?, 0),
            (PAIR, _) => self.pair()?,
            _ => return Err("a part of an unknown kind"),
        };
        if expected.is_some_and(|expected| expected != height) {
            return Err("a value's tree is not as high as its length says");
        }
        self.depth -= 1;
        Ok((piece, height))
    }

    fn bytes(&mut self) -> Read<Piece> {
        let len = u16::from_le_bytes(self.array()?).into();
        if len > PIECE {
            return Err("a piece that is too long");
        }
        match self.take(len)? {
            [] | [.., 0] => Err("a piece with zeros at its end"),
            bytes => Ok(Piece::bytes(bytes)),
        }
    }

    fn pair(&mut self) -> Read<(Piece, u32)> {
        let height = u32::from(self.byte()?);
        let below = height.checked_sub(1).filter(|below| *below < MAX_HEIGHT);
        let Some(below) = below else {
            return Err("a pair of no height");
        };
        match (self.piece(Some(below))?.0, self.piece(Some(below))?.0) {
            (Piece::Zero, Piece::Zero) => Err("a pair of zeros"),
            (left, right) => Ok((Piece::pair(left, right), height)),
        }
    }

    fn take(&mut self, len: usize) -> Read<&'b [u8]> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(CUT_SHORT)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Read<[u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(CUT_SHORT)?;
        self.rest = rest;
        Ok(*taken)
    }

    fn hash(&mut self) -> Read<NodeHash> {
        self.array()
    }

    fn byte(&mut self) -> Read<u8> {
        self.array::<1>().map(|[byte]| byte)
    }
}
