#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), warn(clippy::too_many_lines))]
//!
//! | module | what it does |
//! | --- | --- |
//! | [`run`](mod@run) | one run: the reboot flag, the log |
//! | [`opening`] | how a run begins: after a trap or not, its messages, what waits |
//! | [`inbox`] | reads the level's messages and makes what matters durable |
//! | [`level`] | what layer 1 says of the level |
//! | [`lane`] | calls of layer 1 do not wait behind external inputs: who gets what of a level |
//! | [`queue`] | the durable pages of inputs |
//! | [`inputs`] | the inputs of a lane that wait, in order, across pages |
//! | [`budget`] | how much work a run may do |
//! | [`quarantine`] | one marked input at a time, after a trap |
//! | [`dead_letters`] | inputs that always trap, kept for a later kernel |
//! | [`state`] | all that inputs change lies under one root, replaced at once |
//!
//! A kernel says where its things lie by one [`Layout`]; what its inputs mean is
//! its own.
#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

pub mod budget;
pub mod dead_letters;
pub mod inbox;
pub mod inputs;
pub mod lane;
pub mod level;
pub mod opening;
mod own;
pub mod quarantine;
pub mod queue;
pub mod run;
pub mod state;

pub use budget::Budget;
pub use inputs::Inputs;
pub use lane::{Calls, Lane, Position, Shares};
pub use level::Level;
pub use own::OwnAddress;
pub use quarantine::Quarantine;
pub use queue::Cursor;

use host::Path;

/// The paths of values that every kernel keeps. No path lies below another.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// The kernel's name, in front of its lines in the log.
    pub name: &'static str,
    /// All that inputs change; replaced at once by each commit.
    pub state: Path<'static>,
    /// The next state while it is written. What is found here at the start of a
    /// run is of a commit that never was.
    pub staging: Path<'static>,
    /// External inputs that wait, one page for each level that brought some. At most
    /// 40 bytes.
    pub queue: Path<'static>,
    /// Calls of layer 1 that wait, likewise.
    pub calls: Path<'static>,
    /// The level that the inbox is at.
    pub level: Path<'static>,
    /// Set while one marked input at a time is taken.
    pub quarantine: Path<'static>,
    /// Inputs that always trap, for a later kernel: see [`dead_letters`]. At most
    /// 40 bytes.
    pub dead_letters: Path<'static>,
}
