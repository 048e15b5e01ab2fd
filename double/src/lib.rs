#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), warn(clippy::too_many_lines))]

mod batcher;
mod control;
mod double;
mod faults;
mod json;
mod names;
mod port;
mod refusal;
mod server;
mod world;

pub use double::{Double, DoubleError, Options};
pub use faults::Faults;
pub use port::Running;
