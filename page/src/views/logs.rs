//! Logs: of a receipt, of a contract, of an event; and the tokens that they say moved.

use super::found::{Found, MOST, TRANSFER, search, topics};
use super::tokens::{self, Token};
use crate::ask::{Ask, Trouble, address, data, number, text};
use crate::format;
use crate::frame::View;
use crate::names::Names;
use crate::query::Query;
use alloy_primitives::{Address, B256, U256, b256};
use maud::{Markup, html};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// `TransferSingle(address,address,address,uint256,uint256)`.
const TRANSFER_SINGLE: B256 =
    b256!("0xc3d58168c5ae7397731d063d5bbf3d657854427343f4c083240f7aacaa2d0f62");
/// `TransferBatch(address,address,address,uint256[],uint256[])`.
const TRANSFER_BATCH: B256 =
    b256!("0x4a39dc06d4c0dbc64b70af90fd698a233a518aa5d07e595d983b8c0526c8f7fb");

/// The logs of a receipt: the first of those that are given.
pub(super) fn of_receipt(names: &Names, logs: &[Value]) -> Markup {
    html! {
        @if logs.is_empty() { p.none { "None." } }
        @else { ol.logs { @for log in logs.iter().take(MOST) { li { (entry(names, log)) } } } }
    }
}

/// A log: who made it, its name and values; its topics and bytes if nobody named it.
fn entry(names: &Names, log: &Value) -> Markup {
    let (topics, bytes) = (topics(log), data(log, "data"));
    let decoded = names.log(&topics, &bytes);
    html! {
        p {
            span.number { "#" (number(log, "logIndex")) } " "
            @if let Some(address) = address(log, "address") { (names.account(&address)) } " "
            @match &decoded {
                Some(decoded) => strong { (crate::names::plain(&decoded.name)) },
                None => span.none { "an event that nobody named" },
            }
            @if let Some(topic) = topics.first() { " " a href=(format!("/event/{topic}")) { "others like it" } }
        }
        @match &decoded {
            Some(decoded) => (names.table(decoded, "Values of the log")),
            None => {
                @for (place, topic) in topics.iter().enumerate() { p { "topic " (place) ": " code.bytes { (topic) } } }
                p { "data: " (format::some_bytes(&bytes, 256)) }
            },
        }
    }
}

/// A movement of tokens, as a log tells it.
struct Movement {
    token: Address,
    from: Address,
    to: Address,
    /// The token's number, where they have some.
    id: Option<U256>,
    amount: U256,
}

fn movement(log: &Value) -> Option<Movement> {
    let (topics, bytes) = (topics(log), data(log, "data"));
    let token = address(log, "address")?;
    let who = |place: usize| topics.get(place).map(|topic| Address::from_word(*topic));
    let word = |place: usize| {
        let bytes = bytes.get(place * 32..place * 32 + 32)?;
        Some(U256::from_be_slice(bytes))
    };
    let first = *topics.first()?;
    if first == TRANSFER && topics.len() == 3 {
        let (from, to, amount) = (who(1)?, who(2)?, word(0)?);
        return Some(Movement {
            token,
            from,
            to,
            id: None,
            amount,
        });
    }
    if first == TRANSFER && topics.len() == 4 {
        let id = Some(U256::from_be_bytes(topics.get(3)?.0));
        let (from, to) = (who(1)?, who(2)?);
        return Some(Movement {
            token,
            from,
            to,
            id,
            amount: U256::ONE,
        });
    }
    if first == TRANSFER_SINGLE && topics.len() == 4 {
        let (id, amount) = (word(0), word(1)?);
        return Some(Movement {
            token,
            from: who(2)?,
            to: who(3)?,
            id,
            amount,
        });
    }
    None
}

/// The tokens that moved, as logs tell it: contracts may log what they like.
pub(super) async fn movements(ask: &Ask, names: &Names, logs: &[Value]) -> Markup {
    let moved: Vec<Movement> = logs.iter().filter_map(movement).collect();
    let batches = logs
        .iter()
        .any(|log| topics(log).first() == Some(&TRANSFER_BATCH));
    let known = tokens::describe(ask, moved.iter().map(|one| one.token)).await;
    html! {
        @if moved.is_empty() { p.none { "None, as far as its logs say." } }
        @else {
            p.note { "What its logs say; a contract may log what it likes." }
            div.wide { table {
                caption.unseen { "Tokens that moved" }
                thead { tr { th scope="col" { "Token" } th scope="col" { "From" } th scope="col" { "To" } th.number scope="col" { "Amount" } } }
                tbody { @for one in moved.iter().take(MOST) { (moved_row(names, one, &known)) } }
            } }
            @if moved.len() > MOST { p.note { "and " (moved.len() - MOST) " more" } }
        }
        @if batches { p.note { "Batches of ERC-1155 moved, too: see the logs." } }
    }
}

fn moved_row(names: &Names, one: &Movement, known: &BTreeMap<Address, Token>) -> Markup {
    let token = known.get(&one.token);
    html! {
        tr {
            th scope="row" { (names.account(&one.token)) @if let Some(token) = token { " " (token.symbol()) } }
            td { (names.account(&one.from)) }
            td { (names.account(&one.to)) }
            td.number {
                @if let Some(id) = one.id { "number " (format::count(id)) " × " (format::count(one.amount)) }
                @else { (tokens::amount(token, one.amount)) }
            }
        }
    }
}

fn page(names: &Names, found: &Found, path: &str, query: &Query) -> Markup {
    let newer = query.has("before").then(|| path.to_owned());
    let older = found
        .next
        .as_ref()
        .map(|next| format!("{path}?before={next}"));
    html! {
        (found.note())
        @if found.logs.is_empty() { p.none { "None" @if older.is_some() || !found.left_out.is_empty() { " in the blocks that were looked through" } "." } }
        ol.logs {
            @for log in &found.logs {
                li {
                    p { "Block " (format::block(number(log, "blockNumber"))) ", " (format::transaction(text(log, "transactionHash"))) ", " (format::time(number(log, "blockTimestamp"))) }
                    (entry(names, log))
                }
            }
        }
        (format::pager("Logs", newer, older))
    }
}

/// `/address/A/logs`.
pub(crate) async fn of_account(
    ask: &Ask,
    names: &Names,
    who: &str,
    query: &Query,
) -> Result<View, Trouble> {
    let who = super::account::parse(who)?;
    let found = search(ask, &json!({ "address": who }), query.get("before")).await?;
    let path = format!("/address/{}/logs", who.to_checksum(None));
    let main = html! {
        (super::account::head(ask, names, &who, "logs").await?)
        h2 { "Logs" }
        (page(names, &found, &path, query))
    };
    Ok(View::new(format!("Logs of {who}"), main))
}

/// `/event/TOPIC`: the logs with a first topic.
pub(crate) async fn of_event(
    ask: &Ask,
    names: &Names,
    topic: &str,
    query: &Query,
) -> Result<View, Trouble> {
    let topic: B256 = topic
        .parse()
        .map_err(|_| Trouble::Invalid(format!("{topic:?} is no topic of 32 bytes.")))?;
    let found = search(ask, &json!({ "topics": [topic] }), query.get("before")).await?;
    let main = html! {
        h1 { "Event" }
        p { span.hash.whole { (topic) } }
        @for event in names.events(&topic) { p { code { (crate::names::plain(&event.full_signature())) } } }
        h2 { "Logs" }
        (page(names, &found, &format!("/event/{topic}"), query))
    };
    Ok(View::new("Event", main))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::keccak256;

    #[test]
    fn topics_are_the_hashes_of_signatures() {
        assert_eq!(
            TRANSFER_SINGLE,
            keccak256("TransferSingle(address,address,address,uint256,uint256)")
        );
        assert_eq!(
            TRANSFER_BATCH,
            keccak256("TransferBatch(address,address,address,uint256[],uint256[])")
        );
    }

    #[test]
    fn a_log_that_only_looks_like_a_transfer_moves_nothing() {
        let log = json!({ "address": Address::ZERO, "topics": [TRANSFER, TRANSFER, TRANSFER], "data": "0x00" });
        assert!(movement(&log).is_none());
        assert!(movement(&json!({})).is_none());
        let whole = json!({ "address": Address::ZERO, "topics": [TRANSFER, TRANSFER, TRANSFER], "data": format!("0x{:064x}", 5) });
        assert_eq!(movement(&whole).unwrap().amount, U256::from(5));
    }
}
