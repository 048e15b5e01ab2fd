//! Values that contracts made, for people: nothing in them is trusted.

use super::called::Called;
use super::decode::{Decoded, Named};
use super::text::plain;
use crate::format;
use alloy_dyn_abi::DynSolValue;
use alloy_json_abi::Param;
use maud::{Markup, html};
use std::cell::Cell;

/// The bytes of a page that a value takes besides its own: what stands around it.
const AROUND: usize = 50;

/// How much of a page values may take, and where all of them are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room<'a> {
    bytes: usize,
    /// The address of a page with all values; empty: there is none.
    all: &'a str,
}

impl<'a> Room<'a> {
    /// So many bytes, about.
    pub(crate) const fn of(bytes: usize) -> Self {
        Self { bytes, all: "" }
    }

    /// The rest is on this page.
    pub(crate) const fn with(self, all: &'a str) -> Self {
        Self { all, ..self }
    }
}

/// What is shown: by which names, and how much of it still is.
struct Shown<'c> {
    called: &'c Called,
    all: &'c str,
    left: Cell<usize>,
}

impl<'c> Shown<'c> {
    const fn new(called: &'c Called, room: Room<'c>) -> Self {
        Self {
            called,
            all: room.all,
            left: Cell::new(room.bytes),
        }
    }

    const fn is_full(&self) -> bool {
        self.left.get() == 0
    }

    fn take(&self, markup: Markup) -> Markup {
        let size = markup.0.len() + AROUND;
        self.left.set(self.left.get().saturating_sub(size));
        markup
    }

    /// Takes note of what stands around values.
    fn around(&self) {
        self.left.set(self.left.get().saturating_sub(AROUND));
    }

    /// There is more than is shown.
    fn more(&self, count: usize) -> Markup {
        html! {
            p.note {
                "and "
                @if count > 0 { (format::count(count)) " " }
                @if self.all.is_empty() { "more" } @else { a href=(self.all) { "more" } }
            }
        }
    }
}

/// A value; the names of its components, if it is made of structs.
fn value(shown: &Shown<'_>, value: &DynSolValue, components: &[Param]) -> Markup {
    match value {
        DynSolValue::Tuple(items) => parts(shown, items, components),
        DynSolValue::Array(items) | DynSolValue::FixedArray(items) => {
            many(shown, items, components)
        }
        plain => shown.take(leaf(shown.called, plain)),
    }
}

/// A value that is not made of others.
pub(super) fn leaf(called: &Called, value: &DynSolValue) -> Markup {
    match value {
        DynSolValue::Bool(yes) => html! { (yes) },
        DynSolValue::Int(number, _) => html! { span.number { (format::count(number)) } },
        DynSolValue::Uint(number, _) => html! { span.number { (format::count(number)) } },
        DynSolValue::FixedBytes(word, size) => format::bytes(word.get(..*size).unwrap_or_default()),
        DynSolValue::Address(address) => called.whole_account(address),
        DynSolValue::Function(function) => format::bytes(function.as_slice()),
        DynSolValue::Bytes(bytes) => format::bytes(bytes),
        DynSolValue::String(text) => html! { q { (plain(text)) } },
        DynSolValue::Tuple(_) | DynSolValue::Array(_) | DynSolValue::FixedArray(_) => {
            html! { span.none { "empty" } }
        }
    }
}

/// The components of a struct by their names; without names as a list.
fn parts(shown: &Shown<'_>, items: &[DynSolValue], components: &[Param]) -> Markup {
    if components.len() != items.len() {
        return many(shown, items, &[]);
    }
    let mut rows = Vec::new();
    for (place, (item, component)) in items.iter().zip(components).enumerate() {
        if shown.is_full() {
            break;
        }
        let name = shown.take(html! { dt { (label(place, &component.name)) } });
        rows.push(html! { div { (name) dd { (value(shown, item, &component.components)) } } });
    }
    html! {
        dl.parts { @for row in &rows { (row) } }
        @if rows.len() < items.len() { (shown.more(items.len() - rows.len())) }
    }
}

/// The name of what stands at a place.
pub(super) fn label(place: usize, name: &str) -> String {
    match name {
        "" => format!("#{place}"),
        name => plain(name),
    }
}

fn many(shown: &Shown<'_>, items: &[DynSolValue], components: &[Param]) -> Markup {
    if items.is_empty() {
        return shown.take(html! { span.none { "empty" } });
    }
    let mut rows = Vec::new();
    for item in items {
        if shown.is_full() {
            break;
        }
        rows.push(html! { li { (value(shown, item, components)) } });
        shown.around();
    }
    html! {
        ol.values start="0" { @for row in &rows { (row) } }
        @if rows.len() < items.len() { (shown.more(items.len() - rows.len())) }
    }
}

fn row(shown: &Shown<'_>, place: usize, named: &Named) -> Markup {
    let name = label(place, &named.name);
    let head =
        shown.take(html! { th scope="row" { (name) " " span.kind { (plain(&named.kind)) } } });
    html! {
        tr {
            (head)
            td {
                @if named.hashed { "hash of it: " }
                (value(shown, &named.value, &named.components))
            }
        }
    }
}

impl Decoded {
    /// Its values one after another, in a line.
    pub(super) fn line(&self, called: &Called, room: Room<'_>) -> Markup {
        let shown = &Shown::new(called, room);
        html! {
            @for (place, named) in self.values.iter().enumerate() {
                @if !shown.is_full() {
                    @if place > 0 { ", " }
                    @if !named.name.is_empty() { span.kind { (shown.take(html! { (super::text::name(&named.name)) })) " " } }
                    (value(shown, &named.value, &named.components))
                }
            }
        }
    }

    /// Its values as a table, under a caption.
    pub(super) fn table(&self, called: &Called, caption: &str, room: Room<'_>) -> Markup {
        let shown = &Shown::new(called, room);
        let mut rows = Vec::new();
        for (place, named) in self.values.iter().enumerate() {
            if shown.is_full() {
                break;
            }
            rows.push(row(shown, place, named));
        }
        html! {
            @if !rows.is_empty() {
                div.wide {
                    table.facts {
                        caption.unseen { (caption) }
                        tbody { @for row in &rows { (row) } }
                    }
                }
                @if rows.len() < self.values.len() { (shown.more(self.values.len() - rows.len())) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_json_abi::{Function, JsonAbi};
    use alloy_primitives::{Address, U256};
    use node::abis;
    use serde_json::json;

    #[test]
    fn structs_have_the_names_of_their_components_in_lists_too() {
        let part = |name: &str, kind: &str| json!({ "name": name, "type": kind });
        let mut buyer = part("buyer", "tuple");
        buyer["components"] = json!([part("who", "address"), part("paid", "bool")]);
        let mut sales = part("sales", "tuple[]");
        sales["components"] = json!([part("price", "uint256"), buyer]);
        let function = json!({ "type": "function", "name": "f", "inputs": [], "outputs": [sales], "stateMutability": "view" });
        let function: Function = serde_json::from_value(function).unwrap();
        let buyer = vec![
            DynSolValue::Address(Address::repeat_byte(9)),
            DynSolValue::Bool(true),
        ];
        let sale = vec![
            DynSolValue::Uint(U256::from(5), 256),
            DynSolValue::Tuple(buyer),
        ];
        let sales = DynSolValue::Array(vec![DynSolValue::Tuple(sale)]);
        let bytes = DynSolValue::Tuple(vec![sales]).abi_encode_params();
        let decoded = super::super::output(&function, &bytes).unwrap();
        let mut given = abis::Names::default();
        let at = Some(Address::repeat_byte(9));
        given
            .add("Shop", at, abis::Artefact::of(JsonAbi::default()))
            .unwrap();
        let text = decoded
            .table(&Called::new(&given, &[]), "Values", Room::of(4_000))
            .into_string();
        for expected in [
            "<dt>price</dt>",
            "<dt>buyer</dt>",
            "<dt>who</dt>",
            "<dt>paid</dt>",
            "Shop",
        ] {
            assert!(text.contains(expected), "{expected}: {text}");
        }
    }

    #[test]
    fn text_cannot_leave_its_place() {
        let hostile = DynSolValue::String("<script>alert(1)</script>\u{202e}\u{0}\"'".into());
        let text = value(
            &Shown::new(&Called::default(), Room::of(1_000)),
            &hostile,
            &[],
        )
        .into_string();
        assert!(text.contains("&lt;script&gt;"), "{text}");
        assert!(!text.contains("<script"), "{text}");
        assert!(text.contains("\\u{202e}\\u{0}"), "{text}");
    }

    #[test]
    fn long_lists_are_cut_and_lead_to_all_values() {
        let items = vec![DynSolValue::Uint(U256::ZERO, 256); 10_000];
        let called = Called::default();
        let show = |items: &DynSolValue| {
            let room = Room::of(5_000).with("/all");
            value(&Shown::new(&called, room), items, &[]).into_string()
        };
        let text = show(&DynSolValue::Array(items));
        assert!(text.len() < 7_000, "{}", text.len());
        assert!(text.contains("<a href=\"/all\">more</a>"), "{text}");
        let mut deep = DynSolValue::Uint(U256::ZERO, 256);
        for _ in 0..4 {
            deep = DynSolValue::Array(vec![deep; 40]);
        }
        let text = show(&deep);
        assert!(
            text.contains("more</a>") && text.len() < 7_000,
            "{}",
            text.len()
        );
    }
}
