//! The inputs that wait: their format, and their order.

pub(crate) mod assembly;
pub mod batch;
pub(crate) mod chunks;
pub(crate) mod decode;
pub mod encode;
pub(crate) mod forced;
pub mod format;
pub(crate) mod item;
pub(crate) mod queue;
