//! The inputs that wait: their format, and their order.

pub(crate) mod assembly;
pub(crate) mod chunks;
pub(crate) mod decode;
pub mod encode;
pub(crate) mod forced;
pub mod format;
pub(crate) mod queue;
