//! An account of layer 1.

use crate::ask::{Ask, Trouble, text};
use crate::format;
use crate::frame::View;
use crate::names::plain;
use crate::query::Query;
use crate::slice::Slice;
use alloy_primitives::U256;
use maud::html;
use node::rpc::RpcError;
use serde_json::{Value, json};

/// The tickets of a page.
const PAGE: usize = 100;

/// What the devnet's contracts of layer 1 are for, by the names that the node gives them.
pub(super) const CONTRACTS: [(&str, &str, &str); 7] = [
    (
        "exchanger",
        "exchanger",
        "makes tickets of tez, and tez of tickets",
    ),
    (
        "bridge",
        "bridge of layer 1",
        "sends deposits of tez to the rollup",
    ),
    (
        "token",
        "token",
        "keeps who has how many of the devnet's tokens",
    ),
    (
        "tokenWrapper",
        "wrapper of tokens",
        "makes tickets of tokens, and tokens of tickets",
    ),
    (
        "fastWithdrawal",
        "contract of fast withdrawals",
        "lets somebody pay a withdrawal early",
    ),
    (
        "delayedInbox",
        "delayed inbox",
        "sends transactions that nobody can keep out",
    ),
    (
        "governance",
        "governance",
        "decides upgrades and what nobody else can settle",
    ),
];

/// The devnet's contracts of layer 1 with their accounts: name, account, and what it does.
pub(super) async fn contracts(ask: &Ask) -> Vec<(&'static str, String, &'static str)> {
    let layer1 = ask.call("rollup_layer1", json!([])).await;
    let layer1 = layer1.unwrap_or_default();
    let all = layer1.get("contracts").cloned().unwrap_or_default();
    let account = |key| all.get(key).and_then(Value::as_str).map(str::to_owned);
    let named = CONTRACTS.iter();
    named
        .filter_map(|(key, name, what)| Some((*name, account(key)?, *what)))
        .collect()
}

/// Refuses what is no account.
fn check(account: &str) -> Result<(), Trouble> {
    let kinds = ["KT1", "tz1", "tz2", "tz3", "tz4", "sr1"];
    let is_one = kinds.iter().any(|kind| account.starts_with(kind)) && account.len() == 36;
    match is_one && account.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        true => Ok(()),
        false => Err(Trouble::Invalid(format!(
            "{:?} is no account of layer 1: those have 36 letters and digits.",
            plain(account)
        ))),
    }
}

/// An account of a layer 1 that this node does not run.
fn elsewhere(account: &str) -> Result<View, Trouble> {
    let main = html! {
        h1 { "Account of layer 1" }
        p { span.hash.whole { (account) } }
        p.note { "This node follows a rollup, and knows nothing of accounts of layer 1: an explorer of Tezos, or a node of it, tells what this one has." }
        p { a href="/bridge" { "Deposits and withdrawals of this rollup" } }
    };
    Ok(View::new(format!("Layer 1: {account}"), main))
}

/// `/layer1/ACCOUNT`: what an account of layer 1 has.
pub(crate) async fn view(ask: &Ask, account: &str, query: &Query) -> Result<View, Trouble> {
    check(account)?;
    if !ask.is_devnet() {
        return elsewhere(account);
    }
    let holdings = ask.call("rollup_layer1Balance", json!([account])).await;
    let holdings = holdings.map_err(|error| match error.code {
        RpcError::INVALID_PARAMS => Trouble::Invalid(format!(
            "{account} is no account of layer 1: its checksum is another, so a letter is mistyped."
        )),
        _ => error.into(),
    })?;
    let contracts = contracts(ask).await;
    let role = contracts.iter().find(|(_, at, _)| at == account);
    let tickets = crate::ask::list(&holdings, "tickets");
    let mutez = text(&holdings, "mutez").parse::<U256>().unwrap_or_default();
    let slice = Slice::of(query, &format!("/layer1/{account}"), "from", PAGE);
    let main = html! {
        h1 { "Account of layer 1" }
        p { span.hash.whole { (account) } @if let Some((name, _, _)) = role { " " span.tag { (name) } } }
        @if let Some((_, _, what)) = role { p { "A contract that " (what) "." } }
        p { a href="/bridge" { "← between the layers" } }
        dl.facts {
            div { dt { "Balance" } dd { (format::mutez(mutez)) } }
            div { dt { "Tokens" } dd { (format::count(text(&holdings, "tokens"))) } }
        }
        h2 { "Tickets" }
        @if tickets.is_empty() { p.none { "None." } }
        @else { ul { @for ticket in slice.take(tickets.iter()) { li { (format::count(text(ticket, "amount"))) " of " (format::layer1(text(ticket, "ticketer"))) } } } (slice.bar("Tickets", tickets.len())) }
    };
    Ok(View::new(format!("Layer 1: {account}"), main))
}
