//! The transaction that asked for a withdrawal.

use super::events::{BRIDGES, WITHDRAWALS};
use crate::ask::{Ask, address, data, number, text};
use crate::views::found;
use alloy_primitives::{Address, B256, U256, keccak256};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Level and number of a message of the outbox.
type Place = (u64, u64);

/// Who asked for a withdrawal, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) sender: Address,
    pub(super) hash: String,
    pub(super) block: u64,
}

/// The place of a withdrawal that left.
pub(super) fn place(one: &Value) -> Place {
    (number(one, "outboxLevel"), number(one, "messageIndex"))
}

/// A level's outbox takes so many messages: those of a full one may have waited.
const FULL: usize = 100;

/// The words of `data` that have the sender and the amount, by the place of the event in
/// [`WITHDRAWALS`]; the sender of the second one is its last word.
const WORDS: [(usize, usize); 4] = [(1, 0), (5, 2), (0, 4), (0, 4)];

/// The transactions that asked for some of all withdrawals, as far as that can be told: the messages
/// of a level's outbox are those of its blocks' logs, in their order, unless some waited.
pub(super) async fn of<'v>(
    ask: &Ask,
    all: &[Value],
    some: impl Iterator<Item = &'v Value>,
) -> BTreeMap<Place, Origin> {
    let left = |one: &&Value| one.get("outboxLevel").is_some();
    let levels: BTreeSet<u64> = some.filter(left).map(|one| place(one).0).collect();
    let mut found = BTreeMap::new();
    for level in levels {
        let mut messages: Vec<&Value> = all.iter().filter(left).collect();
        messages.retain(|one| place(one).0 == level);
        messages.sort_by_key(|one| place(one));
        if messages.len() < FULL {
            found.extend(paired(&messages, &logs_of(ask, level).await));
        }
    }
    found
}

/// What the bridges logged of withdrawals in the blocks of a level.
async fn logs_of(ask: &Ask, level: u64) -> Vec<Value> {
    let blocks = ask.call("rollup_getBlocksOf", json!([level])).await;
    let Some(blocks) = blocks.ok().filter(|blocks| !blocks.is_null()) else {
        return Vec::new();
    };
    let [first, last] = ["first", "last"].map(|name| format!("{:#x}", number(&blocks, name)));
    let topics: Vec<B256> = WITHDRAWALS.iter().map(keccak256).collect();
    let filter =
        json!([{ "address": BRIDGES, "topics": [topics], "fromBlock": first, "toBlock": last }]);
    let logs = ask.call("eth_getLogs", filter).await.unwrap_or_default();
    logs.as_array().cloned().unwrap_or_default()
}

/// The messages of a level's outbox with its logs; none if they are not the same ones.
fn paired(messages: &[&Value], logs: &[Value]) -> Vec<(Place, Origin)> {
    let same = |(message, log): (&&Value, &Value)| {
        let (origin, amount) = read(log)?;
        let wanted = text(message, "amount").parse::<U256>().ok()?;
        (amount == wanted).then(|| (place(message), origin))
    };
    match messages.len() == logs.len() {
        true => {
            let pairs = messages.iter().zip(logs).map(same);
            pairs.collect::<Option<_>>().unwrap_or_default()
        }
        false => Vec::new(),
    }
}

/// The origin that a log tells of, and the amount: of tez in mutez.
fn read(log: &Value) -> Option<(Origin, U256)> {
    let topic = *found::topics(log).first()?;
    let event = WITHDRAWALS.iter().position(|one| keccak256(one) == topic)?;
    let (sender, amount) = WORDS.get(event)?;
    let bytes = data(log, "data");
    let word = |place: usize| bytes.get(place * 32..place * 32 + 32);
    let native = address(log, "address")? == BRIDGES[0];
    let wei_per_unit = U256::from(if native { 1_000_000_000_000_u64 } else { 1 });
    let origin = Origin {
        sender: Address::from_slice(word(*sender)?.get(12..)?),
        hash: text(log, "transactionHash").to_owned(),
        block: number(log, "blockNumber"),
    };
    Some((origin, U256::from_be_slice(word(*amount)?) / wei_per_unit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::hex;

    fn log(mutez: u64, sender: u8) -> Value {
        let amount = U256::from(mutez) * U256::from(1_000_000_000_000_u64);
        let words = [
            amount.to_be_bytes(),
            Address::repeat_byte(sender).into_word().0,
            [9; 32],
            [0; 32],
        ];
        json!({
            "address": BRIDGES[0], "topics": [keccak256(WITHDRAWALS[0])], "blockNumber": "0x7",
            "transactionHash": format!("0x{}", "ab".repeat(32)), "data": hex::encode_prefixed(words.concat()),
        })
    }

    fn message(index: u64, mutez: u64) -> Value {
        json!({ "outboxLevel": 5, "messageIndex": index, "amount": mutez.to_string(), "kind": "native" })
    }

    #[test]
    fn withdrawals_of_a_level_are_those_of_its_logs_in_order() {
        let (first, second) = (message(0, 5), message(1, 5));
        let found = paired(&[&first, &second], &[log(5, 1), log(5, 2)]);
        assert_eq!(found.len(), 2);
        assert_eq!(found[1].0, (5, 1));
        assert_eq!(found[1].1.sender, Address::repeat_byte(2));
        assert_eq!(found[1].1.block, 7);
        // Some waited: nothing is guessed.
        assert!(paired(&[&first, &second], &[log(5, 1)]).is_empty());
        assert!(paired(&[&first, &second], &[log(5, 1), log(6, 2)]).is_empty());
    }
}
