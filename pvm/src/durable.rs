//! Durable storage as an immutable tree.
//!
//! A radix trie over the bytes of whole paths, whose nodes have their children in a
//! binary tree. Its shape depends on what it holds alone, never on how that came
//! about; so does its hash. Versions share everything that they have in common: a
//! clone is one counter, and a change copies the nodes on one path, or none where
//! nobody else looks at them.
//!
//! The subtree of a path `P` is the value at `P` and one trie node whose edge
//! begins with the `/` behind `P`; so moving or copying a subtree moves one
//! pointer.
//!
//! A part of it may be elsewhere until it is needed: in a store
//! ([`Durable::open`]), or in another tree, so that it is known what was needed
//! ([`Durable::watched`]).

mod as_path;
mod changes;
mod codec;
mod deep;
mod edge;
mod edit;
mod link;
mod listing;
mod partial;
mod records;
mod source;
mod walk;
mod way;

use crate::node_source::{Hashed, Hasher};
use crate::value::Value;
use edit::{cut, entry, graft};
use host::{HostError, Path, path::MAX_PATH};
use link::{Link, View, with_option, with_value};
use source::Behind;
use std::fmt;
use std::sync::Arc;
use walk::{collect, first_steps};

pub use crate::node_source::{NodeHash, NodeSource, Unavailable};
pub use as_path::AsPath;
pub(crate) use edit::Cut;
pub(crate) use records::named_within;
pub use records::{check, named, references};
pub use source::{Source, UNAVAILABLE};
pub(crate) use way::{MOST, Pending, Way};

/// The whole durable storage at one moment.
#[derive(Clone)]
pub struct Durable {
    /// A node whose edge is empty.
    root: Link,
    /// The source of values that are not here.
    behind: Option<Arc<Behind>>,
    /// So many bytes of the paths that it is asked for lie before its root: it is a part of a storage,
    /// seen alone ([`Durable::way`]).
    skip: usize,
}

/// Why a path cannot be read or changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The machine refuses it.
    #[error(transparent)]
    Host(#[from] HostError),
    /// A part that it needs cannot be loaded.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Default for Durable {
    fn default() -> Self {
        Self {
            root: Link::Node(Arc::default()),
            behind: None,
            skip: 0,
        }
    }
}

impl Durable {
    /// A storage that holds nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// True if both share everything in memory: true implies equal.
    #[must_use]
    pub fn ptr_eq(&self, other: &Self) -> bool {
        let behind = match (&self.behind, &other.behind) {
            (None, None) => true,
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            _ => false,
        };
        behind && self.root.ptr_eq(&other.root)
    }

    /// The value at `path`, if it is here: a [`Source`] is not asked. The clone shares its bytes.
    ///
    /// # Errors
    /// If it cannot be loaded.
    pub fn get(&self, path: impl AsPath) -> Result<Option<Value>, Unavailable> {
        let value = self.value(path.path_bytes())?;
        value.map(Value::whole).transpose()
    }

    /// Makes `bytes` the whole value at `path`, `/readonly` included: this is
    /// the operator's hand, not the kernel's.
    ///
    /// # Errors
    /// [`HostError::InvalidKey`] or [`HostError::KeyTooLarge`]; where a part of the
    /// storage cannot be loaded.
    pub fn write(&mut self, path: impl AsPath, bytes: impl AsRef<[u8]>) -> Result<(), StoreError> {
        self.put(path, Value::new(bytes.as_ref()))
    }

    /// Makes `value` the value at `path`; see [`Durable::write`].
    ///
    /// # Errors
    /// [`HostError::InvalidKey`] or [`HostError::KeyTooLarge`]; where a part of the
    /// storage cannot be loaded.
    pub fn put(&mut self, path: impl AsPath, value: Value) -> Result<(), StoreError> {
        let key = path.path_bytes();
        check_path(key)?;
        Ok(self.set(key, value)?)
    }

    /// Deletes the value at `path` and everything below it.
    ///
    /// # Errors
    /// [`HostError::InvalidKey`] or [`HostError::KeyTooLarge`]; where a part of the
    /// storage cannot be loaded.
    pub fn delete(&mut self, path: impl AsPath) -> Result<(), StoreError> {
        check_path(path.path_bytes())?;
        Ok(self.cut(path.path_bytes(), Cut::Subtree)?)
    }

    /// Deletes the value at `path` and keeps what lies below it.
    ///
    /// # Errors
    /// [`HostError::InvalidKey`] or [`HostError::KeyTooLarge`]; where a part of the
    /// storage cannot be loaded.
    pub fn delete_value(&mut self, path: impl AsPath) -> Result<(), StoreError> {
        check_path(path.path_bytes())?;
        Ok(self.cut(path.path_bytes(), Cut::Value)?)
    }

    /// Copies the node `from`, value and subtree, over the node `to`.
    ///
    /// # Errors
    /// [`HostError::NotANode`] where `from` has nothing; as [`Durable::write`].
    pub fn copy(&mut self, from: impl AsPath, to: impl AsPath) -> Result<(), StoreError> {
        check_path(from.path_bytes())?;
        check_path(to.path_bytes())?;
        self.copy_node(from.path_bytes(), to.path_bytes())
    }

    /// Moves the node `from`, value and subtree, over the node `to`.
    ///
    /// # Errors
    /// [`HostError::NotANode`] where `from` has nothing; as [`Durable::write`].
    pub fn move_(&mut self, from: impl AsPath, to: impl AsPath) -> Result<(), StoreError> {
        check_path(from.path_bytes())?;
        check_path(to.path_bytes())?;
        self.move_node(from.path_bytes(), to.path_bytes())
    }

    /// The names of the direct children of `path` ("" is the root), in order.
    /// The value at `path` itself is not among them.
    ///
    /// # Errors
    /// If one of them cannot be loaded.
    pub fn children(&self, path: impl AsPath) -> Result<Vec<String>, Unavailable> {
        let mut names = Vec::new();
        self.for_each_child(path.path_bytes(), &mut |name| {
            names.push(String::from_utf8_lossy(name).into_owned());
        })?;
        names.sort_unstable();
        Ok(names)
    }

    /// Every value at `prefix` ("" is the root) and below it, with its whole
    /// path.
    ///
    /// # Errors
    /// If one of them cannot be loaded.
    pub fn values(&self, prefix: impl AsPath) -> Result<Vec<(String, Value)>, Unavailable> {
        let mut found = Vec::new();
        let subtree = self.subtree(prefix.path_bytes())?;
        let mut path = prefix.path_bytes().to_vec();
        if let Some(value) = subtree.value {
            let path = String::from_utf8_lossy(&path).into_owned();
            found.push((path, value.whole()?));
        }
        if let Some(below) = &subtree.below {
            collect(below, &mut path, &mut found)?;
        }
        found.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(found)
    }

    /// The hash of the whole storage. Two storages have the same hash exactly
    /// when they hold the same. It is ours, not the one of a rollup node. With a [`Source`]
    /// it is that of what is here, and of what is not to be asked for.
    ///
    /// Nodes keep their hashes: after a change only the changed paths are
    /// hashed again. Nothing is loaded for it.
    #[must_use]
    pub fn root_hash(&self) -> NodeHash {
        let here = self.root.hash();
        match self.marks_hash() {
            None => here,
            Some(marks) => Hasher::new(Hashed::Marked).with(here).with(marks).done(),
        }
    }

    // What the host functions need. `key` follows the grammar, or is empty
    // for the root.

    /// The value at `key`, if it is here. What is not in memory of a long one is not loaded.
    pub(crate) fn value(&self, key: &[u8]) -> Result<Option<&Value>, Unavailable> {
        Ok(match self.find(key)? {
            Some((view, at)) if at == view.edge.len() => view.value,
            _ => None,
        })
    }

    /// True if there is a value at `key`, and whether there is something below, here.
    pub(crate) fn has(&self, key: &[u8]) -> Result<(bool, bool), Unavailable> {
        Ok(match self.find(key)? {
            Some((view, at)) if at == view.edge.len() => (view.value.is_some(), view.has_below()?),
            Some((view, at)) => (false, view.edge[at] == b'/'),
            None => (false, false),
        })
    }

    pub(crate) fn set(&mut self, key: &[u8], value: Value) -> Result<(), Unavailable> {
        *entry(&mut self.root, rest(key, self.skip))? = Some(value);
        Ok(())
    }

    /// Writes into the value at `key`, made (empty) if there is none.
    pub(crate) fn write_value(
        &mut self,
        key: &[u8],
        offset: usize,
        bytes: &[u8],
    ) -> Result<(), Unavailable> {
        let value = entry(&mut self.root, rest(key, self.skip))?;
        let value = value.get_or_insert_with(|| Value::new(&[]));
        value.write(offset, bytes)
    }

    pub(crate) fn cut(&mut self, key: &[u8], what: Cut) -> Result<(), Unavailable> {
        self.cut_here(key, what)?;
        self.forget(key, what)
    }

    fn cut_here(&mut self, key: &[u8], what: Cut) -> Result<(), Unavailable> {
        let (value, below) = self.has(key)?;
        if value || below && what == Cut::Subtree {
            cut(&mut self.root, rest(key, self.skip), what)?;
        }
        Ok(())
    }

    pub(crate) fn copy_node(&mut self, from: &[u8], to: &[u8]) -> Result<(), StoreError> {
        let subtree = self.subtree(from)?;
        if subtree.is_empty() {
            return Err(HostError::NotANode.into());
        }
        if from != to {
            self.cut_here(to, Cut::Subtree)?;
            self.graft(to, subtree)?;
            self.follow(from, to)?;
        }
        Ok(())
    }

    pub(crate) fn move_node(&mut self, from: &[u8], to: &[u8]) -> Result<(), StoreError> {
        let subtree = self.subtree(from)?;
        if subtree.is_empty() {
            return Err(HostError::NotANode.into());
        }
        if from != to {
            self.cut_here(from, Cut::Subtree)?;
            self.cut_here(to, Cut::Subtree)?;
            self.graft(to, subtree)?;
            self.follow_move(from, to)?;
        }
        Ok(())
    }

    pub(crate) fn subtree_hash(&self, key: &[u8]) -> Result<Option<NodeHash>, Unavailable> {
        let subtree = self.subtree(key)?;
        Ok((!subtree.is_empty()).then(|| subtree.hash()))
    }

    /// Calls `see` with the name of each direct child of `key`.
    pub(crate) fn for_each_child(
        &self,
        key: &[u8],
        see: &mut dyn FnMut(&[u8]),
    ) -> Result<(), Unavailable> {
        if let Some(below) = self.subtree(key)?.below
            && let Some(view) = below.view()?
        {
            first_steps(view, 1, &mut Vec::new(), see)?;
        }
        Ok(())
    }

    /// The node in whose edge `key` ends, and how many bytes of the edge it
    /// covers.
    fn find(&self, key: &[u8]) -> Result<Option<(View<'_>, usize)>, Unavailable> {
        let mut key = rest(key, self.skip);
        let Some(mut view) = self.root.view()? else {
            return Ok(None);
        };
        while let Some(first) = key.first() {
            let Some(below) = view.below else {
                return Ok(None);
            };
            let Some((_, child)) = below.child(*first)? else {
                return Ok(None);
            };
            view = child;
            if key.len() < view.edge.len() {
                return Ok(view.edge.starts_with(key).then_some((view, key.len())));
            }
            let Some(rest) = key.strip_prefix(view.edge) else {
                return Ok(None);
            };
            key = rest;
        }
        Ok(Some((view, view.edge.len())))
    }

    fn subtree(&self, key: &[u8]) -> Result<Subtree, Unavailable> {
        Ok(match self.find(key)? {
            None => Subtree::default(),
            Some((view, at)) if at == view.edge.len() => Subtree {
                value: view.value.cloned(),
                below: match view.below {
                    Some(below) => below.child(b'/')?.map(|(link, _)| link.clone()),
                    None => None,
                },
            },
            Some((view, at)) if view.edge[at] == b'/' => Subtree {
                value: None,
                below: Some(Link::node(
                    &view.edge[at..],
                    view.value.cloned(),
                    view.below.cloned(),
                )),
            },
            Some(_) => Subtree::default(),
        })
    }

    /// Puts a subtree at `key`, where nothing lies.
    fn graft(&mut self, key: &[u8], subtree: Subtree) -> Result<(), Unavailable> {
        if let Some(value) = subtree.value {
            self.set(key, value)?;
        }
        if let Some(below) = subtree.below {
            graft(&mut self.root, rest(key, self.skip), below)?;
        }
        Ok(())
    }
}

/// A path's value and everything below.
#[derive(Default)]
struct Subtree {
    value: Option<Value>,
    /// Its edge begins with `/`.
    below: Option<Link>,
}

impl Subtree {
    fn is_empty(&self) -> bool {
        self.value.is_none() && self.below.is_none()
    }

    /// Of the value and of what lies below.
    fn hash(&self) -> NodeHash {
        let hasher = with_value(Hasher::new(Hashed::Subtree), self.value.as_ref());
        with_option(hasher, self.below.as_ref().map(Link::hash)).done()
    }
}

/// The part of a path behind its first `skip` bytes.
fn rest(key: &[u8], skip: usize) -> &[u8] {
    key.get(skip..).unwrap_or_default()
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
