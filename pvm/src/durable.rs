//! Durable storage as an immutable tree.
//!
//! A radix trie over the bytes of whole paths. Its shape depends on what it
//! holds alone, never on how that came about; so does its hash. Versions share
//! everything that they have in common: a clone is one counter, and a change
//! copies the nodes on one path, or none where nobody else looks at them.
//!
//! The subtree of a path `P` is the value at `P` and one trie node whose edge
//! begins with the `/` behind `P`; so moving or copying a subtree moves one
//! pointer.

mod changes;

use crate::value::Value;
use blake2::{Blake2b, Digest, digest::consts::U32};
use host::{HostError, Path, path::MAX_PATH};
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

type Blake2b256 = Blake2b<U32>;

/// The whole durable storage at one moment.
#[derive(Clone, Default)]
pub struct Durable {
    /// Its edge is empty.
    root: Arc<Node>,
}

#[derive(Clone, Default)]
struct Node {
    /// The bytes between the parent and this node; not empty but in the root.
    edge: Edge,
    value: Option<Value>,
    /// In the order of their first bytes, which differ. A node other than the
    /// root has a value or two children at least.
    children: Vec<Child>,
    hash: OnceLock<[u8; 32]>,
}

#[derive(Clone)]
struct Child {
    first: u8,
    node: Arc<Node>,
}

/// The bytes of an edge: in the node itself where they are few, as nearly all
/// are.
#[derive(Clone)]
enum Edge {
    Short { len: u8, bytes: [u8; SHORT] },
    Long(Box<[u8]>),
}

const SHORT: usize = 46;

impl Edge {
    fn new(edge: &[u8]) -> Self {
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
struct Subtree {
    value: Option<Value>,
    /// Its edge begins with `/`.
    below: Option<Arc<Node>>,
}

/// What names a place in durable storage: a [`Path`], or text or bytes that
/// are checked when they are used.
pub trait AsPath {
    /// The bytes of the path.
    fn path_bytes(&self) -> &[u8];
}

impl AsPath for Path<'_> {
    fn path_bytes(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl<const CAPACITY: usize> AsPath for host::PathBuf<CAPACITY> {
    fn path_bytes(&self) -> &[u8] {
        self.as_path().as_bytes()
    }
}

impl AsPath for str {
    fn path_bytes(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl AsPath for String {
    fn path_bytes(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl AsPath for [u8] {
    fn path_bytes(&self) -> &[u8] {
        self
    }
}

impl<T: AsPath + ?Sized> AsPath for &T {
    fn path_bytes(&self) -> &[u8] {
        (**self).path_bytes()
    }
}

impl Durable {
    /// A storage that holds nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether both share everything in memory: true implies equal.
    #[must_use]
    pub fn ptr_eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.root, &other.root)
    }

    /// The value at `path`. The clone shares its bytes.
    #[must_use]
    pub fn get(&self, path: impl AsPath) -> Option<Value> {
        self.value(path.path_bytes()).cloned()
    }

    /// Makes `bytes` the whole value at `path`, `/readonly` included: this is
    /// the operator's hand, not the kernel's.
    ///
    /// # Errors
    /// [`HostError::InvalidKey`] or [`HostError::KeyTooLarge`].
    pub fn write(&mut self, path: impl AsPath, bytes: impl AsRef<[u8]>) -> Result<(), HostError> {
        self.put(path, Value::new(bytes.as_ref()))
    }

    /// Makes `value` the value at `path`; see [`Durable::write`].
    ///
    /// # Errors
    /// [`HostError::InvalidKey`] or [`HostError::KeyTooLarge`].
    pub fn put(&mut self, path: impl AsPath, value: Value) -> Result<(), HostError> {
        let key = path.path_bytes();
        check_path(key)?;
        self.set(key, value);
        Ok(())
    }

    /// Deletes the value at `path` and everything below it.
    ///
    /// # Errors
    /// [`HostError::InvalidKey`] or [`HostError::KeyTooLarge`].
    pub fn delete(&mut self, path: impl AsPath) -> Result<(), HostError> {
        check_path(path.path_bytes())?;
        self.cut(path.path_bytes(), Cut::Subtree);
        Ok(())
    }

    /// Deletes the value at `path` and keeps what lies below it.
    ///
    /// # Errors
    /// [`HostError::InvalidKey`] or [`HostError::KeyTooLarge`].
    pub fn delete_value(&mut self, path: impl AsPath) -> Result<(), HostError> {
        check_path(path.path_bytes())?;
        self.cut(path.path_bytes(), Cut::Value);
        Ok(())
    }

    /// Copies the node `from`, value and subtree, over the node `to`.
    ///
    /// # Errors
    /// [`HostError::NotANode`] where `from` has nothing; as [`Durable::write`].
    pub fn copy(&mut self, from: impl AsPath, to: impl AsPath) -> Result<(), HostError> {
        check_path(from.path_bytes())?;
        check_path(to.path_bytes())?;
        self.copy_node(from.path_bytes(), to.path_bytes())
    }

    /// Moves the node `from`, value and subtree, over the node `to`.
    ///
    /// # Errors
    /// [`HostError::NotANode`] where `from` has nothing; as [`Durable::write`].
    pub fn move_(&mut self, from: impl AsPath, to: impl AsPath) -> Result<(), HostError> {
        check_path(from.path_bytes())?;
        check_path(to.path_bytes())?;
        self.move_node(from.path_bytes(), to.path_bytes())
    }

    /// The names of the direct children of `path` ("" is the root), in order.
    /// The value at `path` itself is not among them.
    #[must_use]
    pub fn children(&self, path: impl AsPath) -> Vec<String> {
        let mut names = Vec::new();
        self.for_each_child(path.path_bytes(), |name| {
            names.push(String::from_utf8_lossy(name).into_owned());
        });
        names.sort_unstable();
        names
    }

    /// Every value at `prefix` ("" is the root) and below it, with its whole
    /// path.
    #[must_use]
    pub fn values(&self, prefix: impl AsPath) -> Vec<(String, Value)> {
        let mut found = Vec::new();
        let subtree = self.subtree(prefix.path_bytes());
        let mut path = prefix.path_bytes().to_vec();
        if let Some(value) = subtree.value {
            found.push((String::from_utf8_lossy(&path).into_owned(), value));
        }
        if let Some(below) = &subtree.below {
            collect(below, &mut path, &mut found);
        }
        found.sort_by(|a, b| a.0.cmp(&b.0));
        found
    }

    /// The hash of the whole storage. Two storages have the same hash exactly
    /// when they hold the same. It is ours, not the one of a rollup node.
    ///
    /// Nodes keep their hashes: after a change only the changed paths are
    /// hashed again.
    #[must_use]
    pub fn root_hash(&self) -> [u8; 32] {
        self.subtree_hash(b"")
            .unwrap_or_else(|| Subtree::default().hash())
    }

    // What the host functions need. `key` follows the grammar, or is empty
    // for the root.

    pub(crate) fn value(&self, key: &[u8]) -> Option<&Value> {
        match self.find(key)? {
            (node, at) if at == node.edge.len() => node.value.as_ref(),
            _ => None,
        }
    }

    /// Whether there is a value at `key`, and whether there is something below.
    pub(crate) fn has(&self, key: &[u8]) -> (bool, bool) {
        match self.find(key) {
            Some((node, at)) if at == node.edge.len() => {
                (node.value.is_some(), node.position(b'/').is_ok())
            }
            Some((node, at)) => (false, node.edge[at] == b'/'),
            None => (false, false),
        }
    }

    pub(crate) fn set(&mut self, key: &[u8], value: Value) {
        entry(&mut self.root, key).value = Some(value);
    }

    /// The value at `key`, made (empty) where there is none, to change.
    pub(crate) fn value_mut(&mut self, key: &[u8]) -> &mut Value {
        entry(&mut self.root, key)
            .value
            .get_or_insert_with(|| Value::new(&[]))
    }

    pub(crate) fn cut(&mut self, key: &[u8], what: Cut) {
        let (value, below) = self.has(key);
        if value || below && what == Cut::Subtree {
            cut(&mut self.root, key, what);
        }
    }

    pub(crate) fn copy_node(&mut self, from: &[u8], to: &[u8]) -> Result<(), HostError> {
        let subtree = self.subtree(from);
        if subtree.is_empty() {
            return Err(HostError::NotANode);
        }
        if from != to {
            self.cut(to, Cut::Subtree);
            self.graft(to, subtree);
        }
        Ok(())
    }

    pub(crate) fn move_node(&mut self, from: &[u8], to: &[u8]) -> Result<(), HostError> {
        let subtree = self.subtree(from);
        if subtree.is_empty() {
            return Err(HostError::NotANode);
        }
        if from != to {
            self.cut(from, Cut::Subtree);
            self.cut(to, Cut::Subtree);
            self.graft(to, subtree);
        }
        Ok(())
    }

    pub(crate) fn subtree_hash(&self, key: &[u8]) -> Option<[u8; 32]> {
        let subtree = self.subtree(key);
        (!subtree.is_empty()).then(|| subtree.hash())
    }

    /// Calls `see` with the name of each direct child of `key`.
    pub(crate) fn for_each_child(&self, key: &[u8], mut see: impl FnMut(&[u8])) {
        if let Some(below) = self.subtree(key).below {
            first_steps(&below, 1, &mut Vec::new(), &mut see);
        }
    }

    /// The node in whose edge `key` ends, and how many bytes of the edge it
    /// covers.
    fn find(&self, mut key: &[u8]) -> Option<(&Node, usize)> {
        let mut node = &*self.root;
        while let Some(first) = key.first() {
            let at = node.position(*first).ok()?;
            node = &node.children[at].node;
            if key.len() < node.edge.len() {
                return node.edge.starts_with(key).then_some((node, key.len()));
            }
            key = key.strip_prefix(&*node.edge)?;
        }
        Some((node, node.edge.len()))
    }

    fn subtree(&self, key: &[u8]) -> Subtree {
        match self.find(key) {
            None => Subtree::default(),
            Some((node, at)) if at == node.edge.len() => Subtree {
                value: node.value.clone(),
                below: node
                    .position(b'/')
                    .ok()
                    .map(|at| Arc::clone(&node.children[at].node)),
            },
            Some((node, at)) if node.edge[at] == b'/' => Subtree {
                value: None,
                below: Some(Arc::new(Node {
                    edge: Edge::new(&node.edge[at..]),
                    value: node.value.clone(),
                    children: node.children.clone(),
                    hash: OnceLock::new(),
                })),
            },
            Some(_) => Subtree::default(),
        }
    }

    /// Puts a subtree at `key`, where nothing lies.
    fn graft(&mut self, key: &[u8], subtree: Subtree) {
        if let Some(value) = subtree.value {
            self.set(key, value);
        }
        if let Some(below) = subtree.below {
            graft(&mut self.root, key, below);
        }
    }
}

/// What [`Durable::cut`] takes away.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The value alone.
    Value,
    /// The value and everything below.
    Subtree,
}

/// −1 and −2 of the machine. The empty path, which is the root, is refused.
fn check_path(path: &[u8]) -> Result<(), HostError> {
    match Path::new(path) {
        Ok(_) => Ok(()),
        Err(_) if path.len() > MAX_PATH => Err(HostError::KeyTooLarge),
        Err(_) => Err(HostError::InvalidKey),
    }
}

impl Subtree {
    fn is_empty(&self) -> bool {
        self.value.is_none() && self.below.is_none()
    }

    /// blake2b-256 of the value (`00`, or `01` ++ its hash) and of what lies
    /// below (`00`, or `01` ++ the hash of its node).
    fn hash(&self) -> [u8; 32] {
        let mut hasher = Blake2b256::new();
        hash_option(&mut hasher, self.value.as_ref().map(Value::hash));
        hash_option(&mut hasher, self.below.as_ref().map(|below| below.hash()));
        hasher.finalize().into()
    }
}

fn hash_option(hasher: &mut Blake2b256, hash: Option<[u8; 32]>) {
    match hash {
        None => hasher.update([0]),
        Some(hash) => {
            hasher.update([1]);
            hasher.update(hash);
        }
    }
}

impl Node {
    fn leaf(edge: &[u8]) -> Self {
        Self {
            edge: Edge::new(edge),
            ..Self::default()
        }
    }

    fn position(&self, first: u8) -> Result<usize, usize> {
        self.children
            .binary_search_by_key(&first, |child| child.first)
    }

    /// blake2b-256 of the edge (its length as u32 LE before it), the value
    /// (`00`, or `01` ++ its hash) and the hashes of the children.
    fn hash(&self) -> [u8; 32] {
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
fn entry<'n>(node: &'n mut Arc<Node>, key: &[u8]) -> &'n mut Node {
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
fn graft(node: &mut Arc<Node>, key: &[u8], below: Arc<Node>) {
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
fn split(node: &mut Arc<Node>, at: usize) {
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
fn prefixed(prefix: &[u8], node: &Arc<Node>) -> Arc<Node> {
    Arc::new(Node {
        edge: Edge::new(&[prefix, &node.edge].concat()),
        value: node.value.clone(),
        children: node.children.clone(),
        hash: OnceLock::new(),
    })
}

/// Takes `what` away at `key`, and every node that is then without use.
fn cut(node: &mut Arc<Node>, key: &[u8], what: Cut) {
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

fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

fn collect(node: &Node, path: &mut Vec<u8>, found: &mut Vec<(String, Value)>) {
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
fn first_steps(node: &Node, skip: usize, step: &mut Vec<u8>, see: &mut impl FnMut(&[u8])) {
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

impl PartialEq for Durable {
    fn eq(&self, other: &Self) -> bool {
        self.ptr_eq(other) || self.root_hash() == other.root_hash()
    }
}

impl Eq for Durable {}

impl fmt::Debug for Durable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Durable({})", hex::encode(self.root_hash()))
    }
}
