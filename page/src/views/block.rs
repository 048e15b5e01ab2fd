//! A block: its header, and its transactions by pages.

use super::{home, recognised};
use crate::ask::{Ask, Trouble, address, data, list, number, number_of, text, word};
use crate::format;
use crate::frame::View;
use crate::names::Names;
use crate::query::Query;
use crate::slice::Slice;
use alloy_primitives::{Address, B256};
use maud::{Markup, html};
use node::request::BlockId;
use serde_json::{Value, json};

/// The transactions of a page: as many as the node gives at once.
const PAGE: usize = 25;

/// The most transactions of a block that failed and are shown.
const FAILED: usize = 100;

/// `/block/N`, `/block/HASH`; `?from=N`: the transactions behind the newest N; `?failed=1`: those that
/// failed.
pub(crate) async fn view(
    ask: &Ask,
    names: &Names,
    id: &str,
    query: &Query,
) -> Result<View, Trouble> {
    let id = block_id(id)?;
    let slice = Slice::of(query, "", "from", PAGE).newest_first();
    let page = slice.from() / PAGE;
    let found = ask
        .call("ots_getBlockTransactions", json!([id, page, PAGE]))
        .await?;
    let block = found.get("fullblock").filter(|block| !block.is_null());
    let Some(block) = block else {
        return Err(missing(ask, &id, home::newest(ask).await?));
    };
    let (at, newest) = (number(block, "number"), home::newest(ask).await?);
    let level = ask
        .call("rollup_getLevelOf", json!([format!("{at:#x}")]))
        .await;
    let level = level.ok().and_then(|level| level.as_u64());
    let figures = ask
        .call("rollup_getBlockFigures", json!([format!("{at:#x}")]))
        .await;
    let figures = figures.unwrap_or_default();
    let fees = json!([BESIDE, format!("{at:#x}"), []]);
    let fees = ask.call("eth_feeHistory", fees).await.unwrap_or_default();
    let count = usize::try_from(number(block, "transactionCount")).unwrap_or(usize::MAX);
    let slice = slice.on(&format!("/block/{at}")).at("transactions");
    let to = list(block, "transactions").iter();
    let to = to.filter_map(|transaction| address(transaction, "to"));
    let known = recognised::names(ask, names, to).await;
    let rows = transactions(&known, block, list(&found, "receipts"));
    let failed = failed(ask, at);
    let main = html! {
        h1 { "Block " (format::count(at)) }
        nav.pager aria-label="Neighbours" {
            @if at > ask.node().chain().first() { a href=(format!("/block/{}", at - 1)) rel="prev" { "← block " (format::count(at - 1)) } }
            @if at < newest { a href=(format!("/block/{}", at + 1)) rel="next" { "block " (format::count(at + 1)) " →" } }
        }
        (header(names, block, &Figures { made: made_at(ask, at, level), work: figures, fees }))
        h2 #transactions { "Transactions (" (format::count(count)) ")" }
        @if query.has("failed") {
            p { a href=(format!("/block/{at}#transactions")) { "all of them" } }
            (failures(&known, &failed))
        } @else {
            @if !failed.is_empty() { p { a href=(format!("/block/{at}?failed=1#transactions")) { (format::count(failed.len())) " failed" } } }
            @if count == 0 { p.none { "It has none." } } @else { (rows) }
            (slice.bar("Transactions", count))
        }
    };
    Ok(View::new(format!("Block {at}"), main))
}

/// The transactions of a block that failed: place, hash, sender and receiver.
type Failed = (usize, B256, Address, Option<Address>);

fn failed(ask: &Ask, at: u64) -> Vec<Failed> {
    let Ok(Some(block)) = ask.node().find(BlockId::Number(at)) else {
        return Vec::new();
    };
    let all = block.transactions.iter().enumerate();
    all.filter(|(_, one)| !one.receipt.success)
        .map(|(place, one)| {
            let signed = &one.transaction;
            let to = signed.transaction.kind().to().copied();
            (place, signed.hash, one.sender, to)
        })
        .collect()
}

fn failures(names: &Names, failed: &[Failed]) -> Markup {
    html! {
        @if failed.is_empty() { p.none { "None failed." } }
        @else {
            div.wide { table {
                caption.unseen { "Transactions that failed" }
                thead { tr { th.number scope="col" { "#" } th scope="col" { "Transaction" } th scope="col" { "Status" } th scope="col" { "From" } th scope="col" { "To" } } }
                tbody { @for (place, hash, from, to) in failed.iter().take(FAILED) {
                    tr {
                        td.number { (place) }
                        th scope="row" { (format::transaction(&hash.to_string())) }
                        td { (status(false)) }
                        td { (names.account(from)) }
                        td { @match to { Some(to) => (names.account(to)), None => span.none { "a new contract" } } }
                    }
                } }
            } }
            @if failed.len() > FAILED { p.note { "The first " (FAILED) " of " (format::count(failed.len())) "." } }
        }
    }
}

/// The place where a block was made.
fn made_at(ask: &Ask, at: u64, level: Option<u64>) -> Markup {
    match (ask.node().fork().filter(|fork| at <= fork.number()), level) {
        (Some(fork), _) => html! {
            span.none {
                "the chain that this one goes on from, with the id " (format::count(fork.chain_id()))
                ": its node is asked for the block"
            }
        },
        (None, Some(level)) => format::level(level),
        (None, None) => {
            html! { span.none { "a level that is no longer known: the block's state is gone" } }
        }
    }
}

/// There is no such block, in words.
fn missing(ask: &Ask, id: &Value, newest: u64) -> Trouble {
    let newest = format::count(newest);
    let number = number_of(id);
    let first = ask.node().chain().first();
    Trouble::NotFound(match number {
        Some(number) if number < first => format!(
            "Block {} is not kept here: the oldest is {}, the newest {newest}.",
            format::count(number),
            format::count(first)
        ),
        Some(number) => format!(
            "There is no block {}; the newest is {newest}.",
            format::count(number)
        ),
        None => format!(
            "There is no block {} here; the newest is {newest}. A reorganisation may have taken it.",
            id.as_str().unwrap_or_default()
        ),
    })
}

/// The id of a block as the node's methods take it.
fn block_id(text: &str) -> Result<Value, Trouble> {
    let digits = text.strip_prefix("0x");
    let invalid = || {
        Trouble::Invalid(format!(
            "{text:?} is neither the number nor the hash of a block."
        ))
    };
    match digits {
        Some(digits)
            if digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) =>
        {
            Ok(json!(text))
        }
        Some(digits) if digits.len() <= 16 => {
            let number = u64::from_str_radix(digits, 16).map_err(|_| invalid())?;
            Ok(json!(format!("{number:#x}")))
        }
        Some(_) => Err(invalid()),
        None if ["latest", "finalized", "safe"].contains(&text) => Ok(json!(text)),
        None => {
            let number: u64 = text.replace(',', "").parse().map_err(|_| invalid())?;
            Ok(json!(format!("{number:#x}")))
        }
    }
}

/// The blocks that a block's base fee is compared with, itself among them.
const BESIDE: u64 = 9;

/// What is known of a block beside its header.
struct Figures {
    made: Markup,
    /// Null if the block's state is gone.
    work: Value,
    /// The base fees of the blocks before it, and of it.
    fees: Value,
}

/// The base fee with a bar: of the highest of the blocks before it, and of it.
fn base_fee(block: &Value, fees: &Value) -> Markup {
    let own = number(block, "baseFeePerGas");
    // The last one is of the block behind.
    let fees = list(fees, "baseFeePerGas").split_last();
    let before = fees.map_or(&[][..], |(_, before)| before);
    let highest = before.iter().filter_map(number_of).max();
    html! {
        (format::price(word(block, "baseFeePerGas")))
        @if let Some(highest) = highest {
            " " (format::bar(own, highest.max(own), "base fee"))
            " of the highest of " (before.len()) " blocks up to it"
        }
    }
}

fn header(names: &Names, block: &Value, figures: &Figures) -> Markup {
    let Figures { made, work, fees } = figures;
    let (used, limit) = (number(block, "gasUsed"), number(block, "gasLimit"));
    let hash = |field| html! { span.hash.whole { (text(block, field)) } };
    html! {
        div.wide { table.facts {
            caption.unseen { "Header" }
            tbody {
                (format::row("Hash", &hash("hash")))
                (format::row("Time", &format::time(number(block, "timestamp"))))
                (format::row("Made at", made))
                (format::row("Gas used", &html! { (format::count(used)) " of " (format::count(limit)) " " (format::bar(used, limit, "gas used")) }))
                @if !work.is_null() { (format::row("Work", &worked(work))) }
                (format::row("Base fee", &base_fee(block, fees)))
                (format::row("Size", &html! { (format::count(number(block, "size"))) " bytes" }))
                (format::row("Fees go to", &match address(block, "miner") { Some(address) => names.whole_account(&address), None => html! {} }))
                (format::row("Parent", &html! { a href=(format!("/block/{}", text(block, "parentHash"))) { (hash("parentHash")) } }))
                (format::row("State commitment", &hash("stateRoot")))
                (format::row("Transactions' root", &hash("transactionsRoot")))
                (format::row("Receipts' root", &hash("receiptsRoot")))
                (format::row("PREVRANDAO", &hash("mixHash")))
            }
        } }
    }
}

/// What the kernel's machine did for it, and for its level so far.
fn worked(figures: &Value) -> Markup {
    let (own, level) = (number(figures, "work"), number(figures, "levelWork"));
    let budget = number(figures, "levelBudget");
    html! {
        (format::count(own)) " units for its transactions, of " (format::count(budget)) " that a level has "
        (format::bar(own, budget, "work"))
        p.note { "A unit is at most 80 instructions of the machine, and the base fee follows units as it follows gas. Bytes are counted as they are in the block; as they were posted, its level had come to " (format::count(level)) " units with it." }
    }
}

fn transactions(names: &Names, block: &Value, receipts: &[Value]) -> Markup {
    let pairs = list(block, "transactions").iter().zip(receipts);
    html! {
        div.wide { table {
            caption.unseen { "Transactions" }
            thead { tr {
                th.number scope="col" { "#" }
                th scope="col" { "Transaction" }
                th scope="col" { "Status" }
                th scope="col" { "Call" }
                th scope="col" { "From" }
                th scope="col" { "To" }
                th.number scope="col" { "Value" }
                th.number scope="col" { "Gas used" }
            } }
            tbody { @for (transaction, receipt) in pairs { (row(names, transaction, receipt)) } }
        } }
    }
}

fn row(names: &Names, transaction: &Value, receipt: &Value) -> Markup {
    let to = address(transaction, "to");
    let made = address(receipt, "contractAddress");
    html! {
        tr {
            td.number { (number(transaction, "transactionIndex")) }
            th scope="row" { (format::transaction(text(transaction, "hash"))) }
            td { (status(number(receipt, "status") == 1)) }
            td { (names.method(&data(transaction, "input"), to.is_none())) }
            td { @if let Some(from) = address(transaction, "from") { (names.account(&from)) } }
            td { @if let Some(to) = to.or(made) { (names.account(&to)) } }
            td.number { (format::wei(word(transaction, "value"))) }
            td.number { (format::count(number(receipt, "gasUsed"))) }
        }
    }
}

/// Whether a transaction worked, in one word.
pub(super) fn status(worked: bool) -> Markup {
    match worked {
        true => html! { span.worked { "✓ done" } },
        false => html! { span.failed { "✗ failed" } },
    }
}
