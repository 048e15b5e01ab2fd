//! The inputs that wait: their format, and their order.

pub(crate) mod chunks;
pub(crate) mod decode;
pub(crate) mod forced;
pub(crate) mod queue;
