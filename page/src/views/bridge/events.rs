//! What the bridges log of deposits and withdrawals.

use crate::ask::{Ask, address, data, number};
use crate::views::found;
use alloy_primitives::{Address, B256, U256, address as fixed, keccak256};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The bridges of tez and of tokens.
pub(super) const BRIDGES: [Address; 2] = [
    fixed!("0xff00000000000000000000000000000000000001"),
    fixed!("0xff00000000000000000000000000000000000002"),
];
/// What the bridges log of a deposit.
pub(super) const EVENTS: [&str; 4] = [
    "Deposit(uint256,address,uint256,uint256)",
    "DepositKept(uint256,address,uint256,uint256)",
    "Deposit(uint256,address,address,uint256,uint256,uint256)",
    "QueuedDeposit(uint256,address,uint256,address,uint256,uint256,uint256)",
];

/// The bridge of tokens, and what it logs of deposits, whose first indexed value is the ticket's hash.
pub(crate) const OF_TOKENS: Address = BRIDGES[1];
pub(crate) const TICKETS: [&str; 2] = [EVENTS[2], EVENTS[3]];

/// What the bridges log of a withdrawal.
pub(super) const WITHDRAWALS: [&str; 4] = [
    "Withdrawal(uint256,address,bytes22,uint256)",
    "FastWithdrawal(bytes22,uint256,uint256,uint256,bytes,address)",
    "Withdrawal(uint256,address,address,bytes22,bytes22,uint256,uint256)",
    "FastFaWithdrawal(uint256,address,address,bytes22,bytes22,uint256,uint256,uint256,bytes)",
];
/// Whether logs of a transaction tell that something goes to layer 1.
pub(crate) fn asks_layer1(logs: &[Value]) -> bool {
    let tells = |log: &Value| {
        let topic = found::topics(log).first().copied();
        let is_ours = address(log, "address").is_some_and(|from| BRIDGES.contains(&from));
        is_ours && topic.is_some_and(|topic| WITHDRAWALS.iter().any(|one| keccak256(one) == topic))
    };
    logs.iter().any(tells)
}

/// The level and the message of layer 1 that a log of a bridge tells of.
pub(crate) fn message_of(log: &Value) -> Option<(u64, u64)> {
    let from = address(log, "address")?;
    let topic = found::topics(log).first().copied()?;
    if !BRIDGES.contains(&from) || !EVENTS.iter().any(|event| keccak256(event) == topic) {
        return None;
    }
    // The last two words of all of them.
    let bytes = data(log, "data");
    let words: Vec<U256> = bytes.chunks_exact(32).map(U256::from_be_slice).collect();
    let [.., level, id] = words[..] else {
        return None;
    };
    Some((u64::try_from(level).ok()?, u64::try_from(id).ok()?))
}

/// The blocks of a level that deposits made, by level and number of their messages.
pub(crate) async fn deposited(ask: &Ask, blocks: &Value) -> BTreeMap<(u64, u64), u64> {
    if blocks.is_null() {
        return BTreeMap::new();
    }
    let [first, last] = ["first", "last"].map(|name| format!("{:#x}", number(blocks, name)));
    let topics: Vec<B256> = EVENTS.iter().map(keccak256).collect();
    let filter =
        json!([{ "address": BRIDGES, "topics": [topics], "fromBlock": first, "toBlock": last }]);
    let logs = ask.call("eth_getLogs", filter).await.unwrap_or_default();
    let logs = logs.as_array().into_iter().flatten();
    logs.filter_map(|log| Some((message_of(log)?, number(log, "blockNumber"))))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::Names;

    #[test]
    fn a_deposit_says_which_message_it_was() {
        let word = |number: u64| format!("{number:064x}");
        let bytes = format!("0x{}{}{}{}", word(5), "0".repeat(64), word(7), word(2));
        let log = json!({ "address": BRIDGES[0], "topics": [keccak256(EVENTS[0])], "data": bytes });
        assert_eq!(message_of(&log), Some((7, 2)));
        // Anybody may log the same.
        let other = json!({ "address": Address::repeat_byte(1), "topics": [keccak256(EVENTS[0])], "data": bytes });
        assert_eq!(message_of(&other), None);
        let short =
            json!({ "address": BRIDGES[0], "topics": [keccak256(EVENTS[0])], "data": "0x" });
        assert_eq!(message_of(&short), None);
    }

    #[test]
    fn events_are_those_of_the_bridges() {
        let names = Names::new(std::sync::Arc::default(), &[]);
        for event in EVENTS.iter().chain(&WITHDRAWALS) {
            assert!(!names.events(&keccak256(event)).is_empty(), "{event}");
        }
        let claimable = keccak256("claimable(uint256,uint256)");
        assert!(
            !names
                .functions(&claimable[..4].try_into().unwrap())
                .is_empty()
        );
    }
}
