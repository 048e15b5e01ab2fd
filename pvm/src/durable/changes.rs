//! What differs between two storages, found without looking at what they share.

use super::trie::{Node, common_prefix};
use super::{AsPath, Durable};
use crate::value::Value;
use std::sync::Arc;

/// A place in the trie: a node, and how many bytes of its edge are behind.
#[derive(Clone, Copy)]
struct At<'n> {
    node: &'n Arc<Node>,
    behind: usize,
}

impl Durable {
    /// Calls `see` with each path below `prefix` whose value differs from that
    /// in `old`, in order, and with its value here (none: it is gone). Costs
    /// about what changed, where both come from one storage.
    pub fn changes(
        &self,
        old: &Self,
        prefix: impl AsPath,
        mut see: impl FnMut(&[u8], Option<&Value>),
    ) {
        let prefix = prefix.path_bytes();
        let (old, new) = (old.subtree(prefix).below, self.subtree(prefix).below);
        let start = |node| At { node, behind: 0 };
        let mut path = prefix.to_vec();
        compare(
            old.as_ref().map(start),
            new.as_ref().map(start),
            &mut path,
            &mut see,
        );
    }
}

fn compare<'n>(
    mut old: Option<At<'n>>,
    mut new: Option<At<'n>>,
    path: &mut Vec<u8>,
    see: &mut impl FnMut(&[u8], Option<&Value>),
) {
    let start = path.len();
    let edge = match (&old, &new) {
        (None, None) => return,
        (Some(old), Some(new)) => {
            if Arc::ptr_eq(old.node, new.node) && old.behind == new.behind {
                return;
            }
            let common = common_prefix(old.edge(), new.edge());
            &new.edge()[..common]
        }
        (Some(one), None) | (None, Some(one)) => one.edge(),
    };
    path.extend_from_slice(edge);
    for at in [&mut old, &mut new].into_iter().flatten() {
        at.behind += edge.len();
    }
    let (before, after) = (old.and_then(At::value), new.and_then(At::value));
    if before != after {
        see(path, after);
    }
    let mut firsts: Vec<u8> = old.into_iter().chain(new).flat_map(At::firsts).collect();
    firsts.sort_unstable();
    firsts.dedup();
    for first in firsts {
        let (old, new) = (
            old.and_then(|at| at.below(first)),
            new.and_then(|at| at.below(first)),
        );
        compare(old, new, path, see);
    }
    path.truncate(start);
}

impl<'n> At<'n> {
    fn edge(self) -> &'n [u8] {
        &self.node.edge[self.behind..]
    }

    /// The value here.
    fn value(self) -> Option<&'n Value> {
        self.edge()
            .is_empty()
            .then_some(self.node.value.as_ref())
            .flatten()
    }

    /// The bytes with which paths go on from here.
    fn firsts(self) -> impl Iterator<Item = u8> + use<'n> {
        let edge = self.edge();
        let children = edge.is_empty().then_some(&self.node.children);
        let children = children.into_iter().flatten().map(|child| child.first);
        edge.first().copied().into_iter().chain(children)
    }

    /// Where a path goes on with this byte.
    fn below(self, first: u8) -> Option<Self> {
        match self.edge() {
            [] => {
                let at = self.node.position(first).ok()?;
                Some(Self {
                    node: &self.node.children[at].node,
                    behind: 0,
                })
            }
            [next, ..] => (*next == first).then_some(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn storage(entries: &BTreeMap<String, u8>) -> Durable {
        let mut storage = Durable::new();
        for (path, value) in entries {
            storage.write(path, [*value]).unwrap();
        }
        storage
    }

    fn entries() -> impl Strategy<Value = BTreeMap<String, u8>> {
        prop::collection::btree_map("(/[ab]{1,3}){1,3}", 0_u8..3, 0..12)
    }

    proptest! {
        #[test]
        fn the_changes_are_what_differs_below_the_prefix(
            old in entries(),
            writes in prop::collection::vec(("(/[ab]{1,3}){1,3}", prop::option::of(0_u8..3)), 0..6),
            shared: bool,
        ) {
            let before = storage(&old);
            let (mut new, mut after) = (old.clone(), before.clone());
            for (path, value) in writes {
                match value {
                    Some(value) => {
                        new.insert(path.clone(), value);
                        after.write(&path, [value]).unwrap();
                    }
                    None => {
                        new.remove(&path);
                        after.delete_value(&path).unwrap();
                    }
                }
            }
            if !shared {
                after = storage(&new);
            }
            for prefix in ["", "/a", "/ab"] {
                let mut found = Vec::new();
                after.changes(&before, prefix, |path, value| {
                    found.push((String::from_utf8(path.to_vec()).unwrap(), value.map(|value| value.bytes()[0])));
                });
                let below = |path: &&String| path.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('/'));
                let paths: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).filter(below).collect();
                let expected: Vec<_> = paths
                    .into_iter()
                    .filter(|path| old.get(*path) != new.get(*path))
                    .map(|path| (path.clone(), new.get(path).copied()))
                    .collect();
                prop_assert_eq!(found, expected);
            }
        }
    }
}
