//! The block: header, roots, what is committed.

pub(crate) mod genesis;
pub(crate) mod seal;
