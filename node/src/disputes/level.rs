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
    let newest = node.latest()?;
    let mut after: Option<(u32, Durable)> = None;
    let mut number = newest.number();
    loop {
        let block = node.chain().number(number).map_err(NodeError::from)?;
        let state = block.as_deref().and_then(state_of);
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

/// The state behind a block, and its level.
fn state_of(block: &Block) -> Option<(u32, Durable)> {
    let state = block.state.clone()?;
    Some((chain::head(&state).ok()?.level, state))
}
