//! Calls that are tried and not sent, by the kernel's own execution.

pub mod amended;
pub mod blocks;
pub mod building;
mod call;
mod error;
pub mod estimate;
pub mod fill;
pub mod halt;
pub mod overrides;
mod pending;
pub mod recording;
pub mod revert;
mod transaction;
pub mod transfers;

pub use call::{apply, call_of, execute, output, see};
pub use error::CallError;
