#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), warn(clippy::too_many_lines))]
//!
//! | module | what it does |
//! | --- | --- |
//! | [`devnet`](mod@devnet) | puts it all together |
//! | [`genesis`], [`accounts`], [`predeploys`] | what the chain starts from |
//! | [`rpc`] | bytes ⇄ calls; subscriptions; methods; JSON |
//! | [`pool`], [`evm_kernel::inputs::encode`], [`batches`] | the way of a transaction to the kernel |
//! | [`miner`] | runs levels, one thread; development requests; layer 1 |
//! | [`follower`] | the same in front of a rollup: follows a rollup node of Octez, and posts to it |
//! | [`chain`], [`filters`] | blocks as the kernel wrote them |
//! | [`store`] | what is kept on disk: blocks, what finds them, the pool, where the node is |
//! | [`stored`] | a block as durable storage has it |
//! | [`simulate`] | calls that are only tried |
//! | [`pending`] | the block to come |
//! | [`trace`] | what transactions did, step by step |
//! | [`fork`](mod@fork) | what is not here, from another chain's node |
//! | [`state_file`], [`chain_file`] | the state as anvil dumps it, and the chain |
//! | [`folder_file`] | a data folder as a file, for another node to go on from |
//! | [`recorded`], [`payment`] | a level as a data folder has it, to prove it; a transaction in a level's witness |
//! | [`abis`] | names for bytes, as developers give them |
//! | `disputes` | disputes about levels, in the background |
//! | [`proofs`] | Ethereum's state root and proofs, from durable storage |
//! | [`figures`] | what the newest levels took |
//! | [`installed`] | which kernel runs, and when it is replaced |
//! | `metrics` | what is counted, for Prometheus |
//! | `keeper` | what waits, written before its hash is told |
//! | [`submit`], [`impersonation`] | what gets into the pool, and from whom without a signature |
//! | [`node`](mod@node), [`clock`], [`version`] | what all of these share |

pub use evm_kernel::inputs::encode;
pub use evm_kernel::native::governance;

pub mod abis;
pub mod accounts;
pub mod artefacts;
pub mod batches;
pub mod chain;
pub mod chain_file;
pub mod clock;
pub mod deployed;
pub mod devnet;
mod disputes;
pub mod dropped;
pub mod error;
pub mod figures;
pub mod filters;
pub mod finality;
pub mod folder_file;
pub mod follower;
pub mod fork;
pub mod genesis;
pub mod impersonation;
pub mod installed;
mod keeper;
mod load;
mod metrics;
pub mod miner;
pub mod node;
pub mod payment;
pub mod pending;
pub mod pool;
mod port;
pub mod predeploys;
mod printable;
pub mod proofs;
pub mod recorded;
pub mod request;
pub mod rpc;
pub mod simulate;
pub mod state_file;
pub mod store;
pub mod stored;
pub mod submit;
pub mod tls;
pub mod trace;
pub mod version;

pub use ::layer1::outbox::Parameters;
pub use devnet::{DevnetError, Handle, Options, devnet};
pub use error::NodeError;
pub use fork::ForkOptions;
pub use miner::Post;
pub use node::BlockTime;
