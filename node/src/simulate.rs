//! Calls that are tried and not sent.

pub mod estimate;
pub mod overrides;
pub mod revert;
