//! What an engine makes of a case, and where two of them differ.

use alloy_primitives::Log;
use conformance::rollup::Surroundings;
use conformance::world::World;
use std::fmt::Write;

/// What a transaction did; none: it was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Whether it succeeded.
    pub success: bool,
    /// The gas that it used.
    pub gas_used: u64,
    /// Its logs.
    pub logs: Vec<Log>,
}

/// What became of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opinion {
    /// What each transaction did; none: it was refused.
    pub outcomes: Vec<Option<Outcome>>,
    /// All accounts afterwards.
    pub world: World,
}

/// What the kernel made of a case, and from where it started.
#[derive(Clone, Debug)]
pub struct Made {
    /// The accounts right before the block's transactions.
    pub before: World,
    /// The block's surroundings.
    pub surroundings: Surroundings,
    /// What came of it.
    pub opinion: Opinion,
}

/// Where two opinions differ; nothing where they do not.
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
