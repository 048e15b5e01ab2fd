//! Ethereum's state root and proofs, from durable storage.

mod proofs;
pub mod trie;

pub use proofs::{Proof, Proofs};
