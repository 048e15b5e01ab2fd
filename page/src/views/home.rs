//! The newest blocks, live; older ones by pages.

use crate::ask::{Ask, Trouble, number, number_of, word};
use crate::format;
use crate::frame::View;
use crate::query::Query;
use alloy_primitives::U256;
use maud::{Markup, html};
use node::chain::Block;
use node::request::BlockId;
use node::rpc::RpcError;
use serde_json::json;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The blocks of a page.
const PAGE: u64 = 25;

/// `/`, and `/?before=N`: the blocks before number N.
pub(crate) async fn view(ask: &Ask, query: &Query) -> Result<View, Trouble> {
    let newest = newest(ask).await?;
    let before = query.number("before").filter(|before| *before <= newest);
    let last = before.map_or(newest, |before| before.saturating_sub(1));
    let rows = table_rows(ask, last)?;
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
                    th scope="col" { "of the highest here" }
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
    let rows = table_rows(ask, newest)?;
    Ok(html! { (facts(ask, newest).await) table { tbody { (rows) } } })
}

/// What all viewers get, made once for as long as nothing changes, and a few times a second where
/// much does.
#[derive(Debug, Default)]
pub(crate) struct Rows(Mutex<Option<Made>>);

#[derive(Debug)]
struct Made {
    at: Instant,
    text: String,
}

/// As long a text is given to others, though there may be a newer one.
const FRESH: Duration = Duration::from_millis(300);

impl Rows {
    /// The text of [`rows`]; the script asks again if it has not the newest block.
    pub(crate) async fn text(&self, ask: &Ask) -> Result<String, Trouble> {
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = &*lock()
            && made.at.elapsed() < FRESH
        {
            return Ok(made.text.clone());
        }
        let at = Instant::now();
        let text = rows(ask).await?.into_string();
        let made = Made {
            at,
            text: text.clone(),
        };
        let mut kept = lock();
        // Another viewer's may be newer.
        if kept.as_ref().is_none_or(|kept| kept.at <= made.at) {
            *kept = Some(made);
        }
        Ok(text)
    }
}

pub(super) async fn newest(ask: &Ask) -> Result<u64, Trouble> {
    let newest = ask.call("eth_blockNumber", json!([])).await?;
    Ok(number_of(&newest).unwrap_or_default())
}

fn table_rows(ask: &Ask, last: u64) -> Result<Markup, Trouble> {
    let first = ask.node().chain().first();
    let most = usize::try_from(PAGE).unwrap_or_default();
    let mut blocks = Vec::new();
    for wanted in (first..=last).rev().take(most) {
        let block = ask.node().find(BlockId::Number(wanted));
        // A reorganisation took it.
        blocks.extend(block.map_err(RpcError::from)?);
    }
    let fees = blocks.iter().map(|block| block.header.base_fee_per_gas);
    let highest = fees.max().unwrap_or_default();
    // As many rows as ever, so that nothing jumps when one comes.
    let missing = most.saturating_sub(blocks.len());
    Ok(html! {
        @for block in &blocks { (row(block, highest)) }
        @for _ in 0..missing { tr.empty aria-hidden="true" { @for _ in 0..7 { td { "\u{a0}" } } } }
    })
}

/// A block as a row, beside blocks of which one has the highest base fee: read as it is, since an open
/// page asks for this again and again.
fn row(block: &Block, highest: u64) -> Markup {
    let header = &block.header;
    let (used, limit) = (header.gas_used, header.gas_limit);
    let failed = block.transactions.iter();
    let failed = failed.filter(|one| !one.receipt.success).count();
    html! {
        tr data-hash=(block.hash) {
            th scope="row" { (format::block(header.number)) }
            td { (format::time(header.timestamp)) }
            td.number {
                (format::count(block.transactions.len()))
                @if failed > 0 { " " a.failed href=(format!("/block/{}?failed=1#transactions", header.number)) title="the transactions that failed" { "(" (format::count(failed)) " ✗" span.unseen { " failed" } ")" } }
            }
            td.number { (format::count(used)) }
            td { (format::bar(used, limit, "gas used")) }
            td.number { (format::price(U256::from(header.base_fee_per_gas))) }
            td { (format::bar(header.base_fee_per_gas, highest, "base fee")) }
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
        dl #facts.facts data-newest=(newest) {
            div { dt { "Newest block" } dd { (format::block(newest)) } }
            div { dt { "Final up to" } dd { @match final_ { Some(header) => (format::block(number(&header, "number"))), None => "unknown" } } }
            div { dt { "Made at" } dd { @match level { Some(level) => (format::level(level)), None => "unknown" } } }
            div { dt { "Base fee of the next" } dd { (format::price(word(&json!({ "fee": fee }), "fee"))) } }
            div { dt { "Transactions that wait" } dd { a href="/waiting" { (format::count(number(&waiting, "pending"))) " for the next block, " (format::count(number(&waiting, "queued"))) " for an earlier nonce of their sender" } " · " a href="/dropped" { "dropped ones" } } }
            div { dt { "Chain" } dd { (ask.node().chain_id()) } }
        }
    }
}
