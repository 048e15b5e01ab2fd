//! Concurrent work of the node, for all its clients together.

use std::sync::Arc;
use tokio::sync::Semaphore;

/// The places of work that takes long, and the bytes of large texts.
#[derive(Debug)]
pub(crate) struct Load {
    /// Calls that are tried for a moment.
    pub(crate) quick: Arc<Semaphore>,
    /// Calls that took longer.
    pub(crate) long: Arc<Semaphore>,
    /// Traces by programs of callers.
    pub(crate) scripts: Arc<Semaphore>,
    /// Megabytes that tracers keep of transactions.
    pub(crate) traces: Arc<Semaphore>,
    /// Work on threads that may block.
    pub(crate) blocking: Arc<Semaphore>,
    /// Kilobytes of large answers that are made or sent.
    pub(crate) answers: Arc<Semaphore>,
    /// Kilobytes of batches' answers.
    pub(crate) batches: Arc<Semaphore>,
    /// Kilobytes of large requests that are read or answered.
    pub(crate) requests: Arc<Semaphore>,
    /// Kilobytes of buffers that WebSockets keep.
    pub(crate) buffers: Arc<Semaphore>,
    /// Traces that are sent while they are made.
    pub(crate) streams: Arc<Semaphore>,
    /// News that are written to WebSockets.
    pub(crate) news: Arc<Semaphore>,
    /// Small calls of WebSockets, besides one of each, that are answered or whose answers wait
    /// to be read.
    pub(crate) calls: Arc<Semaphore>,
    /// WebSockets.
    pub(crate) sockets: Arc<Semaphore>,
    /// Subscriptions of WebSockets, and their addresses and topics.
    pub(crate) subscriptions: Arc<Semaphore>,
}

/// The most calls: each may take 64 kB, and its answer as much.
const CALLS: usize = 1_024;

/// The most WebSockets.
const SOCKETS: usize = 1_000;

/// The most subscriptions of all WebSockets, their addresses and topics included.
pub(crate) const SUBSCRIPTIONS: usize = 200_000;

impl Default for Load {
    fn default() -> Self {
        Self {
            quick: Arc::new(Semaphore::new(4)),
            long: Arc::new(Semaphore::new(2)),
            scripts: Arc::new(Semaphore::new(2)),
            traces: Arc::new(Semaphore::new(512)),
            blocking: Arc::new(Semaphore::new(8)),
            answers: Arc::new(Semaphore::new(128 << 10)),
            batches: Arc::new(Semaphore::new(96 << 10)),
            requests: Arc::new(Semaphore::new(48 << 10)),
            buffers: Arc::new(Semaphore::new(128 << 10)),
            streams: Arc::new(Semaphore::new(2)),
            news: Arc::new(Semaphore::new(1)),
            calls: Arc::new(Semaphore::new(CALLS)),
            sockets: Arc::new(Semaphore::new(SOCKETS)),
            subscriptions: Arc::new(Semaphore::new(SUBSCRIPTIONS)),
        }
    }
}
