//! Whole levels, through the compiled kernel: all tests but those in `outside.rs`. One program: each
//! takes a link and disk.

mod attacks;
mod bad_batches;
mod bad_input;
mod batches;
mod bridge;
mod chunks;
mod conformance;
mod conservation;
mod data_fee;
mod engines;
mod fixtures;
mod floods;
mod levels;
mod native;
mod poisoned;
mod profile;
mod pruning;
mod rollup_node;
mod round_trip;
mod sdk;
mod step_proofs;
mod ticks;
mod transactions;
mod traps;
mod upgrade;
