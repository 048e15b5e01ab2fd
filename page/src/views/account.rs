//! An account or contract: what it has, and its transactions by pages.

use super::block::status;
use super::recognised;
use crate::ask::{Ask, Trouble, address, data, list, number, text, word};
use crate::format;
use crate::frame::View;
use crate::names::{Names, plain};
use crate::query::Query;
use alloy_primitives::Address;
use maud::{Markup, html};
use node::deployed::Likeness;
use serde_json::{Value, json};

/// What code of an account that lets another one's run begins with (EIP-7702).
const DELEGATED: [u8; 3] = [0xef, 0x01, 0x00];

/// Where proxies have the contract behind them (EIP-1967).
const BEHIND: &str = "0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc";

/// The address in a path.
pub(super) fn parse(text: &str) -> Result<Address, Trouble> {
    let parsed = text.parse();
    parsed.map_err(|_| {
        Trouble::Invalid(format!(
            "{text:?} is no address: those have 0x and 40 digits."
        ))
    })
}

/// `/address/A`; `?block=B&index=I`: the transactions before a place.
pub(crate) async fn view(
    ask: &Ask,
    names: &Names,
    who: &str,
    query: &Query,
) -> Result<View, Trouble> {
    let who = parse(who)?;
    let before = match query.number("block") {
        Some(block) => {
            json!({ "block": block, "index": query.number("index").unwrap_or_default() })
        }
        None => Value::Null,
    };
    let found = ask
        .call("rollup_getTransactionsOf", json!([who, before]))
        .await?;
    let path = format!("/address/{}", who.to_checksum(None));
    let next = found.get("next").filter(|next| !next.is_null());
    let older = next.map(|next| {
        format!(
            "{path}?block={}&index={}",
            number(next, "block"),
            number(next, "index")
        )
    });
    let newer = query.has("block").then(|| path.clone());
    let entries = list(&found, "transactions");
    let parties = entries
        .iter()
        .filter_map(|entry| address(entry, "to").or_else(|| address(entry, "contractAddress")));
    let known = recognised::names(ask, names, parties).await;
    let main = html! {
        (head(ask, names, &who, "").await?)
        h2 { "Transactions" }
        p.note { "Those that it sent, received, was created by, logged something in or got a deposit by, in blocks " (format::count(number(&found, "from"))) " to " (format::count(number(&found, "to"))) "." }
        (transactions(&known, &who, entries))
        (format::pager("Transactions", newer, older))
    };
    Ok(View::new(format!("Account {who}"), main))
}

/// What all views of an account begin with.
pub(super) async fn head(
    ask: &Ask,
    names: &Names,
    who: &Address,
    here: &str,
) -> Result<Markup, Trouble> {
    let account = ask
        .call("eth_getAccountInfo", json!([who, "latest"]))
        .await?;
    let code = data(&account, "code");
    let known = names.known(who, &code);
    let contract = known.map(|known| plain(&known.contract.name));
    // Nobody compares what has no code.
    let compared = known.filter(|known| known.contract.code_size().is_some());
    let named = contract.is_some();
    let behind = match code.is_empty() {
        true => None,
        false => behind(ask, who).await,
    };
    let text = who.to_checksum(None);
    let delegated = code
        .strip_prefix(&DELEGATED)
        .filter(|rest| rest.len() == 20);
    Ok(html! {
        h1 { @if code.is_empty() || delegated.is_some() { "Account" } @else { "Contract" } @if let Some(name) = contract { " " q { (name) } } }
        p { span.hash.whole { (text) } @if !named || format::known(who).is_some() { (names.tag(who)) } }
        dl.facts {
            div { dt { "Balance" } dd { (format::wei(word(&account, "balance"))) } }
            div { dt { "Nonce" } dd { (format::count(number(&account, "nonce"))) } }
            div { dt { "Code" } dd { @if code.is_empty() { "none" } @else { (format::count(code.len())) " bytes" } } }
            @if let Some(to) = delegated { div { dt { "Runs the code of" } dd { (names.account(&Address::from_slice(to))) } } }
            @if let Some(known) = compared { div { dt { "Compared with its artefact" } dd { @match known.likeness { Some(likeness) => (alike(likeness)), None => span.failed { "✗ its code is another" } } } } }
            @if let Some(behind) = behind { div { dt { "Proxy of" } dd { (names.account(&behind)) } } }
        }
        (tabs(&text, here, names.source(who, &code).is_some()))
    })
}

/// How alike the code of an account and of an artefact are, in words.
pub(super) fn alike(likeness: Likeness) -> Markup {
    match likeness {
        Likeness::Same => html! { span.worked { "✓ its code matches" } },
        Likeness::ButMetadata => html! { span.worked { "✓ its code matches but for metadata" } },
    }
}

async fn behind(ask: &Ask, who: &Address) -> Option<Address> {
    let word = ask
        .call("eth_getStorageAt", json!([who, BEHIND, "latest"]))
        .await
        .ok()?;
    let bytes = crate::ask::bytes(&word)?;
    let behind = Address::from_slice(bytes.get(12..32)?);
    (!behind.is_zero()).then_some(behind)
}

fn tabs(who: &str, here: &str, sources: bool) -> Markup {
    let tabs = [
        ("", "Transactions"),
        ("logs", "Logs"),
        ("tokens", "Tokens"),
        ("code", "Code"),
        ("source", "Source"),
        ("storage", "Storage"),
        ("contract", "Read and write"),
    ];
    html! {
        nav.tabs aria-label="Of this account" {
            @for (part, title) in tabs.into_iter().filter(|(part, _)| sources || *part != "source") {
                @let path = if part.is_empty() { format!("/address/{who}") } else { format!("/address/{who}/{part}") };
                @let current = (part == here).then_some("page");
                a href=(path) aria-current=[current] { (title) }
            }
        }
    }
}

fn transactions(names: &Names, who: &Address, entries: &[Value]) -> Markup {
    html! {
        @if entries.is_empty() { p.none { "None." } }
        @else {
            div.wide { table {
                caption.unseen { "Transactions" }
                thead { tr {
                    th scope="col" { "Transaction" }
                    th scope="col" { "Block" }
                    th scope="col" { "Time" }
                    th scope="col" { "Status" }
                    th scope="col" { "Call" }
                    th scope="col" { "From" }
                    th scope="col" { "To" }
                    th.number scope="col" { "Value" }
                } }
                tbody { @for entry in entries { (row(names, who, entry)) } }
            } }
        }
    }
}

fn row(names: &Names, who: &Address, entry: &Value) -> Markup {
    let (from, to) = (address(entry, "from"), address(entry, "to"));
    let made = address(entry, "contractAddress");
    let party = |other: Option<Address>| {
        html! {
            @match other {
                Some(other) if other == *who => span.tag { "this" },
                Some(other) => (names.account(&other)),
                None => {},
            }
        }
    };
    html! {
        tr {
            th scope="row" { (format::transaction(text(entry, "hash"))) }
            td { (format::block(number(entry, "blockNumber"))) }
            td { (format::time(number(entry, "timestamp"))) }
            td { (status(number(entry, "status") == 1)) }
            td { (names.method(&data(entry, "input"), to.is_none())) }
            td { (party(from)) }
            td { (party(to.or(made))) }
            td.number { (format::wei(word(entry, "value"))) }
        }
    }
}
