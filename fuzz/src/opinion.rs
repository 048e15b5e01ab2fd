//! An engine's result for a case, and the differences between two results.

use alloy_primitives::Log;
use conformance::rollup::Surroundings;
use conformance::world::World;
use std::fmt::Write;

/// The outcome of a transaction; none: it was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// True if it succeeded.
    pub success: bool,
    /// The gas that it used.
    pub gas_used: u64,
    /// Its logs.
    pub logs: Vec<Log>,
}

/// The result of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opinion {
    /// The outcome of each transaction; none: it was refused.
    pub outcomes: Vec<Option<Outcome>>,
    /// All accounts afterwards.
    pub world: World,
}

/// The kernel's result of a case, with its initial state.
#[derive(Clone, Debug)]
pub struct Made {
    /// The accounts right before the block's transactions.
    pub before: World,
    /// The block's surroundings.
    pub surroundings: Surroundings,
    /// The result.
    pub opinion: Opinion,
}

/// Differences between two results; empty if they agree.
#[must_use]
pub fn differences(kernel: &Opinion, other: &Opinion) -> Option<String> {
    let mut text = String::new();
    for (number, (ours, theirs)) in kernel.outcomes.iter().zip(&other.outcomes).enumerate() {
        if ours != theirs {
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "transaction {number}: {ours:?}\n  expected {theirs:?}"
            );
        }
    }
    if kernel.world != other.world {
        let _ = writeln!(
            text,
            "accounts:\n{}",
            kernel.world.differences(&other.world)
        );
    }
    (!text.is_empty()).then_some(text)
}
