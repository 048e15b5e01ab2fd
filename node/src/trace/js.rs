//! Tracers in JavaScript, as go-ethereum takes them: a program is told of each step and each
//! frame, and says what the trace is. It runs in QuickJS, in an engine of its own for each
//! transaction, with bounds on memory, stack and time, and can reach nothing but the state
//! that it traces.

mod bindings;
mod engine;
mod inspector;
mod measure;
mod moment;
mod script;
#[cfg(test)]
mod tests;

pub use measure::Measuring;
pub use script::{Place, Script, Source};
