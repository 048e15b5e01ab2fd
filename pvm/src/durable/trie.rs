//! The trie's nodes, and what is done with them.

use crate::value::Value;
use blake2::{Blake2b, Digest, digest::consts::U32};
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

type Blake2b256 = Blake2b<U32>;

#[derive(Clone, Default)]
pub(super) struct Node {
    /// The bytes between the parent and this node; not empty but in the root.
    pub(super) edge: Edge,
    pub(super) value: Option<Value>,
    /// In the order of their first bytes, which differ. A node other than the
    /// root has a value or two children at least.
    pub(super) children: Vec<Child>,
    pub(super) hash: OnceLock<[u8; 32]>,
}

#[derive(Clone)]
pub(super) struct Child {
    pub(super) first: u8,
    pub(super) node: Arc<Node>,
}

/// The bytes of an edge: in the node itself where they are few, as nearly all
/// are.
#[derive(Clone)]
pub(super) enum Edge {
    Short { len: u8, bytes: [u8; SHORT] },
    Long(Box<[u8]>),
}

pub(super) const SHORT: usize = 46;

impl Edge {
    pub(super) fn new(edge: &[u8]) -> Self {
        if edge.len() > SHORT {
            return Self::Long(edge.into());
        }
        let mut bytes = [0; SHORT];
        bytes[..edge.len()].copy_from_slice(edge);
        Self::Short {
            len: edge.len() as u8,
            bytes,
        }
    }
}

impl Default for Edge {
    fn default() -> Self {
        Self::new(&[])
    }
}

impl Deref for Edge {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Short { len, bytes } => &bytes[..usize::from(*len)],
            Self::Long(bytes) => bytes,
        }
    }
}

/// What lies at a path: its value and everything below.
#[derive(Clone, Default)]
pub(super) struct Subtree {
    pub(super) value: Option<Value>,
    /// Its edge begins with `/`.
    pub(super) below: Option<Arc<Node>>,
}

/// What [`Durable::cut`] takes away.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The value alone.
    Value,
    /// The value and everything below.
    Subtree,
}

impl Subtree {
    pub(super) fn is_empty(&self) -> bool {
        self.value.is_none() && self.below.is_none()
    }

    /// blake2b-256 of the value (`00`, or `01` ++ its hash) and of what lies
    /// below (`00`, or `01` ++ the hash of its node).
    pub(super) fn hash(&self) -> [u8; 32] {
        let mut hasher = Blake2b256::new();
        hash_option(&mut hasher, self.value.as_ref().map(Value::hash));
        hash_option(&mut hasher, self.below.as_ref().map(|below| below.hash()));
        hasher.finalize().into()
    }
}

pub(super) fn hash_option(hasher: &mut Blake2b256, hash: Option<[u8; 32]>) {
    match hash {
        None => hasher.update([0]),
        Some(hash) => {
            hasher.update([1]);
            hasher.update(hash);
        }
    }
}

impl Node {
    pub(super) fn leaf(edge: &[u8]) -> Self {
        Self {
            edge: Edge::new(edge),
            ..Self::default()
        }
    }

    pub(super) fn position(&self, first: u8) -> Result<usize, usize> {
        self.children
            .binary_search_by_key(&first, |child| child.first)
    }

    /// blake2b-256 of the edge (its length as u32 LE before it), the value
    /// (`00`, or `01` ++ its hash) and the hashes of the children.
    pub(super) fn hash(&self) -> [u8; 32] {
        *self.hash.get_or_init(|| {
            let mut hasher = Blake2b256::new();
            hasher.update((self.edge.len() as u32).to_le_bytes());
            hasher.update(&*self.edge);
            hash_option(&mut hasher, self.value.as_ref().map(Value::hash));
            for child in &self.children {
                hasher.update(child.node.hash());
            }
            hasher.finalize().into()
        })
    }
}

/// The node at `key` below `node`, made where there is none, to change. The
/// caller gives it a value.
pub(super) fn entry<'n>(node: &'n mut Arc<Node>, key: &[u8]) -> &'n mut Node {
    let node = Arc::make_mut(node);
    node.hash.take();
    let Some(first) = key.first() else {
        return node;
    };
    match node.position(*first) {
        Ok(at) => {
            let child = &mut node.children[at].node;
            let common = common_prefix(&child.edge, key);
            if common < child.edge.len() {
                split(child, common);
            }
            entry(child, &key[common..])
        }
        Err(at) => {
            let leaf = Arc::new(Node::leaf(key));
            node.children.insert(
                at,
                Child {
                    first: *first,
                    node: leaf,
                },
            );
            Arc::make_mut(&mut node.children[at].node)
        }
    }
}

/// Hangs `below`, whose edge begins with `/`, under `key`, where there is
/// nothing below.
pub(super) fn graft(node: &mut Arc<Node>, key: &[u8], below: Arc<Node>) {
    let node = Arc::make_mut(node);
    node.hash.take();
    let first = key.first().copied().unwrap_or(b'/');
    match node.position(first) {
        Ok(at) => {
            let child = &mut node.children[at].node;
            let common = common_prefix(&child.edge, key);
            if common < child.edge.len() {
                split(child, common);
            }
            graft(child, &key[common..], below);
        }
        Err(at) => {
            let node_below = if key.is_empty() {
                below
            } else {
                prefixed(key, &below)
            };
            node.children.insert(
                at,
                Child {
                    first,
                    node: node_below,
                },
            );
        }
    }
}

/// Makes the first `at` bytes of a node's edge a node of their own above it.
pub(super) fn split(node: &mut Arc<Node>, at: usize) {
    let upper = Node::leaf(&node.edge[..at]);
    let mut lower = std::mem::replace(node, Arc::new(upper));
    let below = Arc::make_mut(&mut lower);
    below.hash.take();
    below.edge = Edge::new(&below.edge[at..]);
    let first = below.edge[0];
    Arc::make_mut(node)
        .children
        .push(Child { first, node: lower });
}

/// `node` with `prefix` before its edge.
pub(super) fn prefixed(prefix: &[u8], node: &Arc<Node>) -> Arc<Node> {
    Arc::new(Node {
        edge: Edge::new(&[prefix, &node.edge].concat()),
        value: node.value.clone(),
        children: node.children.clone(),
        hash: OnceLock::new(),
    })
}

/// Takes `what` away at `key`, and every node that is then without use.
pub(super) fn cut(node: &mut Arc<Node>, key: &[u8], what: Cut) {
    let node = Arc::make_mut(node);
    node.hash.take();
    let Some(first) = key.first() else {
        node.value = None;
        if what == Cut::Subtree
            && let Ok(at) = node.position(b'/')
        {
            node.children.remove(at);
        }
        return;
    };
    let Ok(at) = node.position(*first) else {
        return;
    };
    let child = &mut node.children[at].node;
    let Some(rest) = key.strip_prefix(&*child.edge) else {
        // The key ends inside of the edge, before a '/': all of the child lies below it.
        node.children.remove(at);
        return;
    };
    cut(child, rest, what);
    if child.value.is_none() {
        match &*child.children {
            [] => {
                node.children.remove(at);
            }
            [only] => *child = prefixed(&child.edge, &only.node),
            _ => {}
        }
    }
}

pub(super) fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

pub(super) fn collect(node: &Node, path: &mut Vec<u8>, found: &mut Vec<(String, Value)>) {
    let start = path.len();
    path.extend_from_slice(&node.edge);
    if let Some(value) = &node.value {
        found.push((String::from_utf8_lossy(path).into_owned(), value.clone()));
    }
    for child in &node.children {
        collect(&child.node, path, found);
    }
    path.truncate(start);
}

/// Sees each first step at or below `node`, `skip` bytes of whose edge are
/// already behind.
pub(super) fn first_steps(
    node: &Node,
    skip: usize,
    step: &mut Vec<u8>,
    see: &mut impl FnMut(&[u8]),
) {
    let start = step.len();
    let edge = &node.edge[skip..];
    match edge.iter().position(|byte| *byte == b'/') {
        Some(end) => {
            step.extend_from_slice(&edge[..end]);
            see(step);
        }
        None => {
            step.extend_from_slice(edge);
            let below = node.position(b'/');
            if node.value.is_some() || below.is_ok() {
                see(step);
            }
            for child in node.children.iter().filter(|child| child.first != b'/') {
                first_steps(&child.node, 0, step, see);
            }
        }
    }
    step.truncate(start);
}
