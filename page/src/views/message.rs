//! A message of the inbox: what it says, and the transactions in it.

use super::incoming::Sides;
use super::layer1;
use super::level::{content, kind};
use crate::ask::{Ask, Trouble, address, bytes, data, list, number, text, word};
use crate::format;
use crate::frame::View;
use crate::names::{Names, plain};
use crate::query::Query;
use crate::slice::Slice;
use maud::{Markup, html};
use serde_json::{Value, json};

/// The transactions of a page.
const PAGE: usize = 50;

/// The bytes of a payload that are shown: a message has at most 4,096.
const PAYLOAD: usize = 40_000;

/// `/level/N/message/M`; `?from=K`: the transactions in it from number K on; `?bytes=K`: its bytes from
/// number K on.
pub(crate) async fn view(
    ask: &Ask,
    names: &Names,
    (level, id): (&str, &str),
    query: &Query,
) -> Result<View, Trouble> {
    let small = |text: &str| text.parse::<u32>().ok();
    let (Some(level), Some(id)) = (small(level), small(id)) else {
        return Err(Trouble::Invalid(
            "Levels and messages are numbers below 2^32.".into(),
        ));
    };
    let path = format!("/level/{level}/message/{id}");
    let slice = Slice::of(query, &path, "from", PAGE);
    let wanted = json!([level, id, slice.from(), slice.size()]);
    let message = ask.call("rollup_getMessage", wanted).await?;
    if message.is_null() {
        return Err(Trouble::NotFound(format!(
            "There is no message {id} of level {level}, or the node no longer has it."
        )));
    }
    let raw = message.get("raw").and_then(bytes).unwrap_or_default();
    let blocks = blocks(ask, list(&message, "inside")).await;
    let title = format!("Message {id} of level {level}");
    let layer1 = layer1::contracts(ask).await;
    let sides = Sides { names, layer1 };
    let main = html! {
        h1 { (title) }
        p { a href=(format!("/level/{level}#m{id}")) { "← level " (format::count(level)) } }
        div.wide { table.facts {
            caption.unseen { "The message" }
            tbody {
                (format::row("Kind", &html! { (kind(text(&message, "kind"))) }))
                (format::row("What it says", &content((level, &sides), &message, &raw)))
                (format::row("Bytes", &html! { (format::count(raw.len())) }))
            }
        } }
        @if let Some(why) = message.get("dropped").and_then(Value::as_str) {
            p.failed { "The kernel drops it: " (plain(why)) "." }
        }
        @if let Some(count) = message.get("count").and_then(Value::as_u64) {
            (inside(names, (&message, &blocks), (count, &slice)))
        }
        @if let Some(payload) = message.get("payload").filter(|payload| !payload.is_null()) {
            h2 { "Payload" }
            (super::level::micheline(payload, PAYLOAD, true))
        }
        h2 #bytes { "Bytes (" (format::count(raw.len())) ")" }
        (super::parts::all_bytes(&raw, &path, query))
    };
    Ok(View::new(title, main))
}

/// The blocks of transactions; `None`: none has it.
async fn blocks(ask: &Ask, inside: &[Value]) -> Vec<Option<u64>> {
    let mut blocks = Vec::new();
    for one in inside {
        blocks.push(ask.block_of(text(one, "hash")).await);
    }
    blocks
}

fn inside(
    names: &Names,
    (message, blocks): (&Value, &[Option<u64>]),
    (count, slice): (u64, &Slice),
) -> Markup {
    let all = list(message, "inside").iter().zip(blocks);
    html! {
        h2 #transactions { "Transactions in it (" (format::count(count)) ")" }
        p.note { "As the message has them: each may have come to a block, or been dropped; its link says what became of it." }
        div.wide { table {
            caption.unseen { "Transactions in the message" }
            thead { tr {
                th.number scope="col" { "#" }
                th scope="col" { "Transaction" }
                th scope="col" { "In block" }
                th scope="col" { "Call" }
                th scope="col" { "From" }
                th scope="col" { "To" }
                th.number scope="col" { "Nonce" }
                th.number scope="col" { "Value" }
                th.number scope="col" { "Bytes here" }
            } }
            tbody { @for (place, (one, block)) in (slice.from()..).zip(all) { (row(names, place, (one, *block))) } }
        } }
        (slice.bar("Transactions", usize::try_from(count).unwrap_or(usize::MAX)))
    }
}

fn row(names: &Names, place: usize, (one, block): (&Value, Option<u64>)) -> Markup {
    let to = address(one, "to");
    html! {
        tr {
            td.number { (place) }
            th scope="row" { (format::transaction(text(one, "hash"))) }
            td { @match block { Some(block) => (format::block(block)), None => span.waits { "none" } } }
            td { (names.method(&data(one, "input"), to.is_none())) }
            td { @if let Some(from) = address(one, "from") { (names.account(&from)) } }
            td { @match to { Some(to) => (names.account(&to)), None => span.none { "a new contract" } } }
            td.number { (format::count(number(one, "nonce"))) }
            td.number { (format::wei(word(one, "value"))) }
            td.number { (format::count(number(one, "bytes"))) }
        }
    }
}
