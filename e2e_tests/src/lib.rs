#![doc = include_str!("../README.md")]
//!
//! [`Rollup`] runs the `.wasm` that `make kernel` wrote, level by level;
//! [`conformance::reference`] runs the same transactions on plain revm, to compare;
//! [`native`] runs the kernel as native code on the mocked machine;
//! [`bridged`] puts a layer 1 around a rollup, and [`tickets`] is one of the kernel for tickets;
//! [`load`] is a load for a level, as data: of the EVM kernel a [`case`], of the kernel
//! for tickets a [`tx_case`];
//! [`followed`] is a rollup behind a double of the rollup node with a node in front of it, and
//! [`branches`] has layer 1 go back and forth under them;
//! [`clients`] runs stock Ethereum clients against a devnet.

pub mod branches;
pub mod bridged;
pub mod case;
pub mod clients;
pub mod folder;
pub mod followed;
pub mod growth;
pub mod harness;
pub mod lab;
pub mod layer1;
pub mod load;
pub mod micheline;
pub mod native;
mod record;
mod rollup;
pub mod state_tests;
pub mod suites;
pub mod tickets;
pub mod tx_case;
mod user;

pub use rollup::{Build, Included, Rollup, Setup, events, kernel, module};
pub use user::{MAX_FEE, User};
