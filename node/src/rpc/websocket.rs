//! WebSocket: the same calls, and subscriptions.

use super::json;
use super::params::{LogQuery, Params};
use super::protocol::{Incoming, Request, RpcError, answer, notification};
use super::server;
use crate::chain::LogFilter;
use crate::node::Node;
use alloy_primitives::B256;
use axum::extract::ws::{Message, WebSocket};
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;

/// Answers of a connection that may wait to be sent.
const BACKLOG: usize = 1024;

/// How long the last answers of a connection may take.
const PARTING: Duration = Duration::from_secs(1);

/// Most subscriptions of a connection.
const MAX_SUBSCRIPTIONS: usize = 1_000;

/// Numbers subscriptions, over all connections.
static SUBSCRIPTIONS: AtomicU64 = AtomicU64::new(1);

/// What a client is told of.
#[derive(Debug)]
enum Topic {
    Heads,
    Logs(LogFilter),
    Arrivals { whole: bool },
}

/// Serves one connection until it ends.
pub async fn serve(node: Arc<Node>, socket: WebSocket) {
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
    let mut heads = node.heads();
    let mut arrivals = node.arrivals();
    let mut connection = Connection {
        next: *heads.borrow_and_update() + 1,
        node,
        out,
        topics: BTreeMap::new(),
    };
    loop {
        let open = tokio::select! {
            message = stream.next() => match message {
                Some(Ok(Message::Text(text))) => connection.receive(text.as_bytes()).await,
                Some(Ok(Message::Binary(bytes))) => connection.receive(&bytes).await,
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => true,
                Some(Ok(Message::Close(_))) | None => false,
                Some(Err(error)) => {
                    tracing::debug!("a WebSocket fails: {error}");
                    let error = Err(server::too_large());
                    connection.send(answer(&Value::Null, &error)).await;
                    false
                }
            },
            changed = heads.changed() => match changed {
                Ok(()) => {
                    let newest = *heads.borrow_and_update();
                    connection.tell_blocks(newest).await
                }
                Err(_) => false,
            },
            arrival = arrivals.recv() => match arrival {
                Ok(hash) => connection.tell_arrival(hash).await,
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

struct Connection {
    node: Arc<Node>,
    out: mpsc::Sender<String>,
    topics: BTreeMap<u64, Topic>,
    /// The first block that subscribers have not been told of.
    next: u64,
}

impl Connection {
    /// Takes a message; `false` when the connection is gone.
    async fn receive(&mut self, body: &[u8]) -> bool {
        let incoming = match Incoming::parse(body) {
            Ok(incoming) => incoming,
            Err(error) => return self.send(answer(&Value::Null, &Err(error))).await,
        };
        if let Incoming::One(Ok(request)) = &incoming
            && let Some(outcome) = self.subscription(request)
        {
            return match &request.id {
                Some(id) => self.send(answer(id, &outcome)).await,
                None => true,
            };
        }
        // Calls that take long must not hold up those that follow.
        let (node, out) = (Arc::clone(&self.node), self.out.clone());
        tokio::spawn(async move {
            if let Some(text) = server::answers(&node, incoming).await {
                // The client may be gone.
                let _ = out.send(text).await;
            }
        });
        true
    }

    /// Answers what only this connection can; none for all else.
    fn subscription(&mut self, request: &Request) -> Option<Result<Value, RpcError>> {
        let params = Params::new(request.params.clone());
        match request.method.as_str() {
            "eth_subscribe" => Some(self.subscribe(&params)),
            "eth_unsubscribe" => Some(
                params
                    .required(0)
                    .map(|id| Value::Bool(self.topics.remove(&id).is_some())),
            ),
            _ => None,
        }
    }

    fn subscribe(&mut self, params: &Params) -> Result<Value, RpcError> {
        let name: String = params.required(0)?;
        let topic = match name.as_str() {
            "newHeads" => Topic::Heads,
            "logs" => Topic::Logs(params.optional::<LogQuery>(1)?.unwrap_or_default().filter),
            "newPendingTransactions" => Topic::Arrivals {
                whole: params.optional(1)?.unwrap_or(false),
            },
            name => {
                let message = format!("no {name:?} subscription in eth namespace");
                return Err(RpcError {
                    message,
                    ..RpcError::method_not_found(name)
                });
            }
        };
        if self.topics.len() >= MAX_SUBSCRIPTIONS {
            return Err(RpcError::limit(format_args!(
                "too many subscriptions: at most {MAX_SUBSCRIPTIONS} a connection"
            )));
        }
        let id = SUBSCRIPTIONS.fetch_add(1, Ordering::Relaxed);
        self.topics.insert(id, topic);
        Ok(json::quantity(id))
    }

    /// Tells of all blocks up to `newest`, none left out.
    async fn tell_blocks(&mut self, newest: u64) -> bool {
        let blocks = self.node.chain().range(self.next, newest).to_vec();
        self.next = newest + 1;
        let mut texts = Vec::new();
        for block in blocks {
            for (id, topic) in &self.topics {
                let id = format!("{id:#x}");
                match topic {
                    Topic::Heads => {
                        texts.push(notification(&id, &Value::Object(json::header(&block))));
                    }
                    Topic::Logs(filter) => {
                        let mut logs = Vec::new();
                        filter.of_block(&block, &mut logs);
                        texts.extend(logs.iter().map(|log| notification(&id, log)));
                    }
                    Topic::Arrivals { .. } => {}
                }
            }
        }
        for text in texts {
            if !self.send(text).await {
                return false;
            }
        }
        true
    }

    async fn tell_arrival(&mut self, hash: B256) -> bool {
        let mut texts = Vec::new();
        for (id, topic) in &self.topics {
            let Topic::Arrivals { whole } = topic else {
                continue;
            };
            let transaction = whole.then(|| {
                let pool = self.node.pool();
                pool.get(&hash)
                    .map(|waiting| json::pending_transaction(&waiting.transaction, &waiting.sender))
            });
            let value = transaction.flatten().unwrap_or_else(|| json::data(hash));
            texts.push(notification(&format!("{id:#x}"), &value));
        }
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
