#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), warn(clippy::too_many_lines))]
//!
//! | module | what it gives |
//! | --- | --- |
//! | [`transaction`] | raw bytes ⇄ [`SignedTransaction`]; static checks, intrinsic gas |
//! | [`signature`], [`mod@senders`] | signatures, public keys; who signed |
//! | [`signature::known_keys`] | many signatures of known keys, checked at once |
//! | [`recovered`] | a transaction with its sender and its bytes |
//! | [`receipt`], [`bloom`] | receipts, logs and their bloom filters |
//! | [`header`] | block headers, their hash, the next base fee |
//! | [`trie`] | transaction and receipt roots |
//! | [`keccak`] | the hash under all of these |
//! | [`rlp`] | the encoding under all of these |
#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

pub mod bloom;
mod curve;
pub mod header;
pub mod keccak;
pub mod receipt;
pub mod recovered;
pub mod rlp;
pub mod senders;
pub mod signature;
pub mod transaction;
pub mod trie;

pub use header::Header;
pub use keccak::{keccak256, keccak256_of};
pub use receipt::{Log, Receipt};
pub use recovered::Recovered;
pub use senders::{Signer, authority, authorization_hash, senders, signers};
pub use signature::{Signature, SignatureError, public_key, recover};
pub use transaction::{DecodeError, InvalidTransaction, SignedTransaction, Transaction};
