//! Which blocks stay, and how a node in front of a rollup is doing.

/// The blocks that stay. `None`: all of them, on a chain that never goes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Finality {
    /// The newest whose level layer 1 has finalised.
    pub safe: Option<u64>,
    /// The newest whose level a cemented commitment covers.
    pub finalized: Option<u64>,
}

/// How a node in front of a rollup is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Following {
    /// The newest level that ran.
    pub level: u32,
    /// The newest level that the rollup node told of.
    pub head: u32,
    /// What is wrong now.
    pub trouble: Option<String>,
}
