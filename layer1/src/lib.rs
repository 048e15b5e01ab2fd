//! A model of layer 1 around one rollup: accounts, tickets, the bridge's
//! contracts, the rollup's inbox and its outbox.
//!
//! It stands where a Tezos node would: what goes in are operations and the outbox
//! messages that a kernel wrote, what comes out are the inbox messages of each
//! level, byte for byte (`messages` has the formats). The contracts are ours, with
//! the parameters of those that Etherlink deployed.
//!
//! | module | what it does |
//! | --- | --- |
//! | [`chain`] | the whole: operations, levels, executed outbox messages |
//! | [`contracts`] | exchanger, bridge, token wrapper and the others, each in a file |
//! | [`ledger`] | who has how much tez, and which tickets |
//! | [`outbox`] | which outbox messages are cemented, executed, expired |
//! | [`value`], [`michelson`] | Michelson values with their types, as contracts see them |
//! | [`account`] | who can be called, and amounts of tez |
//! | [`devnet`] | the contracts and accounts of a devnet |
//!
//! What is left out: fees, gas, storage burns and signatures of operations;
//! amounts of tickets above 128 bits; the refutation game (commitments are
//! cemented when their time has come).

pub mod account;
mod call;
pub mod chain;
pub mod contracts;
pub mod devnet;
mod failure;
pub mod ledger;
pub mod michelson;
pub mod outbox;
pub mod value;

pub use account::{Account, Address, Mutez};
pub use call::Call;
pub use chain::{Layer1, Receipt};
pub use failure::Failure;
