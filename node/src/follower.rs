//! A node in front of a real rollup: it follows a rollup node of Octez, runs each level
//! itself, compares what comes out, serves it, and posts transactions.
//!
//! | file | what it does |
//! | --- | --- |
//! | `client`, `answers` | the rollup node, over HTTP |
//! | `replica`, `levels`, `error` | the rollup as this node has it; the levels that layer 1 may take back |
//! | `poster` | transactions on their way through the batcher |
//! | `bridge` | what is between the layers: outbox, withdrawals, proofs |
//! | `follower` | the thread that does all of this |
//! | `ahead` | the levels that come next, asked for while others run |
//! | `options`, `machine`, `start` | puts it together |
//! | `heads`, `copy` | the heads that a rollup node tells of; its durable storage, copied |
//! | `snapshots` | snapshots of its folder, written while it goes on |
//! | `watch`, `pages` | whether the rollup node keeps up; preimage pages from an endpoint |

mod ahead;
mod answers;
mod bridge;
mod client;
mod copy;
mod error;
#[expect(
    clippy::module_inception,
    reason = "the folder is the step, the file what it is named for"
)]
mod follower;
mod heads;
mod heard;
mod levels;
mod machine;
mod options;
mod origination;
mod pages;
mod poster;
mod replica;
mod snapshots;
mod start;
mod trouble;
mod watch;

pub use client::{Client, ClientError, PATIENCE};
pub use error::FollowError;
pub use options::{Options, Origin, StartError};
pub use snapshots::SnapshotPlan;
pub use start::{Handle, start};
