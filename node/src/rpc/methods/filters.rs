//! Filters that are installed and polled.

use super::Reply;
use super::blocks::{list_between, logs_of};
use crate::chain::{Block, LogFilter};
use crate::error::NodeError;
use crate::filters::{Filter, Full, Kind, Seen};
use crate::node::Node;
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
        let before = filter.seen();
        let gone = left(node, filter);
        let from = std::mem::replace(&mut filter.next, newest + 1);
        match &mut filter.kind {
            Kind::Logs(query) => News::Logs(query.filter.clone(), gone, from, before),
            Kind::Blocks => News::Blocks(from, before),
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
        News::Blocks(from, before) => Ok(Reply::Large(Box::new(move |node| {
            told(node, id, hashes(node, (from, newest), before))
        }))),
        News::Logs(_, gone, from, _) if from > newest && gone.is_empty() => {
            Ok(Reply::Small(Value::Array(Vec::new())))
        }
        News::Logs(filter, gone, from, before) => Ok(Reply::Large(Box::new(move |node| {
            let told_of = logs_of_poll(node, &filter, &gone, (from, newest), before);
            told(node, id, told_of)
        }))),
    }
}

/// The answer to a poll, and what its owner has been told with it.
type Told = (Result<String, RpcError>, Seen);

/// The text for the owner of a filter. The next poll goes on behind it.
fn told(node: &Node, id: u64, (text, seen): Told) -> Result<String, RpcError> {
    // The filter may be gone.
    let _ = node.filters.poll(id, |filter| {
        filter.next = filter.next.min(seen.next);
        filter.removals = filter.removals.min(seen.removals);
    });
    text
}

/// Hashes of blocks, from one to another; if that fails, nothing but `before` has been told.
fn hashes(node: &Node, (from, to): (u64, u64), before: Seen) -> Told {
    let list = || {
        let mut hashes = List::default();
        for number in from..=to {
            let hash = node.store().hash(number).map_err(NodeError::from)?;
            if let Some(hash) = hash {
                hashes.push(&json::data(hash))?;
            }
        }
        Ok(hashes.finish())
    };
    match list() {
        Ok(text) => (Ok(text), Seen::ALL),
        Err(error) => (Err(error), before),
    }
}

/// The logs of blocks that are gone, and those from one block to another, as far as an answer
/// goes; if that fails, nothing but `before` has been told.
fn logs_of_poll(
    node: &Node,
    filter: &LogFilter,
    gone: &[Arc<Block>],
    (from, to): (u64, u64),
    before: Seen,
) -> Told {
    let mut end = to;
    loop {
        let behind = Seen {
            next: end.saturating_add(1),
            ..Seen::ALL
        };
        match list_between(node, filter, gone, (from, end)) {
            Ok(text) => return (Ok(text), behind),
            Err(error) if error.is_size() && end > from => end = from + (end - from) / 2,
            // What is gone alone.
            Err(error) if error.is_size() && end == from && !gone.is_empty() && from > 0 => {
                end = from - 1;
            }
            // The logs of one block that are too many will not be fewer.
            Err(error) if error.is_size() => return (Err(error), behind),
            Err(error) => return (Err(error), before),
        }
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
    Blocks(u64, Seen),
    Logs(LogFilter, Vec<Arc<Block>>, u64, Seen),
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
