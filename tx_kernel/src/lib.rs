#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), warn(clippy::too_many_lines))]
//!
//! | module | what it does |
//! | --- | --- |
//! | [`bls`] | public keys, signatures, aggregate verification |
//! | [`encoding`] | the bytes of batches |
//! | [`inbox`] | whose batch it is, and whether they signed it |
//! | [`deposit`] | tickets that come in |
//! | [`transfer`] | a transaction: all of it, or nothing |
//! | [`outbox`] | tickets that leave |
//! | [`memory`] | accounts over durable storage |
//! | [`layout`], [`head`] | what lies where |
//! | [`transactions`] | a run |
//! | `tx_kernel` | the entry |
#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

pub mod bls;
pub mod deposit;
pub mod encoding;
pub mod head;
pub mod inbox;
pub mod layout;
pub mod memory;
pub mod outbox;
pub mod transactions;
pub mod transfer;
mod tx_kernel;
#[cfg(any(feature = "wallet", test))]
pub mod wallet;

#[cfg(not(target_arch = "wasm32"))]
pub use tx_kernel::mock_kernel_run;
