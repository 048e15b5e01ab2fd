//! The subscriptions of a WebSocket connection.

use super::error::RpcError;
use super::json;
use super::params::Params;
use super::protocol::notification;
use crate::chain::{Block, LogFilter};
use crate::node::Node;
use crate::request::LogQuery;
use alloy_primitives::B256;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Most subscriptions of a connection.
const MAX_SUBSCRIPTIONS: usize = 1_000;

/// Numbers subscriptions, over all connections.
static SUBSCRIPTIONS: AtomicU64 = AtomicU64::new(1);

/// The events that a client subscribed to.
#[derive(Debug)]
enum Topic {
    Heads,
    Logs(LogFilter),
    Arrivals { whole: bool },
}

/// The subscriptions of a connection.
#[derive(Debug)]
pub(super) struct Subscriptions {
    node: Arc<Node>,
    topics: BTreeMap<u64, Topic>,
    /// The first block that subscribers have not been told of.
    next: u64,
}

impl Subscriptions {
    /// None yet; blocks are told from number `next` on.
    pub(super) const fn new(node: Arc<Node>, next: u64) -> Self {
        Self {
            node,
            topics: BTreeMap::new(),
            next,
        }
    }

    /// `eth_subscribe(topic, options)`.
    pub(super) fn subscribe(&mut self, params: &Params) -> Result<Value, RpcError> {
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

    /// `eth_unsubscribe(id)`.
    pub(super) fn unsubscribe(&mut self, params: &Params) -> Result<Value, RpcError> {
        let removed = self.topics.remove(&params.required(0)?);
        Ok(Value::Bool(removed.is_some()))
    }

    /// The notifications of all blocks up to `newest` that have not been told.
    pub(super) fn blocks(&mut self, newest: u64) -> Vec<String> {
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
                        texts.extend(logs(filter, &block).map(|log| notification(&id, &log)));
                    }
                    Topic::Arrivals { .. } => {}
                }
            }
        }
        texts
    }

    /// The notifications of a transaction that arrived.
    pub(super) fn arrival(&self, hash: B256) -> Vec<String> {
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
        texts
    }
}

/// The logs of `block` that pass `filter`.
fn logs<'b>(filter: &'b LogFilter, block: &'b Block) -> impl Iterator<Item = Value> + 'b {
    let may_match = filter.may_match(&block.header.logs_bloom);
    block
        .logs()
        .filter(move |(_, _, log)| may_match && filter.matches(log))
        .map(|(index, number, log)| json::log(block, index, number, log))
}
