//! Logs, found newest first.

use crate::ask::{Ask, Trouble, list, number};
use alloy_primitives::{B256, b256};
use maud::{Markup, html};
use node::rpc::RpcError;
use serde_json::{Value, json};

/// `Transfer(address,address,uint256)`.
pub(super) const TRANSFER: B256 =
    b256!("0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef");

/// The most logs of a receipt, and of a page, that are shown.
pub(super) const MOST: usize = 50;

/// The topics of a log.
pub(super) fn topics(log: &Value) -> Vec<B256> {
    let topics = list(log, "topics").iter();
    topics
        .filter_map(|topic| topic.as_str()?.parse().ok())
        .collect()
}

/// Logs newest first, before a place; at most [`MOST`].
#[derive(Default)]
pub(super) struct Found {
    pub(super) logs: Vec<Value>,
    /// The place that the next page is before.
    pub(super) next: Option<String>,
    /// The blocks that have more logs than are read at once.
    pub(super) left_out: Vec<u64>,
}

impl Found {
    /// A note on the part that was not searched.
    pub(super) fn note(&self) -> Markup {
        html! {
            @for block in &self.left_out {
                p.note { "Block " a href={ "/block/" (block) } { (block) } " has more of them than are looked through: they are not here." }
            }
        }
    }
}

/// The calls that a page of logs is found with, at most.
const CALLS: usize = 10;

/// The newest logs of a filter before a place (`BLOCK-LOG`). The node finds logs by their address
/// and topics, so that a range without any costs little; one with too many is made shorter.
pub(super) async fn search(ask: &Ask, filter: &Value, before: &str) -> Result<Found, Trouble> {
    let newest = super::home::newest(ask).await?;
    let first = ask.node().chain().first();
    let before = before.split_once('-');
    let before = before
        .and_then(|(block, log)| Some((block.parse::<u64>().ok()?, log.parse::<u64>().ok()?)));
    let (mut to, bound) = match before {
        Some((block, log)) => (block.min(newest), (block, log)),
        None => (newest, (u64::MAX, 0)),
    };
    let mut found = Found::default();
    let mut width = 4_096;
    for _ in 0..CALLS {
        let mut from = to.saturating_sub(width - 1).max(first);
        let mut wanted = filter.clone();
        wanted["fromBlock"] = json!(format!("{from:#x}"));
        wanted["toBlock"] = json!(format!("{to:#x}"));
        match ask.call("eth_getLogs", json!([wanted])).await {
            Ok(logs) => {
                let logs = logs.as_array().cloned().unwrap_or_default();
                let earlier = |log: &Value| at(log) < bound;
                found.logs.extend(logs.into_iter().rev().filter(earlier));
                width = width.saturating_mul(16);
            }
            Err(error) if width > 1 && is_too_much(&error) => {
                width = (width / 16).max(1);
                continue;
            }
            Err(error) if is_too_much(&error) => {
                found.left_out.push(to);
                from = to;
            }
            Err(error) => return Err(error.into()),
        }
        if found.logs.len() > MOST {
            found.logs.truncate(MOST);
            found.next = found.logs.last().map(place);
            return Ok(found);
        }
        if from <= first {
            return Ok(found);
        }
        to = from - 1;
    }
    found.next = Some(format!("{}-0", to + 1));
    Ok(found)
}

/// The place of a log, as a page's address has it.
pub(super) fn place(log: &Value) -> String {
    let (block, log) = at(log);
    format!("{block}-{log}")
}

/// The place of a log.
fn at(log: &Value) -> (u64, u64) {
    (number(log, "blockNumber"), number(log, "logIndex"))
}

const fn is_too_much(error: &RpcError) -> bool {
    matches!(error.code, RpcError::LIMIT | RpcError::TOO_LARGE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::keccak256;

    #[test]
    fn the_topic_is_the_hash_of_the_signature() {
        assert_eq!(TRANSFER, keccak256("Transfer(address,address,uint256)"));
    }
}
