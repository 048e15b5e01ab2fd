//! Pages with what has no room on a transaction's own: its calls, what it changed, the tokens that
//! moved, and all values of its call data, of a log, or of what a call was given and gave back.

use super::transaction::check;
use super::{calls, changes, found, logs, recognised};
use crate::ask::{Ask, Trouble, data, list, text};
use crate::format;
use crate::frame::View;
use crate::names::{Decoded, Names, plain};
use crate::query::Query;
use crate::slice::Slice;
use maud::{Markup, html};
use node::rpc::RpcError;
use serde_json::json;

/// The bytes of a page.
const BYTES: usize = 8_192;

/// The logs of a receipt that tokens' movements are looked for in at once.
const LOGS: usize = 500;

/// `/tx/HASH/calls`, `/changes`, `/tokens`; `?from=N`: those from number N on.
pub(crate) async fn view(
    ask: &Ask,
    names: &Names,
    (hash, part): (&str, &str),
    query: &Query,
) -> Result<View, Trouble> {
    check(hash)?;
    let path = format!("/tx/{hash}");
    let (title, list) = match part {
        "calls" => {
            let told = calls::ask(ask, hash, calls::asked(query), false).await;
            let told = told.map_err(unknown)?;
            let called = recognised::called(&told).into_iter();
            let names = &recognised::names(ask, names, called).await;
            ("Calls", calls::listed(names, &path, &told, query))
        }
        "changes" => {
            let told = calls::ask(ask, hash, (0, 0), true).await;
            let told = told.map_err(unknown)?;
            let changes = match changes::told(&told) {
                Some(difference) => changes::listed(names, &path, difference, query),
                None => changes::too_many(),
            };
            ("State that it changed", changes)
        }
        "tokens" => ("Tokens that moved", tokens(ask, names, hash, query).await?),
        _ => return Err(Trouble::NotFound("There is no such page.".into())),
    };
    let main = html! {
        h1 { (title) }
        p { "Of transaction " (format::transaction(hash)) }
        (list)
    };
    Ok(View::new(title, main))
}

/// A transaction that nobody knows is no fault of the node's.
fn unknown(error: RpcError) -> Trouble {
    match error.message.as_str() {
        "transaction not found" => Trouble::NotFound("There is no such transaction.".into()),
        _ => error.into(),
    }
}

/// `?from=N`: the movements that logs from number N on tell of.
async fn tokens(ask: &Ask, names: &Names, hash: &str, query: &Query) -> Result<Markup, Trouble> {
    let from = query.number("from").unwrap_or_default();
    let receipt = ask
        .call("rollup_getReceipt", json!([hash, from, LOGS]))
        .await?;
    if receipt.is_null() {
        return Err(Trouble::NotFound(format!("No block has {hash}.")));
    }
    let count = crate::ask::number(&receipt, "logCount");
    let found = list(&receipt, "logs");
    let (shown, next) = logs::movements(ask, names, found, found::MOST).await;
    let next = next.map_or(from.saturating_add(found.len() as u64), |next| from + next);
    let first = || format!("/tx/{hash}/tokens");
    Ok(html! {
        (shown)
        (format::pager_with("Tokens", ["← first", "later →"], [
            (from > 0).then(first),
            (next < count && !found.is_empty()).then(|| format!("{}?from={next}", first())),
        ]))
    })
}

/// `/tx/HASH/data/PART`: `input`, `log-N`, `call-N-input` or `call-N-output`; `?from=N`: the values
/// from number N on; `?bytes=N`: the bytes from number N on.
pub(crate) async fn whole(
    ask: &Ask,
    names: &Names,
    (hash, part): (&str, &str),
    query: &Query,
) -> Result<View, Trouble> {
    check(hash)?;
    let found = match part.split('-').collect::<Vec<_>>()[..] {
        ["input"] => input(ask, names, hash).await?,
        ["log", number] => log(ask, names, hash, number).await?,
        ["call", number, side @ ("input" | "output")] => {
            call(ask, names, hash, (number, side)).await?
        }
        _ => None,
    };
    let nothing = || Trouble::NotFound("There is no such part of a transaction.".into());
    let (title, bytes, decoded) = found.ok_or_else(nothing)?;
    let path = format!("/tx/{hash}/data/{part}");
    let main = html! {
        h1 { (title) }
        p { "Of transaction " (format::transaction(hash)) }
        @if let Some(decoded) = &decoded {
            p { code { (plain(&decoded.signature)) } }
            (values(names, decoded, &path, query))
        }
        h2 #bytes { "Bytes (" (format::count(bytes.len())) ")" }
        (all_bytes(&bytes, &path, query))
    };
    Ok(View::new(title, main))
}

/// A title, bytes, and what they say.
type Part = Option<(String, Vec<u8>, Option<Decoded>)>;

async fn input(ask: &Ask, names: &Names, hash: &str) -> Result<Part, Trouble> {
    let transaction = ask.call("eth_getTransactionByHash", json!([hash])).await?;
    if transaction.is_null() {
        return Ok(None);
    }
    let input = data(&transaction, "input");
    let creates = text(&transaction, "to").is_empty();
    let decoded = names.input(&input).filter(|_| !creates);
    Ok(Some(("Call data".into(), input.into(), decoded)))
}

async fn log(ask: &Ask, names: &Names, hash: &str, number: &str) -> Result<Part, Trouble> {
    let Ok(number) = number.parse::<u64>() else {
        return Ok(None);
    };
    // Logs are numbered in their block.
    let first = ask.call("rollup_getReceipt", json!([hash, 0, 1])).await?;
    let first = list(&first, "logs").first();
    let first = first.map(|log| crate::ask::number(log, "logIndex"));
    let Some(place) = first.and_then(|first| number.checked_sub(first)) else {
        return Ok(None);
    };
    let receipt = ask
        .call("rollup_getReceipt", json!([hash, place, 1]))
        .await?;
    let Some(log) = list(&receipt, "logs").first() else {
        return Ok(None);
    };
    let bytes = data(log, "data");
    let decoded = names.log(&found::topics(log), &bytes);
    Ok(Some((format!("Log {number}"), bytes.into(), decoded)))
}

async fn call(
    ask: &Ask,
    names: &Names,
    hash: &str,
    (number, side): (&str, &str),
) -> Result<Part, Trouble> {
    let Ok(number) = number.parse::<usize>() else {
        return Ok(None);
    };
    let Some(call) = calls::whole(ask, hash, number).await? else {
        return Ok(None);
    };
    let (input, bytes) = (data(&call, "input"), data(&call, side));
    let creates = text(&call, "type").starts_with("CREATE");
    let failed = !text(&call, "error").is_empty();
    let decoded = match side {
        _ if creates => None,
        "input" => names.input(&input),
        _ if failed => names.error(&bytes),
        _ => names.output(&input, &bytes),
    };
    let title = match side {
        "input" => format!("What call {number} was given"),
        _ => format!("What call {number} gave back"),
    };
    Ok(Some((title, bytes.into(), decoded)))
}

/// All values, by pages.
pub(crate) fn values(names: &Names, decoded: &Decoded, path: &str, query: &Query) -> Markup {
    let slice = Slice::of(query, path, "from", 1);
    let leaves = names.leaves(decoded, slice.from());
    let slice = slice.sized(leaves.rows.len().max(1));
    html! {
        h2 { "Values (" (format::count(leaves.count)) ")" }
        div.wide { table {
            caption.unseen { "Values" }
            thead { tr { th.number scope="col" { "#" } th scope="col" { "Where" } th scope="col" { "Value" } } }
            tbody { @for row in &leaves.rows { (row) } }
        } }
        (slice.bar("Values", leaves.count))
    }
}

/// All bytes, by pages.
pub(super) fn all_bytes(bytes: &[u8], path: &str, query: &Query) -> Markup {
    let slice = Slice::of(query, path, "bytes", BYTES).at("bytes");
    let from = slice.from().min(bytes.len());
    let shown = bytes.get(from..).unwrap_or_default();
    html! {
        @if bytes.is_empty() { p.none { "None." } }
        @else { (format::placed_bytes(shown.get(..BYTES).unwrap_or(shown), from)) }
        (slice.bar("Bytes", bytes.len()))
    }
}
