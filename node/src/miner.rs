//! The thread that owns the machine: levels, and requests between them.

mod development;
mod forking;
mod handle;
mod layer1;
mod loading;
#[expect(
    clippy::module_inception,
    reason = "the folder is the step, the file what it is named for"
)]
mod miner;
mod narrator;
pub(crate) mod posting;
mod requests;
mod snapshot;

pub use handle::MinerHandle;
pub(crate) use layer1::kept;
pub use miner::Miner;
pub use posting::Post;
pub use requests::{
    Advanced, Change, Cover, Followed, Holdings, Operated, OutboxProof, Overview, RollupStatus,
    Setting, Withdrawal, WithdrawalStage,
};
pub(crate) use requests::{Layer1Request, LevelMessages, MOST_LISTED, Reply, Request};
