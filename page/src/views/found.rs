//! Logs, found newest first.

use crate::ask::{Ask, Trouble, list, number};
use alloy_primitives::{B256, b256};
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
}

/// The newest logs of a filter before a place (`BLOCK-LOG`).
pub(super) async fn search(ask: &Ask, filter: &Value, before: &str) -> Result<Found, Trouble> {
    let before = before.split_once('-').and_then(|(block, log)| {
        let (block, log) = (block.parse::<u64>().ok()?, log.parse::<u64>().ok()?);
        Some(json!({ "block": block, "log": log }))
    });
    let found = ask
        .call("rollup_getNewestLogs", json!([filter, before, MOST]))
        .await?;
    let next = found.get("next").filter(|next| !next.is_null());
    let part = |name| next.and_then(|next| next.get(name)?.as_u64());
    Ok(Found {
        next: part("block")
            .zip(part("log"))
            .map(|(block, log)| format!("{block}-{log}")),
        logs: list(&found, "logs").to_vec(),
    })
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

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::keccak256;

    #[test]
    fn the_topic_is_the_hash_of_the_signature() {
        assert_eq!(TRANSFER, keccak256("Transfer(address,address,uint256)"));
    }
}
