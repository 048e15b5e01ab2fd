//! An account of layer 1.

use crate::ask::{Ask, Trouble, text};
use crate::format;
use crate::frame::View;
use crate::names::plain;
use crate::query::Query;
use crate::slice::Slice;
use alloy_primitives::U256;
use maud::html;
use serde_json::json;

/// The tickets of a page.
const PAGE: usize = 100;

/// An account of a layer 1 that this node does not run.
fn elsewhere(account: &str) -> Result<View, Trouble> {
    let kinds = ["KT1", "tz1", "tz2", "tz3", "tz4"];
    let is_one = kinds.iter().any(|kind| account.starts_with(kind)) && account.len() == 36;
    if !is_one || !account.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(Trouble::Invalid(format!(
            "{account:?} is no account of layer 1."
        )));
    }
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
    if !ask.is_devnet() {
        return elsewhere(account);
    }
    let holdings = ask.call("rollup_layer1Balance", json!([account])).await?;
    let tickets = crate::ask::list(&holdings, "tickets");
    let mutez = text(&holdings, "mutez").parse::<U256>().unwrap_or_default();
    let slice = Slice::of(query, &format!("/layer1/{account}"), "from", PAGE);
    let main = html! {
        h1 { "Account of layer 1" }
        p { span.hash.whole { (account) } }
        dl.facts {
            div { dt { "Balance" } dd { (format::exact(&format!("{} tez", format::decimal(mutez, 6)), &format!("{} mutez", format::count(mutez)))) } }
            div { dt { "Tokens" } dd { (plain(text(&holdings, "tokens"))) } }
        }
        h2 { "Tickets" }
        @if tickets.is_empty() { p.none { "None." } }
        @else { ul { @for ticket in slice.take(tickets.iter()) { li { (plain(text(ticket, "amount"))) " of " (format::layer1(text(ticket, "ticketer"))) } } } (slice.bar("Tickets", tickets.len())) }
    };
    Ok(View::new(format!("Layer 1: {account}"), main))
}
