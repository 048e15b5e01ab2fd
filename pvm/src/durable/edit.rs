//! Changes of the tree. Shared parts are copied on the way, and what is
//! loaded is loaded before anything changes on its level.

use super::edge::Edge;
use super::link::{Branch, Leaf, Link, MAX_EDGE, Node};
use crate::node_source::Unavailable;
use crate::value::Value;
use std::sync::Arc;

/// The extent of [`cut`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The value alone.
    Value,
    /// The value and everything below.
    Subtree,
}

type Done<T> = Result<T, Unavailable>;

/// The value at `key` behind a node, made if there is none. The caller gives it
/// one.
pub(super) fn entry<'l>(link: &'l mut Link, key: &[u8]) -> Done<&'l mut Option<Value>> {
    link.own()?;
    if key.is_empty() {
        return value(link);
    }
    match &mut node(link)?.below {
        below @ None => value(below.insert(leaf(key))),
        Some(below) => entry_below(below, key),
    }
}

fn entry_below<'l>(link: &'l mut Link, key: &[u8]) -> Done<&'l mut Option<Value>> {
    match towards(link, key)? {
        Towards::Behind(common) => entry(link, &key[common..]),
        Towards::Missing(other) => value(beside(link, other, key[0], leaf(key))?),
        Towards::Side => entry_below(side(link, key[0])?, key),
    }
}

/// Hangs `below`, whose edge begins with `/`, under `key` behind a node, where there is
/// nothing below.
pub(super) fn graft(link: &mut Link, key: &[u8], below: Link) -> Done<()> {
    link.own()?;
    match &mut node(link)?.below {
        none @ None => *none = Some(prefixed(key, below)?),
        Some(link) => graft_below(link, key, below)?,
    }
    Ok(())
}

fn graft_below(link: &mut Link, key: &[u8], below: Link) -> Done<()> {
    let way = if key.is_empty() { b"/" } else { key };
    match towards(link, way)? {
        Towards::Behind(common) => graft(link, &key[common.min(key.len())..], below),
        Towards::Missing(other) => {
            beside(link, other, way[0], prefixed(key, below)?)?;
            Ok(())
        }
        Towards::Side => graft_below(side(link, way[0])?, key, below),
    }
}

/// The continuation of a path.
enum Towards {
    /// On a side of this branch.
    Side,
    /// Behind so many bytes, which are all of the node's edge.
    Behind(usize),
    /// Nowhere: paths here begin with another byte.
    Missing(u8),
}

/// The continuation of `key`, which is not empty, among these children. An edge that it
/// leaves is split.
fn towards(link: &mut Link, key: &[u8]) -> Done<Towards> {
    link.own()?;
    let first = key[0];
    if let Link::Branch(branch) = link {
        return Ok(if branch.holds(first) {
            Towards::Side
        } else {
            Towards::Missing(branch.prefix())
        });
    }
    let (other, len, common) = match link.view()? {
        Some(view) => (
            view.edge.first().copied().unwrap_or_default(),
            view.edge.len(),
            common_prefix(view.edge, key),
        ),
        None => (0, 0, 0),
    };
    if other != first {
        return Ok(Towards::Missing(other));
    }
    if common < len {
        split(link, common)?;
        return Ok(Towards::Behind(common));
    }
    Ok(Towards::Behind(common + draw_up(link, &key[common..])?))
}

/// Where a node has one child alone, since the edge of both is too long for one, and `key` leaves that child's edge,
/// both are parted there instead. Gives how many bytes farther that is.
fn draw_up(link: &mut Link, key: &[u8]) -> Done<usize> {
    let Some(view) = link.view()? else {
        return Err(misplaced(link));
    };
    let (None, false, Some(below)) = (view.value, key.is_empty(), view.below) else {
        return Ok(0);
    };
    let Some(child) = below.view()? else {
        return Ok(0);
    };
    let common = common_prefix(child.edge, key);
    if common == 0 || common == child.edge.len() {
        return Ok(0);
    }
    let lower = Link::node(
        &child.edge[common..],
        child.value.cloned(),
        child.below.cloned(),
    );
    let edge = [view.edge, &child.edge[..common]].concat();
    *link = Link::node(&edge, None, Some(lower));
    Ok(common)
}

/// Puts a part beside another, under a new branch; gives its place.
fn beside(link: &mut Link, other: u8, first: u8, added: Link) -> Done<&mut Link> {
    let old = std::mem::replace(link, leaf(&[]));
    *link = Link::branch(Branch::between((other, old), (first, added)));
    side(link, first)
}

/// The side of a branch on which paths go on with a byte, to change.
fn side(link: &mut Link, first: u8) -> Done<&mut Link> {
    match link {
        Link::Branch(branch) => {
            let side = branch.side(first);
            Ok(&mut Branch::changed(branch).sides[side])
        }
        link => Err(misplaced(link)),
    }
}

/// A leaf without its value.
fn leaf(edge: &[u8]) -> Link {
    Link::Leaf(Arc::new(Leaf {
        edge: Edge::new(edge),
        value: None,
    }))
}

/// The value of a node or a leaf, to change.
fn value(link: &mut Link) -> Done<&mut Option<Value>> {
    match link {
        Link::Leaf(leaf) => Ok(&mut Arc::make_mut(leaf).value),
        link => Ok(&mut node(link)?.value),
    }
}

/// A node or a leaf, as a node to change.
fn node(link: &mut Link) -> Done<&mut Node> {
    if let Link::Leaf(leaf) = link {
        *link = Link::Node(Arc::new(Node::of(leaf)));
    }
    match link {
        Link::Node(node) => Ok(Node::changed(node)),
        link => Err(misplaced(link)),
    }
}

fn misplaced(link: &Link) -> Unavailable {
    Unavailable::Corrupt {
        hash: link.hash(),
        why: "a node stands where a branch must, or a branch where a node must",
    }
}

/// Makes the first `at` bytes of a node's edge a node of their own above it.
fn split(link: &mut Link, at: usize) -> Done<()> {
    let Some(view) = link.view()? else {
        return Err(misplaced(link));
    };
    let lower = Link::node(&view.edge[at..], view.value.cloned(), view.below.cloned());
    *link = Link::node(&view.edge[..at], None, Some(lower));
    Ok(())
}

/// A node with `prefix` before its edge; two of them where that is too long for one.
pub(super) fn prefixed(prefix: &[u8], link: Link) -> Done<Link> {
    if prefix.is_empty() {
        return Ok(link);
    }
    let Some(view) = link.view()? else {
        return Err(misplaced(&link));
    };
    let edge = [prefix, view.edge].concat();
    let (above, edge) = edge.split_at(edge.len().saturating_sub(MAX_EDGE));
    let lower = Link::node(edge, view.value.cloned(), view.below.cloned());
    Ok(match above {
        [] => lower,
        above => Link::node(above, None, Some(lower)),
    })
}

/// Takes `what` away at `key` behind the root.
pub(super) fn cut(root: &mut Link, key: &[u8], what: Cut) -> Done<()> {
    root.own()?;
    cut_node(root, key, what)
}

/// The same, behind a node that is no stub. It is left without use where it has no
/// value, and less than two children.
fn cut_node(link: &mut Link, key: &[u8], what: Cut) -> Done<()> {
    if key.is_empty() {
        *value(link)? = None;
        if what == Cut::Value || matches!(link, Link::Leaf(_)) {
            return Ok(());
        }
    }
    let way = if key.is_empty() { b"/" } else { key };
    let below = &mut node(link)?.below;
    if let Some(children) = below
        && cut_below(children, way, what, key.is_empty())?
    {
        *below = None;
    }
    Ok(())
}

/// The same among these children; `whole` takes away the child itself. Gives whether
/// none is left.
fn cut_below(link: &mut Link, key: &[u8], what: Cut, whole: bool) -> Done<bool> {
    link.own()?;
    if let Link::Branch(branch) = link {
        if !branch.holds(key[0]) {
            return Ok(false);
        }
        let at = branch.side(key[0]);
        if cut_below(side(link, key[0])?, key, what, whole)?
            && let Link::Branch(branch) = link
        {
            *link = branch.sides[1 - at].clone();
        }
        return Ok(false);
    }
    let Some(view) = link.view()? else {
        return Err(misplaced(link));
    };
    if view.edge.first() != key.first() {
        return Ok(false);
    }
    let len = view.edge.len();
    match key.strip_prefix(view.edge) {
        Some(rest) if !whole => {
            let rest = rest.to_vec();
            cut_node(link, &rest, what)?;
            tidy(link)
        }
        // The key ends inside of the edge, before a '/': all of the child lies below it.
        _ => Ok(whole || key.len() < len && view.edge.starts_with(key)),
    }
}

/// Puts something in place of a part of the tree that lies behind so many others on the way of `key`, from
/// the root on.
pub(super) fn plug(root: &mut Link, key: &[u8], parts: u32, new: Option<Link>) -> Done<()> {
    root.own()?;
    let below = &mut node(root)?.below;
    if let Some(children) = below
        && plug_below(children, key, parts, new)?
    {
        *below = None;
    }
    Ok(())
}

/// The same among these children; gives whether none is left.
fn plug_below(link: &mut Link, key: &[u8], parts: u32, new: Option<Link>) -> Done<bool> {
    let Some(parts) = parts.checked_sub(1) else {
        let is_gone = new.is_none();
        if let Some(new) = new {
            *link = new;
        }
        return Ok(is_gone);
    };
    link.own()?;
    if let Link::Branch(branch) = link {
        let first = key.first().copied().unwrap_or_default();
        let at = branch.side(first);
        if plug_below(side(link, first)?, key, parts, new)?
            && let Link::Branch(branch) = link
        {
            *link = branch.sides[1 - at].clone();
        }
        return Ok(false);
    }
    let view = link.view()?;
    let Some(rest) = view.and_then(|view| key.strip_prefix(view.edge)) else {
        return Err(misplaced(link));
    };
    let below = &mut node(link)?.below;
    if let Some(children) = below
        && plug_below(children, rest, parts, new)?
    {
        *below = None;
    }
    tidy(link)
}

/// Merges a node that is without use with its only child; gives whether it has
/// nothing at all.
fn tidy(link: &mut Link) -> Done<bool> {
    let Some(view) = link.view()? else {
        return Err(misplaced(link));
    };
    match (view.value, view.below) {
        (None, None) => return Ok(true),
        (None, Some(below)) if below.view()?.is_some() => {
            *link = prefixed(view.edge, below.clone())?;
        }
        // A node with nothing below is a leaf.
        (Some(value), None) => *link = Link::node(view.edge, Some(value.clone()), None),
        _ => {}
    }
    Ok(false)
}

pub(super) fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests;
