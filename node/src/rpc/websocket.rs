//! WebSocket connections: the same calls as over HTTP, and subscriptions.

use super::dispatch::{answers, too_large};
use super::methods::{Answer, find};
use super::params::Params;
use super::protocol::{Incoming, answer};
use super::subscriptions::Subscriptions;
use crate::miner::MinerHandle;
use axum::extract::ws::{Message, WebSocket};
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;

/// Answers of a connection that may wait to be sent.
const BACKLOG: usize = 1024;

/// The time limit for the last answers of a connection.
const PARTING: Duration = Duration::from_secs(1);

/// Serves one connection until it ends.
pub async fn serve(miner: MinerHandle, socket: WebSocket) {
    let (mut sink, mut stream) = socket.split();
    let (out, mut outgoing) = mpsc::channel::<String>(BACKLOG);
    let writer = tokio::spawn(async move {
        while let Some(text) = outgoing.recv().await {
            if sink.send(Message::Text(text.into())).await.is_err() {
                break;
            }
        }
        // The client may have closed it already.
        let _ = sink.close().await;
    });
    let node = Arc::clone(miner.node());
    let mut heads = node.heads();
    let mut arrivals = node.arrivals();
    let next = *heads.borrow_and_update() + 1;
    let mut connection = Connection {
        miner,
        out,
        subscriptions: Subscriptions::new(node, next),
    };
    loop {
        let open = tokio::select! {
            message = stream.next() => match message {
                Some(message) => connection.message(message).await,
                None => false,
            },
            changed = heads.changed() => match changed {
                Ok(()) => {
                    let newest = *heads.borrow_and_update();
                    let texts = connection.subscriptions.blocks(newest);
                    connection.send_all(texts).await
                }
                Err(_) => false,
            },
            arrival = arrivals.recv() => match arrival {
                Ok(hash) => {
                    let texts = connection.subscriptions.arrival(hash);
                    connection.send_all(texts).await
                }
                Err(RecvError::Lagged(_)) => true,
                Err(RecvError::Closed) => false,
            },
        };
        if !open {
            break;
        }
    }
    drop(connection);
    // Calls may still be answered; a client that does not read is not waited for.
    let _ = tokio::time::timeout(PARTING, writer).await;
}

/// A connection; its methods return `false` when it is gone.
struct Connection {
    miner: MinerHandle,
    out: mpsc::Sender<String>,
    subscriptions: Subscriptions,
}

impl Connection {
    async fn message(&mut self, message: Result<Message, axum::Error>) -> bool {
        match message {
            Ok(Message::Text(text)) => self.receive(text.as_bytes()).await,
            Ok(Message::Binary(bytes)) => self.receive(&bytes).await,
            Ok(Message::Ping(_) | Message::Pong(_)) => true,
            Ok(Message::Close(_)) => false,
            Err(error) => {
                tracing::debug!("a WebSocket fails: {error}");
                let error = Err(too_large());
                self.send(answer(&Value::Null, &error)).await;
                false
            }
        }
    }

    async fn receive(&mut self, body: &[u8]) -> bool {
        let incoming = match Incoming::parse(body) {
            Ok(incoming) => incoming,
            Err(error) => return self.send(answer(&Value::Null, &Err(error))).await,
        };
        if let Incoming::One(Ok(request)) = &incoming
            && let Some(Answer::Subscription(method)) = find(&request.method)
        {
            let params = Params::new(request.params.clone());
            let outcome = method(&mut self.subscriptions, &params);
            return match &request.id {
                Some(id) => self.send(answer(id, &outcome)).await,
                None => true,
            };
        }
        // Calls that take long must not hold up those that follow.
        let (miner, out) = (self.miner.clone(), self.out.clone());
        tokio::spawn(async move {
            if let Some(text) = answers(&miner, incoming).await {
                // The client may be gone.
                let _ = out.send(text).await;
            }
        });
        true
    }

    async fn send_all(&self, texts: Vec<String>) -> bool {
        for text in texts {
            if !self.send(text).await {
                return false;
            }
        }
        true
    }

    async fn send(&self, text: String) -> bool {
        self.out.send(text).await.is_ok()
    }
}
