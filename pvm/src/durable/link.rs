//! The parts of the tree: nodes with their edges, and between them branches, so
//! that all is binary.

use super::edge::Edge;
use crate::node_source::{Hashed, Hasher, NodeHash, Unavailable};
use crate::value::{Piece, Value};
use std::convert::Infallible;
use std::sync::{Arc, OnceLock};

/// The most bytes of an edge, as many as a path has. Longer ways without a value and without a branch, which copies
/// make, are several nodes: each but the first has as many. So a node has a bounded size.
pub(super) const MAX_EDGE: usize = host::path::MAX_PATH;

/// A part of the tree.
#[derive(Clone)]
pub(super) enum Link {
    /// A node with a value and nothing below.
    Leaf(Arc<Leaf>),
    Node(Arc<Node>),
    Branch(Arc<Branch>),
    /// Loaded when it is needed.
    Stub(Arc<Stub>),
}

/// Its hash is not kept: it costs as much as keeping it would.
#[derive(Clone)]
pub(super) struct Leaf {
    pub(super) edge: Edge<46>,
    /// There is one, but while a leaf is being made.
    pub(super) value: Option<Value>,
}

#[derive(Clone, Default)]
pub(super) struct Node {
    /// The bytes between the node above and this one; not empty but in the root.
    pub(super) edge: Edge<22>,
    pub(super) value: Option<Value>,
    /// Its children: one or, below branches, several, whose edges begin with different
    /// bytes. A node other than the root has a value, or several, or one whose edge has all of
    /// [`MAX_EDGE`] bytes.
    pub(super) below: Option<Link>,
    hash: OnceLock<NodeHash>,
}

/// Parts paths by a bit of their next byte.
#[derive(Clone)]
pub(super) struct Branch {
    /// Which bit, 0 being the lowest.
    bit: u8,
    /// The bits above it, in which all below agree; the others are 0.
    prefix: u8,
    pub(super) sides: [Link; 2],
    hash: OnceLock<NodeHash>,
}

pub(super) struct Stub {
    pub(super) hash: NodeHash,
    backing: Backing,
    loaded: OnceLock<Link>,
}

enum Backing {
    Loader(Arc<dyn LinkLoader>),
    /// It is seen in another tree, of which one part at a time is taken over.
    Origin(Link),
}

/// A loader of parts of trees.
pub(super) trait LinkLoader: Send + Sync {
    /// The part with this hash; no stub.
    fn link(&self, hash: &NodeHash) -> Result<Link, Unavailable>;

    /// The bytes with this hash.
    fn record(&self, hash: &NodeHash) -> Result<Vec<u8>, Unavailable>;
}

/// A node or a leaf.
#[derive(Clone, Copy)]
pub(super) struct View<'l> {
    pub(super) edge: &'l [u8],
    pub(super) value: Option<&'l Value>,
    pub(super) below: Option<&'l Link>,
}

impl View<'_> {
    /// True if paths go on with `/`.
    pub(super) fn has_below(&self) -> Result<bool, Unavailable> {
        match self.below {
            Some(below) => Ok(below.child(b'/')?.is_some()),
            None => Ok(false),
        }
    }
}

impl Stub {
    /// Its loader; `None` if it is seen in another tree.
    pub(super) const fn loader(&self) -> Option<&Arc<dyn LinkLoader>> {
        match &self.backing {
            Backing::Loader(loader) => Some(loader),
            Backing::Origin(_) => None,
        }
    }

    fn load(&self) -> Result<&Link, Unavailable> {
        if let Some(link) = self.loaded.get() {
            return Ok(link);
        }
        let link = match &self.backing {
            Backing::Loader(loader) => loader.link(&self.hash)?,
            Backing::Origin(link) => one(link.resolved()?),
        };
        Ok(self.loaded.get_or_init(|| link))
    }
}

/// The part alone, with what is below it to be seen through stubs.
fn one(link: &Link) -> Link {
    let seen = |link: &Link, _: Option<&Branch>| Ok::<_, Infallible>(Link::seen(link));
    let value = |piece: Piece, height| Ok(Piece::seen(&piece, height));
    let Ok(link) = link.with_parts(seen, value);
    link
}

impl Link {
    /// A node with what it has; a leaf where nothing is below.
    pub(super) fn node(edge: &[u8], value: Option<Value>, below: Option<Self>) -> Self {
        if below.is_none() && value.is_some() {
            let edge = Edge::new(edge);
            return Self::Leaf(Arc::new(Leaf { edge, value }));
        }
        Self::Node(Arc::new(Node {
            edge: Edge::new(edge),
            value,
            below,
            hash: OnceLock::new(),
        }))
    }

    pub(super) fn branch(branch: Branch) -> Self {
        Self::Branch(Arc::new(branch))
    }

    /// Itself, with other parts: what lies below (a side of the branch that `part` is
    /// told, if of one), and the tree of a value that is not short, of some height.
    pub(super) fn with_parts<E>(
        &self,
        mut part: impl FnMut(&Self, Option<&Branch>) -> Result<Self, E>,
        mut pieces: impl FnMut(Piece, u32) -> Result<Piece, E>,
    ) -> Result<Self, E> {
        let mut with = |value: &Value| match value.short() {
            Some(_) => Ok(value.clone()),
            None => {
                let (piece, height) = value.pieces();
                Ok(Value::tree(value.len(), pieces(piece, height)?))
            }
        };
        Ok(match self {
            Self::Leaf(leaf) => Self::Leaf(Arc::new(Leaf {
                edge: leaf.edge.clone(),
                value: leaf.value.as_ref().map(with).transpose()?,
            })),
            Self::Node(node) => Self::Node(Arc::new(Node {
                edge: node.edge.clone(),
                value: node.value.as_ref().map(&mut with).transpose()?,
                below: match &node.below {
                    Some(below) => Some(part(below, None)?),
                    None => None,
                },
                hash: node.hash.clone(),
            })),
            Self::Branch(branch) => {
                let [left, right] = &branch.sides;
                Self::Branch(Arc::new(Branch {
                    bit: branch.bit,
                    prefix: branch.prefix,
                    sides: [part(left, Some(branch))?, part(right, Some(branch))?],
                    hash: branch.hash.clone(),
                }))
            }
            Self::Stub(stub) => Self::Stub(Arc::clone(stub)),
        })
    }

    /// The part behind it that is in a tree in memory, or itself.
    pub(super) fn origin(&self) -> &Self {
        match self {
            Self::Stub(stub) => match &stub.backing {
                Backing::Origin(origin) => origin.origin(),
                Backing::Loader(_) => self,
            },
            link => link,
        }
    }

    /// To be loaded when it is needed.
    pub(super) fn stub(hash: NodeHash, loader: Arc<dyn LinkLoader>) -> Self {
        Self::Stub(Arc::new(Stub {
            hash,
            backing: Backing::Loader(loader),
            loaded: OnceLock::new(),
        }))
    }

    /// Behind a loader, and loaded.
    pub(super) fn stored(self, loader: Arc<dyn LinkLoader>) -> Self {
        Self::Stub(Arc::new(Stub {
            hash: self.hash(),
            backing: Backing::Loader(loader),
            loaded: OnceLock::from(self),
        }))
    }

    /// A part of another tree, of which it is noted what is looked at.
    pub(super) fn seen(origin: &Self) -> Self {
        Self::Stub(Arc::new(Stub {
            hash: origin.hash(),
            backing: Backing::Origin(origin.clone()),
            loaded: OnceLock::new(),
        }))
    }

    /// This part, itself no stub.
    #[inline]
    pub(super) fn resolved(&self) -> Result<&Self, Unavailable> {
        match self {
            Self::Stub(stub) => stub.load(),
            link => Ok(link),
        }
    }

    /// Its part in memory: `None` for a stub that was not loaded.
    pub(super) fn loaded(&self) -> Option<&Self> {
        match self {
            Self::Stub(stub) => stub.loaded.get(),
            link => Some(link),
        }
    }

    /// Makes this no stub, so that it can be changed.
    pub(super) fn own(&mut self) -> Result<(), Unavailable> {
        if let Self::Stub(stub) = self {
            let loaded = stub.load()?.clone();
            *self = loaded;
        }
        Ok(())
    }

    /// The node; `None` for a branch.
    pub(super) fn view(&self) -> Result<Option<View<'_>>, Unavailable> {
        Ok(match self.resolved()? {
            Self::Leaf(leaf) => Some(View {
                edge: &leaf.edge,
                value: leaf.value.as_ref(),
                below: None,
            }),
            Self::Node(node) => Some(View {
                edge: &node.edge,
                value: node.value.as_ref(),
                below: node.below.as_ref(),
            }),
            Self::Branch(_) | Self::Stub(_) => None,
        })
    }

    /// Among these children that whose edge begins with a byte, and its node.
    pub(super) fn child(&self, first: u8) -> Result<Option<(&Self, View<'_>)>, Unavailable> {
        let mut link = self;
        loop {
            match link.resolved()? {
                Self::Branch(branch) if !branch.holds(first) => return Ok(None),
                Self::Branch(branch) => link = &branch.sides[branch.side(first)],
                node => {
                    let view = node.view()?;
                    let view = view.filter(|view| view.edge.first() == Some(&first));
                    return Ok(view.map(|view| (link, view)));
                }
            }
        }
    }

    /// Calls `see` with each of these children, in the order of their first bytes.
    pub(super) fn children<'l>(
        &'l self,
        see: &mut impl FnMut(View<'l>) -> Result<(), Unavailable>,
    ) -> Result<(), Unavailable> {
        match self.resolved()? {
            Self::Branch(branch) => {
                let [left, right] = &branch.sides;
                left.children(see)?;
                right.children(see)
            }
            node => node.view()?.map_or(Ok(()), see),
        }
    }

    pub(super) fn ptr_eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Leaf(a), Self::Leaf(b)) => Arc::ptr_eq(a, b),
            (Self::Node(a), Self::Node(b)) => Arc::ptr_eq(a, b),
            (Self::Branch(a), Self::Branch(b)) => Arc::ptr_eq(a, b),
            (Self::Stub(a), Self::Stub(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }

    /// The hash, as docs/machine.md says ("The root"). Nothing is loaded for it.
    pub(super) fn hash(&self) -> NodeHash {
        if !self.is_hashed() {
            // Those below first, without calls that lie in each other as deep as the tree is.
            let mut open = vec![self];
            while let Some(last) = open.last() {
                match last.unhashed() {
                    Some(below) => open.push(below),
                    None => {
                        last.hash_of_hashed();
                        open.pop();
                    }
                }
            }
        }
        self.hash_of_hashed()
    }

    /// True if the hash is known, or that of a leaf.
    fn is_hashed(&self) -> bool {
        match self {
            Self::Node(node) => node.hash.get().is_some(),
            Self::Branch(branch) => branch.hash.get().is_some(),
            Self::Leaf(_) | Self::Stub(_) => true,
        }
    }

    /// A part right below whose hash is not known, where that of this is not.
    fn unhashed(&self) -> Option<&Self> {
        let not = |link: &&Self| !link.is_hashed();
        match self {
            _ if self.is_hashed() => None,
            Self::Node(node) => node.below.as_ref().filter(not),
            Self::Branch(branch) => branch.sides.iter().find(not),
            Self::Leaf(_) | Self::Stub(_) => None,
        }
    }

    /// The hash, where those of all parts right below are known.
    fn hash_of_hashed(&self) -> NodeHash {
        match self {
            Self::Leaf(leaf) => node_hash(&leaf.edge, leaf.value.as_ref(), None),
            Self::Node(node) => *node.hash.get_or_init(|| {
                let below = node.below.as_ref().map(Self::hash);
                node_hash(&node.edge, node.value.as_ref(), below)
            }),
            Self::Branch(branch) => *branch.hash.get_or_init(|| {
                let hasher = Hasher::new(Hashed::Branch).with([branch.bit, branch.prefix]);
                let [left, right] = &branch.sides;
                hasher.with(left.hash()).with(right.hash()).done()
            }),
            Self::Stub(stub) => stub.hash,
        }
    }
}

/// Of the edge (its length as u32 LE before it), the value and what is below.
fn node_hash(edge: &[u8], value: Option<&Value>, below: Option<NodeHash>) -> NodeHash {
    let hasher = Hasher::new(Hashed::Node).with((edge.len() as u32).to_le_bytes());
    let hasher = with_value(hasher.with(edge), value);
    with_option(hasher, below).done()
}

/// `00` for none, `01 ++ length (u8) ++ bytes` for a short value, `02 ++ length (u32
/// LE) ++ hash` for another.
pub(super) fn with_value(hasher: Hasher, value: Option<&Value>) -> Hasher {
    let Some(value) = value else {
        return hasher.with([0]);
    };
    match value.short() {
        Some(bytes) => hasher.with([1, bytes.len() as u8]).with(bytes),
        None => {
            let hasher = hasher.with([2]).with((value.len() as u32).to_le_bytes());
            hasher.with(value.hash())
        }
    }
}

/// `00`, or `01` and the hash.
pub(super) fn with_option(hasher: Hasher, hash: Option<NodeHash>) -> Hasher {
    match hash {
        None => hasher.with([0]),
        Some(hash) => hasher.with([1]).with(hash),
    }
}

impl Node {
    /// A leaf as a node.
    pub(super) fn of(leaf: &Leaf) -> Self {
        Self {
            edge: Edge::new(&leaf.edge),
            value: leaf.value.clone(),
            below: None,
            hash: OnceLock::new(),
        }
    }

    /// To change it: its hash is no longer known.
    pub(super) fn changed(node: &mut Arc<Self>) -> &mut Self {
        let node = Arc::make_mut(node);
        node.hash.take();
        node
    }
}

impl Branch {
    /// Of two parts whose paths go on with different bytes.
    pub(super) fn between(a: (u8, Link), b: (u8, Link)) -> Self {
        let bit = 7 - (a.0 ^ b.0).leading_zeros().min(7) as u8;
        let prefix = above(bit) & a.0;
        let (left, right) = if a.0 < b.0 { (a.1, b.1) } else { (b.1, a.1) };
        Self::new(bit, prefix, [left, right])
    }

    pub(super) const fn new(bit: u8, prefix: u8, sides: [Link; 2]) -> Self {
        Self {
            bit,
            prefix,
            sides,
            hash: OnceLock::new(),
        }
    }

    pub(super) const fn bit(&self) -> u8 {
        self.bit
    }

    pub(super) const fn prefix(&self) -> u8 {
        self.prefix
    }

    /// True if paths that go on with this byte are below.
    pub(super) const fn holds(&self, first: u8) -> bool {
        first & above(self.bit) == self.prefix
    }

    /// On which side.
    pub(super) const fn side(&self, first: u8) -> usize {
        (first >> self.bit & 1) as usize
    }

    /// To change it: its hash is no longer known.
    pub(super) fn changed(branch: &mut Arc<Self>) -> &mut Self {
        let branch = Arc::make_mut(branch);
        branch.hash.take();
        branch
    }
}

/// The bits above one.
pub(super) const fn above(bit: u8) -> u8 {
    !(0xff >> (7 - bit))
}
