//! Forks: a devnet that goes on from a block of another chain, whose node is asked for what is
//! not here.

mod answer;
mod cache;
#[expect(clippy::module_inception, reason = "the folder's own story")]
mod fork;
mod forked;
mod options;
mod remote;
mod state;

pub use cache::default_folder;
pub(crate) use fork::connect;
pub use fork::{Fork, ForkError};
pub use forked::Forked;
pub use options::{CachePlace, ForkOptions, UrlError};
pub use remote::{Manner, Remote, RemoteError};
