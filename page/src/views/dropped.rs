//! The transactions that were dropped, and why.

use super::transaction::why_gone;
use crate::ask::{Ask, Trouble, address, text};
use crate::format;
use crate::frame::View;
use crate::names::Names;
use crate::query::Query;
use crate::slice::Slice;
use maud::{Markup, html};
use serde_json::{Value, json};

/// The transactions of a page, and the bytes that they may take.
const PAGE: usize = 50;
const BYTES: usize = 70_000;

/// `/dropped`; `?from=N`: those behind the newest N.
pub(crate) async fn view(ask: &Ask, names: &Names, query: &Query) -> Result<View, Trouble> {
    let slice = Slice::of(query, "/dropped", "from", PAGE).newest_first();
    // One more says whether there are any behind.
    let wanted = json!([null, slice.from(), PAGE + 1]);
    let all = ask.call("rollup_getDropped", wanted).await?;
    let all = all.as_array().map_or(&[][..], Vec::as_slice);
    let shown = all.iter().take(PAGE);
    let rows = crate::slice::fit(BYTES, shown, |one| row(names, one));
    let (known, slice) = (slice.from() + all.len(), slice.sized(rows.len().max(1)));
    let main = html! {
        h1 { "Dropped transactions" }
        p.note {
            "Those that left the pool without being in a block, or that the kernel dropped, the newest first: of the newest 1,024 of each"
            @if ask.node().store().lasts() { ", and of as many from before the node started." } @else { " since the node started." }
        }
        @if rows.is_empty() { p.none { "None." } }
        @else {
            div.wide { table.dropped {
                caption.unseen { "Dropped transactions" }
                thead { tr { th scope="col" { "Transaction" } th scope="col" { "When" } th scope="col" { "From" } th.number scope="col" { "Nonce" } th scope="col" { "Why" } } }
                tbody { @for row in &rows { (row) } }
            } }
        }
        (slice.bar("Dropped transactions", known))
    };
    Ok(View::new("Dropped transactions", main))
}

fn row(names: &Names, one: &Value) -> Markup {
    let number = |field: &str| one.get(field).and_then(crate::ask::number_of);
    html! {
        tr {
            th scope="row" { (format::transaction(text(one, "hash"))) }
            td { @if let Some(at) = number("timestamp") { (format::time(at)) } }
            td { @if let Some(from) = address(one, "from") { (names.account(&from)) } }
            td.number { @if let Some(nonce) = number("nonce") { (format::count(nonce)) } }
            td { (why_gone(one)) }
        }
    }
}
