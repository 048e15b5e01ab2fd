//! Changes of the state by a transaction: before and after.

use crate::ask::{number, word};
use crate::format;
use crate::names::Names;
use crate::query::Query;
use crate::slice::Slice;
use alloy_primitives::Address;
use maud::{Markup, html};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// The bytes of a transaction's own page that changes may take, about.
const BYTES: usize = 9_000;

/// The changes of a page of their own, and its bytes, about.
const PAGE: usize = 100;
const PAGE_BYTES: usize = 60_000;

/// A change of an account: a row of its table.
struct Change<'d> {
    account: &'d str,
    row: Markup,
}

/// What `rollup_getCalls` says of them; nothing if they are too many.
pub(super) fn told(told: &Value) -> Option<&Value> {
    told.get("changes").filter(|changes| !changes.is_null())
}

/// There are more than the node tells.
pub(super) fn too_many() -> Markup {
    html! { p.none { "It changed so much that the node does not tell it." } }
}

/// What a transaction changed (`pre` and `post`), by accounts.
fn all<'d>(difference: &'d Value) -> impl Iterator<Item = Change<'d>> {
    let side = |name: &str| difference.get(name).and_then(Value::as_object);
    let (before, after) = (side("pre"), side("post"));
    let keys = |side: Option<&'d Map<String, Value>>| side.into_iter().flat_map(Map::keys);
    let accounts: BTreeSet<&String> = keys(before).chain(keys(after)).collect();
    accounts.into_iter().flat_map(move |account| {
        let of = |side: Option<&'d Map<String, Value>>| side.and_then(|side| side.get(account));
        let rows = rows(of(before), of(after));
        rows.into_iter().map(move |row| Change { account, row })
    })
}

/// The changes on the transaction's own page; `path`: its address.
pub(super) fn table(names: &Names, path: &str, difference: &Value) -> Markup {
    let rows: Vec<Change<'_>> = all(difference).collect();
    let count = rows.len();
    let mut left = BYTES;
    let shown = rows.into_iter().take_while(|change| {
        let fits = left > 0;
        left = left.saturating_sub(change.row.0.len());
        fits
    });
    let shown: Vec<Change<'_>> = shown.collect();
    html! {
        @if count == 0 { p.none { "Nothing." } }
        (tables(names, &shown))
        @if count > shown.len() { p { a href=(format!("{path}/changes?from={}", shown.len())) { (format::count(count - shown.len())) " more changes" } } }
    }
}

/// All changes, by pages.
pub(crate) fn listed(names: &Names, path: &str, difference: &Value, query: &Query) -> Markup {
    let slice = Slice::of(query, &format!("{path}/changes"), "from", PAGE);
    let changes: Vec<Change<'_>> = all(difference).collect();
    let (count, mut shown) = (changes.len(), Vec::new());
    let (rows, slice) = slice.fit(PAGE_BYTES, changes.into_iter(), |change| {
        let row = change.row.clone();
        shown.push(change);
        row
    });
    // The last one may have had no room.
    shown.truncate(rows.len());
    html! {
        p.note { (format::count(count)) " changes, by accounts." }
        (tables(names, &shown))
        (slice.bar("Changes", count))
    }
}

/// Rows under the accounts that they are of.
fn tables(names: &Names, changes: &[Change<'_>]) -> Markup {
    html! {
        @for of in changes.chunk_by(|one, other| one.account == other.account) {
            @let address = of.first().map_or("", |change| change.account);
            section {
                h3 { @match address.parse::<Address>() { Ok(address) => (names.account(&address)), Err(_) => (address) } }
                div.wide { table {
                    caption.unseen { "Changes of " (address) }
                    thead { tr { th scope="col" { "What" } th scope="col" { "Before" } th scope="col" { "After" } } }
                    tbody { @for change in of { (change.row) } }
                } }
            }
        }
    }
}

fn rows(before: Option<&Value>, after: Option<&Value>) -> Vec<Markup> {
    let nothing = Value::Null;
    let (before, after) = (before.unwrap_or(&nothing), after.unwrap_or(&nothing));
    let own = [
        balance(before, after),
        nonce(before, after),
        code(before, after),
    ];
    let slots = |side: &'_ Value| {
        let slots = side.get("storage").and_then(Value::as_object);
        slots.cloned().unwrap_or_default()
    };
    let (old, new) = (slots(before), slots(after));
    let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let value = |side: &Map<String, Value>, key: &str| {
        slot(side.get(key).and_then(Value::as_str).unwrap_or("0x0"))
    };
    let slots = keys.into_iter().map(|key| {
        html! {
            tr {
                th scope="row" { "slot " (slot(key)) }
                td { (value(&old, key)) }
                td { (value(&new, key)) }
            }
        }
    });
    own.into_iter().flatten().chain(slots).collect()
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
    after.get("codeSize")?;
    let size = |side| format::count(number(side, "codeSize"));
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
            "post": { &who: { "balance": "0x0", "nonce": 2, "codeSize": 23, "storage": { "0x01": "0x06" } } },
        });
        let names = Names::new(std::sync::Arc::default(), &[]);
        let text = table(&names, "/tx/0x1", &difference).into_string();
        for expected in ["− ", "1 tez", "0x5", "0x6", "slot ", "23 bytes"] {
            assert!(text.contains(expected), "{expected}: {text}");
        }
        assert!(
            table(&names, "/tx/0x1", &json!({}))
                .into_string()
                .contains("Nothing")
        );
    }

    #[test]
    fn many_changes_are_cut_and_go_on_by_pages() {
        let slots = |value: &str| {
            let slots = (0..500).map(|slot| (format!("{slot:#066x}"), json!(value)));
            slots.collect::<Map<String, Value>>()
        };
        let who = |number: u8| format!("0x{}", format!("{number:02x}").repeat(20));
        let side = |value: &str| json!({ who(1): { "storage": slots(value) }, who(2): { "storage": slots(value) } });
        let difference = json!({ "pre": side("0x01"), "post": side("0x02") });
        let names = Names::new(std::sync::Arc::default(), &[]);
        let text = table(&names, "/tx/0x1", &difference).into_string();
        assert!(text.len() < BYTES + 2_000, "{}", text.len());
        let mut from = text.matches("slot ").count();
        assert!(
            text.contains(&format!("/tx/0x1/changes?from={from}")),
            "{text}"
        );
        while from < 1_000 {
            let query = Query::parse(&format!("from={from}"));
            let text = listed(&names, "/tx/0x1", &difference, &query).into_string();
            assert!(text.len() < 80_000, "{}", text.len());
            let shown = text.matches("slot ").count();
            assert!(shown > 0 && shown <= PAGE, "{shown}");
            from += shown;
        }
        assert_eq!(from, 1_000);
    }
}
