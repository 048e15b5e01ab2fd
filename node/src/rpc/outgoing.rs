//! The queue of messages to a client of a WebSocket.

use super::load::{Place, Text};
use std::borrow::Cow;
use std::sync::Arc;
use tokio::sync::oneshot;

/// News as JSON: many queues share its texts.
#[derive(Clone, Debug)]
pub(super) enum News {
    One(Arc<str>),
    /// A list of these.
    List(Vec<Arc<str>>),
}

impl News {
    /// The whole text.
    pub(super) fn text(&self) -> Cow<'_, str> {
        match self {
            Self::One(text) => Cow::Borrowed(text),
            Self::List(items) => {
                let items: Vec<&str> = items.iter().map(AsRef::as_ref).collect();
                Cow::Owned(format!("[{}]", items.join(",")))
            }
        }
    }
}

/// A message to a client.
#[derive(Debug)]
pub(super) enum Outgoing {
    /// An answer, and the place that its call keeps until it has left.
    Answer(Text, Place),
    /// News for the subscription with this number.
    News(u64, News),
    /// Tells when all before it was sent.
    Flush(oneshot::Sender<()>),
    /// The end, with its code and reason.
    Close(u16, &'static str),
}
