//! The transactions that wait, and the checks before they do.

pub mod admission;
mod pool;

pub use pool::{Candidate, Fate, Limits, Pool, PoolError};
