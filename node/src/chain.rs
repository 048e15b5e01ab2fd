//! The blocks and their logs, as the kernel wrote them.

mod block;
#[expect(
    clippy::module_inception,
    reason = "the folder is the step, the file what it is named for"
)]
mod chain;
pub mod log_filter;

pub use block::{Block, ChainError, Included, head, parties, read_new};
pub(crate) use block::{Kept, kept, tell};
pub use chain::Chain;
pub use log_filter::LogFilter;
