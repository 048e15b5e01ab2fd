//! Ethereum JSON-RPC over a running kernel.
//!
//! [`devnet`] starts a whole chain in one process: the kernel's `.wasm` in
//! [`pvm`], a layer 1 of its own that feeds it levels, and HTTP and WebSocket on
//! one port.
//!
//! | module | what it does |
//! | --- | --- |
//! | [`devnet`](mod@devnet) | puts it all together |
//! | [`genesis`], [`accounts`] | what the chain starts from |
//! | [`server`], [`ws`], [`door`] | bytes ⇄ calls; subscriptions; who is let in |
//! | [`rpc`], [`params`], [`methods`], [`json`] | calls: read, answered, written |
//! | [`admission`], [`pool`], [`evm_kernel::inputs::encode`] | the way of a transaction to the kernel |
//! | [`miner`] | runs levels, one thread |
//! | [`control`], [`clock`] | what developers do to the chain between levels |
//! | [`layer1`](mod@layer1), [`micheline`] | the layer 1 that the devnet plays: deposits, withdrawals |
//! | [`chain`], [`logs`], [`log_index`], [`filters`] | blocks as the kernel wrote them |
//! | [`view`], [`estimate`], [`revert`] | calls that are only tried |
//! | [`proofs`], [`trie`] | Ethereum's state root and proofs, from durable storage |
//! | [`node`](mod@node) | what all of these share |
//!
//! Blocks, receipts and logs come from durable storage alone; what a call would
//! do, the kernel's own code tells (`evm_kernel::native::simulate`). There is no second
//! implementation of the rules here.

pub use evm_kernel::inputs::encode;

pub mod accounts;
pub mod admission;
pub mod chain;
pub mod clock;
pub mod control;
pub mod devnet;
pub mod door;
pub mod estimate;
pub mod filters;
pub mod genesis;
pub mod json;
pub mod layer1;
pub mod log_index;
pub mod logs;
pub mod methods;
pub mod micheline;
pub mod miner;
pub mod node;
pub mod params;
pub mod pool;
pub mod proofs;
pub mod revert;
pub mod rpc;
pub mod server;
pub mod trie;
pub mod view;
pub mod ws;

pub use ::layer1::outbox::Parameters;
pub use devnet::{DevnetError, Handle, Options, devnet};
pub use node::BlockTime;
