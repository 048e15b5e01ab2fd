//! Values that contracts made, for people: nothing in them is trusted.

use super::decode::{Decoded, Named};
use crate::format;
use alloy_dyn_abi::DynSolValue;
use maud::{Markup, html};

/// The most characters of a text that are shown.
const LONGEST: usize = 500;

/// The most items of a list that are shown.
const MOST: usize = 50;

/// Text that a contract or an ABI made: what turns or hides other text is spelled out.
pub(crate) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(LONGEST));
    for (count, letter) in text.chars().enumerate() {
        if count == LONGEST {
            out.push('…');
            break;
        }
        let hides = letter.is_control()
            || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{61c}');
        match hides {
            true => out.push_str(&format!("\\u{{{:x}}}", u32::from(letter))),
            false => out.push(letter),
        }
    }
    out
}

/// A value.
pub(super) fn value(value: &DynSolValue) -> Markup {
    match value {
        DynSolValue::Bool(yes) => html! { (yes) },
        DynSolValue::Int(number, _) => html! { span.number { (format::count(number)) } },
        DynSolValue::Uint(number, _) => html! { span.number { (format::count(number)) } },
        DynSolValue::FixedBytes(word, size) => format::bytes(word.get(..*size).unwrap_or_default()),
        DynSolValue::Address(address) => format::whole_account(address),
        DynSolValue::Function(function) => format::bytes(function.as_slice()),
        DynSolValue::Bytes(bytes) => format::bytes(bytes),
        DynSolValue::String(text) => html! { q { (plain(text)) } },
        DynSolValue::Array(items) | DynSolValue::FixedArray(items) | DynSolValue::Tuple(items) => {
            many(items)
        }
    }
}

fn many(items: &[DynSolValue]) -> Markup {
    html! {
        @if items.is_empty() { span.none { "empty" } }
        @else {
            ol.values start="0" {
                @for item in items.iter().take(MOST) { li { (value(item)) } }
            }
            @if items.len() > MOST { p.note { "and " (format::count(items.len() - MOST)) " more" } }
        }
    }
}

fn row(place: usize, named: &Named) -> Markup {
    let name = match named.name.as_str() {
        "" => format!("#{place}"),
        name => plain(name),
    };
    html! {
        tr {
            th scope="row" { (name) " " span.kind { (plain(&named.kind)) } }
            td {
                @if named.hashed { "hash of it: " }
                (value(&named.value))
            }
        }
    }
}

impl Decoded {
    /// Its values as a table, under a caption.
    pub(crate) fn table(&self, caption: &str) -> Markup {
        html! {
            @if !self.values.is_empty() {
                div.wide {
                    table.facts {
                        caption.unseen { (caption) }
                        tbody { @for (place, named) in self.values.iter().enumerate() { (row(place, named)) } }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::U256;

    #[test]
    fn text_cannot_leave_its_place() {
        let hostile = DynSolValue::String("<script>alert(1)</script>\u{202e}\u{0}\"'".into());
        let text = value(&hostile).into_string();
        assert!(text.contains("&lt;script&gt;"), "{text}");
        assert!(!text.contains("<script"), "{text}");
        assert!(text.contains("\\u{202e}\\u{0}"), "{text}");
    }

    #[test]
    fn long_texts_and_lists_are_cut() {
        assert_eq!(plain(&"x".repeat(10_000)).chars().count(), LONGEST + 1);
        let items = vec![DynSolValue::Uint(U256::ZERO, 256); 10_000];
        let text = value(&DynSolValue::Array(items)).into_string();
        assert!(text.len() < 5_000);
        assert!(text.contains("and 9,950 more"));
    }
}
