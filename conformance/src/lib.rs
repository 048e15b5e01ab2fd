#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), warn(clippy::too_many_lines))]
//!
//! | module | what |
//! | --- | --- |
//! | [`fixture`] | state tests as the files have them |
//! | [`world`] | accounts: into durable storage, out of it, their root |
//! | [`rollup`] | the kernel, one block at a time |
//! | [`statetest`] | one case, judged |
//! | [`blockchain`] | one blockchain test, judged |
//! | [`suite`] | files and folders of tests, on several threads; skipped cases |
//! | [`table`] | results for people |
//! | [`rpc_compat`] | recorded JSON-RPC cases, on a devnet |
//! | [`mod@reference`] | plain revm, for traces, new tests and comparisons |

pub mod blockchain;
pub mod fixture;
pub mod reference;
pub mod rollup;
pub mod rpc_compat;
pub mod statetest;
pub mod suite;
pub mod table;
mod trace;
pub mod world;

pub use storage::config::Revision;
