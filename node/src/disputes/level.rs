//! A level as a node keeps it, to dispute about it.

use super::{DisputeRefused, Kept};
use crate::chain::{self, Block};
use crate::error::NodeError;
use crate::node::Node;
use pvm::Durable;

/// The states before and after a level, by default the newest that made a block.
pub(crate) fn kept(node: &Node, level: Option<u32>) -> Result<Kept, DisputeRefused> {
    if node.follows() {
        return Err(DisputeRefused::NoDevnet);
    }
    if node.fork().is_some() {
        return Err(DisputeRefused::Fork);
    }
    let mut after: Option<(u32, Durable)> = None;
    let mut number = newest(node, level)?;
    loop {
        let state = state(node, number)?;
        let (found, state) = state.ok_or(DisputeRefused::NotKept(level.unwrap_or_default()))?;
        match &after {
            None if level.is_none_or(|level| found == level) => after = Some((found, state)),
            None if level.is_some_and(|level| found < level) => {
                return Err(DisputeRefused::NotKept(level.unwrap_or_default()));
            }
            Some((level, end)) if found < *level => {
                return Ok(Kept {
                    level: *level,
                    before: state,
                    after: end.root_hash(),
                });
            }
            _ => {}
        }
        let below = number.checked_sub(1);
        number = below.ok_or(DisputeRefused::FirstLevel)?;
    }
}

/// The newest block of no later level than this, where its state is kept: few are looked at, also of a chain that keeps
/// the states of all.
fn newest(node: &Node, level: Option<u32>) -> Result<u64, NodeError> {
    let newest = node.latest()?.number();
    let Some(level) = level else {
        return Ok(newest);
    };
    let (mut from, mut to) = (0, newest);
    while from < to {
        let middle = to - (to - from) / 2;
        match state(node, middle)? {
            Some((found, _)) if found > level => to = middle - 1,
            _ => from = middle,
        }
    }
    Ok(from)
}

/// The state behind the block with this number, and its level.
fn state(node: &Node, number: u64) -> Result<Option<(u32, Durable)>, NodeError> {
    let block = node.chain().number(number)?;
    Ok(block.as_deref().and_then(state_of))
}

/// The state behind a block, and its level.
fn state_of(block: &Block) -> Option<(u32, Durable)> {
    let state = block.state.clone()?;
    Some((chain::head(&state).ok()?.level, state))
}
