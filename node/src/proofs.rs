//! Ethereum's state root and proofs, from durable storage.

#[expect(
    clippy::module_inception,
    reason = "the folder is the step, the file what it is named for"
)]
mod proofs;
pub mod trie;

pub use proofs::{Proof, Proofs};
