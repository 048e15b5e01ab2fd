//! Changes of the state by a transaction: before and after.

use crate::ask::{number, text, word};
use crate::format;
use crate::names::Names;
use alloy_primitives::Address;
use maud::{Markup, html};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// The most accounts, and slots of an account, that are shown.
const MOST: usize = 40;

/// The answer of the tracer `prestateTracer` with `diffMode`.
pub(super) fn table(names: &Names, difference: &Value) -> Markup {
    let empty = Map::new();
    let side = |name: &str| {
        difference
            .get(name)
            .and_then(Value::as_object)
            .unwrap_or(&empty)
    };
    let (before, after) = (side("pre"), side("post"));
    let accounts: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let count = accounts.len();
    html! {
        @if count == 0 { p.none { "Nothing." } }
        @for address in accounts.into_iter().take(MOST) {
            (account(names, address, before.get(address), after.get(address)))
        }
        @if count > MOST { p.note { "and " (count - MOST) " more accounts" } }
    }
}

fn account(names: &Names, address: &str, before: Option<&Value>, after: Option<&Value>) -> Markup {
    let nothing = Value::Null;
    let (before, after) = (before.unwrap_or(&nothing), after.unwrap_or(&nothing));
    let rows = [
        balance(before, after),
        nonce(before, after),
        code(before, after),
    ];
    let empty = Map::new();
    let slots = |side: &'_ Value| {
        side.get("storage")
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_else(|| empty.clone())
    };
    let (old, new) = (slots(before), slots(after));
    let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let count = keys.len();
    html! {
        section {
            h3 { @match address.parse::<Address>() { Ok(address) => (names.account(&address)), Err(_) => (address) } }
            div.wide { table {
                caption.unseen { "Changes of " (address) }
                thead { tr { th scope="col" { "What" } th scope="col" { "Before" } th scope="col" { "After" } } }
                tbody {
                    @for row in rows.iter().flatten() { (row) }
                    @for key in keys.into_iter().take(MOST) {
                        tr {
                            th scope="row" { "slot " (slot(key)) }
                            td { (slot(old.get(key).and_then(Value::as_str).unwrap_or("0x0"))) }
                            td { (slot(new.get(key).and_then(Value::as_str).unwrap_or("0x0"))) }
                        }
                    }
                }
            } }
            @if count > MOST { p.note { "and " (count - MOST) " more slots" } }
        }
    }
}

fn balance(before: &Value, after: &Value) -> Option<Markup> {
    after
        .get("balance")
        .or_else(|| before.get("balance").filter(|_| after.is_null()))?;
    let (old, new) = (word(before, "balance"), word(after, "balance"));
    let change = match new >= old {
        true => html! { " (+ " (format::wei(new - old)) ")" },
        false => html! { " (− " (format::wei(old - new)) ")" },
    };
    Some(
        html! { tr { th scope="row" { "balance" } td { (format::wei(old)) } td { (format::wei(new)) (change) } } },
    )
}

fn nonce(before: &Value, after: &Value) -> Option<Markup> {
    after.get("nonce")?;
    Some(
        html! { tr { th scope="row" { "nonce" } td { (number(before, "nonce")) } td { (number(after, "nonce")) } } },
    )
}

fn code(before: &Value, after: &Value) -> Option<Markup> {
    after.get("code")?;
    let size = |side| format::count(text(side, "code").len().saturating_sub(2) / 2);
    Some(
        html! { tr { th scope="row" { "code" } td { (size(before)) " bytes" } td { (size(after)) " bytes" } } },
    )
}

/// A word of storage: a small one as a number, too.
fn slot(word: &str) -> Markup {
    let digits = word.trim_start_matches("0x").trim_start_matches('0');
    match u64::from_str_radix(digits, 16) {
        _ if digits.is_empty() => html! { code { "0" } },
        Ok(number) => {
            html! { code title=(word) { "0x" (digits) } " (" (format::count(number)) ")" }
        }
        Err(_) => html! { code title=(word) { "0x" (digits) } },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn balances_nonces_and_slots_stand_side_by_side() {
        let who = format!("0x{}", "11".repeat(20));
        let difference = json!({
            "pre": { &who: { "balance": "0xde0b6b3a7640000", "nonce": 1, "storage": { "0x01": "0x05" } } },
            "post": { &who: { "balance": "0x0", "nonce": 2, "storage": { "0x01": "0x06" } } },
        });
        let names = Names::new(std::sync::Arc::default(), &[]);
        let text = table(&names, &difference).into_string();
        for expected in ["− ", "1 tez", "0x5", "0x6", "slot "] {
            assert!(text.contains(expected), "{expected}: {text}");
        }
        assert!(table(&names, &json!({})).into_string().contains("Nothing"));
    }
}
