//! WebSocket connections: the same calls as over HTTP, and subscriptions.
//!
//! A client that does not read holds up what is sent to it, then what is read from it,
//! and is dropped after a while: nothing piles up here.

use super::dispatch::{answers, too_large};
use super::load::Text;
use super::methods::{Answer, find};
use super::outgoing::Outgoing;
use super::protocol::{Incoming, NO_ID, Request, answer, notification};
use super::subscriptions::Subscriptions;
use crate::miner::MinerHandle;
use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use futures_util::stream::SplitSink;
use futures_util::{SinkExt, StreamExt};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite;

/// Texts of a connection that may wait to be sent.
const BACKLOG: usize = 64;

/// The most calls of a connection that are answered at once; then nothing is read.
const CALLS: usize = 32;

/// A client that takes nothing for so long is dropped.
const STALLED: Duration = Duration::from_secs(10);

/// The time limit for the last answers of a connection.
const PARTING: Duration = Duration::from_secs(1);

/// Serves one connection until it ends.
pub async fn serve(miner: MinerHandle, socket: WebSocket) {
    let (sink, mut stream) = socket.split();
    let (out, outgoing) = mpsc::channel(BACKLOG);
    let mut writer = tokio::spawn(write(sink, outgoing));
    let node = Arc::clone(miner.node());
    let mut ending = node.ending();
    let next = *node.heads().borrow() + 1;
    let subscriptions = Subscriptions::default();
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
    };
    loop {
        let open = tokio::select! {
            message = stream.next(), if connection.tasks.len() <= CALLS => match message {
                Some(message) => connection.message(message).await,
                None => false,
            },
            Some(_) = connection.tasks.join_next() => true,
            _ = &mut writer => false,
            () = async {
                // Closed or true: the node ends.
                let _ = ending.wait_for(|ending| *ending).await;
            } => false,
        };
        if !open {
            break;
        }
    }
    drop(connection);
    if !writer.is_finished() && tokio::time::timeout(PARTING, &mut writer).await.is_err() {
        writer.abort();
    }
}

/// Sends what there is to send, until the client does not take it.
async fn write(mut sink: SplitSink<WebSocket, Message>, mut outgoing: mpsc::Receiver<Outgoing>) {
    while let Some(next) = outgoing.recv().await {
        let mut last = false;
        let (message, _held) = match next {
            Outgoing::Answer(Text { text, held }) => (Message::Text(text.into()), Some(held)),
            Outgoing::News(id, result) => {
                let text = notification(&format!("{id:#x}"), &result);
                (Message::Text(text.into()), None)
            }
            Outgoing::Flush(done) => {
                // A pong may wait.
                if tokio::time::timeout(STALLED, sink.flush()).await.is_err() {
                    break;
                }
                // It has not left.
                let _ = done.send(());
                continue;
            }
            Outgoing::Close(code, reason) => {
                last = true;
                let reason = reason.into();
                (Message::Close(Some(CloseFrame { code, reason })), None)
            }
        };
        match tokio::time::timeout(STALLED, sink.send(message)).await {
            Ok(Ok(())) if !last => {}
            Ok(_) => break,
            Err(_) => {
                tracing::debug!("a WebSocket is dropped: its client reads nothing");
                return;
            }
        }
    }
    // The client may have closed it already.
    let _ = tokio::time::timeout(PARTING, sink.close()).await;
}

/// A connection; its methods return `false` when it is gone.
struct Connection {
    miner: MinerHandle,
    out: mpsc::Sender<Outgoing>,
    subscriptions: Subscriptions,
    /// The calls that are answered, and one that tells the news.
    tasks: JoinSet<()>,
}

impl Connection {
    async fn message(&mut self, message: Result<Message, axum::Error>) -> bool {
        match message {
            Ok(Message::Text(text)) => self.receive(text.as_bytes()).await,
            Ok(Message::Binary(bytes)) => self.receive(&bytes).await,
            Ok(Message::Ping(_)) => self.flushed().await,
            Ok(Message::Pong(_)) => true,
            Ok(Message::Close(_)) => false,
            Err(error) => {
                tracing::debug!("a WebSocket fails: {error}");
                self.fail(&error).await;
                false
            }
        }
    }

    /// Waits until the pong is sent, so that no more than one is kept.
    async fn flushed(&self) -> bool {
        let (done, sent) = oneshot::channel();
        self.send(Outgoing::Flush(done)).await && sent.await.is_ok()
    }

    /// Tells the client why the connection ends.
    async fn fail(&self, error: &axum::Error) {
        use tungstenite::Error;
        let source = std::error::Error::source(error);
        let (code, reason) = match source.and_then(|source| source.downcast_ref::<Error>()) {
            Some(Error::Capacity(_)) => {
                let text = answer(NO_ID, Err(too_large()));
                self.send(Outgoing::Answer(text.into())).await;
                (close_code::SIZE, "message too big")
            }
            Some(Error::Utf8(_)) => (close_code::INVALID, "invalid UTF-8"),
            _ => (close_code::PROTOCOL, "protocol error"),
        };
        self.send(Outgoing::Close(code, reason)).await;
    }

    async fn receive(&mut self, body: &[u8]) -> bool {
        let incoming = match Incoming::parse(body) {
            Ok(incoming) => incoming,
            Err(error) => {
                let text = answer(NO_ID, Err(error));
                return self.send(Outgoing::Answer(text.into())).await;
            }
        };
        if let Incoming::One(Ok(request)) = &incoming
            && let Some(Answer::Subscription(method)) = find(&request.method)
        {
            return self.subscription(request, *method).await;
        }
        // Calls that take long must not hold up those that follow.
        let (miner, out) = (self.miner.clone(), self.out.clone());
        self.tasks.spawn(async move {
            if let Some(text) = answers(&miner, incoming).await {
                // The client may be gone.
                let _ = out.send(Outgoing::Answer(text)).await;
            }
        });
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
            room.send(Outgoing::Answer(text.into()));
        }
        true
    }

    async fn send(&self, outgoing: Outgoing) -> bool {
        self.out.send(outgoing).await.is_ok()
    }
}
