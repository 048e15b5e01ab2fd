//! The transactions of the pool, as go-ethereum shows them.

use crate::node::Node;
use crate::pool::Candidate;
use crate::rpc::RpcError;
use crate::rpc::json;
use crate::rpc::params::Params;
use alloy_primitives::{Address, TxKind};
use serde_json::{Map, Value, json};

/// `txpool_status()`.
pub(super) fn status(node: &Node, _: &Params) -> Result<Value, RpcError> {
    let (pending, queued) = node.pool().counts();
    Ok(
        json!({ "pending": json::quantity(pending as u64), "queued": json::quantity(queued as u64) }),
    )
}

/// `txpool_content()`: whole transactions, by sender and nonce.
pub(super) fn content(node: &Node, _: &Params) -> Result<Value, RpcError> {
    Ok(by_sender(node, whole))
}

/// `txpool_inspect()`: a line for each, by sender and nonce.
pub(super) fn inspect(node: &Node, _: &Params) -> Result<Value, RpcError> {
    Ok(by_sender(node, |candidate| Value::String(line(candidate))))
}

/// `txpool_contentFrom(address)`: whole transactions of one sender, by nonce.
pub(super) fn content_from(node: &Node, params: &Params) -> Result<Value, RpcError> {
    let sender: Address = params.required(0)?;
    let mut lists = [Map::new(), Map::new()];
    for (ready, candidate) in node.pool().all(Some(&sender)) {
        lists[usize::from(!ready)].insert(nonce(candidate), whole(candidate));
    }
    let [pending, queued] = lists;
    Ok(json!({ "pending": pending, "queued": queued }))
}

fn by_sender(node: &Node, show: impl Fn(&Candidate) -> Value) -> Value {
    let mut lists = [json!({}), json!({})];
    for (ready, candidate) in node.pool().all(None) {
        let sender = candidate.sender.to_checksum(None);
        lists[usize::from(!ready)][sender][nonce(candidate)] = show(candidate);
    }
    let [pending, queued] = lists;
    json!({ "pending": pending, "queued": queued })
}

fn nonce(candidate: &Candidate) -> String {
    candidate.transaction.transaction.nonce().to_string()
}

fn whole(candidate: &Candidate) -> Value {
    json::pending_transaction(&candidate.transaction, &candidate.sender)
}

fn line(candidate: &Candidate) -> String {
    let transaction = &candidate.transaction.transaction;
    let to = match transaction.kind() {
        TxKind::Call(to) => to.to_checksum(None),
        TxKind::Create => "contract creation".into(),
    };
    format!(
        "{to}: {} wei + {} gas × {} wei",
        transaction.value(),
        transaction.gas_limit(),
        transaction.max_fee_per_gas()
    )
}
