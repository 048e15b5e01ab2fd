//! The block: what goes in, header, roots, what is committed.

pub(crate) mod builder;
pub(crate) mod genesis;
pub(crate) mod inclusion;
pub(crate) mod layer1_calls;
pub(crate) mod run_state;
pub(crate) mod seal;
