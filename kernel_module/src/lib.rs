#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), warn(clippy::too_many_lines))]
//!
//! | module | what |
//! | --- | --- |
//! | [`outline`], [`opcodes`] | the one reader; instructions that are refused |
//! | [`mod@check`] | which modules the machine accepts |
//! | [`purpose`] | whether a build is for tests |
//! | [`mod@report`] | every rule, one by one, and what the bytes are made of |
//! | [`imports`], [`version`] | the host functions, and since when |
//! | [`metering`], [`mod@ticks`] | counts instructions, open calls and the slow machine's ticks |
//! | [`profile`] | what each instruction costs of the language that a kernel interprets |
//! | [`probe`] | lets somebody look into a run |
//! | [`call_graph`], [`stack_guard`] | who calls whom; a bound on open calls |
//! | [`extern_references`] | the module without references to things of the host |
//! | [`fn@strip`] | the module without custom sections |

pub mod call_graph;
pub mod check;
pub mod extern_references;
pub mod features;
pub mod imports;
pub mod metering;
pub mod opcodes;
pub mod outline;
pub mod probe;
pub mod profile;
pub mod purpose;
pub mod report;
pub mod stack_guard;
pub mod ticks;
pub mod version;

mod additions;
mod globals;
mod strip;

pub use check::{KernelError, KernelFacts, Terms, check};
pub use metering::{Counted, Limit};
pub use outline::Outline;
pub use purpose::Purpose;
pub use report::{ModuleReport, report};
pub use strip::strip;
pub use version::Version;
