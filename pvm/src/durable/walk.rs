//! Walks through the tree.

use super::link::{Link, View};
use crate::node_source::Unavailable;
use crate::value::Value;

/// Every value at and below these children, with its whole path.
pub(super) fn collect(
    children: &Link,
    path: &mut Vec<u8>,
    found: &mut Vec<(String, Value)>,
) -> Result<(), Unavailable> {
    children.children(&mut |view| {
        let start = path.len();
        path.extend_from_slice(view.edge);
        if let Some(value) = view.value {
            let path = String::from_utf8_lossy(path).into_owned();
            found.push((path, value.whole()?));
        }
        if let Some(below) = view.below {
            collect(below, path, found)?;
        }
        path.truncate(start);
        Ok(())
    })
}

/// Sees each first step at or below a node, `skip` bytes of whose edge are
/// already behind.
pub(super) fn first_steps(
    view: View<'_>,
    skip: usize,
    step: &mut Vec<u8>,
    see: &mut dyn FnMut(&[u8]),
) -> Result<(), Unavailable> {
    let start = step.len();
    let edge = &view.edge[skip.min(view.edge.len())..];
    match edge.iter().position(|byte| *byte == b'/') {
        Some(end) => {
            step.extend_from_slice(&edge[..end]);
            see(step);
        }
        None => {
            step.extend_from_slice(edge);
            if view.value.is_some() || view.has_below()? {
                see(step);
            }
            if let Some(below) = view.below {
                below.children(&mut |child| {
                    if child.edge.first() == Some(&b'/') {
                        return Ok(());
                    }
                    first_steps(child, 0, step, see)
                })?;
            }
        }
    }
    step.truncate(start);
    Ok(())
}
