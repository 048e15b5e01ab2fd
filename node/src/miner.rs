//! The thread that owns the machine: levels, and what is done between them.

pub mod development;
pub mod layer1;
mod miner;

pub use miner::{Miner, MinerError};
