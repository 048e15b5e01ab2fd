//! The newest blocks, live; older ones by pages.

use crate::ask::{Ask, Trouble, number, number_of, text, word};
use crate::format;
use crate::frame::View;
use crate::query::Query;
use maud::{Markup, html};
use serde_json::{Value, json};

/// The blocks of a page.
const PAGE: u64 = 25;

/// `/`, and `/?before=N`: the blocks before number N.
pub(crate) async fn view(ask: &Ask, query: &Query) -> Result<View, Trouble> {
    let newest = newest(ask).await?;
    let before = query.number("before").filter(|before| *before <= newest);
    let last = before.map_or(newest, |before| before.saturating_sub(1));
    let rows = table_rows(ask, last).await?;
    let first = ask.node().chain().first();
    let older = (last >= first + PAGE).then(|| format!("/?before={}", last + 1 - PAGE));
    let newer = before.map(|before| match before + PAGE > newest {
        true => "/".to_owned(),
        false => format!("/?before={}", before + PAGE),
    });
    let main = html! {
        h1 { @if before.is_some() { "Blocks" } @else { "Newest blocks" } }
        @if before.is_none() { (facts(ask, newest).await) }
        div.wide {
            table.blocks data-live[before.is_none()] {
                caption.unseen { "Blocks, newest first" }
                thead { tr {
                    th scope="col" { "Block" }
                    th scope="col" { "Time" }
                    th.number scope="col" { "Transactions" }
                    th.number scope="col" { "Gas used" }
                    th scope="col" { "of its limit" }
                    th.number scope="col" { "Base fee" }
                } }
                tbody #rows { (rows) }
            }
        }
        @if before.is_none() {
            p.live { span #live role="status" { "Reload to see what is new." } " " button #pause type="button" hidden aria-pressed="false" { "Pause" } }
        }
        (format::pager("Blocks", newer, older))
    };
    Ok(View::new("Blocks", main))
}

/// `/rows`: what stands above the newest blocks, and their rows.
pub(crate) async fn rows(ask: &Ask) -> Result<Markup, Trouble> {
    let newest = newest(ask).await?;
    let rows = table_rows(ask, newest).await?;
    Ok(html! { (facts(ask, newest).await) table { tbody { (rows) } } })
}

pub(super) async fn newest(ask: &Ask) -> Result<u64, Trouble> {
    let newest = ask.call("eth_blockNumber", json!([])).await?;
    Ok(number_of(&newest).unwrap_or_default())
}

async fn table_rows(ask: &Ask, last: u64) -> Result<Markup, Trouble> {
    let first = ask.node().chain().first();
    let mut rows = Vec::new();
    for wanted in (first..=last)
        .rev()
        .take(usize::try_from(PAGE).unwrap_or_default())
    {
        let id = format!("{wanted:#x}");
        let header = ask.call("eth_getHeaderByNumber", json!([id])).await?;
        // A reorganisation took it.
        if header.is_null() {
            continue;
        }
        let count = ask.call("eth_getBlockTransactionCountByNumber", json!([id]));
        let count = number_of(&count.await?).unwrap_or_default();
        rows.push(row(&header, count, failures(ask, wanted)));
    }
    // As many rows as ever, so that nothing jumps when one comes.
    let missing = PAGE.saturating_sub(rows.len() as u64);
    Ok(html! {
        @for row in &rows { (row) }
        @for _ in 0..missing { tr.empty aria-hidden="true" { td colspan="6" { "\u{a0}" } } }
    })
}

/// The transactions of a block that failed.
fn failures(ask: &Ask, block: u64) -> usize {
    let block = ask.node().chain().number(block).ok().flatten();
    let transactions = block.iter().flat_map(|block| &block.transactions);
    transactions.filter(|one| !one.receipt.success).count()
}

fn row(header: &Value, count: u64, failed: usize) -> Markup {
    let (used, limit) = (number(header, "gasUsed"), number(header, "gasLimit"));
    html! {
        tr data-hash=(text(header, "hash")) {
            th scope="row" { (format::block(number(header, "number"))) }
            td { (format::time(number(header, "timestamp"))) }
            td.number {
                (format::count(count))
                @if failed > 0 { " " span.failed title="transactions that failed" { "(" (format::count(failed)) " ✗" span.unseen { " failed" } ")" } }
            }
            td.number { (format::count(used)) }
            td { (format::bar(used, limit, "gas used")) }
            td.number { (format::price(word(header, "baseFeePerGas"))) }
        }
    }
}

/// What stands above the newest blocks.
async fn facts(ask: &Ask, newest: u64) -> Markup {
    let level = ask.call("rollup_getLevelOf", json!(["latest"])).await;
    let level = level.ok().and_then(|level| level.as_u64());
    let waiting = ask
        .call("txpool_status", json!([]))
        .await
        .unwrap_or_default();
    let fee = ask.call("eth_baseFee", json!([])).await.unwrap_or_default();
    let final_ = ask
        .call("eth_getHeaderByNumber", json!(["finalized"]))
        .await;
    let final_ = final_.ok().filter(|header| !header.is_null());
    html! {
        dl #facts.facts {
            div { dt { "Newest block" } dd { (format::block(newest)) } }
            div { dt { "Final up to" } dd { @match final_ { Some(header) => (format::block(number(&header, "number"))), None => "unknown" } } }
            div { dt { "Made at" } dd { @match level { Some(level) => (format::level(level)), None => "unknown" } } }
            div { dt { "Base fee of the next" } dd { (format::price(word(&json!({ "fee": fee }), "fee"))) } }
            div { dt { "Transactions that wait" } dd { (format::count(number(&waiting, "pending"))) " ready, " (format::count(number(&waiting, "queued"))) " early" } }
            div { dt { "Chain" } dd { (ask.node().chain_id()) } }
        }
    }
}
