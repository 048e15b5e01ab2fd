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

mod as_path;
mod changes;
mod source;
mod trie;

use crate::value::Value;
use blake2::{Blake2b, Digest, digest::consts::U32};
use host::{HostError, Path, path::MAX_PATH};
use source::Behind;
use std::fmt;
use std::sync::{Arc, OnceLock};
use trie::{Edge, Node, Subtree, collect, cut, entry, first_steps, graft};

pub use as_path::AsPath;
pub use source::{Source, UNAVAILABLE, Unavailable};
pub(crate) use trie::Cut;

/// The whole durable storage at one moment.
#[derive(Clone, Default)]
pub struct Durable {
    /// Its edge is empty.
    root: Arc<Node>,
    /// Where what is not here may come from.
    behind: Option<Arc<Behind>>,
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
        let behind = match (&self.behind, &other.behind) {
            (None, None) => true,
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            _ => false,
        };
        behind && Arc::ptr_eq(&self.root, &other.root)
    }

    /// The value at `path`, if it is here: a [`Source`] is not asked. The clone shares its bytes.
    #[must_use]
    pub fn get(&self, path: impl AsPath) -> Option<Value> {
        self.here(path.path_bytes()).cloned()
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
    /// when they hold the same. It is ours, not the one of a rollup node. With a [`Source`]
    /// it is that of what is here, and of what is not to be asked for.
    ///
    /// Nodes keep their hashes: after a change only the changed paths are
    /// hashed again.
    #[must_use]
    pub fn root_hash(&self) -> [u8; 32] {
        let here = self
            .subtree_hash(b"")
            .unwrap_or_else(|| Subtree::default().hash());
        match self.marks_hash() {
            None => here,
            Some(marks) => Blake2b::<U32>::digest([here, marks].as_flattened()).into(),
        }
    }

    // What the host functions need. `key` follows the grammar, or is empty
    // for the root.

    /// The value at `key`, if it is here.
    pub(crate) fn here(&self, key: &[u8]) -> Option<&Value> {
        match self.find(key)? {
            (node, at) if at == node.edge.len() => node.value.as_ref(),
            _ => None,
        }
    }

    /// Whether there is a value at `key`, and whether there is something below, here.
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
        self.cut_here(key, what);
        self.forget(key, what);
    }

    fn cut_here(&mut self, key: &[u8], what: Cut) {
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
            self.cut_here(to, Cut::Subtree);
            self.graft(to, subtree);
            self.follow(from, to);
        }
        Ok(())
    }

    pub(crate) fn move_node(&mut self, from: &[u8], to: &[u8]) -> Result<(), HostError> {
        let subtree = self.subtree(from);
        if subtree.is_empty() {
            return Err(HostError::NotANode);
        }
        if from != to {
            self.cut_here(from, Cut::Subtree);
            self.cut_here(to, Cut::Subtree);
            self.graft(to, subtree);
            self.follow_move(from, to);
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

/// −1 and −2 of the machine. The empty path, which is the root, is refused.
fn check_path(path: &[u8]) -> Result<(), HostError> {
    match Path::new(path) {
        Ok(_) => Ok(()),
        Err(_) if path.len() > MAX_PATH => Err(HostError::KeyTooLarge),
        Err(_) => Err(HostError::InvalidKey),
    }
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
