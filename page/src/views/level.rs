//! A level of layer 1: what came in by its inbox, which blocks it made, what went out.

use super::incoming::{Sides, forced, paid};
use super::{bridge, layer1};
use crate::ask::{Ask, Trouble, bytes, list, number, text};
use crate::format;
use crate::frame::View;
use crate::names::{Names, plain};
use crate::query::Query;
use crate::site::Answer;
use crate::slice::Slice;
use maud::{Markup, html};
use serde_json::{Map, Value, json};

/// The messages of a page.
const PAGE: usize = 40;

/// The bytes of a message that are shown.
const SHOWN: usize = 256;

/// The bytes of a page that messages of the inbox, and of the outbox, may take, about.
const INBOX_BYTES: usize = 45_000;
const OUTBOX_BYTES: usize = 25_000;

/// The bytes of a payload that are shown in a list.
const PAYLOAD: usize = 600;

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

/// `/level/N`; `?from=M`: the inbox messages from number M on; `?out=M`: those of the outbox.
pub(crate) async fn view(
    ask: &Ask,
    names: &Names,
    level: &str,
    query: &Query,
) -> Result<View, Trouble> {
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
    let newest = ask.call("rollup_inbox", json!([])).await;
    let newest = newest.map_or(0, |inbox| number(&inbox, "level"));
    let path = format!("/level/{level}");
    let slice = Slice::of(query, &path, "from", PAGE);
    let out = Slice::of(query, &path, "out", PAGE).at("outbox");
    let came = came(
        ask,
        inbox.as_ref().map_or(&[], |inbox| list(inbox, "messages")),
        (level, &slice),
        &blocks,
    )
    .await;
    let layer1 = layer1::contracts(ask).await;
    let sides = Sides { names, layer1 };
    let paying = paying(ask, outgoing).await;
    let main = html! {
        h1 { "Level " (format::count(level)) }
        (neighbours(level, newest))
        h2 { "Blocks that it made" }
        (made(&blocks))
        (took(&figures))
        h2 #inbox { "Inbox" }
        @match &inbox {
            Ok(inbox) => (incoming((level, &sides), (list(inbox, "messages"), &came), &slice)),
            Err(error) => p.none { "The node does not give it: " (error.message) "." },
        }
        h2 #outbox { "Outbox" }
        @match &outbox {
            Ok(_) => (leaving(level, (outgoing, &paying), &out)),
            Err(error) => p.none { "The node does not give it: " (error.message) "." },
        }
    };
    Ok(View::new(format!("Level {level}"), main))
}

fn neighbours(level: u32, newest: u64) -> Markup {
    let before = level.checked_sub(1).map(u64::from);
    let after = Some(u64::from(level) + 1).filter(|after| *after <= newest);
    let link = |level: u64| format!("/level/{level}");
    html! {
        nav.pager aria-label="Neighbours" {
            @if let Some(before) = before { a href=(link(before)) rel="prev" { "← level " (format::count(before)) } }
            @if let Some(after) = after { a href=(link(after)) rel="next" { "level " (format::count(after)) " →" } }
        }
    }
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

/// The blocks that messages of a page made: that of the first transaction of each.
async fn came(
    ask: &Ask,
    messages: &[Value],
    (level, slice): (u32, &Slice),
    of_level: &Value,
) -> Vec<Option<u64>> {
    let deposits = bridge::deposited(ask, of_level).await;
    let mut blocks = Vec::new();
    for message in slice.take(messages.iter()) {
        let place = (u64::from(level), number(message, "id"));
        let known = deposits.get(&place).copied();
        let first = match text(message, "kind") {
            "external" => first_of(ask, level, message).await,
            "transfer" if known.is_none() => forced(message),
            _ => None,
        };
        blocks.push(match first {
            Some(hash) => ask.block_of(&hash).await,
            None => known,
        });
    }
    blocks
}

/// The first transaction of an external message.
async fn first_of(ask: &Ask, level: u32, message: &Value) -> Option<String> {
    let raw = message.get("raw").and_then(bytes)?;
    match raw.strip_prefix(&[1, 0])?.get(20)? {
        0 => Some(crate::ask::hex_of(raw.get(23..55)?)),
        5 => {
            let wanted = json!([level, number(message, "id"), 0, 1]);
            let found = ask.call("rollup_getMessage", wanted).await.ok()?;
            let first = list(&found, "inside").first()?;
            Some(text(first, "hash").to_owned())
        }
        _ => None,
    }
}

fn incoming(
    at: (u32, &Sides<'_>),
    (messages, blocks): (&[Value], &[Option<u64>]),
    slice: &Slice,
) -> Markup {
    let (rows, part) = slice.fit(INBOX_BYTES, messages.iter(), |message| {
        // The blocks are those of the page.
        let place = number(message, "id");
        let place = usize::try_from(place)
            .ok()
            .and_then(|id| id.checked_sub(slice.from()));
        let block = place.and_then(|place| blocks.get(place).copied().flatten());
        row(at, message, block)
    });
    html! {
        p.note { (format::many(messages.len(), "message")) ", in the order in which the kernel reads them." }
        div.wide { table {
            caption.unseen { "Messages of the inbox" }
            thead { tr { th.number scope="col" { "#" } th scope="col" { "Kind" } th scope="col" { "What it says" } th scope="col" { "In block" } th scope="col" { "Bytes" } } }
            tbody { @for row in &rows { (row) } }
        } }
        (part.bar("Messages", messages.len()))
    }
}

fn row((level, sides): (u32, &Sides<'_>), message: &Value, block: Option<u64>) -> Markup {
    let raw = message.get("raw").and_then(bytes).unwrap_or_default();
    let id = number(message, "id");
    html! {
        tr {
            td.number #(format!("m{id}")) { a href=(format!("/level/{level}/message/{id}")) { (id) } }
            th scope="row" { (kind(text(message, "kind"))) }
            td { (content((level, sides), message, &raw)) }
            td { @if let Some(block) = block { (format::block(block)) } }
            td { (format::linked_bytes(&raw, SHOWN, &format!("/level/{level}/message/{id}#bytes"))) }
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
pub(super) fn content((level, sides): (u32, &Sides<'_>), message: &Value, raw: &[u8]) -> Markup {
    match text(message, "kind") {
        "transfer" => html! {
            (sides.words(message))
            @if let Some(payload) = message.get("payload").filter(|payload| !payload.is_null()) { (micheline(payload, PAYLOAD, false)) }
        },
        "info_per_level" => html! {
            "the level before was made at " (time(message)) ", its hash is " (format::cut(text(message, "predecessor")))
        },
        "protocol_migration" => html! { (plain(text(message, "protocol"))) },
        "unreadable" => {
            html! { span.failed { "not readable: " (plain(text(message, "error"))) } }
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

/// Micheline as JSON, folded; so many bytes of it at most.
pub(super) fn micheline(payload: &Value, most: usize, open: bool) -> Markup {
    let text = payload.to_string();
    let mut left = most;
    let cut = text.chars().take_while(|letter| {
        let size = crate::names::escaped(letter.encode_utf8(&mut [0; 4]));
        let fits = size <= left;
        left = left.saturating_sub(size);
        fits
    });
    let cut: String = cut.collect();
    let shown: Vec<char> = cut.chars().collect();
    // What hides other letters is spelled out, and nothing cut.
    let shown = shown
        .chunks(100)
        .map(|part| plain(&part.iter().collect::<String>()));
    let shown: String = shown.collect();
    html! {
        details open[open] {
            summary { "payload" }
            pre tabindex="0" { (shown) @if cut.len() < text.len() { "…" } }
        }
    }
}

/// What the node says of withdrawals, if there are any.
async fn paying(ask: &Ask, outgoing: &[Value]) -> Value {
    if outgoing.is_empty() {
        return Value::Null;
    }
    let all = ask.call("rollup_withdrawals", json!([])).await;
    all.unwrap_or_default()
}

fn leaving(level: u32, (messages, paying): (&[Value], &Value), slice: &Slice) -> Markup {
    let (rows, slice) = slice.fit(OUTBOX_BYTES, messages.iter(), |one| {
        leaving_row((level, paying), one)
    });
    html! {
        @if messages.is_empty() { p.none { "Nothing left at this level." } }
        @else {
            p.note { (format::many(messages.len(), "message")) "." }
            div.wide { table {
                caption.unseen { "Messages of the outbox" }
                thead { tr { th.number scope="col" { "#" } th scope="col" { "Calls" } th scope="col" { "Bytes" } } }
                tbody { @for row in &rows { (row) } }
            } }
            (slice.bar("Messages of the outbox", messages.len()))
            p { a href="/bridge" { "How far withdrawals are" } }
        }
    }
}

/// The calls of a message that are shown in a list.
const CALLS: usize = 3;

fn leaving_row((level, paying): (u32, &Value), entry: &Value) -> Markup {
    let raw = entry.get("raw").and_then(bytes).unwrap_or_default();
    let id = number(entry, "message_index");
    let path = format!("/level/{level}/outbox/{id}");
    let count = calls_of(entry).len();
    html! {
        tr {
            td.number { a href=(path) { (id) } }
            td {
                @if let Some(paid) = pays(paying, (level, id)) { p { strong { (paid) } } }
                @for call in calls_of(entry).iter().take(CALLS) { (call_of_layer1(call, PAYLOAD, false)) }
                @if count > CALLS { p { a href=(path) { "and " (format::count(count - CALLS)) " more" } } }
                @if count == 0 { span.failed { "layer 1 cannot read it" } }
            }
            td { (format::linked_bytes(&raw, SHOWN, &format!("{path}#bytes"))) }
        }
    }
}

/// What the message at a place of the outbox pays, by what the node says of withdrawals.
fn pays(paying: &Value, (level, id): (u32, u64)) -> Option<Markup> {
    let mut all = paying.as_array()?.iter();
    let place = |one: &Value| (number(one, "outboxLevel"), number(one, "messageIndex"));
    let is_it = |one: &&Value| one.get("outboxLevel").is_some() && place(one) == (level.into(), id);
    paid(all.find(is_it)?)
}

/// What a message calls.
fn calls_of(entry: &Value) -> &[Value] {
    let message = entry.get("message");
    message.map_or(&[], |message| list(message, "transactions"))
}

fn call_of_layer1(call: &Value, most: usize, open: bool) -> Markup {
    html! {
        p { code { (plain(text(call, "entrypoint"))) } " of " (format::layer1(text(call, "destination"))) }
        @if let Some(parameters) = call.get("parameters") { (micheline(parameters, most, open)) }
    }
}

/// The calls of a page with one message, and the bytes of it that they may take.
const ALL_CALLS: usize = 20;
const ALL_BYTES: usize = 50_000;

/// `/level/N/outbox/I`; `?from=K`: its calls from number K on; `?bytes=K`: its bytes.
pub(crate) async fn outgoing(
    ask: &Ask,
    (level, id): (&str, &str),
    query: &Query,
) -> Result<View, Trouble> {
    let small = |text: &str| text.parse::<u32>().ok();
    let (Some(level), Some(id)) = (small(level), small(id)) else {
        let why = "Levels and messages are numbers below 2^32.";
        return Err(Trouble::Invalid(why.into()));
    };
    let outbox = ask.call("rollup_outbox", json!([level])).await?;
    let mut all = outbox.as_array().into_iter().flatten();
    let entry = all.find(|entry| number(entry, "message_index") == u64::from(id));
    let entry = entry.ok_or_else(|| {
        Trouble::NotFound(format!(
            "There is no message {id} in the outbox of level {level}, or the node no longer has it."
        ))
    })?;
    let raw = entry.get("raw").and_then(bytes).unwrap_or_default();
    let path = format!("/level/{level}/outbox/{id}");
    let slice = Slice::of(query, &path, "from", ALL_CALLS);
    let calls = calls_of(entry);
    let (rows, slice) = slice.fit(ALL_BYTES, calls.iter(), |call| {
        call_of_layer1(call, ALL_BYTES / 2, true)
    });
    let title = format!("Message {id} of the outbox of level {level}");
    let main = html! {
        h1 { (title) }
        p { a href=(format!("/level/{level}#outbox")) { "← level " (format::count(level)) } " · " a href="/bridge" { "how far withdrawals are" } }
        h2 { "Calls (" (format::count(calls.len())) ")" }
        @if calls.is_empty() { p.failed { "Layer 1 cannot read it." } }
        @for row in &rows { (row) }
        (slice.bar("Calls", calls.len()))
        h2 #bytes { "Bytes (" (format::count(raw.len())) ")" }
        (super::parts::all_bytes(&raw, &path, query))
    };
    Ok(View::new(title, main))
}
