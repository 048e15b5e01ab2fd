//! The tests of the machine from outside: one program, as each takes a link and disk.

mod decoding;
mod durable;
mod engines;
mod imports;
mod kernels;
mod levels;
mod metering;
mod profile;
mod recorded;
mod records;
mod snapshots;
mod source;
mod stack_guard;
mod step_levels;
mod steps;
mod storage;
mod walks;
