//! A level of layer 1: what came in by its inbox, which blocks it made, what went out.

use crate::ask::{Ask, Trouble, bytes, list, number, text};
use crate::format;
use crate::frame::View;
use crate::query::Query;
use crate::site::Answer;
use crate::slice::Slice;
use maud::{Markup, html};
use serde_json::{Map, Value, json};

/// The messages of a page.
const PAGE: usize = 40;

/// The bytes of a message that are shown.
const SHOWN: usize = 400;

/// `/level/newest`.
pub(crate) async fn newest(ask: &Ask) -> Result<Answer, Trouble> {
    let inbox = ask.call("rollup_inbox", json!([])).await?;
    match inbox.is_null() {
        true => Err(Trouble::NotFound("No level is over yet.".into())),
        false => Ok(Answer::Elsewhere(format!(
            "/level/{}",
            number(&inbox, "level")
        ))),
    }
}

/// `/level/N`; `?from=M`: the inbox messages from number M on.
pub(crate) async fn view(ask: &Ask, level: &str, query: &Query) -> Result<View, Trouble> {
    let level: u32 = level.parse().map_err(|_| {
        Trouble::Invalid(format!(
            "{level:?} is no level: those are numbers below 2^32."
        ))
    })?;
    let inbox = ask.call("rollup_inbox", json!([level])).await;
    let outbox = ask.call("rollup_outbox", json!([level])).await;
    let blocks = ask
        .call("rollup_getBlocksOf", json!([level]))
        .await
        .unwrap_or_default();
    let figures = ask.call("rollup_getLevelFigures", json!([level])).await;
    let figures = figures.unwrap_or_default();
    let outgoing = outbox
        .as_ref()
        .ok()
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    if inbox.as_ref().is_ok_and(Value::is_null) && outgoing.is_empty() && blocks.is_null() {
        return Err(Trouble::NotFound(format!(
            "Level {level} is not over, or the node no longer has it."
        )));
    }
    let slice = Slice::of(query, &format!("/level/{level}"), "from", PAGE);
    let main = html! {
        h1 { "Level " (format::count(level)) }
        nav.pager aria-label="Neighbours" {
            @if level > 0 { a href=(format!("/level/{}", level - 1)) rel="prev" { "← level " (format::count(level - 1)) } }
            a href=(format!("/level/{}", u64::from(level) + 1)) rel="next" { "level " (format::count(u64::from(level) + 1)) " →" }
        }
        h2 { "Blocks that it made" }
        (made(&blocks))
        (took(&figures))
        h2 { "Inbox" }
        @match &inbox {
            Ok(inbox) => (incoming(level, list(inbox, "messages"), &slice)),
            Err(error) => p.none { "The node does not give it: " (error.message) "." },
        }
        h2 { "Outbox" }
        @match &outbox {
            Ok(_) => (leaving(outgoing)),
            Err(error) => p.none { "The node does not give it: " (error.message) "." },
        }
    };
    Ok(View::new(format!("Level {level}"), main))
}

fn made(blocks: &Value) -> Markup {
    if blocks.is_null() {
        return html! { p.none { "None, or their states are no longer kept." } };
    }
    let (first, last) = (number(blocks, "first"), number(blocks, "last"));
    html! {
        p {
            @if last - first > 20 { (format::block(first)) " to " (format::block(last)) }
            @else { @for block in first..=last { (format::block(block)) " " } }
        }
    }
}

/// What the machine did for it.
fn took(figures: &Value) -> Markup {
    let time = alloy_primitives::U256::from(number(figures, "microseconds"));
    html! {
        h2 { "What it took" }
        @if figures.is_null() { p.none { "It is not kept: it is of the newest 1,024 levels since the node started." } }
        @else {
            dl.facts {
                div { dt { "Runs" } dd { (number(figures, "runs")) @if number(figures, "traps") > 0 { span.failed { ", " (number(figures, "traps")) " trapped" } } } }
                div { dt { "Time here" } dd { (format::decimal(time, 3)) " ms" } }
                @if let Some(count) = figures.get("instructions").and_then(Value::as_u64) {
                    div { dt { "Instructions" } dd { (format::count(count)) } }
                    div { dt { "Bytes read" } dd { (format::count(number(figures, "bytesRead"))) } }
                    div { dt { "Bytes written" } dd { (format::count(number(figures, "bytesWritten"))) } }
                }
            }
            @match figures.get("hostCalls").and_then(Value::as_object) {
                Some(calls) => (host_calls(calls)),
                None => p.note { "Instructions and calls of the host are not counted here: " code { "devnet --max-instructions COUNT" } " counts them, at some cost." },
            }
        }
    }
}

/// Calls of the host by name, the most frequent first.
fn host_calls(calls: &Map<String, Value>) -> Markup {
    let counts = calls
        .iter()
        .filter_map(|(name, count)| Some((name, count.as_u64()?)));
    let mut calls: Vec<(&String, u64)> = counts.collect();
    calls.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let all: u64 = calls.iter().map(|(_, count)| count).sum();
    html! {
        div.wide { table {
            caption.unseen { "Calls of the host by name" }
            thead { tr { th scope="col" { "Host function" } th.number scope="col" { "Calls" } th scope="col" { "Share" } } }
            tbody { @for (name, count) in &calls {
                tr { th scope="row" { code { (name) } } td.number { (format::count(count)) } td { (format::bar(*count, all, "share of the host calls")) } }
            } }
        } }
    }
}

fn incoming(level: u32, messages: &[Value], slice: &Slice) -> Markup {
    html! {
        p.note { (format::count(messages.len())) " messages, in the order in which the kernel reads them." }
        div.wide { table {
            caption.unseen { "Messages of the inbox" }
            thead { tr { th.number scope="col" { "#" } th scope="col" { "Kind" } th scope="col" { "What it says" } th scope="col" { "Bytes" } } }
            tbody { @for message in slice.take(messages.iter()) { (row(level, message)) } }
        } }
        (slice.bar("Messages", messages.len()))
    }
}

fn row(level: u32, message: &Value) -> Markup {
    let raw = message.get("raw").and_then(bytes).unwrap_or_default();
    let id = number(message, "id");
    html! {
        tr {
            td.number #(format!("m{id}")) { a href=(format!("/level/{level}/message/{id}")) { (id) } }
            th scope="row" { (kind(text(message, "kind"))) }
            td { (content(level, message, &raw)) }
            td { (format::some_bytes(&raw, SHOWN)) }
        }
    }
}

pub(super) fn kind(kind: &str) -> &str {
    match kind {
        "transfer" => "from a contract of layer 1",
        "external" => "external",
        "start_of_level" => "start of the level",
        "end_of_level" => "end of the level",
        "info_per_level" => "about the level",
        "protocol_migration" => "layer 1's new protocol",
        "dal_attested_slots" => "slots of the data layer",
        other => other,
    }
}

/// What a message says, in words.
pub(super) fn content(level: u32, message: &Value, raw: &[u8]) -> Markup {
    match text(message, "kind") {
        "transfer" => html! {
            "from " (format::layer1(text(message, "sender"))) ", in an operation of " (format::layer1(text(message, "source")))
            @if let Some(payload) = message.get("payload").filter(|payload| !payload.is_null()) { (micheline(payload)) }
        },
        "info_per_level" => html! {
            "the level before was made at " (time(message)) ", its hash is " (format::cut(text(message, "predecessor")))
        },
        "protocol_migration" => html! { (crate::names::plain(text(message, "protocol"))) },
        "unreadable" => {
            html! { span.failed { "not readable: " (crate::names::plain(text(message, "error"))) } }
        }
        "external" => html! { (external((level, message), raw)) },
        _ => html! {},
    }
}

fn time(message: &Value) -> Markup {
    let seconds = message.get("predecessorTimestamp").and_then(Value::as_i64);
    match seconds.and_then(|seconds| u64::try_from(seconds).ok()) {
        Some(seconds) => format::time(seconds),
        None => html! { "an unknown time" },
    }
}

/// What an external message is: its first bytes say so (docs/layout.md).
fn external((level, message): (u32, &Value), raw: &[u8]) -> Markup {
    let [1, 0, framed @ ..] = raw else {
        return html! { "not framed for a rollup" };
    };
    let hash = framed.get(21..53).map(crate::ask::hex_of);
    let link = |what: &str| html! { (what) @if let Some(hash) = &hash { " " (format::transaction(hash)) } };
    match framed.get(20) {
        Some(0) => link("transaction"),
        Some(1) => link("announcement of the pieces of"),
        Some(2) => link("piece of"),
        Some(5) => html! {
            "batch of "
            @match message.get("transactions").and_then(Value::as_u64) {
                Some(count) => a href=(format!("/level/{level}/message/{}", number(message, "id"))) { (format::count(count)) " transactions" },
                None => "transactions, which cannot be read",
            }
        },
        _ => html! { "framed for a rollup, as this page does not know" },
    }
}

/// Micheline, folded.
fn micheline(payload: &Value) -> Markup {
    let text = payload.to_string();
    let cut: String = text.chars().take(1_500).collect();
    html! {
        details {
            summary { "payload" }
            pre tabindex="0" { (cut) @if cut.len() < text.len() { "…" } }
        }
    }
}

fn leaving(messages: &[Value]) -> Markup {
    html! {
        @if messages.is_empty() { p.none { "Nothing left at this level." } }
        @else {
            div.wide { table {
                caption.unseen { "Messages of the outbox" }
                thead { tr { th.number scope="col" { "#" } th scope="col" { "Calls" } th scope="col" { "Bytes" } } }
                tbody { @for message in messages.iter().take(100) { (leaving_row(message)) } }
            } }
            p { a href="/bridge" { "How far withdrawals are" } }
        }
    }
}

fn leaving_row(entry: &Value) -> Markup {
    let raw = entry.get("raw").and_then(bytes).unwrap_or_default();
    let nothing = Value::Null;
    let message = entry.get("message").unwrap_or(&nothing);
    html! {
        tr {
            td.number { (number(entry, "message_index")) }
            td {
                @for call in list(message, "transactions").iter().take(10) {
                    p { code { (text(call, "entrypoint")) } " of " (format::layer1(text(call, "destination"))) }
                    @if let Some(parameters) = call.get("parameters") { (micheline(parameters)) }
                }
                @if message.is_null() { span.failed { "layer 1 cannot read it" } }
            }
            td { (format::some_bytes(&raw, SHOWN)) }
        }
    }
}
