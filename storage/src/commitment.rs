//! The state commitment, which stands for a state root in headers: a chain over
//! all diffs (`docs/layout.md`, "State commitment").

use crate::diff::Diff;
use alloy_primitives::B256;
use ethereum::keccak::keccak256;

/// The commitment behind `parent`'s, once `diff` is made:
/// `keccak256(parent ++ keccak256(encoded diff))`.
#[must_use]
pub fn state_root(parent: &B256, diff: &Diff) -> B256 {
    let link = [parent.0, keccak256(diff.encode()).0];
    keccak256(link.as_flattened())
}
