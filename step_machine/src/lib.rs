#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::too_many_lines))]
//!
//! | module | what |
//! | --- | --- |
//! | [`fn@decode`], [`image`] | a module's flat code |
//! | [`decoding`] | the same by steps, each of which can be proved |
//! | [`backing`], [`registers`] | what holds the state; what of it is not in an array |
//! | [`fn@step`] | one step |
//! | [`plain`] | the state in memory |
//! | [`proof`] | proofs of steps: how they are made, and checked |

pub mod backing;
pub mod decode;
pub mod decoding;
pub mod image;
pub mod plain;
pub mod proof;
pub mod registers;
pub mod step;

mod blocks;
mod marked;
mod op;
mod root;
mod run;
mod saved;
mod tree;

pub use backing::{Backing, Region};
pub use decode::{DecodeError, decode, decode_library, decode_linked};
pub use image::Image;
pub use plain::{Bounds, Plain};
pub use proof::{MAX_PROOF, Partial, ProofError, Recorded, Recording, check};
pub use registers::{End, Registers};
pub use saved::Saved;
pub use step::{Event, HostCall, answer, step, stop};
pub use tree::Hash;
