//! Tezos wire formats: what comes out of a rollup's inbox, what goes into its
//! outbox, and the addresses, tickets and Micheline in them.
//!
//! Everything here is a pure function over bytes. A decoder answers every input:
//! with a value, or with an error that says where the bytes stop making sense.
#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

pub mod address;
pub mod contract;
pub mod error;
pub mod external;
pub mod hash;
pub mod inbox;
pub mod micheline;
pub mod number;
pub mod outbox;
pub mod reader;
pub mod ticket;

pub use error::{DecodeError, ErrorKind};
