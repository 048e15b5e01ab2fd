//! Tezos wire formats: what comes out of a rollup's inbox, and addresses.
//!
//! Everything here is a pure function over bytes. A decoder answers every input:
//! with a value, or with an error that says where the bytes stop making sense.
#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

pub mod address;
pub mod error;
pub mod external;
pub mod inbox;
pub mod micheline;
mod reader;

pub use error::{DecodeError, ErrorKind};
