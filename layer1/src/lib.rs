#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), warn(clippy::too_many_lines))]
//!
//! | module | what it does |
//! | --- | --- |
//! | [`chain`] | the whole: operations, levels, executed outbox messages |
//! | [`contracts`] | exchanger, bridge, token wrapper and the others, each in a file |
//! | [`ledger`] | who has how much tez, and which tickets |
//! | [`outbox`] | which outbox messages are cemented, executed, expired |
//! | [`value`], [`michelson`] | Michelson values with their types, as contracts see them |
//! | [`account`] | who can be called, and amounts of tez |
//! | [`dispute`] | commitments by stakers, and how layer 1 decides between two of them |
//! | [`devnet`] | the contracts and accounts of a devnet |

pub mod account;
mod call;
pub mod chain;
pub mod contracts;
pub mod devnet;
pub mod dispute;
mod failure;
mod inboxes;
pub mod ledger;
pub mod michelson;
pub mod outbox;
pub mod value;

pub use account::{Account, Address, Mutez};
pub use call::Call;
pub use chain::{Layer1, Receipt};
pub use failure::Failure;
