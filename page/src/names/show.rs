//! Values that contracts made, for people: nothing in them is trusted.

use super::called::Called;
use super::decode::{Decoded, Named};
use super::text::plain;
use crate::format;
use alloy_dyn_abi::DynSolValue;
use alloy_json_abi::Param;
use maud::{Markup, html};
use std::cell::Cell;

/// The most items of a list that are shown.
const MOST: usize = 50;

/// The most values that are shown at once, those in lists within lists, too.
const ALL: usize = 1_000;

/// What is shown: by which names, and how much of it still is.
struct Shown<'c> {
    called: &'c Called,
    left: Cell<usize>,
}

impl<'c> Shown<'c> {
    const fn new(called: &'c Called) -> Self {
        Self {
            called,
            left: Cell::new(ALL),
        }
    }

    const fn is_full(&self) -> bool {
        self.left.get() == 0
    }
}

/// A value; the names of its components, if it is made of structs.
fn value(shown: &Shown<'_>, value: &DynSolValue, components: &[Param]) -> Markup {
    shown.left.set(shown.left.get().saturating_sub(1));
    match value {
        DynSolValue::Bool(yes) => html! { (yes) },
        DynSolValue::Int(number, _) => html! { span.number { (format::count(number)) } },
        DynSolValue::Uint(number, _) => html! { span.number { (format::count(number)) } },
        DynSolValue::FixedBytes(word, size) => format::bytes(word.get(..*size).unwrap_or_default()),
        DynSolValue::Address(address) => shown.called.whole_account(address),
        DynSolValue::Function(function) => format::bytes(function.as_slice()),
        DynSolValue::Bytes(bytes) => format::bytes(bytes),
        DynSolValue::String(text) => html! { q { (plain(text)) } },
        DynSolValue::Tuple(items) => parts(shown, items, components),
        DynSolValue::Array(items) | DynSolValue::FixedArray(items) => {
            many(shown, items, components)
        }
    }
}

/// The components of a struct by their names; without names as a list.
fn parts(shown: &Shown<'_>, items: &[DynSolValue], components: &[Param]) -> Markup {
    if components.len() != items.len() {
        return many(shown, items, &[]);
    }
    html! {
        dl.parts {
            @for (place, (item, component)) in items.iter().zip(components).enumerate().take(MOST) {
                div {
                    dt { (label(place, &component.name)) }
                    dd { (value(shown, item, &component.components)) }
                }
            }
        }
        @if items.len() > MOST { p.note { "and " (format::count(items.len() - MOST)) " more" } }
    }
}

/// The name of what stands at a place.
fn label(place: usize, name: &str) -> String {
    match name {
        "" => format!("#{place}"),
        name => plain(name),
    }
}

fn many(shown: &Shown<'_>, items: &[DynSolValue], components: &[Param]) -> Markup {
    html! {
        @if items.is_empty() { span.none { "empty" } }
        @else {
            ol.values start="0" {
                @for item in items.iter().take(MOST) {
                    @if !shown.is_full() { li { (value(shown, item, components)) } }
                }
            }
            @if shown.is_full() { p.note { "There is more." } }
            @else if items.len() > MOST { p.note { "and " (format::count(items.len() - MOST)) " more" } }
        }
    }
}

fn row(shown: &Shown<'_>, place: usize, named: &Named) -> Markup {
    let name = label(place, &named.name);
    html! {
        tr {
            th scope="row" { (name) " " span.kind { (plain(&named.kind)) } }
            td {
                @if named.hashed { "hash of it: " }
                (value(shown, &named.value, &named.components))
            }
        }
    }
}

impl Decoded {
    /// Its values one after another, in a line.
    pub(super) fn line(&self, called: &Called) -> Markup {
        let shown = &Shown::new(called);
        html! {
            @for (place, named) in self.values.iter().enumerate() {
                @if place > 0 { ", " }
                @if !named.name.is_empty() { span.kind { (plain(&named.name)) " " } }
                (value(shown, &named.value, &named.components))
            }
        }
    }

    /// Its values as a table, under a caption.
    pub(super) fn table(&self, called: &Called, caption: &str) -> Markup {
        let shown = &Shown::new(called);
        html! {
            @if !self.values.is_empty() {
                div.wide {
                    table.facts {
                        caption.unseen { (caption) }
                        tbody { @for (place, named) in self.values.iter().enumerate() { (row(shown, place, named)) } }
                    }
                }
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
            .table(&Called::new(&given, &[]), "Values")
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
        let text = value(&Shown::new(&Called::default()), &hostile, &[]).into_string();
        assert!(text.contains("&lt;script&gt;"), "{text}");
        assert!(!text.contains("<script"), "{text}");
        assert!(text.contains("\\u{202e}\\u{0}"), "{text}");
    }

    #[test]
    fn long_texts_and_lists_are_cut() {
        let items = vec![DynSolValue::Uint(U256::ZERO, 256); 10_000];
        let text = value(
            &Shown::new(&Called::default()),
            &DynSolValue::Array(items),
            &[],
        )
        .into_string();
        assert!(text.len() < 5_000);
        assert!(text.contains("and 9,950 more"));
        let mut deep = DynSolValue::Uint(U256::ZERO, 256);
        for _ in 0..4 {
            deep = DynSolValue::Array(vec![deep; 40]);
        }
        let text = value(&Shown::new(&Called::default()), &deep, &[]).into_string();
        assert!(text.contains("There is more.") && text.len() < 200_000);
    }
}
