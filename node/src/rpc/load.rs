//! Concurrent work and memory of the node, for all its clients together.

use super::error::RpcError;
use crate::load::Load;
use crate::node::Node;
use axum::body::Bytes;
use evm_kernel::native::simulate::Interrupt;
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// Most bytes of an answer, and of the answers of a batch, as in go-ethereum.
pub(super) const MAX_ANSWER: usize = 25_000_000;

/// A text below this size is not counted.
const SMALL: usize = 64 << 10;

/// So many bytes of a batch's answers are counted at once.
const STEP: usize = 256 << 10;

/// The time of a call; it was 5 s in go-ethereum, too.
const CALL_TIME: Duration = Duration::from_secs(5);

/// The time of a call on a fork: each account and slot may take a round trip.
const FORK_CALL_TIME: Duration = Duration::from_secs(60);

/// The time after which a call is one of the long ones, of which few run at once.
const QUICK_TIME: Duration = Duration::from_millis(25);

/// The time in which a program ends that was told to.
const GRACE: Duration = Duration::from_secs(1);

/// The time in which a trace that is sent meanwhile has to end.
const STREAM_TIME: Duration = Duration::from_secs(60);

/// The calls of a connection that are tried, or on threads that may block, at once; and those of
/// them that take long.
const SHARES: (usize, usize) = (2, 1);

/// A connection's share of the places that all have in common.
#[derive(Clone, Debug)]
pub(crate) struct Share {
    quick: Arc<Semaphore>,
    long: Arc<Semaphore>,
}

impl Default for Share {
    fn default() -> Self {
        let (quick, long) = SHARES;
        Self {
            quick: Arc::new(Semaphore::new(quick)),
            long: Arc::new(Semaphore::new(long)),
        }
    }
}

tokio::task_local! {
    /// The share of the connection that a task answers.
    static SHARE: Share;
}

impl Share {
    /// Lets the calls of `answering` use this share.
    pub(super) async fn lend<T>(self, answering: impl Future<Output = T>) -> T {
        SHARE.scope(self, answering).await
    }

    /// That of the connection that this task answers; one of its own for a call from
    /// within the process.
    fn current() -> Self {
        SHARE.try_with(Clone::clone).unwrap_or_default()
    }
}

/// The place of a small call of a WebSocket, from its start until its answer has left; `None` for
/// what is too small to count.
pub(super) type Place = Option<OwnedSemaphorePermit>;

/// The places for small calls of a WebSocket: one of its own, so that it is served whatever
/// others do, and those that all share.
#[derive(Clone, Debug)]
pub(super) struct Places {
    own: Arc<Semaphore>,
    shared: Arc<Semaphore>,
}

impl Places {
    pub(super) fn new(load: &Load) -> Self {
        Self {
            own: Arc::new(Semaphore::new(1)),
            shared: Arc::clone(&load.calls),
        }
    }

    /// A place that is free.
    pub(super) fn try_next(&self) -> Option<Place> {
        let own = Arc::clone(&self.own).try_acquire_owned();
        let place = own.or_else(|_| Arc::clone(&self.shared).try_acquire_owned());
        place.ok().map(Some)
    }

    /// Waits until a place is free.
    pub(super) async fn next(&self) -> Place {
        // Neither is ever closed.
        tokio::select! {
            biased;
            place = Arc::clone(&self.own).acquire_owned() => place.ok(),
            place = Arc::clone(&self.shared).acquire_owned() => place.ok(),
        }
    }
}

/// The longest wait for a place among those that run.
const PATIENCE: Duration = Duration::from_secs(30);

/// Bytes that are counted as long as this is there.
#[derive(Debug, Default)]
pub(super) struct Held(Option<OwnedSemaphorePermit>);

/// The text of an answer, which is counted if it is large.
#[derive(Debug, Default)]
pub(super) struct Text {
    pub(super) text: String,
    pub(super) held: Held,
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        let held = Held::default();
        Self { text, held }
    }
}

impl Load {
    /// Counts the bytes of a request that is read, `all` so far; `None`: too many are read
    /// already.
    pub(super) fn request(&self, held: &mut Held, all: usize) -> Option<()> {
        held.grow(&self.requests, all)
    }

    /// Counts buffers that a connection keeps, of `all` bytes; `None`: there are too many.
    pub(super) fn buffer(&self, held: &mut Held, all: usize) -> Option<()> {
        held.grow(&self.buffers, all)
    }

    /// Counts a text that was made already, if it is large.
    ///
    /// # Errors
    /// If too many large ones are there.
    pub(super) fn keep(&self, text: String) -> Result<Text, RpcError> {
        if text.len() < SMALL {
            return Ok(text.into());
        }
        let held = take(&self.answers, text.len()).ok_or_else(crowded)?;
        Ok(Text { text, held })
    }

    /// Counts the bytes of a batch's answers behind the first [`SMALL`], some more than there are
    /// yet: as many as `all` has now. `None`: too many are made or sent at once.
    pub(super) fn batch(&self, held: &mut Held, all: usize) -> Option<()> {
        let counted = if all < SMALL {
            0
        } else {
            all.next_multiple_of(STEP)
        };
        held.grow(&self.batches, counted)
    }

    /// A place for a WebSocket; `None`: there are too many.
    pub(super) fn socket(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.sockets).try_acquire_owned().ok()
    }

    /// As [`Load::keep`], but waits a moment for others to leave.
    async fn keep_soon(&self, text: String) -> Result<Text, RpcError> {
        if text.len() < SMALL {
            return Ok(text.into());
        }
        let needed = u32::try_from(text.len().div_ceil(1024)).map_err(|_| crowded())?;
        let permit = Arc::clone(&self.answers).acquire_many_owned(needed);
        match tokio::time::timeout(MOMENT, permit).await {
            Ok(Ok(permit)) => Ok(Text {
                text,
                held: Held(Some(permit)),
            }),
            _ => Err(crowded()),
        }
    }
}

/// The wait for room for a large answer that is there: it keeps a place among the others.
const MOMENT: Duration = Duration::from_secs(1);

impl Held {
    /// Counts as many bytes as `all`; `None`: so many are not free.
    fn grow(&mut self, places: &Arc<Semaphore>, all: usize) -> Option<()> {
        let there = self.0.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let more = all.div_ceil(1024).saturating_sub(there);
        if more > 0 {
            let more = take(places, more * 1024)?.0;
            match (&mut self.0, more) {
                (Some(held), Some(more)) => held.merge(more),
                (none, more) => *none = more,
            }
        }
        Some(())
    }

    /// Gives back all that `size` bytes do not need.
    pub(super) fn shrink(&mut self, size: usize) {
        if let Some(permit) = &mut self.0 {
            let needed = if size < SMALL { 0 } else { size.div_ceil(1024) };
            // What is dropped is free again.
            drop(permit.split(permit.num_permits().saturating_sub(needed)));
        }
    }
}

/// Counts `bytes` bytes; `None`: so many are not free.
fn take(places: &Arc<Semaphore>, bytes: usize) -> Option<Held> {
    let needed = u32::try_from(bytes.div_ceil(1024)).ok()?;
    let permit = Arc::clone(places).try_acquire_many_owned(needed).ok()?;
    Some(Held(Some(permit)))
}

/// The error of an answer that is not made since others are too many.
pub(super) fn crowded() -> RpcError {
    RpcError::limit("too many large answers at once")
}

/// Waits for a place, but not for ever.
async fn place<T, E>(wait: impl Future<Output = Result<T, E>>) -> Result<T, RpcError> {
    match tokio::time::timeout(PATIENCE, wait).await {
        Ok(Ok(place)) => Ok(place),
        _ => Err(timed_out()),
    }
}

/// The error of a call that had to wait for too long.
pub(super) fn timed_out() -> RpcError {
    RpcError::new(RpcError::TIMED_OUT, "request timed out")
}

/// Runs `work` on a thread that may block. A connection has few such threads at a time.
///
/// # Errors
/// Those of `work`; an internal error if it panics.
pub(super) async fn blocking<T: Send + 'static>(
    node: &Arc<Node>,
    work: impl FnOnce(&Node) -> Result<T, RpcError> + Send + 'static,
) -> Result<T, RpcError> {
    let (done, _place) = placed(node, work).await?;
    Ok(done)
}

/// As [`blocking`], with the place, which is free again when it is dropped.
async fn placed<T: Send + 'static>(
    node: &Arc<Node>,
    work: impl FnOnce(&Node) -> Result<T, RpcError> + Send + 'static,
) -> Result<(T, OwnedSemaphorePermit), RpcError> {
    let share = Share::current();
    let _turn = place(share.quick.acquire()).await?;
    let permit = place(Arc::clone(&node.load.blocking).acquire_owned()).await?;
    let node = Arc::clone(node);
    // The place is kept until the work ends, whoever waits for it.
    let task = tokio::task::spawn_blocking(move || (work(&node), permit));
    let (done, permit) = task.await.map_err(RpcError::internal)?;
    Ok((done?, permit))
}

/// As [`blocking`], for work that may take seconds: it is one of few at once, and one of its
/// connection, which leave the other places to others.
///
/// # Errors
/// As [`blocking`].
pub(super) async fn long<T: Send + 'static>(
    node: &Arc<Node>,
    work: impl FnOnce(&Node) -> Result<T, RpcError> + Send + 'static,
) -> Result<T, RpcError> {
    let share = Share::current();
    let _turn = place(share.long.acquire()).await?;
    let permit = place(Arc::clone(&node.load.long).acquire_owned()).await?;
    blocking(node, move |node| {
        let _permit = permit;
        work(node)
    })
    .await
}

/// Makes a text that may be large on a thread that may block.
///
/// # Errors
/// Those of `work`; if there are too many large ones.
pub(super) async fn large(
    node: &Arc<Node>,
    work: impl FnOnce(&Node) -> Result<String, RpcError> + Send + 'static,
) -> Result<Text, RpcError> {
    let (text, _place) = placed(node, work).await?;
    node.load.keep_soon(text).await
}

/// Runs a call, which ends after [`CALL_TIME`] or if this is dropped, as it is where
/// the client leaves. First it is tried for a moment among other short ones; if it takes
/// longer, it waits for a place among the long ones, of which two run at once: each may
/// use 100 MB. Of these places a connection has one at a time, and waits for one more at
/// most: whoever asks for a thousand does not keep others from theirs.
///
/// # Errors
/// Those of `work`; −32000 if it took too long.
pub(super) async fn call<T: Send + 'static>(
    node: &Arc<Node>,
    work: impl Fn(&Node, &Interrupt) -> Result<T, RpcError> + Send + Sync + 'static,
) -> Result<T, RpcError> {
    let work = Arc::new(work);
    let load = &node.load;
    let share = Share::current();
    let turn = place(share.quick.acquire()).await?;
    if let Some(outcome) = attempt(node, &work, (&load.quick, QUICK_TIME), None).await? {
        return outcome;
    }
    drop(turn);
    let _turn = place(share.long.acquire()).await?;
    let time = call_time(node);
    let outcome = attempt(node, &work, (&load.long, time), None).await?;
    outcome.unwrap_or_else(|| Err(late(time)))
}

/// The time of a batch.
pub(super) fn batch_time(node: &Node) -> Duration {
    12 * call_time(node)
}

/// The time of a call.
fn call_time(node: &Node) -> Duration {
    match node.fork() {
        None => CALL_TIME,
        Some(_) => FORK_CALL_TIME,
    }
}

fn late(time: Duration) -> RpcError {
    RpcError::server(format_args!("execution aborted (timeout = {time:?})"))
}

/// Makes a text by a program of the caller's. Such a one may not look whether it should end:
/// then it is left alone, and keeps one of the places that programs have until it does.
///
/// # Errors
/// Those of `work`; −32000 if it took too long.
pub(super) async fn script(
    node: &Arc<Node>,
    work: impl Fn(&Node, &Interrupt) -> Result<String, RpcError> + Send + Sync + 'static,
) -> Result<Text, RpcError> {
    let share = Share::current();
    let _turn = place(share.long.acquire()).await?;
    let time = call_time(node);
    let places = (&node.load.scripts, time);
    let outcome = attempt(node, &Arc::new(work), places, Some(GRACE)).await?;
    node.load.keep(outcome.unwrap_or_else(|| Err(late(time)))?)
}

/// Makes a text by calls.
///
/// # Errors
/// Those of `work`; if there are too many large ones.
pub(super) async fn large_call(
    node: &Arc<Node>,
    work: impl Fn(&Node, &Interrupt) -> Result<String, RpcError> + Send + Sync + 'static,
) -> Result<Text, RpcError> {
    node.load.keep(call(node, work).await?)
}

/// Pieces of a text that is sent while it is made; an error where it ends early.
pub(super) type Pieces = mpsc::Receiver<Result<Bytes, io::Error>>;

/// Makes a text that is sent meanwhile. It ends early if that takes longer than
/// [`STREAM_TIME`].
///
/// # Errors
/// If no place is free.
pub(super) async fn stream(
    node: &Arc<Node>,
    work: impl FnOnce(&Node, &Interrupt, Channel) -> Result<(), RpcError> + Send + 'static,
) -> Result<Pieces, RpcError> {
    let permit = place(Arc::clone(&node.load.streams).acquire_owned()).await?;
    let (out, pieces) = mpsc::channel(4);
    let interrupt = Interrupt::default();
    let timer = interrupt.clone();
    let late = tokio::spawn(async move {
        tokio::time::sleep(STREAM_TIME).await;
        timer.set();
    });
    let node = Arc::clone(node);
    tokio::task::spawn_blocking(move || {
        let _permit = permit;
        let channel = Channel {
            out: out.clone(),
            piece: String::new(),
        };
        if let Err(error) = work(&node, &interrupt, channel) {
            // The reader may have left.
            let _ = out.blocking_send(Err(io::Error::other(error.message)));
        }
        late.abort();
    });
    Ok(pieces)
}

/// The receiver of a text's pieces.
#[derive(Debug)]
pub(super) struct Channel {
    out: mpsc::Sender<Result<Bytes, io::Error>>,
    piece: String,
}

impl Channel {
    /// Sends what is there.
    ///
    /// # Errors
    /// If the reader left.
    pub(super) fn flush(&mut self) -> fmt::Result {
        let piece = std::mem::take(&mut self.piece);
        let sent = self.out.blocking_send(Ok(piece.into()));
        sent.map_err(|_| fmt::Error)
    }
}

impl fmt::Write for Channel {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.piece.push_str(text);
        if self.piece.len() < SMALL {
            return Ok(());
        }
        self.flush()
    }
}

/// Tries `work` for some time; `None`: that was not enough. It has to end then, or within
/// `grace` more.
async fn attempt<T: Send + 'static>(
    node: &Arc<Node>,
    work: &Arc<impl Fn(&Node, &Interrupt) -> Result<T, RpcError> + Send + Sync + 'static>,
    (places, time): (&Arc<Semaphore>, Duration),
    grace: Option<Duration>,
) -> Result<Option<Result<T, RpcError>>, RpcError> {
    let permit = place(Arc::clone(places).acquire_owned()).await?;
    let interrupt = Interrupt::default();
    let leaving = SetOnDrop(interrupt.clone());
    let (node, work) = (Arc::clone(node), Arc::clone(work));
    let mut task = tokio::task::spawn_blocking(move || {
        // Kept until it ends, whoever waits for it.
        let _permit = permit;
        let outcome = work(&node, &interrupt);
        (!interrupt.is_set() || outcome.is_ok()).then_some(outcome)
    });
    let outcome = match tokio::time::timeout(time, &mut task).await {
        Ok(outcome) => outcome,
        Err(_) => {
            leaving.0.set();
            match grace {
                None => task.await,
                Some(grace) => match tokio::time::timeout(grace, task).await {
                    Ok(outcome) => outcome,
                    Err(_) => return Ok(None),
                },
            }
        }
    };
    outcome.map_err(RpcError::internal)
}

/// Ends a call that nobody waits for.
struct SetOnDrop(Interrupt);

impl Drop for SetOnDrop {
    fn drop(&mut self) {
        self.0.set();
    }
}

#[cfg(test)]
mod tests;
