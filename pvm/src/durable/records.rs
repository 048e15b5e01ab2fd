//! A storage and a store of records: what is loaded of it, what is new for it.
//!
//! A record is a part of the tree that is written as one: a node with the branches of
//! the upper half of its children's first bytes, the branches of a lower half with their
//! leaves, or up to four levels of a value's tree. Others are named in it by their
//! hashes.

use super::codec::{Cutter, Elsewhere, Part, Reader, write_link, write_piece};
use super::link::{Branch, Link, LinkLoader};
use super::{Durable, NodeHash, NodeSource, Unavailable};
use crate::value::{Piece, PieceLoader};
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Weak};

impl Durable {
    /// A storage that is read from `source` as it is needed.
    ///
    /// # Errors
    /// If the source does not have the root.
    pub fn open(root: NodeHash, source: Arc<dyn NodeSource>) -> Result<Self, Unavailable> {
        let root = Link::stub(root, Records::new(source));
        match root.view()? {
            Some(view) if view.edge.is_empty() => Ok(Self {
                root,
                behind: None,
                skip: 0,
            }),
            _ => Err(Unavailable::Corrupt {
                hash: root.hash(),
                why: "it is not a root",
            }),
        }
    }

    /// Gives `put` every record that is not in a source yet, with its hash: each once,
    /// after those that it names, the root's last. What was loaded and not changed is not
    /// looked at. Returns this storage with what was written behind `source`, to be kept
    /// in place of this one once it is there for good.
    ///
    /// # Errors
    /// Those of `put`.
    pub fn store<E>(
        &self,
        source: &Arc<dyn NodeSource>,
        put: impl FnMut(&NodeHash, &[u8]) -> Result<(), E>,
    ) -> Result<Self, E> {
        let mut writer = Writer {
            records: Records::new(Arc::clone(source)),
            put,
            links: HashMap::new(),
            pieces: HashMap::new(),
            stored: None,
        };
        let root = writer.record(&self.root)?;
        Ok(Self {
            root,
            behind: self.behind.clone(),
            skip: self.skip,
        })
    }

    /// Gives `put` every record, with its hash: each once, after those that it names, the
    /// root's last. What is behind a source is not kept in memory.
    ///
    /// # Errors
    /// Those of `put`; where a record cannot be loaded.
    pub fn each_record<E: From<Unavailable>>(&self, put: &mut Put<'_, E>) -> Result<(), E> {
        let mut writer = Writer {
            records: Records::new(Arc::new(Nowhere)),
            put,
            links: HashMap::new(),
            pieces: HashMap::new(),
            stored: Some((HashSet::new(), E::from)),
        };
        writer.record(&self.root)?;
        Ok(())
    }
}

/// Has no records that anybody asks for.
struct Nowhere;

impl NodeSource for Nowhere {
    fn node(&self, _: &NodeHash) -> Result<Option<Vec<u8>>, String> {
        Ok(None)
    }
}

/// The hashes that a record names, in order, one as often as it is named.
///
/// # Errors
/// [`Unavailable::Corrupt`] if it is no record; the hash is then that of nothing.
pub fn references(record: &[u8]) -> Result<Vec<NodeHash>, Unavailable> {
    let mut named = Vec::new();
    match Reader::new(record, Naming(&mut named)).part() {
        Ok(_) => Ok(named.into_iter().map(|(hash, _)| hash).collect()),
        Err(why) => Err(Unavailable::Corrupt { hash: [0; 32], why }),
    }
}

/// The hash of a record, and those that it names, in order, one as often as it is named.
///
/// # Errors
/// An error that names the fault.
pub fn named(record: &[u8]) -> Result<(NodeHash, Vec<NodeHash>), &'static str> {
    let (hash, names) = named_within(record)?;
    Ok((hash, names.into_iter().map(|(name, _)| name).collect()))
}

/// The hash of another record, and how deep in this one it lies; 0 if it is of a value.
pub(crate) type Name = (NodeHash, u32);

/// As [`named`], with how deep each lies.
pub(crate) fn named_within(record: &[u8]) -> Result<(NodeHash, Vec<Name>), &'static str> {
    let mut names = Vec::new();
    let hash = Reader::new(record, Naming(&mut names)).part()?.hash();
    Ok((hash, names))
}

/// Checks that this is a record of that hash.
///
/// # Errors
/// [`Unavailable::Corrupt`] if it is not.
pub fn check(hash: &NodeHash, record: &[u8]) -> Result<(), Unavailable> {
    let part = Reader::new(record, Naming(&mut Vec::new())).part();
    checked(hash, part).map(|_| ())
}

pub(super) fn checked(
    hash: &NodeHash,
    part: Result<Part, &'static str>,
) -> Result<Part, Unavailable> {
    let corrupt = |why| Unavailable::Corrupt { hash: *hash, why };
    let part = part.map_err(corrupt)?;
    if part.hash() != *hash {
        return Err(corrupt("it has another hash"));
    }
    Ok(part)
}

/// Notes what is named.
struct Naming<'n>(&'n mut Vec<Name>);

impl Elsewhere for Naming<'_> {
    fn link(&mut self, hash: NodeHash, depth: u32) -> Result<Link, &'static str> {
        self.0.push((hash, depth));
        Ok(Link::stub(hash, Arc::new(Blind)))
    }

    fn piece(&mut self, hash: NodeHash, height: u32) -> Result<Piece, &'static str> {
        self.0.push((hash, 0));
        Ok(Piece::stub(hash, height, Arc::new(Blind)))
    }
}

/// Has nothing.
pub(super) struct Blind;

impl LinkLoader for Blind {
    fn link(&self, hash: &NodeHash) -> Result<Link, Unavailable> {
        Err(Unavailable::Blinded(*hash))
    }

    fn record(&self, hash: &NodeHash) -> Result<Vec<u8>, Unavailable> {
        Err(Unavailable::Blinded(*hash))
    }
}

impl PieceLoader for Blind {
    fn piece(&self, hash: &NodeHash, _: u32) -> Result<Piece, Unavailable> {
        Err(Unavailable::Blinded(*hash))
    }

    fn record(&self, hash: &NodeHash) -> Result<Vec<u8>, Unavailable> {
        Err(Unavailable::Blinded(*hash))
    }
}

/// Loads records from a source.
struct Records {
    source: Arc<dyn NodeSource>,
    this: Weak<Self>,
}

impl Records {
    fn new(source: Arc<dyn NodeSource>) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            source,
            this: Weak::clone(this),
        })
    }

    fn bytes(&self, hash: &NodeHash) -> Result<Vec<u8>, Unavailable> {
        let failed = |why| Unavailable::Source { hash: *hash, why };
        let record = self.source.node(hash).map_err(failed)?;
        record.ok_or(Unavailable::Missing(*hash))
    }

    fn part(&self, hash: &NodeHash) -> Result<Part, Unavailable> {
        let record = self.bytes(hash)?;
        let this = self.this.upgrade().ok_or_else(|| Unavailable::Source {
            hash: *hash,
            why: "it is closed".to_owned(),
        })?;
        checked(hash, Reader::new(&record, Later(this)).part())
    }
}

/// Named parts are loaded later.
struct Later(Arc<Records>);

impl Elsewhere for Later {
    fn link(&mut self, hash: NodeHash, _: u32) -> Result<Link, &'static str> {
        Ok(Link::stub(hash, Arc::clone(&self.0) as _))
    }

    fn piece(&mut self, hash: NodeHash, height: u32) -> Result<Piece, &'static str> {
        Ok(Piece::stub(hash, height, Arc::clone(&self.0) as _))
    }
}

const OTHER_KIND: &str = "it is of another kind than what names it says";

impl LinkLoader for Records {
    fn link(&self, hash: &NodeHash) -> Result<Link, Unavailable> {
        match self.part(hash)? {
            Part::Link(link) => Ok(link),
            Part::Piece(..) => Err(Unavailable::Corrupt {
                hash: *hash,
                why: OTHER_KIND,
            }),
        }
    }

    fn record(&self, hash: &NodeHash) -> Result<Vec<u8>, Unavailable> {
        self.bytes(hash)
    }
}

impl PieceLoader for Records {
    fn piece(&self, hash: &NodeHash, height: u32) -> Result<Piece, Unavailable> {
        match self.part(hash)? {
            Part::Piece(piece, found) if found == height => Ok(piece),
            _ => Err(Unavailable::Corrupt {
                hash: *hash,
                why: OTHER_KIND,
            }),
        }
    }

    fn record(&self, hash: &NodeHash) -> Result<Vec<u8>, Unavailable> {
        self.bytes(hash)
    }
}

/// Takes a record, with its hash.
pub(crate) type Put<'p, E> = dyn FnMut(&NodeHash, &[u8]) -> Result<(), E> + 'p;

/// Records that a source has and that were written, too; and the form of its errors.
type Stored<E> = (HashSet<NodeHash>, fn(Unavailable) -> E);

/// Writes what no source has, or all.
struct Writer<P, E> {
    records: Arc<Records>,
    put: P,
    /// Written parts by their hashes: subtrees may share them.
    links: HashMap<NodeHash, Link>,
    pieces: HashMap<NodeHash, Piece>,
    /// Records of the source that are written, too.
    stored: Option<Stored<E>>,
}

impl<P, E> Writer<P, E>
where
    P: FnMut(&NodeHash, &[u8]) -> Result<(), E>,
{
    /// Writes a part, and what it names, as a record; gives it behind the source.
    fn record(&mut self, link: &Link) -> Result<Link, E> {
        let link = link.origin();
        if let Link::Stub(stub) = link {
            if let Some(loader) = stub.loader() {
                self.copy(stub.hash, &|hash| loader.record(hash))?;
            }
            return Ok(link.clone());
        }
        let hash = link.hash();
        if let Some(known) = self.links.get(&hash) {
            return Ok(known.clone());
        }
        let link = self.inner(link)?;
        let mut record = Vec::new();
        write_link(&mut record, &link, &mut AtStubs);
        self.write(hash, &record)?;
        let stored = link.stored(Arc::clone(&self.records) as _);
        self.links.insert(hash, stored.clone());
        Ok(stored)
    }

    /// The part with all that belongs into other records behind the source.
    fn inner(&mut self, link: &Link) -> Result<Link, E> {
        let this = RefCell::new(self);
        link.with_parts(
            |link, parent| {
                let link = in_its_place(link.origin(), parent);
                let mut this = this.borrow_mut();
                if is_record(link, parent) {
                    this.record(link)
                } else {
                    this.inner(link)
                }
            },
            |piece, height| this.borrow_mut().piece(&piece, height, true),
        )
    }

    fn piece(&mut self, piece: &Piece, height: u32, top: bool) -> Result<Piece, E> {
        let piece = piece.origin();
        if piece.is_zero(height) {
            return Ok(piece.clone());
        }
        let is_record = top || height.is_multiple_of(RECORD_HEIGHT);
        let piece = match is_record {
            true => piece,
            // It may have been the whole value once.
            false => piece.resolved().unwrap_or(piece),
        };
        if let Piece::Stub(stub) = piece {
            if let Some(loader) = stub.loader() {
                self.copy(stub.hash, &|hash| loader.record(hash))?;
            }
            return Ok(piece.clone());
        }
        let hash = piece.hash(height);
        if let Some(known) = self.pieces.get(&hash).filter(|_| is_record) {
            return Ok(known.clone());
        }
        let below = height.saturating_sub(1);
        let piece = piece.with_sides(|side| self.piece(side, below, false))?;
        if !is_record {
            return Ok(piece);
        }
        let mut record = Vec::new();
        write_piece(&mut record, &piece, height, &mut AtStubs);
        self.write(hash, &record)?;
        let stored = piece.stored(height, Arc::clone(&self.records) as _);
        self.pieces.insert(hash, stored.clone());
        Ok(stored)
    }

    fn write(&mut self, hash: NodeHash, record: &[u8]) -> Result<(), E> {
        if let Some((written, _)) = &mut self.stored
            && !written.insert(hash)
        {
            return Ok(());
        }
        (self.put)(&hash, record)
    }

    /// Writes what a source has below a hash, where that is asked for.
    fn copy(
        &mut self,
        hash: NodeHash,
        load: &dyn Fn(&NodeHash) -> Result<Vec<u8>, Unavailable>,
    ) -> Result<(), E> {
        let Some((written, failed)) = &mut self.stored else {
            return Ok(());
        };
        let failed = *failed;
        if written.contains(&hash) {
            return Ok(());
        }
        let open = |hash: NodeHash| {
            let record = load(&hash).map_err(failed)?;
            let mut names = references(&record).map_err(failed)?;
            // The first is written first, as from a tree in memory.
            names.reverse();
            Ok((hash, record, names))
        };
        let mut way = vec![open(hash)?];
        while let Some((hash, record, names)) = way.last_mut() {
            let Some((written, _)) = &self.stored else {
                break;
            };
            match names.pop() {
                Some(name) if written.contains(&name) => {}
                Some(name) => way.push(open(name)?),
                None => {
                    let (hash, record) = (*hash, std::mem::take(record));
                    self.write(hash, &record)?;
                    way.pop();
                }
            }
        }
        Ok(())
    }
}

/// The most levels of a value's tree in a record.
const RECORD_HEIGHT: u32 = 4;

/// True if a part has a record of its own.
fn is_record(link: &Link, parent: Option<&Branch>) -> bool {
    match link {
        Link::Leaf(_) => false,
        Link::Node(_) | Link::Stub(_) => true,
        Link::Branch(branch) => {
            const HALF: u8 = 4;
            branch.bit() < HALF && parent.is_some_and(|parent| parent.bit() >= HALF)
        }
    }
}

/// Writes records. A branch right below a node is a part of the node's record, also if
/// it had one of its own before: so the form of a record follows from its hash alone, and
/// names nothing that another record of that hash does not. What cannot be loaded stays named.
fn in_its_place<'l>(link: &'l Link, parent: Option<&Branch>) -> &'l Link {
    match (parent, link) {
        (None, Link::Stub(_)) => match link.resolved() {
            Ok(branch @ Link::Branch(_)) => branch,
            _ => link,
        },
        _ => link,
    }
}

/// Names what is behind a source.
struct AtStubs;

impl Cutter for AtStubs {
    fn link<'l>(&mut self, link: &'l Link) -> Option<&'l Link> {
        (!matches!(link, Link::Stub(_))).then_some(link)
    }

    fn piece<'p>(&mut self, piece: &'p Piece) -> Option<&'p Piece> {
        (!matches!(piece, Piece::Stub(_))).then_some(piece)
    }
}
