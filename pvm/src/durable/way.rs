//! Ways through a storage, and lists of names, that are too long to be looked at at once: they are gone
//! part by part, so that the proof of each part is small whatever lies in storage.
//!
//! What lies behind a part of the tree, seen alone, is a storage again, whose paths begin further on: all
//! that is done at the end of a path is done alike in it. What came of it is then put back ([`Durable::plugged`]).

use super::edit::{Cut, plug};
use super::link::Link;
use super::{Durable, rest};
use crate::node_source::Unavailable;

/// The most bytes of records that are looked at at once, but for one record and what lies beside it.
pub(crate) const MOST: usize = 4_096;

/// Of a branch: its kind, its bits, the hash of its other side.
const BRANCH: usize = 35;

/// Of a node beside its edge and its value: kind, lengths, the hash of what is below.
const NODE: usize = 44;

/// Of the value of a node, if it is not in it: the hash of its tree.
const LONG_VALUE: usize = 33;

/// The end of a way.
#[derive(Debug)]
pub(crate) enum Way {
    /// To its end; all of it can be looked at at once.
    Short,
    /// Farther than can be looked at at once.
    Long {
        /// The number of parts of the tree that lie before `below`.
        parts: u32,
        /// The rest.
        below: Durable,
    },
}

/// A part of the tree whose names are to be listed.
#[derive(Clone, Debug)]
pub(crate) struct Pending {
    /// It lies below the root of this.
    pub(crate) below: Durable,
    /// So many bytes of each name stand before it.
    pub(crate) named: usize,
    /// True if it begins with the `/` behind the path that is listed.
    pub(crate) first: bool,
}

/// The path of a subtree that is held alone.
const HELD: &[u8] = b"x";

impl Durable {
    /// A part of the tree alone, before which so many bytes of paths lie.
    fn over(link: Link, skip: usize) -> Self {
        Self {
            root: Link::node(&[], None, Some(link)),
            behind: None,
            skip,
        }
    }

    /// The same as a part of a storage before which so many bytes of paths lie.
    pub(crate) const fn behind_bytes(mut self, skip: usize) -> Self {
        self.skip = skip;
        self
    }

    /// The number of bytes of paths that lie before it.
    pub(crate) const fn skipped(&self) -> usize {
        self.skip
    }

    /// Whether the way to `key` can be looked at at once, with so many bytes of records.
    pub(crate) fn way(&self, key: &[u8], most: usize) -> Result<Way, Unavailable> {
        let mut key = rest(key, self.skip);
        let (mut seen, mut parts, mut skip) = (0, 0, self.skip);
        let mut next = self.root.view()?.and_then(|view| view.below);
        while let (Some(link), Some(first)) = (next, key.first()) {
            seen += weight(link)?;
            if seen > most && parts > 0 {
                let below = Self::over(link.clone(), skip);
                return Ok(Way::Long { parts, below });
            }
            next = match link.resolved()? {
                Link::Branch(branch) if branch.holds(*first) => {
                    Some(&branch.sides[branch.side(*first)])
                }
                link => match link.view()? {
                    Some(view) if key.len() > view.edge.len() && key.starts_with(view.edge) => {
                        key = &key[view.edge.len()..];
                        skip += view.edge.len();
                        view.below
                    }
                    _ => None,
                },
            };
            parts += 1;
        }
        Ok(Way::Short)
    }

    /// Itself, where what [`Durable::way`] gave behind so many parts on the way of `key` is another.
    pub(crate) fn plugged(&self, key: &[u8], parts: u32, new: &Self) -> Result<Self, Unavailable> {
        let below = new.root.view()?.and_then(|view| view.below).cloned();
        let mut plugged = self.clone();
        plug(&mut plugged.root, rest(key, self.skip), parts, below)?;
        Ok(plugged)
    }

    /// Takes value and subtree at `key`; `None` if there are none.
    pub(crate) fn taken(&self, key: &[u8]) -> Result<Option<Self>, Unavailable> {
        let subtree = self.subtree(key)?;
        if subtree.is_empty() {
            return Ok(None);
        }
        let mut held = Self::new();
        held.graft(HELD, subtree)?;
        Ok(Some(held))
    }

    /// Puts what [`Durable::taken`] gave in place of what lies at `key`.
    pub(crate) fn replace(&mut self, key: &[u8], held: &Self) -> Result<(), Unavailable> {
        self.cut_here(key, Cut::Subtree)?;
        self.graft(key, held.subtree(HELD)?)
    }

    /// Whether there is a value at `key`, and what lists the names below.
    pub(crate) fn list(&self, key: &[u8]) -> Result<(bool, Option<Pending>), Unavailable> {
        let subtree = self.subtree(key)?;
        let below = subtree.below.map(|below| Pending {
            below: Self::over(below, 0),
            named: 0,
            first: true,
        });
        Ok((subtree.value.is_some(), below))
    }

    /// Returns `true` if the names at `key` can be listed at once.
    pub(crate) fn lists_at_once(&self, key: &[u8], most: usize) -> Result<bool, Unavailable> {
        Ok(match self.list(key)?.1 {
            Some(below) => below
                .names(&mut Vec::new(), most, &mut |_| false)?
                .is_empty(),
            None => true,
        })
    }
}

impl Pending {
    /// Lists names in their order, up to the one at which `see` says so, and as many as can be looked at at once;
    /// gives what is left, the last first. `name` has the name before.
    pub(crate) fn names(
        &self,
        name: &mut Vec<u8>,
        most: usize,
        see: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<Vec<Self>, Unavailable> {
        let mut seen = 0;
        let root = self.below.root.view()?.and_then(|view| view.below);
        let mut open = Vec::from_iter(root.map(|link| (link.clone(), self.named, self.first)));
        while seen <= most
            && let Some((link, named, first)) = open.pop()
        {
            seen += weight(&link)?;
            name.truncate(named);
            let link = link.resolved()?;
            if let Link::Branch(branch) = link {
                let [left, right] = branch.sides.clone();
                open.extend([(right, named, first), (left, named, first)]);
            }
            let Some(view) = link.view()? else { continue };
            let edge = match view.edge {
                // Below the name that ends here, not a longer one.
                [b'/', ..] if !first => continue,
                [_, edge @ ..] if first => edge,
                edge => edge,
            };
            let end = edge.iter().position(|byte| *byte == b'/');
            name.extend(&edge[..end.unwrap_or(edge.len())]);
            if end.is_none()
                && let Some(below) = view.below
            {
                open.push((below.clone(), name.len(), false));
                seen += 8 * BRANCH + NODE;
            }
            let is_one = end.is_some() || view.value.is_some() || view.has_below()?;
            if is_one && see(name) {
                return Ok(Vec::new());
            }
        }
        let left = open.into_iter().map(|(link, named, first)| Self {
            below: Durable::over(link, 0),
            named,
            first,
        });
        Ok(left.collect())
    }
}

/// Bytes of a record that a part of the tree takes on a way.
fn weight(link: &Link) -> Result<usize, Unavailable> {
    let Some(view) = link.view()? else {
        return Ok(BRANCH);
    };
    let value = view
        .value
        .map_or(0, |value| value.short().map_or(LONG_VALUE, <[u8]>::len));
    Ok(NODE + view.edge.len() + value)
}
