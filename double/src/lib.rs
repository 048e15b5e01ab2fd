#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), warn(clippy::too_many_lines))]

mod batcher;
mod control;
mod double;
mod faults;
mod json;
mod listening;
mod names;
mod options;
mod port;
mod refusal;
mod server;
mod world;

pub use double::Double;
pub use faults::Faults;
pub use options::{DoubleError, Options};
pub use port::Running;
