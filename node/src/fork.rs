//! Forks: a devnet that goes on from a block of another chain, whose node is asked for what is
//! not here.

mod cache;
#[expect(clippy::module_inception, reason = "the folder's own story")]
mod fork;
mod forked;
mod remote;
mod state;

pub use cache::default_folder;
pub(crate) use fork::connect;
pub use fork::{CachePlace, Fork, ForkError, ForkOptions};
pub use forked::Forked;
pub use remote::{Manner, Remote, RemoteError};
