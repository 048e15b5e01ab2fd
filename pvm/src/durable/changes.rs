//! The differences between two storages, found without looking at shared parts.

use super::edit::common_prefix;
use super::link::{Branch, Link};
use super::{AsPath, Durable};
use crate::node_source::Unavailable;
use crate::value::Value;

/// A place in the tree: a part of it, and, of a node, how many bytes of its edge are
/// behind.
#[derive(Clone, Copy)]
struct At<'l> {
    link: &'l Link,
    behind: usize,
}

/// Sees what differs.
type See<'s> = dyn FnMut(&[u8], Option<&Value>) -> Result<(), Unavailable> + 's;

impl Durable {
    /// Calls `see` with each path below `prefix` whose value differs from that
    /// in `old`, in order, and with its value here (none: it is gone). Costs
    /// about what changed, where both come from one storage.
    ///
    /// # Errors
    /// If a part that differs cannot be loaded.
    pub fn changes(
        &self,
        old: &Self,
        prefix: impl AsPath,
        mut see: impl FnMut(&[u8], Option<&Value>),
    ) -> Result<(), Unavailable> {
        let prefix = prefix.path_bytes();
        let (old, new) = (old.subtree(prefix)?.below, self.subtree(prefix)?.below);
        let start = |link| At { link, behind: 0 };
        let mut path = prefix.to_vec();
        compare(
            old.as_ref().map(start),
            new.as_ref().map(start),
            &mut path,
            &mut |path, value| {
                let whole = value.map(Value::whole).transpose()?;
                see(path, whole.as_ref());
                Ok(())
            },
        )
    }
}

fn compare(
    old: Option<At<'_>>,
    new: Option<At<'_>>,
    path: &mut Vec<u8>,
    see: &mut See<'_>,
) -> Result<(), Unavailable> {
    let (old, new) = match (old, new) {
        (None, None) => return Ok(()),
        (Some(old), None) => return alone(old, true, path, see),
        (None, Some(new)) => return alone(new, false, path, see),
        (Some(old), Some(new)) => (old, new),
    };
    if old.behind == new.behind && (old.link.ptr_eq(new.link) || same_hash(old.link, new.link)) {
        return Ok(());
    }
    match (old.branch()?, new.branch()?) {
        (None, None) => nodes(old, new, path, see),
        (Some(branch), Some(other)) if branch.bit() == other.bit() => {
            if branch.prefix() != other.prefix() {
                return apart(old, new, path, see);
            }
            for side in 0..2 {
                let [old, new] = [branch, other].map(|branch| At::start(&branch.sides[side]));
                compare(Some(old), Some(new), path, see)?;
            }
            Ok(())
        }
        (Some(branch), other) if other.is_none_or(|other| branch.bit() > other.bit()) => {
            let first = new.first()?;
            if !branch.holds(first) {
                return apart(old, new, path, see);
            }
            for side in 0..2 {
                let new = (side == branch.side(first)).then_some(new);
                compare(Some(At::start(&branch.sides[side])), new, path, see)?;
            }
            Ok(())
        }
        (_, Some(branch)) => {
            let first = old.first()?;
            if !branch.holds(first) {
                return apart(old, new, path, see);
            }
            for side in 0..2 {
                let old = (side == branch.side(first)).then_some(old);
                compare(old, Some(At::start(&branch.sides[side])), path, see)?;
            }
            Ok(())
        }
        (Some(_), None) => apart(old, new, path, see),
    }
}

/// Leaves and what is loaded have no hash at hand.
fn same_hash(old: &Link, new: &Link) -> bool {
    !matches!((old, new), (Link::Leaf(_), _) | (_, Link::Leaf(_))) && old.hash() == new.hash()
}

/// Two parts of which no path is in both.
fn apart(
    old: At<'_>,
    new: At<'_>,
    path: &mut Vec<u8>,
    see: &mut See<'_>,
) -> Result<(), Unavailable> {
    if old.first()? < new.first()? {
        alone(old, true, path, see)?;
        alone(new, false, path, see)
    } else {
        alone(new, false, path, see)?;
        alone(old, true, path, see)
    }
}

/// Two nodes.
fn nodes(
    old: At<'_>,
    new: At<'_>,
    path: &mut Vec<u8>,
    see: &mut See<'_>,
) -> Result<(), Unavailable> {
    let (Some(before), Some(after)) = (old.link.view()?, new.link.view()?) else {
        return Ok(());
    };
    let (old_edge, new_edge) = (&before.edge[old.behind..], &after.edge[new.behind..]);
    let common = common_prefix(old_edge, new_edge);
    if common == 0 {
        return apart(old, new, path, see);
    }
    let start = path.len();
    path.extend_from_slice(&new_edge[..common]);
    let (old_ends, new_ends) = (common == old_edge.len(), common == new_edge.len());
    let old_value = before.value.filter(|_| old_ends);
    let new_value = after.value.filter(|_| new_ends);
    if old_value != new_value {
        see(path, new_value)?;
    }
    let rest = |at: At<'_>| at.behind + common;
    let old_below = match old_ends {
        true => before.below.map(At::start),
        false => Some(At {
            link: old.link,
            behind: rest(old),
        }),
    };
    let new_below = match new_ends {
        true => after.below.map(At::start),
        false => Some(At {
            link: new.link,
            behind: rest(new),
        }),
    };
    compare(old_below, new_below, path, see)?;
    path.truncate(start);
    Ok(())
}

/// All of a part that is in one storage alone.
fn alone(at: At<'_>, gone: bool, path: &mut Vec<u8>, see: &mut See<'_>) -> Result<(), Unavailable> {
    if let Some(branch) = at.branch()? {
        for side in &branch.sides {
            alone(At::start(side), gone, path, see)?;
        }
        return Ok(());
    }
    let Some(view) = at.link.view()? else {
        return Ok(());
    };
    let start = path.len();
    path.extend_from_slice(&view.edge[at.behind..]);
    if let Some(value) = view.value {
        see(path, (!gone).then_some(value))?;
    }
    if let Some(below) = view.below {
        alone(At::start(below), gone, path, see)?;
    }
    path.truncate(start);
    Ok(())
}

impl<'l> At<'l> {
    const fn start(link: &'l Link) -> Self {
        Self { link, behind: 0 }
    }

    fn branch(self) -> Result<Option<&'l Branch>, Unavailable> {
        Ok(match self.link.resolved()? {
            Link::Branch(branch) => Some(branch),
            _ => None,
        })
    }

    /// A byte with which paths go on from here; of a branch the bits above its own
    /// count.
    fn first(self) -> Result<u8, Unavailable> {
        if let Some(branch) = self.branch()? {
            return Ok(branch.prefix());
        }
        let view = self.link.view()?;
        let byte = view.and_then(|view| view.edge.get(self.behind).copied());
        Ok(byte.unwrap_or_default())
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
                }).unwrap();
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
