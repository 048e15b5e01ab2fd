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
//! | [`rpc`] | bytes ⇄ calls; subscriptions; methods; JSON |
//! | [`pool`], [`evm_kernel::inputs::encode`] | the way of a transaction to the kernel |
//! | [`miner`] | runs levels, one thread; development requests; layer 1 |
//! | [`chain`], [`filters`] | blocks as the kernel wrote them |
//! | [`simulate`] | calls that are only tried |
//! | [`proofs`] | Ethereum's state root and proofs, from durable storage |
//! | [`node`](mod@node), [`clock`] | what all of these share |
//!
//! Blocks, receipts and logs come from durable storage alone; what a call would
//! do, the kernel's own code tells (`evm_kernel::native::simulate`). There is no second
//! implementation of the rules here.

pub use evm_kernel::inputs::encode;

pub mod accounts;
pub mod chain;
pub mod clock;
pub mod devnet;
pub mod error;
pub mod filters;
pub mod genesis;
pub mod miner;
pub mod node;
pub mod pool;
pub mod proofs;
pub mod request;
pub mod rpc;
pub mod simulate;

pub use ::layer1::outbox::Parameters;
pub use devnet::{DevnetError, Handle, Options, devnet};
pub use error::NodeError;
pub use node::BlockTime;
