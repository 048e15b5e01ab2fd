#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), warn(clippy::too_many_lines))]
//!
//! | step | what it does |
//! | --- | --- |
//! | [`rollup::inbox`] | reads the level's messages and makes what matters durable |
//! | `inputs` | gives the waiting inputs in order: signed transactions with their senders, pieces, calls of layer 1 |
//! | `environment` | the block's number, time, fees and system calls |
//! | `execute` | checks a transaction and runs it on the block's view of the world |
//! | [`bridge`] | calls of layer 1 → transactions, withdrawals → messages to layer 1 |
//! | `block` | receipts and changes → header, roots, the block to commit; block 0 |
//! | `run` | all of that for as many blocks as the level needs |
//! | `upgrade` | another kernel takes over, where it was decided |
#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

mod block;
pub mod bridge;
mod environment;
mod error;
mod execute;
mod host_cell;
pub mod inputs;
mod log;
#[cfg(feature = "simulate")]
pub mod native;
mod run;
#[cfg(feature = "traps")]
mod traps;
mod upgrade;

pub use environment::history::HISTORY_ADDRESS;
pub use error::KernelError;

use host::Runtime;
use storage::layout::LAYOUT;

host::kernel_entry!(run);

/// One run: what [`host::kernel_entry!`] calls.
pub fn run(host: &mut impl Runtime) {
    rollup::run::run(host, &LAYOUT, run::run);
}
