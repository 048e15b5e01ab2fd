//! The transactions of the pool, as go-ethereum shows them.

use crate::node::Node;
use crate::pool::Candidate;
use crate::rpc::RpcError;
use crate::rpc::json;
use crate::rpc::params::Params;
use crate::rpc::text::Bounded;
use alloy_primitives::{Address, B256, TxKind};
use serde_json::{Value, json};

/// `txpool_status()`.
pub(super) fn status(node: &Node, _: &Params) -> Result<Value, RpcError> {
    let (pending, queued) = node.pool().counts();
    Ok(
        json!({ "pending": json::quantity(pending as u64), "queued": json::quantity(queued as u64) }),
    )
}

/// `txpool_content()`: whole transactions, by sender and nonce.
pub(super) fn content(node: &Node, _: &Params) -> Result<String, RpcError> {
    by_sender(node, whole)
}

/// `txpool_inspect()`: a line for each, by sender and nonce.
pub(super) fn inspect(node: &Node, _: &Params) -> Result<String, RpcError> {
    by_sender(node, |candidate| Value::String(line(candidate)))
}

/// `txpool_contentFrom(address)`: whole transactions of one sender, by nonce.
pub(super) fn content_from(node: &Node, params: &Params) -> Result<String, RpcError> {
    let sender: Address = params.required(0)?;
    let all = node.pool().all(Some(&sender));
    staged(|text, wanted| {
        let of = all.iter().filter(|(ready, _)| *ready == wanted);
        by_nonce(text, of.map(|(_, candidate)| &**candidate), whole)
    })
}

/// The most dropped transactions of an answer.
const DROPPED: u64 = 100;

/// `rollup_getDropped(hash?, from?, size?)`: why a transaction is in no block, as far as this node
/// knows; null if it does not know, or if a block has it or it waits. Without a hash the newest
/// ones, newest first, from number `from` on.
pub(super) fn dropped(node: &Node, params: &Params) -> Result<Value, RpcError> {
    if let Some(hash) = params.optional::<B256>(0)? {
        let gone = node.transaction(&hash)?.is_none() && node.pool().get(&hash).is_none();
        return Ok(gone
            .then(|| why_dropped(node, &hash, true))
            .flatten()
            .unwrap_or_default());
    }
    let from = params.optional::<u64>(1)?.unwrap_or_default();
    let size = params.optional::<u64>(2)?.unwrap_or(DROPPED).min(DROPPED);
    let at = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let all = node.dropped.newest(node.pool().left());
    let mut shown = Vec::new();
    let mut gone = 0;
    for hash in &all {
        if node.transaction(hash)?.is_some() || node.pool().get(hash).is_some() {
            continue;
        }
        gone += 1;
        if gone > at(from) {
            shown.extend(why_dropped(node, hash, false));
        }
        if shown.len() >= at(size) {
            break;
        }
    }
    Ok(Value::Array(shown))
}

/// The reason why a transaction is gone; `whole`: with the transaction itself.
fn why_dropped(node: &Node, hash: &B256, whole: bool) -> Option<Value> {
    let gone = node.dropped.find(node.pool().left(), hash)?;
    let mut object = json!({
        "hash": json::data(hash),
        "reason": gone.reason.to_string(),
        "kernel": gone.said,
        "from": gone.sender.map(|(sender, _)| json::address(&sender)),
        "nonce": gone.sender.map(|(_, nonce)| json::quantity(nonce)),
        "timestamp": json::quantity(gone.at),
    });
    if let Some(candidate) = gone.candidate.filter(|_| whole) {
        object["transaction"] =
            json::pending_transaction(&candidate.transaction, &candidate.sender);
    }
    Some(object)
}

fn by_sender(node: &Node, show: fn(&Candidate) -> Value) -> Result<String, RpcError> {
    let all = node.pool().all(None);
    staged(|text, wanted| {
        let of: Vec<&Candidate> = all
            .iter()
            .filter(|(ready, _)| *ready == wanted)
            .map(|(_, candidate)| &**candidate)
            .collect();
        text.raw("{")?;
        for (index, of) in of.chunk_by(|a, b| a.sender == b.sender).enumerate() {
            let sender = of.first().map_or(Address::ZERO, |first| first.sender);
            let comma = if index > 0 { "," } else { "" };
            text.raw(&format!("{comma}\"{}\":", sender.to_checksum(None)))?;
            by_nonce(text, of.iter().copied(), show)?;
        }
        text.raw("}")
    })
}

/// An object of what is ready and what is parked, each written by `write`.
fn staged(write: impl Fn(&mut Bounded, bool) -> Result<(), RpcError>) -> Result<String, RpcError> {
    let mut text = Bounded::default();
    text.raw(r#"{"pending":"#)?;
    write(&mut text, true)?;
    text.raw(r#","queued":"#)?;
    write(&mut text, false)?;
    text.raw("}")?;
    Ok(text.finish())
}

/// An object of transactions of one sender.
fn by_nonce<'c>(
    text: &mut Bounded,
    of: impl Iterator<Item = &'c Candidate>,
    show: fn(&Candidate) -> Value,
) -> Result<(), RpcError> {
    text.raw("{")?;
    for (index, candidate) in of.enumerate() {
        let comma = if index > 0 { "," } else { "" };
        text.raw(&format!("{comma}\"{}\":", nonce(candidate)))?;
        text.json(&show(candidate))?;
    }
    text.raw("}")
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
