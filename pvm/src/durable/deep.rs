//! Trees that are deep, as copies of what was copied make them, are forgotten without calls that lie in each other
//! as deep.

use super::edge::Edge;
use super::link::{Branch, Leaf, Link, Node};
use std::sync::{Arc, OnceLock};

/// Forgets parts that nothing else knows.
fn forget(mut parts: Vec<Link>) {
    while let Some(link) = parts.pop() {
        match link {
            Link::Node(node) => {
                if let Some(mut node) = Arc::into_inner(node) {
                    parts.extend(node.below.take());
                }
            }
            Link::Branch(branch) => {
                if let Some(mut branch) = Arc::into_inner(branch) {
                    parts.extend(
                        branch
                            .sides
                            .each_mut()
                            .map(|side| std::mem::replace(side, nothing())),
                    );
                }
            }
            Link::Leaf(_) | Link::Stub(_) => {}
        }
    }
}

/// Placeholder for a side that was taken away.
fn nothing() -> Link {
    static NOTHING: OnceLock<Arc<Leaf>> = OnceLock::new();
    let nothing = NOTHING.get_or_init(|| {
        Arc::new(Leaf {
            edge: Edge::new(&[]),
            value: None,
        })
    });
    Link::Leaf(Arc::clone(nothing))
}

/// True for a part below which there may be others, and that nothing else knows: to drop it is to drop these.
fn is_last(link: &Link) -> bool {
    match link {
        Link::Node(node) => Arc::strong_count(node) == 1,
        Link::Branch(branch) => Arc::strong_count(branch) == 1,
        Link::Leaf(_) | Link::Stub(_) => false,
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if self.below.as_ref().is_some_and(is_last) {
            forget(Vec::from_iter(self.below.take()));
        }
    }
}

impl Drop for Branch {
    fn drop(&mut self) {
        for side in &mut self.sides {
            if is_last(side) {
                forget(vec![std::mem::replace(side, nothing())]);
            }
        }
    }
}
