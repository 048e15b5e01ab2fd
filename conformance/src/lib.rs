//! Ethereum's own tests (state tests and blockchain tests in JSON) through the
//! compiled kernel.
//!
//! A case's accounts are put into durable storage, its transaction comes as an
//! inbox message, and the accounts that the kernel leaves are read back. All
//! that is compared is computed here, not in the kernel: the Merkle-Patricia
//! root, the hash of the logs, whether the transaction was refused, and that
//! nothing is left below an absent account.
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
//! | [`reference`] | plain revm, for traces, new tests and comparisons |

pub mod blockchain;
pub mod fixture;
pub mod reference;
pub mod rollup;
pub mod statetest;
pub mod suite;
pub mod table;
mod trace;
pub mod world;

pub use storage::config::Revision;
