#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), warn(clippy::too_many_lines))]
//!
//! | module | what |
//! | --- | --- |
//! | [`machine`] | levels, runs, reboots, upgrades |
//! | [`options`], [`level`] | how it is set up; what goes into a level and comes out |
//! | [`kernel`] | a module, validated and compiled |
//! | [`mod@engine`], [`context`] | what executes wasm: the fast VM, an interpreter, others |
//! | [`kernel_module`] | which modules are accepted; imports, versions, reports |
//! | [`durable`], [`value`] | storage as an immutable tree, in memory as far as it was needed |
//! | [`snapshot`] | a machine between two levels as a file |
//! | [`witness`] | a level that anybody can check |
//! | [`steps`] | a run step by step, each of which can be proved |
//! | [`node_source`] | where its parts come from, and their hashes |
//! | [`mod@store`] | the storage functions with their error codes |
//! | [`reveal`], [`preimages`] | preimages; bytes cut into trees of them |
//! | [`names`] | names of a kernel's functions |
//! | [`probe`], [`call_profile`], [`fn@flame_graph`] | somebody who looks into a run; where its instructions go, as a picture |
//! | [`setup`] | what stands in storage before the first level |
//! | [`inputs`], [`michelson`] | messages of levels, from files |

pub mod call_profile;
pub mod context;
pub mod durable;
pub mod engine;
pub mod files;
pub mod inputs;
pub mod installer;
pub mod kernel;
pub mod level;
pub mod machine;
pub mod michelson;
pub mod names;
pub mod node_source;
pub mod options;
pub mod preimages;
pub mod probe;
pub mod reveal;
pub mod setup;
pub mod snapshot;
pub mod steps;
pub mod store;
pub mod value;
pub mod witness;

mod compare;
mod debug_sink;
mod error;
mod flame_graph;
mod host_functions;
mod logged;
mod memory;
mod profile;
mod runs;
mod stack;
mod state;

pub use context::Context;
pub use debug_sink::{DebugSink, MAX_DEBUG};
pub use durable::{
    AsPath, Durable, NodeHash, NodeSource, Source, StoreError, UNAVAILABLE, Unavailable,
};
pub use engine::Trap;
pub use error::Error;
pub use flame_graph::flame_graph;
pub use kernel::{Kernel, Metering};
pub use kernel_module::{
    Counted, KernelError, Limit, Outline, Purpose, Version, check, imports, report, stack_guard,
    strip,
};
pub use level::{Inbox, LevelReport, RunReport, Status};
pub use machine::{Machine, Saved};
pub use options::{DEFAULT_ROLLUP, Options};
pub use profile::{Cost, Profile};
pub use runs::MAX_REBOOTS;
pub use snapshot::{Snapshot, SnapshotError};
pub use value::Value;
pub use witness::{Witness, WitnessError};
