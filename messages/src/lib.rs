#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), warn(clippy::too_many_lines))]
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
