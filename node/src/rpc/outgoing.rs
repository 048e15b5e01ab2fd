//! The queue of messages to a client of a WebSocket.

use super::load::{Place, Text};
use std::sync::Arc;
use tokio::sync::oneshot;

/// A message to a client.
#[derive(Debug)]
pub(super) enum Outgoing {
    /// An answer, and the place that its call keeps until it has left.
    Answer(Text, Place),
    /// News for the subscription with this number, as JSON; all subscribers share it.
    News(u64, Arc<str>),
    /// Tells when all before it was sent.
    Flush(oneshot::Sender<()>),
    /// The end, with its code and reason.
    Close(u16, &'static str),
}
