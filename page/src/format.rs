//! Amounts, times, links and bars, the same in all views.

use crate::ask::hex_of;
use alloy_primitives::{Address, U256};
use jiff::Timestamp;
use maud::{Markup, html};
use std::fmt::Display;

/// The name of 10^18 wei: the rollup's money is layer 1's.
pub(crate) const UNIT: &str = "tez";

/// The decimal places of wei in a tez.
const PLACES: usize = 18;

/// The most bytes that a view shows of what may be long.
pub(crate) const SHOWN: usize = 1_024;

/// A number with its thousands apart.
pub(crate) fn count(number: impl Display) -> String {
    let digits = number.to_string();
    let (sign, digits) = match digits.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", digits.as_str()),
    };
    let mut out = String::from(sign);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// So many of what a word says.
pub(crate) fn many(number: usize, word: &str) -> String {
    let more = if number == 1 { "" } else { "s" };
    format!("{} {word}{more}", count(number))
}

/// A number with `places` decimal places, without zeros at the end.
pub(crate) fn decimal(number: U256, places: usize) -> String {
    let digits = format!("{number:0>width$}", width = places + 1);
    let (whole, part) = digits.split_at(digits.len() - places);
    let part = part.trim_end_matches('0');
    match part {
        "" => count(whole),
        part => format!("{}.{part}", count(whole)),
    }
}

/// The same, cut to six places that are not zero.
fn short(number: U256, places: usize) -> String {
    let exact = decimal(number, places);
    let Some((whole, part)) = exact.split_once('.') else {
        return exact;
    };
    let zeros = part.len() - part.trim_start_matches('0').len();
    let keep = if whole == "0" { zeros + 6 } else { 6 };
    match part.get(..keep) {
        Some(kept) if kept.len() < part.len() => format!("{whole}.{kept}…"),
        _ => exact,
    }
}

/// An amount of wei in tez.
pub(crate) fn tez(amount: U256) -> String {
    format!("{} {UNIT}", short(amount, PLACES))
}

/// An amount of wei in tez; the exact number on demand.
pub(crate) fn wei(amount: U256) -> Markup {
    exact(&tez(amount), &format!("{} wei", count(amount)))
}

/// An amount of mutez in tez; the exact number on demand.
pub(crate) fn mutez(amount: U256) -> Markup {
    exact(
        &format!("{} {UNIT}", decimal(amount, 6)),
        &format!("{} mutez", count(amount)),
    )
}

/// A price in wei per gas.
pub(crate) fn price(amount: U256) -> Markup {
    exact(
        &format!("{} gwei", short(amount, 9)),
        &format!("{} wei", count(amount)),
    )
}

/// Text with what it is exactly, which a button of the frame puts in its place.
pub(crate) fn exact(text: &str, exact: &str) -> Markup {
    html! { span.amount title=(exact) data-exact=(exact) { (text) } }
}

/// A time in seconds since 1970: in UTC, with the local one behind.
pub(crate) fn time(seconds: u64) -> Markup {
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    match Timestamp::from_second(seconds) {
        Ok(time) => html! { time datetime=(time) { (time.strftime("%Y-%m-%d %H:%M:%S UTC")) } },
        Err(_) => html! { (seconds) " s since 1970" },
    }
}

/// A part of a whole as a bar, with words for who does not see it.
pub(crate) fn bar(part: u64, whole: u64, what: &str) -> Markup {
    // In hundredths of a percent, so that the largest numbers have a place, too.
    let share = u128::from(part) * 10_000 / u128::from(whole.max(1));
    let share = share.min(10_000);
    let percent = format!("{}.{:02} %", share / 100, share % 100);
    html! {
        meter min="0" max="10000" value=(share) aria-label=(format!("{what}: {percent}")) title=(percent) {}
    }
}

/// A hash, cut in the middle where there is no room.
pub(crate) fn cut(text: &str) -> Markup {
    match (text.get(..10), text.get(text.len().saturating_sub(8)..)) {
        (Some(start), Some(end)) if text.len() > 20 => {
            html! { span.hash title=(text) { (start) "…" (end) } }
        }
        _ => html! { span.hash { (text) } },
    }
}

/// A link to a transaction.
pub(crate) fn transaction(hash: &str) -> Markup {
    html! { a href=(format!("/tx/{hash}")) { (cut(hash)) } }
}

/// A link to a block.
pub(crate) fn block(number: u64) -> Markup {
    html! { a href=(format!("/block/{number}")) { (count(number)) } }
}

/// A link to a level of layer 1.
pub(crate) fn level(number: u64) -> Markup {
    html! { a href=(format!("/level/{number}")) { "level " (count(number)) } }
}

/// A link to a message of a level's inbox.
pub(crate) fn message(level: u64, id: u64) -> Markup {
    html! { a href=(format!("/level/{level}/message/{id}")) { "message " (count(id)) " of level " (count(level)) } }
}

/// A link to an account of layer 1.
pub(crate) fn layer1(account: &str) -> Markup {
    html! { a href=(format!("/layer1/{account}")) { (cut(account)) } }
}

/// Accounts that every rollup has at the same place, and their names.
const NAMES: [(&str, &str); 11] = [
    (
        "0xff00000000000000000000000000000000000001",
        "bridge of tez",
    ),
    (
        "0xff00000000000000000000000000000000000002",
        "bridge of tokens",
    ),
    ("0xff00000000000000000000000000000000000003", "outbox"),
    ("0xca11bde05977b3631167028862be2a173976ca11", "Multicall3"),
    ("0x000000000022d473030f116ddee9f6b43ac78ba3", "Permit2"),
    (
        "0x4e59b44847b379578588920ca78fbf26c0b4956c",
        "deterministic deployer",
    ),
    (
        "0x914d7fec6aac8cd542e72bca78b30650d45643d7",
        "Safe singleton factory",
    ),
    (
        "0x0000f90827f1c53a10cb7a02335b175320002935",
        "history of hashes",
    ),
    ("0x0000000000000000000000000000000000000000", "zero address"),
    (
        "0xff00000000000000000000000000000000000005",
        "counter of withdrawals",
    ),
    ("0xfffffffffffffffffffffffffffffffffffffffe", "the kernel"),
];

/// All names of what every rollup has at the same place, with their addresses.
pub(crate) fn all_known() -> impl Iterator<Item = (Address, &'static str)> {
    NAMES
        .iter()
        .filter_map(|(address, name)| Some((address.parse().ok()?, *name)))
}

/// The name of what every rollup has at this place.
pub(crate) fn known(address: &Address) -> Option<&'static str> {
    let text = hex_of(address);
    let mut names = NAMES.iter();
    names
        .find(|(known, _)| *known == text)
        .map(|(_, name)| *name)
}

/// Bytes as they are, folded if they are many.
pub(crate) fn bytes(bytes: &[u8]) -> Markup {
    some_bytes(bytes, SHOWN)
}

/// The same, of which at most so many are shown.
pub(crate) fn some_bytes(bytes: &[u8], most: usize) -> Markup {
    linked_bytes(bytes, most, "")
}

/// The same, with the address of a page that has all of them; empty: there is none.
pub(crate) fn linked_bytes(bytes: &[u8], most: usize, all: &str) -> Markup {
    first_bytes((bytes, bytes.len()), most, all)
}

/// The same of the first bytes of a value, and how many it has.
pub(crate) fn first_bytes((bytes, size): (&[u8], usize), most: usize, all: &str) -> Markup {
    match size.max(bytes.len()) {
        0 => html! { span.none { "no bytes" } },
        1..=36 => html! { code.bytes { (hex_of(bytes)) } },
        length => html! {
            details.bytes {
                summary { (count(length)) " bytes: " code { (hex_of(bytes.get(..16).unwrap_or_default())) "…" } }
                @if length > most { p.note { "The first " (count(most)) " bytes" @if all.is_empty() { "." } @else { "; " a href=(all) { "all of them" } } } }
                pre tabindex="0" { (lines(bytes.get(..most).unwrap_or(bytes))) }
            }
        },
    }
}

/// Words of 32 bytes, one a line.
fn lines(bytes: &[u8]) -> String {
    let lines: Vec<String> = bytes.chunks(32).map(hex::encode).collect();
    lines.join("\n")
}

/// Bytes of a longer value, each line with the place of its first one.
pub(crate) fn placed_bytes(bytes: &[u8], from: usize) -> Markup {
    let lines = (from..).step_by(32).zip(bytes.chunks(32));
    let lines: Vec<String> = lines
        .map(|(place, line)| format!("{place:>7}  {}", hex::encode(line)))
        .collect();
    html! { pre tabindex="0" { (lines.join("\n")) } }
}

/// The most words whose meaning is guessed.
const GUESSED: usize = 8;

/// What words may mean, where nobody said it: numbers, or addresses. Nothing if they are many, or if
/// the bytes are no words.
pub(crate) fn guessed(bytes: &[u8], account: impl Fn(&Address) -> Markup) -> Markup {
    let words: Vec<&[u8]> = bytes.chunks(32).collect();
    let is_words = bytes.len().is_multiple_of(32) && (1..=GUESSED).contains(&words.len());
    html! {
        @if is_words {
            p.note { "As words, which may be numbers or addresses:" }
            ol.values start="0" { @for word in &words { li { (guess(word, &account)) } } }
        }
    }
}

fn guess(word: &[u8], account: impl Fn(&Address) -> Markup) -> Markup {
    let number = U256::try_from_be_slice(word).unwrap_or_default();
    match number.bit_len() {
        0..=127 => html! { span.number { (count(number)) } },
        // So large a number has no zeros in front of an address.
        128..=160 => account(&Address::from_word(number.into())),
        _ => html! { code.bytes { (hex_of(word)) } },
    }
}

/// A table row with a name and what it is.
pub(crate) fn row(name: &str, value: &Markup) -> Markup {
    html! { tr { th scope="row" { (name) } td { (value) } } }
}

/// The bar between pages, of which the newest come first.
pub(crate) fn pager(label: &str, newer: Option<String>, older: Option<String>) -> Markup {
    pager_with(label, ["← newer", "older →"], [newer, older])
}

/// The bar between pages, with words for the page before and the one behind.
pub(crate) fn pager_with(
    label: &str,
    [before, after]: [&str; 2],
    [prev, next]: [Option<String>; 2],
) -> Markup {
    html! {
        @if prev.is_some() || next.is_some() {
            nav.pager aria-label=(label) {
                @if let Some(link) = prev { a href=(link) rel="prev" { (before) } }
                @if let Some(link) = next { a href=(link) rel="next" { (after) } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_units_and_are_never_rounded_up() {
        let tez = |text: &str| short(text.parse().unwrap(), PLACES);
        assert_eq!(tez("0"), "0");
        assert_eq!(tez("1500000000000000000"), "1.5");
        assert_eq!(tez("999999999999999999"), "0.999999…");
        assert_eq!(tez("1"), "0.000000000000000001");
        assert_eq!(tez("1234567000000000000"), "1.234567");
        assert_eq!(tez("123456789012345678901234567"), "123,456,789.012345…");
        assert_eq!(decimal(U256::MAX, 0).matches(',').count(), 25);
    }

    #[test]
    fn a_bar_is_full_at_most() {
        assert!(bar(5, 2, "gas").into_string().contains("100.00 %"));
        assert!(
            bar(u64::MAX, u64::MAX, "gas")
                .into_string()
                .contains("100.00 %")
        );
        assert!(bar(1, 0, "gas").into_string().contains("100.00 %"));
        assert!(bar(1, 3, "gas").into_string().contains("33.33 %"));
    }

    #[test]
    fn times_are_utc_and_any_number_of_seconds_is_shown() {
        let text = time(1_700_000_000).into_string();
        assert!(text.contains("2023-11-14 22:13:20 UTC"), "{text}");
        assert!(text.contains("2023-11-14T22:13:20Z"), "{text}");
        assert!(time(u64::MAX).into_string().contains("since 1970"));
    }

    #[test]
    fn many_bytes_are_folded_and_bounded() {
        let text = bytes(&[7; 100_000]).into_string();
        assert!(text.len() < 4_000, "{}", text.len());
        assert!(text.contains("100,000 bytes"));
        assert!(bytes(&[]).into_string().contains("no bytes"));
    }
}
