//! Memory that a WebSocket takes besides its calls, and the pace of its client.
//!
//! A message is kept until its last byte is there, by the library that reads the socket. So that
//! a thousand clients cannot each leave one half sent, the bytes of long ones are counted as they
//! arrive, with those of large requests over HTTP, and the rest has to come in time. The library
//! keeps its buffers then, as large as the longest message and the longest answer were: these are
//! counted until the connection ends.

use super::load::Held;
use crate::node::Node;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

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
    /// The longest message and the longest answer so far.
    longest: [usize; 2],
    /// The count of both.
    buffers: Held,
    /// There were too many bytes of buffers: the connection has to end.
    full: bool,
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

    /// The count of a message of `bytes` bytes that has come whole.
    pub(super) fn message(&self, bytes: usize) -> Held {
        self.state(|state| {
            state.buffer(0, bytes);
            state.bytes = 0;
            state.since = None;
            std::mem::take(&mut state.held)
        })
    }

    /// An answer of `bytes` bytes has left.
    pub(super) fn sent(&self, bytes: usize) {
        self.state(|state| state.buffer(1, bytes));
    }

    /// True if the buffers of all connections leave no room for this one's.
    pub(super) fn is_full(&self) -> bool {
        self.state(|state| state.full)
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

impl State {
    /// The buffer for messages or answers has been as long as `bytes`.
    fn buffer(&mut self, which: usize, bytes: usize) {
        let longest = &mut self.longest[which];
        if bytes <= UNCOUNTED.max(*longest) {
            return;
        }
        *longest = bytes;
        let all = self.longest.iter().sum();
        if let Some(node) = &self.node {
            self.full |= node.load.buffer(&mut self.buffers, all).is_none();
        }
    }
}

/// A client that takes less than so many bytes in this time, while more wait for it, is dropped.
const PACE: (usize, Duration) = (1 << 20, Duration::from_secs(20));

/// A client that kept nothing waiting for so long begins anew.
const PAUSE: Duration = Duration::from_secs(1);

/// The pace at which a client takes what waits for it.
#[derive(Debug)]
struct Pace {
    /// The end of the time that is looked at.
    end: Pin<Box<Sleep>>,
    /// The bytes that it took in that time.
    taken: usize,
    /// Something waits for it.
    waiting: bool,
    /// The time when something no longer waited.
    waited: Option<Instant>,
}

impl Pace {
    fn begin(&mut self) {
        self.taken = 0;
        self.end.as_mut().reset((Instant::now() + PACE.1).into());
    }

    /// The outcome of an attempt to write.
    fn look(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(Ok(bytes)) => {
                self.taken += bytes;
                if std::mem::take(&mut self.waiting) {
                    self.waited = Some(Instant::now());
                }
            }
            Poll::Ready(Err(_)) => {}
            Poll::Pending => {
                let begins = |waited: Instant| waited.elapsed() > PAUSE;
                if !self.waiting && self.waited.is_none_or(begins) {
                    self.begin();
                }
                self.waiting = true;
                while self.end.as_mut().poll(context).is_ready() {
                    if self.taken < PACE.0 {
                        return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                    }
                    self.begin();
                }
            }
        }
        written
    }
}

/// A connection: the bytes that it brings are counted, and it has to take what waits for it.
#[derive(Debug)]
pub(super) struct Metered<S> {
    stream: S,
    meter: Meter,
    pace: Pace,
}

impl<S> Metered<S> {
    pub(super) fn new(stream: S, meter: Meter) -> Self {
        let pace = Pace {
            end: Box::pin(tokio::time::sleep(PACE.1)),
            taken: 0,
            waiting: false,
            waited: None,
        };
        Self {
            stream,
            meter,
            pace,
        }
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
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.pace.look(context, written)
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
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, pieces);
        self.pace.look(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    /// One turn: what became of an attempt to write.
    async fn turn(pace: &mut Pace, written: Option<usize>) -> Option<io::ErrorKind> {
        let looked = poll_fn(|context| {
            let written = written.map_or(Poll::Pending, |bytes| Poll::Ready(Ok(bytes)));
            Poll::Ready(pace.look(context, written))
        });
        match looked.await {
            Poll::Ready(Err(error)) => Some(error.kind()),
            _ => None,
        }
    }

    fn pace() -> Pace {
        Pace {
            end: Box::pin(tokio::time::sleep(Duration::ZERO)),
            taken: 0,
            waiting: false,
            waited: None,
        }
    }

    #[tokio::test]
    async fn time_counts_from_when_something_waits() {
        let mut pace = pace();
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!(turn(&mut pace, Some(10)).await, None);
        // The time before is over, and does not count.
        assert_eq!(turn(&mut pace, None).await, None);
        // Bytes one by one begin nothing anew.
        pace.end.as_mut().reset(tokio::time::Instant::now());
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!(turn(&mut pace, Some(1)).await, None);
        let late = turn(&mut pace, None).await;
        assert_eq!(late, Some(io::ErrorKind::TimedOut));
    }

    #[tokio::test]
    async fn who_takes_enough_goes_on() {
        let mut pace = pace();
        assert_eq!(turn(&mut pace, None).await, None);
        for _ in 0..3 {
            pace.end.as_mut().reset(tokio::time::Instant::now());
            tokio::time::sleep(Duration::from_millis(20)).await;
            assert_eq!(turn(&mut pace, Some(PACE.0)).await, None);
            assert_eq!(turn(&mut pace, None).await, None);
        }
    }
}
