//! Traces of transactions, step by step: their blocks are executed again by the kernel's
//! own code, on the state before, while an inspector looks on.

mod budget;
pub mod calls;
pub mod console;
pub mod js;
mod keeps;
pub mod named;
mod replay;
pub mod steps;
mod watched;

pub use budget::{Bounded, Budget};
pub use keeps::Keeps;
pub use replay::{Before, BeforeError, Looked, TraceFailure, replay};
pub use watched::{Overdrawn, Watched};

use revm::bytecode::opcode::OpCode;

/// The name of an opcode, as steps of traces have it.
#[must_use]
pub fn opcode_name(opcode: u8) -> String {
    match OpCode::new(opcode) {
        Some(opcode) => opcode.as_str().to_owned(),
        None => format!("opcode {opcode:#x} not defined"),
    }
}
