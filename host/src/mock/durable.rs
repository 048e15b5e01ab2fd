//! Durable storage in memory.

use super::Values;
use blake2::digest::consts::U32;
use blake2::{Blake2b, Digest};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Durable storage at one moment. A clone shares everything with its original,
/// so keeping one for every host call of a test costs next to nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Durable {
    root: Arc<Node>,
}

/// The node at one path. Below the root none is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) value: Option<Arc<Vec<u8>>>,
    pub(super) children: BTreeMap<Arc<[u8]>, Arc<Node>>,
}

/// The extent of [`Durable::cut`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    Value,
    Node,
}

impl Durable {
    /// The value at `path`.
    #[must_use]
    pub fn get(&self, path: &[u8]) -> Option<&[u8]> {
        Some(self.node(path)?.value.as_ref()?)
    }

    /// All values, by path.
    #[must_use]
    pub fn values(&self) -> Values {
        let mut values = Values::new();
        collect(&self.root, &mut Vec::new(), &mut values);
        values
    }

    /// Makes `value` the whole value at `path`, `/readonly` included; the path
    /// is taken as it is.
    pub fn set(&mut self, path: &[u8], value: &[u8]) {
        *self.value_mut(path) = value.to_vec();
    }

    pub(super) fn node(&self, path: &[u8]) -> Option<&Arc<Node>> {
        steps(path).try_fold(&self.root, |node, step| node.children.get(step))
    }

    /// The value at `path` to change, made (empty) if there is none.
    pub(super) fn value_mut(&mut self, path: &[u8]) -> &mut Vec<u8> {
        let node = self.node_mut(path);
        Arc::make_mut(node.value.get_or_insert_default())
    }

    /// Puts a node at `path`, over what was there.
    pub(super) fn put(&mut self, path: &[u8], node: Arc<Node>) {
        *self.node_mut(path) = Arc::unwrap_or_clone(node);
    }

    /// Takes away what lies at `path`, if there is something.
    pub(super) fn cut(&mut self, path: &[u8], what: Cut) {
        if self.node(path).is_some() {
            cut(Arc::make_mut(&mut self.root), &mut steps(path), what);
        }
    }

    fn node_mut(&mut self, path: &[u8]) -> &mut Node {
        steps(path).fold(Arc::make_mut(&mut self.root), |node, step| {
            Arc::make_mut(node.children.entry(step.into()).or_default())
        })
    }
}

impl Node {
    /// blake2b-256 of the value (its length as u64 in front; `ff` where there is
    /// none) and of names and hashes of the children.
    pub(super) fn hash(&self) -> [u8; 32] {
        let mut hasher = Blake2b::<U32>::new();
        match &self.value {
            Some(value) => {
                hasher.update((value.len() as u64).to_be_bytes());
                hasher.update(&**value);
            }
            None => hasher.update([0xff]),
        }
        for (step, child) in &self.children {
            hasher.update([step.len() as u8]);
            hasher.update(step);
            hasher.update(child.hash());
        }
        hasher.finalize().into()
    }
}

fn steps(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|byte| *byte == b'/').skip(1)
}

/// Cuts below `node`, and the nodes on the way that are empty then.
fn cut<'p>(node: &mut Node, steps: &mut impl Iterator<Item = &'p [u8]>, what: Cut) {
    let Some(step) = steps.next() else {
        node.value = None;
        if what == Cut::Node {
            node.children.clear();
        }
        return;
    };
    if let Some(child) = node.children.get_mut(step) {
        cut(Arc::make_mut(child), steps, what);
        if child.value.is_none() && child.children.is_empty() {
            node.children.remove(step);
        }
    }
}

fn collect(node: &Node, path: &mut Vec<u8>, values: &mut Values) {
    if let Some(value) = &node.value {
        values.insert(path.clone(), value.to_vec());
    }
    for (step, child) in &node.children {
        let len = path.len();
        path.push(b'/');
        path.extend_from_slice(step);
        collect(child, path, values);
        path.truncate(len);
    }
}
