//! The transactions that wait for a block, and the checks before they may.

mod admission;
mod candidate;
mod pool;

pub use admission::{AdmissionError, BlockRules, admit, check};
pub use candidate::Candidate;
pub use pool::{DropReason, Fate, LevelLimits, Pool, PoolError};
