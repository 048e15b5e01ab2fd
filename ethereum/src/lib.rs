#![doc = include_str!("../README.md")]
//!
//! | module | what it gives |
//! | --- | --- |
//! | [`transaction`] | raw bytes ⇄ [`SignedTransaction`]; static checks, intrinsic gas |
//! | [`signature`] | senders, authorities, public keys |
//! | [`recovered`] | a transaction with its sender and its bytes |
//! | [`receipt`], [`bloom`] | receipts, logs and their bloom filters |
//! | [`header`] | block headers, their hash, the next base fee |
//! | [`trie`] | transaction and receipt roots |
//! | [`keccak`] | the hash under all of these |
//! | [`rlp`] | the encoding under all of these |
#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

pub mod bloom;
pub mod header;
pub mod keccak;
pub mod receipt;
pub mod recovered;
pub mod rlp;
pub mod signature;
pub mod transaction;
pub mod trie;

pub use header::Header;
pub use keccak::{Keccak256, keccak256};
pub use receipt::{Log, Receipt};
pub use recovered::Recovered;
pub use signature::{Signature, SignatureError, authority, public_key, recover, senders};
pub use transaction::{DecodeError, InvalidTransaction, SignedTransaction, Transaction};
