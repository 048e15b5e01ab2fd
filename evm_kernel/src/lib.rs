//! The EVM rollup kernel: a level of the inbox in, blocks and durable state out.
//!
//! The modules are the steps, in order:
//!
//! | step | what it does |
//! | --- | --- |
//! | [`rollup::inbox`] | reads the level's messages and makes what matters durable |
//! | [`queue`] | gives the waiting inputs in order, senders recovered page by page |
//! | [`decode`] | input bytes → signed transaction, or a reason |
//! | [`chunks`] | puts transactions together that came in pieces |
//! | [`validate`] | signed transaction → what the engine takes, or a reason |
//! | [`source`] | the block's environment and system calls |
//! | [`execute`] | runs it on the block's view of the world → receipt |
//! | [`bridge`] | calls of layer 1 → transactions, withdrawals → messages to layer 1 |
//! | [`governance`] | what the governing contract decides |
//! | [`seal`] | receipts and changes → header, roots, the block to commit |
//! | [`level`] | all of that for as many blocks as the level needs |
//! | [`upgrade`] | another kernel takes over, where it was decided |
//!
//! [`rollup::careful`] is how a block is executed after a trap, [`genesis`] makes block
//! 0, [`simulate`] lets a node ask what a call would do, `impersonate` makes a
//! development node's blocks of transactions that nobody signed.
//!
//! A user's mistake is a value (a failed receipt, a skip with a reason); a
//! [`KernelError`] is what the rollup itself cannot do.
#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

pub mod bridge;
mod chunks;
mod decode;
mod engine;
mod environment;
mod error;
mod execute;
mod genesis;
mod governance;
mod history;
#[cfg(feature = "simulate")]
pub mod impersonate;
mod instructions;
mod level;
mod log;
mod precompiles;
mod queue;
mod seal;
mod shared;
#[cfg(feature = "simulate")]
pub mod simulate;
#[cfg(not(feature = "evaluation"))]
mod source;
#[cfg(feature = "evaluation")]
#[path = "source_evaluation.rs"]
mod source;
#[cfg(feature = "traps")]
mod traps;
mod upgrade;
mod validate;

pub use error::KernelError;
pub use history::HISTORY_ADDRESS;

use host::Runtime;
use storage::layout::LAYOUT;

host::kernel_entry!(run);

/// One run: what [`host::kernel_entry!`] calls.
pub fn run(host: &mut impl Runtime) {
    rollup::run::run(host, &LAYOUT, level::run);
}
