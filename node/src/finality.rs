//! Which blocks stay, and how a node in front of a rollup is doing.

/// The blocks that stay. `None`: all of them, on a chain that never goes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Finality {
    /// The newest whose level layer 1 has finalised.
    pub safe: Option<u64>,
    /// The newest whose level a cemented commitment covers.
    pub finalized: Option<u64>,
}

/// The status of a node in front of a rollup.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Following {
    /// The newest level that ran.
    pub level: u32,
    /// The newest level that the rollup node told of.
    pub head: u32,
    /// The current trouble.
    pub trouble: Option<String>,
}

/// A node that is more levels behind serves what is old.
const MOST_LAG: u32 = 3;

impl Following {
    /// The levels that it is behind.
    #[must_use]
    pub const fn lag(&self) -> u32 {
        self.head.saturating_sub(self.level)
    }

    /// Why it should not be asked now.
    #[must_use]
    pub fn unready(&self) -> Option<String> {
        let told = || match self.lag() {
            _ if self.head == 0 => Some("the rollup node has told of no block yet".into()),
            lag if lag > MOST_LAG => Some(format!("{lag} levels are still to run")),
            _ => None,
        };
        self.trouble.clone().or_else(told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_far_behind_is_not_ready() {
        let following = |level, head| Following {
            level,
            head,
            trouble: None,
        };
        assert!(following(0, 0).unready().is_some());
        assert_eq!(following(7, 10).unready(), None);
        let behind = following(7, 11).unready().unwrap();
        assert_eq!(behind, "4 levels are still to run");
    }
}
