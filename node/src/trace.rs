//! What transactions did, step by step: their blocks are executed again by the kernel's
//! own code, on the state before, while an inspector looks on.

pub mod console;
mod replay;
pub mod steps;

pub use replay::{Before, Looked, TraceFailure, replay};
