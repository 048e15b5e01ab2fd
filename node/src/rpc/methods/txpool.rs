//! The transactions of the pool, as go-ethereum shows them.

use super::Reply;
use crate::node::Node;
use crate::pool::Candidate;
use crate::rpc::RpcError;
use crate::rpc::json;
use crate::rpc::load::MAX_ANSWER;
use crate::rpc::params::Params;
use crate::rpc::text;
use alloy_primitives::{Address, TxKind};
use serde_json::{Value, json};
use std::sync::Arc;

/// `txpool_status()`.
pub(super) fn status(node: &Node, _: &Params) -> Result<Value, RpcError> {
    let (pending, queued) = node.pool().counts();
    Ok(
        json!({ "pending": json::quantity(pending as u64), "queued": json::quantity(queued as u64) }),
    )
}

/// `txpool_content()`: whole transactions, by sender and nonce.
pub(super) fn content(node: &Node, _: &Params) -> Result<Reply, RpcError> {
    Ok(by_sender(node, whole))
}

/// `txpool_inspect()`: a line for each, by sender and nonce.
pub(super) fn inspect(node: &Node, _: &Params) -> Result<Reply, RpcError> {
    Ok(by_sender(node, |candidate| Value::String(line(candidate))))
}

/// `txpool_contentFrom(address)`: whole transactions of one sender, by nonce.
pub(super) fn content_from(node: &Node, params: &Params) -> Result<Reply, RpcError> {
    let sender: Address = params.required(0)?;
    let all = node.pool().all(Some(&sender));
    Ok(Reply::Large(Box::new(move || {
        let [pending, queued] = [true, false].map(|wanted| {
            let of = all.iter().filter(|(ready, _)| *ready == wanted);
            object(of.map(|(_, candidate)| (nonce(candidate), text::value(&whole(candidate)))))
        });
        Ok(format!(
            r#"{{"pending":{},"queued":{}}}"#,
            pending?, queued?
        ))
    })))
}

fn by_sender(node: &Node, show: fn(&Candidate) -> Value) -> Reply {
    let all = node.pool().all(None);
    Reply::Large(Box::new(move || {
        let [pending, queued] = [true, false].map(|wanted| {
            let of: Vec<&Arc<Candidate>> = all
                .iter()
                .filter(|(ready, _)| *ready == wanted)
                .map(|(_, candidate)| candidate)
                .collect();
            object(of.chunk_by(|a, b| a.sender == b.sender).map(|of| {
                let sender = of.first().map_or(Address::ZERO, |first| first.sender);
                let by_nonce = of.iter();
                let by_nonce =
                    by_nonce.map(|candidate| (nonce(candidate), text::value(&show(candidate))));
                (sender.to_checksum(None), object(by_nonce))
            }))
        });
        Ok(format!(
            r#"{{"pending":{},"queued":{}}}"#,
            pending?, queued?
        ))
    }))
}

/// An object of fields that are JSON already.
fn object(
    fields: impl IntoIterator<Item = (String, Result<String, RpcError>)>,
) -> Result<String, RpcError> {
    let mut text = String::from("{");
    for (name, value) in fields {
        if text.len() > 1 {
            text.push(',');
        }
        let value = value?;
        if text.len() + name.len() + value.len() > MAX_ANSWER {
            return Err(text::too_large());
        }
        text.push_str(&format!("\"{name}\":{value}"));
    }
    text.push('}');
    Ok(text)
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
