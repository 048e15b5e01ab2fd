//! A contract's storage, by pages.

use super::account;
use crate::ask::{Ask, Trouble, list, text};
use crate::format;
use crate::frame::View;
use crate::names::Names;
use crate::query::{Query, escaped};
use alloy_primitives::Address;
use maud::{Markup, html};
use serde_json::{Value, json};

/// The slots of a page.
const PAGE: u64 = 50;

/// `/address/A/storage`; `?after=SLOT`.
pub(crate) async fn view(
    ask: &Ask,
    names: &Names,
    who: &str,
    query: &Query,
) -> Result<View, Trouble> {
    let who = account::parse(who)?;
    let after = match query.get("after") {
        "" => Value::Null,
        after => json!(after),
    };
    let found = ask
        .call("rollup_getSlots", json!([who, after, PAGE]))
        .await?;
    let path = format!("/address/{}/storage", who.to_checksum(None));
    let next = found.get("next").and_then(Value::as_str);
    let slots = list(&found, "slots");
    let main = html! {
        (account::head(ask, names, &who, "storage").await?)
        h2 { "Storage" }
        p.note {
            "The slots that are not zero, in order. "
            @if ask.node().fork().is_none() { a href=(proof(&who, slots)) download { "What proves this account and these slots" } " (EIP-1186, JSON)" }
        }
        @if slots.is_empty() { p.none { "None." } }
        @else {
            div.wide { table {
                caption.unseen { "Slots" }
                thead { tr { th scope="col" { "Slot" } th scope="col" { "Value" } th scope="col" { "It may be" } } }
                tbody { @for slot in slots { (row(names, slot)) } }
            } }
        }
        (format::pager_with("Slots", ["← first", "next →"], [
            query.has("after").then(|| path.clone()),
            next.map(|next| format!("{path}?after={}", escaped(next))),
        ]))
    };
    Ok(View::new(format!("Storage of {who}"), main))
}

/// The file that proves an account with slots.
fn proof(who: &Address, slots: &[Value]) -> String {
    let slots: Vec<&str> = slots.iter().map(|slot| text(slot, "slot")).collect();
    format!(
        "/address/{}/proof?slots={}",
        who.to_checksum(None),
        slots.join(",")
    )
}

fn row(names: &Names, slot: &Value) -> Markup {
    let value = text(slot, "value");
    html! {
        tr {
            th scope="row" { code.bytes { (text(slot, "slot")) } }
            td { code.bytes { (value) } }
            td { (guess(names, value)) }
        }
    }
}

/// What a word may mean: a small number, or an address.
fn guess(names: &Names, value: &str) -> Markup {
    let digits = value.trim_start_matches("0x").trim_start_matches('0');
    match digits.len() {
        0..=16 => html! { (format::count(u64::from_str_radix(digits, 16).unwrap_or_default())) },
        33..=40 => match format!("0x{digits:0>40}").parse() {
            Ok(address) => names.account(&address),
            Err(_) => html! {},
        },
        _ => html! {},
    }
}
