//! Filters that are installed and polled.

use super::Reply;
use super::blocks::{logs_between, logs_of};
use crate::chain::Block;
use crate::error::NodeError;
use crate::filters::{Filter, Full, Kind, Seen};
use crate::node::Node;
use crate::request::LogQuery;
use crate::rpc::RpcError;
use crate::rpc::json;
use crate::rpc::params::Params;
use crate::rpc::text::List;
use serde_json::Value;
use std::sync::Arc;
use tokio::sync::broadcast::error::TryRecvError;

/// `eth_newFilter(query)`.
pub(super) fn new_logs(node: &Node, params: &Params) -> Result<Value, RpcError> {
    install(node, Kind::Logs(params.required(0)?))
}

/// `eth_newBlockFilter()`.
pub(super) fn new_blocks(node: &Node, _: &Params) -> Result<Value, RpcError> {
    install(node, Kind::Blocks)
}

/// `eth_newPendingTransactionFilter()`.
pub(super) fn new_arrivals(node: &Node, _: &Params) -> Result<Value, RpcError> {
    install(node, Kind::Arrivals(node.arrivals()))
}

/// `eth_uninstallFilter(id)`.
pub(super) fn uninstall(node: &Node, params: &Params) -> Result<Value, RpcError> {
    Ok(Value::Bool(node.filters.uninstall(params.required(0)?)))
}

/// `eth_getFilterLogs(id)`: all logs of the query.
pub(super) fn logs(node: &Node, params: &Params) -> Result<Reply, RpcError> {
    let query = node
        .filters
        .poll(params.required(0)?, |filter| match &filter.kind {
            Kind::Logs(query) => Some(query.clone()),
            _ => None,
        });
    logs_of(node, query.flatten().ok_or_else(not_found)?)
}

/// `eth_getFilterChanges(id)`: the news since the last poll.
pub(super) fn changes(node: &Node, params: &Params) -> Result<Reply, RpcError> {
    let id = params.required(0)?;
    let newest = node.latest()?.number();
    let polled = node.filters.poll(id, |filter| {
        let gone = left(node, filter);
        let from = std::mem::replace(&mut filter.next, newest + 1);
        match &mut filter.kind {
            Kind::Logs(query) => News::Logs(query.clone(), gone, from),
            Kind::Blocks => News::Blocks(from),
            Kind::Arrivals(arrivals) => {
                let mut hashes = Vec::new();
                loop {
                    match arrivals.try_recv() {
                        Ok(hash) => hashes.push(json::data(hash)),
                        Err(TryRecvError::Lagged(_)) => {}
                        Err(TryRecvError::Empty | TryRecvError::Closed) => break,
                    }
                }
                News::Ready(hashes)
            }
        }
    });
    match polled.ok_or_else(not_found)? {
        News::Ready(values) => Ok(Reply::Small(Value::Array(values))),
        News::Blocks(from) => {
            let store = Arc::clone(node.store());
            Ok(Reply::Large(Box::new(move || {
                let mut hashes = List::default();
                for number in from..=newest {
                    let hash = store.hash(number).map_err(NodeError::from)?;
                    if let Some(hash) = hash {
                        hashes.push(&json::data(hash))?;
                    }
                }
                Ok(hashes.finish())
            })))
        }
        News::Logs(_, gone, from) if from > newest && gone.is_empty() => {
            Ok(Reply::Small(Value::Array(Vec::new())))
        }
        News::Logs(query, gone, from) => Ok(logs_between(node, query.filter, gone, (from, newest))),
    }
}

/// The blocks that the owner has seen and that left the chain since, newest first; the
/// filter goes back to before them.
fn left(node: &Node, filter: &mut Filter) -> Vec<Arc<Block>> {
    let chain = node.chain();
    let mut gone = chain.removed_since(filter.removals);
    filter.removals = chain.removals();
    gone.retain(|block| {
        let seen = block.number() < filter.next;
        filter.next = filter.next.min(block.number());
        seen
    });
    gone
}

/// The result of a poll.
enum News {
    Ready(Vec<Value>),
    Blocks(u64),
    Logs(LogQuery, Vec<Arc<Block>>, u64),
}

fn install(node: &Node, kind: Kind) -> Result<Value, RpcError> {
    let seen = Seen {
        next: node.latest()?.number() + 1,
        removals: node.chain().removals(),
    };
    let installed = node.filters.install(kind, seen);
    installed
        .map(json::quantity)
        .map_err(|Full| RpcError::limit("too many filters: uninstall those that nobody polls"))
}

fn not_found() -> RpcError {
    RpcError::server("filter not found")
}
