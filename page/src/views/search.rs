//! Search: what somebody typed → where it is.

use super::found;
use crate::ask::{Ask, Trouble};
use crate::format;
use crate::frame::View;
use crate::names::{Names, plain};
use crate::query::{Query, escaped};
use crate::site::Answer;
use crate::slice::Slice;
use alloy_primitives::B256;
use maud::{Markup, html};
use serde_json::json;

/// The longest text that is looked for.
const LONGEST: usize = 200;

/// What is found on a page, and the bytes that it may take.
const PAGE: usize = 100;
const BYTES: usize = 60_000;

/// `/search?q=TEXT`; `&from=N`: what is found from number N on.
pub(crate) async fn find(ask: &Ask, names: &Names, query: &Query) -> Result<Answer, Trouble> {
    let bare = query.get("q").trim();
    // A hash may come without 0x.
    let text = &match bare.len() == 64 && is_hex(&format!("0x{bare}"), 64) {
        true => format!("0x{bare}"),
        false => bare.to_owned(),
    }[..];
    if text.is_empty() || text.len() > LONGEST {
        return Err(Trouble::Invalid(format!(
            "Type up to {LONGEST} characters to look for."
        )));
    }
    if let Some(wrong) = super::workbench::mistyped(text) {
        return Err(Trouble::Invalid(format!(
            "{wrong} is mistyped: its capital and small letters are a checksum (EIP-55), which is another."
        )));
    }
    if let Some(path) = place(text).or_else(|| labelled(names, text)) {
        return Ok(Answer::Elsewhere(path));
    }
    if is_hex(text, 64) {
        return hash(ask, names, text).await;
    }
    let lower = text.to_lowercase();
    let layer1 = super::layer1::contracts(ask).await;
    let mut of_layer1 = layer1.iter().filter(|(name, _, _)| *name == lower);
    if let Some((_, account, _)) = of_layer1.next() {
        return Ok(Answer::Elsewhere(format!("/layer1/{account}")));
    }
    let found = named(names, text, query);
    match found {
        Some(found) => Ok(View::new(format!("Search: {}", plain(text)), found).into()),
        None => Err(Trouble::NotFound(format!(
            "Nothing is found for {:?}.",
            plain(text)
        ))),
    }
}

/// What says itself where it is.
fn place(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let level = lower
        .strip_prefix("level")
        .map(|rest| rest.trim().replace(',', ""));
    if let Some(level) = level.filter(|level| level.parse::<u32>().is_ok()) {
        return Some(format!("/level/{level}"));
    }
    let message = lower
        .strip_prefix("message")
        .map(|rest| rest.replace(',', ""));
    let message = message.as_deref().and_then(|rest| {
        let (id, level) = rest.split_once(" of level ")?;
        let number = |text: &str| text.trim().parse::<u32>().ok();
        Some((number(level)?, number(id)?))
    });
    if let Some((level, id)) = message {
        return Some(format!("/level/{level}/message/{id}"));
    }
    let number = lower.strip_prefix("block").unwrap_or(&lower).trim();
    if let Ok(number) = number
        .trim_start_matches('#')
        .replace(',', "")
        .parse::<u64>()
    {
        return Some(format!("/block/{number}"));
    }
    if ["KT1", "tz1", "tz2", "tz3", "tz4", "sr1"]
        .iter()
        .any(|start| text.starts_with(start))
    {
        return Some(format!("/layer1/{}", escaped(text)));
    }
    if is_hex(text, 40) {
        return Some(format!("/address/{text}"));
    }
    if text.len() == 40 && is_hex(&format!("0x{text}"), 40) {
        return Some(format!("/address/0x{text}"));
    }
    if is_hex(text, 8) {
        return Some(format!("/selector/{lower}"));
    }
    None
}

fn is_hex(text: &str, digits: usize) -> bool {
    let rest = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    rest.is_some_and(|rest| {
        rest.len() == digits && rest.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// 32 bytes: of a transaction, in a block or dropped, of a block, or a topic.
async fn hash(ask: &Ask, names: &Names, text: &str) -> Result<Answer, Trouble> {
    let text = text.to_ascii_lowercase();
    let transaction = ask.call("eth_getTransactionByHash", json!([text])).await?;
    if !transaction.is_null() {
        return Ok(Answer::Elsewhere(format!("/tx/{text}")));
    }
    let dropped = ask.call("rollup_getDropped", json!([text])).await?;
    if !dropped.is_null() {
        return Ok(Answer::Elsewhere(format!("/tx/{text}")));
    }
    let block = ask.call("eth_getHeaderByHash", json!([text])).await?;
    if !block.is_null() {
        return Ok(Answer::Elsewhere(format!("/block/{text}")));
    }
    let topic: B256 = text.parse().unwrap_or_default();
    let is_named = !names.events(&topic).is_empty();
    let logged = found::search(ask, &json!({ "topics": [topic] }), "").await?;
    match is_named || !logged.logs.is_empty() {
        true => Ok(Answer::Elsewhere(format!("/event/{text}"))),
        false => Err(Trouble::NotFound(format!(
            "No transaction, block or event that is known here has the hash {text}."
        ))),
    }
}

/// The account that is called so, if one is, and no contract's ABI.
fn labelled(names: &Names, text: &str) -> Option<String> {
    let all = names.accounts_like(text);
    let mut called = all
        .iter()
        .filter(|(_, name)| name.eq_ignore_ascii_case(text));
    let (address, _) = called.next().filter(|_| called.next().is_none())?;
    let is_abi = names.given().any(|one| one.name.eq_ignore_ascii_case(text));
    (!is_abi).then(|| format!("/address/{}", address.to_checksum(None)))
}

/// Accounts, contracts, functions, events and errors with a text in their name.
pub(crate) fn named(names: &Names, text: &str, query: &Query) -> Option<Markup> {
    let (name, whole) = match text.split_once('(') {
        Some((name, _)) => (name, true),
        // Of fewer letters almost all names have some.
        None => (text, text.len() < 3),
    };
    let (functions, events, errors) = names.like(name, whole);
    let accounts = match whole {
        true => Vec::new(),
        false => names.accounts_like(name),
    };
    let lower = text.to_lowercase();
    let contracts: Vec<_> = names
        .given()
        .filter(|contract| contract.name.to_lowercase().contains(&lower))
        .collect();
    let counts = [
        accounts.len(),
        contracts.len(),
        functions.len(),
        events.len(),
        errors.len(),
    ];
    let accounts = accounts
        .iter()
        .map(|(address, _)| html! { li { (names.whole_account(address)) } });
    let contracts = contracts.iter().map(|contract| {
        let path = format!("/abis?name={}", escaped(&contract.name));
        html! { li { a href=(path) { (plain(&contract.name)) } @for address in contract.addresses.iter().take(3) { " " (names.account(address)) } @if contract.addresses.len() > 3 { " and more" } } }
    });
    let functions = functions.iter().map(|function| {
        html! { li { a href=(format!("/selector/{}", function.selector())) { code { (function.selector()) } } " " (plain(&function.signature())) } }
    });
    let events = events.iter().map(|event| {
        html! { li { a href=(format!("/event/{}", event.selector())) { (plain(&event.full_signature())) } } }
    });
    let errors = errors.iter().map(|error| {
        html! { li { a href=(format!("/selector/{}", error.selector())) { code { (error.selector()) } } " " (plain(&error.signature())) } }
    });
    let all = accounts
        .map(|one| (0, one))
        .chain(contracts.map(|one| (1, one)))
        .chain(functions.map(|one| (2, one)));
    let all = all
        .chain(events.map(|one| (3, one)))
        .chain(errors.map(|one| (4, one)));
    listed(text, query, counts, all)
}

/// What a search finds, by kind and by pages; `counts`: of each kind. `None`: nothing.
fn listed(
    text: &str,
    query: &Query,
    counts: [usize; 5],
    all: impl Iterator<Item = (usize, Markup)>,
) -> Option<Markup> {
    let kinds = ["Accounts", "Contracts", "Functions", "Events", "Errors"];
    let count: usize = counts.iter().sum();
    if count == 0 {
        return None;
    }
    let slice = Slice::of(query, &format!("/search?q={}", escaped(text)), "from", PAGE);
    let mut of = Vec::new();
    let (rows, slice) = slice.fit(BYTES, all, |(kind, one)| {
        of.push(kind);
        one
    });
    // The last one may have had no room.
    let found: Vec<(usize, &Markup)> = of.into_iter().zip(&rows).collect();
    Some(html! {
        h1 { "Search: " q { (plain(text)) } }
        @for group in found.chunk_by(|(one, _), (other, _)| one == other) {
            @if let Some((kind, _)) = group.first() { h2 { (kinds[*kind]) " (" (format::count(counts[*kind])) ")" } }
            ul { @for (_, one) in group { (one) } }
        }
        (slice.bar("What is found", count))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use node::abis::Artefact;
    use std::sync::Arc;

    #[test]
    fn what_is_typed_says_where_it_is() {
        let address = format!("0x{}", "ab".repeat(20));
        for (text, expected) in [
            ("7", "/block/7"),
            ("1,000", "/block/1000"),
            ("#12", "/block/12"),
            ("block 12", "/block/12"),
            ("Level 9", "/level/9"),
            ("Message 2 of level 1,011", "/level/1011/message/2"),
            ("0xa9059cbb", "/selector/0xa9059cbb"),
            ("KT1abc/../x", "/layer1/KT1abc%2F..%2Fx"),
            (&address, &format!("/address/{address}")),
            (&address[2..], &format!("/address/{address}")),
        ] {
            assert_eq!(place(text).as_deref(), Some(expected), "{text}");
        }
        for text in ["level x", "transfer", "0xabc", "-1", "//evil.example"] {
            assert_eq!(place(text), None, "{text}");
        }
    }

    #[test]
    fn names_are_found_whatever_their_case_and_shown_as_text() {
        let names = Names::new(Arc::default(), &[]);
        let text = named(&names, "TRANSFER(address,uint256)", &Query::default())
            .unwrap()
            .into_string();
        assert!(text.contains("0xa9059cbb"), "{text}");
        let text = named(&names, "erc20insufficientbalance", &Query::default())
            .unwrap()
            .into_string();
        assert!(
            text.contains("ERC20InsufficientBalance(address,uint256,uint256)")
                && text.contains("/selector/0xe450d38c"),
            "{text}"
        );
        let mut given = node::abis::Names::default();
        let abi = alloy_json_abi::JsonAbi::parse(["error SoldOut(uint256 left)"]).unwrap();
        given.add("Shop", None, Artefact::of(abi)).unwrap();
        let added = Names::new(Arc::new(given), &[]);
        assert!(
            named(&added, "SoldOut", &Query::default())
                .unwrap()
                .into_string()
                .contains("SoldOut(uint256)")
        );
        let part = named(&names, "approv", &Query::default())
            .unwrap()
            .into_string();
        assert!(part.contains("approve(address,uint256)"), "{part}");
        // The very name comes first.
        let text = named(&names, "transfer", &Query::default())
            .unwrap()
            .into_string();
        let first = |what: &str| text.find(what).unwrap();
        assert!(
            first(" transfer(address,uint256)") < first(" safeTransferFrom("),
            "{text}"
        );
        let bridge: alloy_primitives::Address = "0xff00000000000000000000000000000000000001"
            .parse()
            .unwrap();
        let found = labelled(&names, "Bridge of Tez");
        assert_eq!(found, Some(format!("/address/{bridge}")));
        assert!(named(&names, "<script>alert(1)</script>", &Query::default()).is_none());
    }
}
