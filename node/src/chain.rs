//! The blocks and their logs, as the kernel wrote them.

mod chain;
pub mod log_filter;
pub mod log_index;

pub use chain::{Block, Chain, ChainError, Included, head};
pub use log_filter::LogFilter;
