//! The transactions that wait for a block, and the checks before they may.

mod admission;
mod candidate;
mod left;
mod parked;
#[expect(
    clippy::module_inception,
    reason = "the folder is the step, the file what it is named for"
)]
mod pool;

pub(crate) use admission::admit_again;
pub use admission::{AdmissionError, BlockRules, admit, admit_unsigned, check};
pub use candidate::Candidate;
pub use left::{DropReason, Leaver, Left};
pub use pool::{Fate, LevelLimits, Pool, PoolError};
