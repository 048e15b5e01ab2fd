#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::too_many_lines))]
//!
//! | module | what |
//! | --- | --- |
//! | [`play`](mod@play) | a dispute from the commitments to the verdict |
//! | [`fault`] | what the faulty operator does wrong, and where |
//! | [`moves`] | what is told of it |
//! | [`rules`] | the machine, as layer 1 is told of it |

pub mod fault;
pub mod moves;
pub mod play;
pub mod rules;

pub use fault::{Fault, NoFault};
pub use moves::{Event, Report, Reward, Side, Told};
pub use play::{Level, Operator, PlayError, play};
pub use rules::MachineRules;
