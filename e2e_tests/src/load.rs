//! A load for a level of one kernel or another, as data: `fuzz work` searches for the
//! dearest, and a test replays what it found.

use crate::lab::{Lab, Sample};
use crate::{case, tx_case};
use serde::{Deserialize, Serialize};

/// A load.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Load {
    /// Of the EVM kernel.
    Evm(case::Case),
    /// Of the transactions kernel.
    Transactions(tx_case::Case),
}

/// A rollup of each kernel, to run loads on.
#[derive(Debug)]
pub struct Labs {
    evm: Lab,
    transactions: tx_case::Lab,
}

impl Labs {
    /// Rollups with default budgets.
    ///
    /// # Panics
    /// If a kernel is missing.
    #[must_use]
    pub fn new() -> Self {
        Self {
            evm: case::lab(),
            transactions: tx_case::Lab::new(),
        }
    }
}

impl Default for Labs {
    fn default() -> Self {
        Self::new()
    }
}

impl Load {
    /// The cost of the load, from its level until nothing waits.
    ///
    /// # Panics
    /// If a run traps.
    #[must_use]
    pub fn run(&self, labs: &Labs) -> Sample {
        match self {
            Self::Evm(case) => case.run(&labs.evm),
            Self::Transactions(case) => case.run(&labs.transactions),
        }
    }
}
