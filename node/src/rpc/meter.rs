//! Bytes of a message to a WebSocket that has not come whole.
//!
//! A message is kept until its last byte is there, by whoever reads the socket. So that a
//! thousand clients cannot each leave one half sent, the bytes of long ones are counted as they
//! arrive, with those of large requests over HTTP, and the rest has to come in time.

use super::load::Held;
use crate::node::Node;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes of a message that are not counted.
const UNCOUNTED: usize = 64 << 10;

/// The time in which a longer message has to arrive.
pub(super) const MESSAGE_TIME: Duration = Duration::from_secs(20);

/// Bytes of a control frame besides its payload: the head, and the mask of a client
/// (RFC 6455, section 5.2).
const CONTROL_HEAD: usize = 6;

/// Counts the bytes that a connection brings, once it is a WebSocket.
#[derive(Clone, Debug, Default)]
pub(super) struct Meter(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// `None`: the connection is no WebSocket yet.
    node: Option<Arc<Node>>,
    /// Bytes since the last whole message.
    bytes: usize,
    /// Those of them that are counted.
    held: Held,
    /// The time at which the first of them was counted.
    since: Option<Instant>,
    refused: bool,
}

impl Meter {
    /// Counts from here on.
    pub(super) fn start(&self, node: Arc<Node>) {
        self.state(|state| state.node = Some(node));
    }

    /// The count of a message that has come whole.
    pub(super) fn message(&self) -> Held {
        self.state(|state| {
            state.bytes = 0;
            state.since = None;
            std::mem::take(&mut state.held)
        })
    }

    /// A ping or pong of `bytes` bytes came, perhaps between two parts of a message.
    pub(super) fn control(&self, bytes: usize) {
        self.state(|state| state.bytes = state.bytes.saturating_sub(bytes + CONTROL_HEAD));
    }

    /// True if a message should have come whole by now.
    pub(super) fn is_late(&self) -> bool {
        self.state(|state| {
            state
                .since
                .is_some_and(|since| since.elapsed() > MESSAGE_TIME)
        })
    }

    /// True if there were too many bytes of large requests at once.
    pub(super) fn is_refused(&self) -> bool {
        self.state(|state| state.refused)
    }

    fn read(&self, more: usize) -> io::Result<()> {
        self.state(|state| {
            let Some(node) = &state.node else {
                return Ok(());
            };
            state.bytes += more;
            if state.bytes <= UNCOUNTED {
                return Ok(());
            }
            state.since.get_or_insert_with(Instant::now);
            let counted = node.load.request(&mut state.held, state.bytes);
            state.refused |= counted.is_none();
            counted.ok_or_else(|| io::Error::other("too many large requests at once"))
        })
    }

    fn state<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A stream whose bytes are counted as they are read.
#[derive(Debug)]
pub(super) struct Metered<S> {
    stream: S,
    meter: Meter,
}

impl<S> Metered<S> {
    pub(super) fn new(stream: S, meter: Meter) -> Self {
        Self { stream, meter }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        Poll::Ready(self.meter.read(buffer.filled().len() - before))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
