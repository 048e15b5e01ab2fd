//! WebSocket connections: the same calls as over HTTP, and subscriptions.
//!
//! A client that does not read holds up what is sent to it, then what is read from it,
//! and is dropped after a while: nothing piles up here.

use super::dispatch::{answers, too_large};
use super::load::{Held, Place, Places, Share, Text};
use super::meter::{MESSAGE_TIME, Meter};
use super::methods::{Answer, find};
use super::outgoing::Outgoing;
use super::protocol::{Incoming, NO_ID, Request, answer, notification};
use super::subscriptions::Subscriptions;
use crate::miner::MinerHandle;
use crate::node::Node;
use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use futures_util::stream::SplitSink;
use futures_util::{SinkExt, StreamExt};
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite;

/// Texts of a connection that may wait to be sent.
const BACKLOG: usize = 64;

/// The most calls of a connection that are answered at once.
const CALLS: usize = 32;

/// The most messages that wait behind those, and their bytes; then nothing is read. They
/// are read so that a client which leaves is noticed.
const WAITING: (usize, usize) = (64, 64 << 10);

/// If there are fewer places for WebSockets than this, those that are idle leave.
const SPARE: usize = 100;

/// The time limit for the last answers of a connection.
const PARTING: Duration = Duration::from_secs(1);

/// Serves one connection until it ends.
pub(super) async fn serve(miner: MinerHandle, share: Share, meter: Meter, socket: WebSocket) {
    let (sink, mut stream) = socket.split();
    let (out, outgoing) = mpsc::channel(BACKLOG);
    let node = Arc::clone(miner.node());
    let mut writer = tokio::spawn(write(Arc::clone(&node), meter.clone(), sink, outgoing));
    let mut ending = node.ending();
    let next = *node.heads().borrow() + 1;
    let places = Places::new(&node.load);
    let subscriptions = Subscriptions::new(&node.load);
    // What is not answered or told when the connection ends, is dropped with this.
    let mut tasks = JoinSet::new();
    let tell = subscriptions.clone().tell(node, next, out.clone());
    tasks.spawn(async {
        tell.await;
    });
    let mut connection = Connection {
        miner,
        out,
        subscriptions,
        tasks,
        share,
        meter,
        places: places.clone(),
        waiting: VecDeque::new(),
        waiting_bytes: 0,
    };
    loop {
        let open = tokio::select! {
            message = timeout(MESSAGE_TIME, stream.next()), if connection.has_room() => {
                match message {
                    Ok(Some(message)) => connection.message(message).await,
                    Ok(None) => false,
                    // The rest of a message may be missing.
                    Err(_) => !connection.makes_room().await,
                }
            }
            place = places.next(), if connection.is_due() => connection.go_on(place).await,
            // One of the tasks tells the news.
            // What panics leaves a call without an answer.
            Some(done) = connection.tasks.join_next() => done.is_ok(),
            _ = &mut writer => false,
            () = async {
                // Closed or true: the node ends.
                let _ = ending.wait_for(|ending| *ending).await;
            } => false,
        };
        if !open || !connection.may_go_on().await {
            break;
        }
    }
    drop(connection);
    if !writer.is_finished() && timeout(PARTING, &mut writer).await.is_err() {
        writer.abort();
    }
}

/// Sends what there is to send, until the client does not take it.
async fn write(
    node: Arc<Node>,
    meter: Meter,
    mut sink: SplitSink<WebSocket, Message>,
    mut outgoing: mpsc::Receiver<Outgoing>,
) {
    while let Some(next) = outgoing.recv().await {
        let (mut last, mut turn, mut size) = (false, None, 0);
        let (message, _held) = match next {
            Outgoing::Answer(Text { text, held }, place) => {
                size = text.len();
                (Message::Text(text.into()), Some((held, place)))
            }
            Outgoing::News(id, result) => {
                // However many are told, they leave the others some time.
                turn = node.load.news.acquire().await.ok();
                let text = notification(&format!("{id:#x}"), &result.text());
                size = text.len();
                (Message::Text(text.into()), None)
            }
            Outgoing::Flush(done) => {
                // A pong may wait.
                if sink.flush().await.is_err() {
                    break;
                }
                // The client may have left.
                let _ = done.send(());
                continue;
            }
            Outgoing::Close(code, reason) => {
                last = true;
                let reason = reason.into();
                (Message::Close(Some(CloseFrame { code, reason })), None)
            }
        };
        let mut sending = pin!(sink.send(message));
        let first = poll_fn(|context| Poll::Ready(sending.as_mut().poll(context)));
        let sent = match first.await {
            Poll::Ready(sent) => sent,
            Poll::Pending => {
                // Nobody waits for a client that does not read.
                drop(turn.take());
                sending.await
            }
        };
        drop(turn);
        meter.sent(size);
        match sent {
            Ok(()) if !last => {}
            Ok(()) => break,
            Err(error) => {
                tracing::debug!("a WebSocket is dropped: {error}");
                return;
            }
        }
    }
    // The client may have closed it already.
    let _ = timeout(PARTING, sink.close()).await;
}

/// A connection; its methods return `false` when it is gone.
struct Connection {
    miner: MinerHandle,
    out: mpsc::Sender<Outgoing>,
    subscriptions: Subscriptions,
    /// The calls that are answered, and one that tells the news.
    tasks: JoinSet<()>,
    share: Share,
    meter: Meter,
    places: Places,
    /// Messages that were read and are not answered yet.
    waiting: VecDeque<(Vec<u8>, Held)>,
    waiting_bytes: usize,
}

impl Connection {
    async fn message(&mut self, message: Result<Message, axum::Error>) -> bool {
        match message {
            Ok(Message::Text(text)) => self.take(text.as_bytes()).await,
            Ok(Message::Binary(bytes)) => self.take(&bytes).await,
            Ok(Message::Ping(bytes)) => {
                self.meter.control(bytes.len());
                self.flushed().await
            }
            Ok(Message::Pong(bytes)) => {
                self.meter.control(bytes.len());
                true
            }
            Ok(Message::Close(_)) => false,
            Err(error) => {
                tracing::debug!("a WebSocket fails: {error}");
                self.fail(&error).await;
                false
            }
        }
    }

    /// True if nothing is asked for, and others find no place for a WebSocket: the client is told.
    async fn makes_room(&self) -> bool {
        let load = &self.miner.node().load;
        let idle = self.tasks.len() <= 1 && self.subscriptions.is_empty();
        let leaves = idle && load.sockets.available_permits() < SPARE;
        if leaves {
            let reason = "idle, and too many WebSockets: connect again";
            self.send(Outgoing::Close(close_code::AGAIN, reason)).await;
        }
        leaves
    }

    /// False if the connection has to end, which the client is told.
    async fn may_go_on(&self) -> bool {
        let close = if self.meter.is_late() {
            (close_code::POLICY, "the message does not arrive")
        } else if self.meter.is_full() && self.tasks.len() <= 1 && self.waiting.is_empty() {
            // All that it asked for is answered.
            (
                close_code::AGAIN,
                "too many large messages of all clients: connect again",
            )
        } else {
            return true;
        };
        self.send(Outgoing::Close(close.0, close.1)).await;
        false
    }

    /// Waits until the pong is sent, so that no more than one is kept.
    async fn flushed(&self) -> bool {
        let (done, sent) = oneshot::channel();
        self.send(Outgoing::Flush(done)).await && sent.await.is_ok()
    }

    /// Tells the client why the connection ends.
    async fn fail(&self, error: &axum::Error) {
        use tungstenite::Error;
        if self.meter.is_refused() {
            let reason = "too many large requests at once";
            self.send(Outgoing::Close(close_code::AGAIN, reason)).await;
            return;
        }
        let source = std::error::Error::source(error);
        let (code, reason) = match source.and_then(|source| source.downcast_ref::<Error>()) {
            Some(Error::Capacity(_)) => {
                let text = answer(NO_ID, Err(too_large()));
                self.send(Outgoing::Answer(text.into(), None)).await;
                (close_code::SIZE, "message too big")
            }
            Some(Error::Utf8(_)) => (close_code::INVALID, "invalid UTF-8"),
            _ => (close_code::PROTOCOL, "protocol error"),
        };
        self.send(Outgoing::Close(code, reason)).await;
    }

    /// True if another message may be read.
    fn has_room(&self) -> bool {
        let (count, bytes) = WAITING;
        self.waiting.len() < count && self.waiting_bytes < bytes && !self.meter.is_full()
    }

    /// True if another call may be answered: one of the tasks tells the news.
    fn is_free(&self) -> bool {
        self.tasks.len() <= CALLS
    }

    /// True if a message that waits may be answered now.
    fn is_due(&self) -> bool {
        self.is_free() && !self.waiting.is_empty()
    }

    /// Answers a message, or lets it wait behind others.
    async fn take(&mut self, body: &[u8]) -> bool {
        let held = self.meter.message(body.len());
        if self.is_free()
            && self.waiting.is_empty()
            && let Some(place) = self.places.try_next()
        {
            return self.receive(body, held, place).await;
        }
        self.waiting_bytes += body.len();
        self.waiting.push_back((body.to_vec(), held));
        true
    }

    /// Answers the message that waits for the longest time.
    async fn go_on(&mut self, place: Place) -> bool {
        let Some((body, held)) = self.waiting.pop_front() else {
            return true;
        };
        self.waiting_bytes -= body.len();
        self.receive(&body, held, place).await
    }

    /// Answers a message, whose bytes are counted until then.
    async fn receive(&mut self, body: &[u8], held: Held, place: Place) -> bool {
        let mut held = held;
        let incoming = match Incoming::parse(body) {
            Ok(incoming) => incoming,
            Err(error) => {
                let text = answer(NO_ID, Err(error));
                return self.send(Outgoing::Answer(text.into(), place)).await;
            }
        };
        if let Incoming::One(Ok(request)) = &incoming
            && let Some(Answer::Subscription(method)) = find(&request.method)
        {
            return self.subscription(request, *method).await;
        }
        held.shrink(incoming.size());
        // Calls that take long must not hold up those that follow.
        let (miner, out) = (self.miner.clone(), self.out.clone());
        let answering = async move {
            let text = answers(&miner, incoming).await;
            drop(held);
            if let Some(text) = text {
                // The client may be gone.
                let _ = out.send(Outgoing::Answer(text, place)).await;
            }
        };
        self.tasks.spawn(self.share.clone().lend(answering));
        true
    }

    async fn subscription(&self, request: &Request, method: super::methods::Subscribe) -> bool {
        // The answer comes before the news: there must be room for it first.
        let Ok(room) = self.out.reserve().await else {
            return false;
        };
        let outcome = request
            .params
            .read()
            .and_then(|params| method(&self.subscriptions, &params));
        if let Some(id) = &request.id {
            let text = match outcome {
                Ok(result) => answer(id, Ok(&result.to_string())),
                Err(error) => answer(id, Err(error)),
            };
            room.send(Outgoing::Answer(text.into(), None));
        }
        true
    }

    async fn send(&self, outgoing: Outgoing) -> bool {
        self.out.send(outgoing).await.is_ok()
    }
}
