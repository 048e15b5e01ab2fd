//! Logs: of a receipt, of a contract, of an event; and the tokens that they say moved.

use super::found::{Found, TRANSFER, search, topics};
use super::recognised;
use super::tokens::{self, Token};
use crate::ask::{Ask, Trouble, address, data, number, text};
use crate::format;
use crate::frame::View;
use crate::names::{Names, Room};
use crate::query::Query;
use crate::slice;
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

/// The bytes of the page that the values of a log may take, about.
const VALUES: usize = 2_500;

/// The events with one topic that are shown: they differ in the names of parameters alone.
const SAME: usize = 5;

/// The bytes of a page of logs, about.
const PAGE: usize = 70_000;

/// A log of a receipt.
pub(super) fn of_receipt(names: &Names, log: &Value) -> Markup {
    html! { li { (entry(names, log)) } }
}

/// A log: who made it, its name and values; its topics and bytes if nobody named it.
fn entry(names: &Names, log: &Value) -> Markup {
    let (topics, bytes) = (topics(log), data(log, "data"));
    let all = all_of(log);
    let decoded = names.log(&topics, &bytes);
    html! {
        p {
            span.number { "#" (number(log, "logIndex")) } " "
            @if let Some(address) = address(log, "address") { (names.account(&address)) } " "
            @match &decoded {
                Some(decoded) => strong { (crate::names::name(&decoded.name)) },
                None => span.none { "an event that nobody named" },
            }
            @if let Some(topic) = topics.first() { " " a href=(format!("/event/{topic}")) { "others like it" } }
        }
        @match &decoded {
            Some(decoded) => (names.table(decoded, "Values of the log", Room::of(VALUES).with(&all))),
            None => {
                @for (place, topic) in topics.iter().enumerate() { p { "topic " (place) ": " code.bytes { (topic) } } }
                p { "data: " (format::linked_bytes(&bytes, 256, &all)) }
            },
        }
    }
}

/// The page with all values of a log.
fn all_of(log: &Value) -> String {
    let hash = text(log, "transactionHash");
    format!("/tx/{hash}/data/log-{}", number(log, "logIndex"))
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

/// The movements of a batch (ERC-1155): token, from, to, numbers and amounts.
fn batch(log: &Value) -> Option<Vec<Movement>> {
    let (topics, bytes) = (topics(log), data(log, "data"));
    let who = |place: usize| topics.get(place).map(|topic| Address::from_word(*topic));
    if *topics.first()? != TRANSFER_BATCH || topics.len() != 4 {
        return None;
    }
    let (token, from, to) = (address(log, "address")?, who(2)?, who(3)?);
    let (ids, amounts) = (words(&bytes, 0)?, words(&bytes, 32)?);
    let pairs = ids.into_iter().zip(amounts);
    let moved = pairs.map(|(id, amount)| Movement {
        token,
        from,
        to,
        id: Some(id),
        amount,
    });
    Some(moved.collect())
}

/// The list of words whose offset stands at a place.
fn words(bytes: &[u8], at: usize) -> Option<Vec<U256>> {
    let word = |at: usize| {
        let word = bytes.get(at..at.checked_add(32)?)?;
        Some(U256::from_be_slice(word))
    };
    let place = usize::try_from(word(at)?).ok()?;
    let count = usize::try_from(word(place)?).ok()?;
    let list = bytes.get(place.checked_add(32)?..)?;
    let list = list.get(..count.checked_mul(32)?)?;
    Some(list.chunks_exact(32).map(U256::from_be_slice).collect())
}

/// The movements of a batch that are shown.
const OF_BATCH: usize = 8;

/// The tokens that moved, as logs tell it: contracts may log what they like. At most so many, and
/// the place among the logs of the first that is not there.
pub(super) async fn movements(
    ask: &Ask,
    names: &Names,
    logs: &[Value],
    most: usize,
) -> (Markup, Option<u64>) {
    let (mut shown, mut next) = (Vec::new(), None);
    for (place, log) in logs.iter().enumerate() {
        let of_log = match batch(log) {
            Some(batch) => batch,
            None => movement(log).into_iter().collect(),
        };
        if of_log.is_empty() {
            continue;
        }
        if shown.len() >= most {
            next = Some(place as u64);
            break;
        }
        let more = of_log.len().saturating_sub(OF_BATCH);
        let more = (more > 0).then(|| (more, all_of(log)));
        let last = of_log.len().min(OF_BATCH);
        let rows = of_log.into_iter().take(OF_BATCH).zip(1..);
        shown.extend(rows.map(|(moved, at)| (moved, more.clone().filter(|_| at == last))));
    }
    let known = tokens::describe(ask, shown.iter().map(|(one, _)| one.token)).await;
    let markup = html! {
        @if shown.is_empty() { p.none { "None, as far as its logs say." } }
        @else {
            p.note { "What its logs say; a contract may log what it likes." }
            div.wide { table {
                caption.unseen { "Tokens that moved" }
                thead { tr { th scope="col" { "Token" } th scope="col" { "From" } th scope="col" { "To" } th.number scope="col" { "Amount" } } }
                tbody { @for (one, more) in &shown {
                    (moved_row(names, one, &known))
                    @if let Some((more, all)) = more { tr { td colspan="4" { a href=(all) { "and " (format::count(more)) " more of this batch" } } } }
                } }
            } }
        }
    };
    (markup, next)
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

/// The names, with those of who logged.
async fn by_code(ask: &Ask, names: &Names, found: &Found) -> Names {
    let loggers = found.logs.iter().filter_map(|log| address(log, "address"));
    recognised::names(ask, names, loggers).await
}

fn page(names: &Names, found: &Found, path: &str, query: &Query) -> Markup {
    let newer = query.has("before").then(|| path.to_owned());
    let rows = slice::fit(PAGE, found.logs.iter(), |log| {
        html! {
            li {
                p { "Block " (format::block(number(log, "blockNumber"))) ", " (format::transaction(text(log, "transactionHash"))) ", " (format::time(number(log, "blockTimestamp"))) }
                (entry(names, log))
            }
        }
    });
    // Those that had no room are on the next page.
    let next = match found.logs.get(rows.len()) {
        Some(_) => found.logs.get(rows.len() - 1).map(super::found::place),
        None => found.next.clone(),
    };
    let older = next.map(|next| format!("{path}?before={next}"));
    html! {
        @if found.logs.is_empty() { p.none { "None" @if older.is_some() { " in the blocks that were looked through" } "." } }
        ol.logs { @for row in &rows { (row) } }
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
    let known = by_code(ask, names, &found).await;
    let main = html! {
        (super::account::head(ask, names, &who, "logs").await?)
        h2 { "Logs" }
        (page(&known, &found, &path, query))
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
    let known = by_code(ask, names, &found).await;
    let main = html! {
        h1 { "Event" }
        p { span.hash.whole { (topic) } }
        @for event in names.events(&topic).iter().take(SAME) { p { code { (crate::names::plain(&event.full_signature())) } } }
        h2 { "Logs" }
        (page(&known, &found, &format!("/event/{topic}"), query))
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
        let list = |numbers: &[u64]| {
            let words = numbers.iter().map(|number| format!("{number:064x}"));
            words.collect::<String>()
        };
        let data = list(&[64, 160, 2, 5, 6, 2, 70, 80]);
        let mut many = json!({ "address": Address::ZERO, "topics": [TRANSFER_BATCH, TRANSFER, TRANSFER, TRANSFER], "data": format!("0x{data}") });
        let moved = batch(&many).unwrap();
        let pairs: Vec<_> = moved
            .iter()
            .map(|one| (one.id.unwrap(), one.amount))
            .collect();
        let number = |number: u64| U256::from(number);
        assert_eq!(pairs, [(number(5), number(70)), (number(6), number(80))]);
        for broken in [
            list(&[64, 160, 2, 5, 6, 3, 70, 80]),
            list(&[u64::MAX, 0]),
            String::new(),
        ] {
            many["data"] = json!(format!("0x{broken}"));
            assert!(batch(&many).is_none());
        }
        let whole = json!({ "address": Address::ZERO, "topics": [TRANSFER, TRANSFER, TRANSFER], "data": format!("0x{:064x}", 5) });
        assert_eq!(movement(&whole).unwrap().amount, U256::from(5));
    }
}
