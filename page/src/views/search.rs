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
    let text = query.get("q").trim();
    if text.is_empty() || text.len() > LONGEST {
        return Err(Trouble::Invalid(format!(
            "Type up to {LONGEST} characters to look for."
        )));
    }
    if let Some(path) = place(text) {
        return Ok(Answer::Elsewhere(path));
    }
    if is_hex(text, 64) {
        return hash(ask, names, text).await;
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

/// Functions, events, errors and contracts with a name.
pub(crate) fn named(names: &Names, text: &str, query: &Query) -> Option<Markup> {
    let name = text.split('(').next().unwrap_or(text);
    let (functions, events) = names.named(name);
    let errors = names.errors_named(name);
    let lower = text.to_lowercase();
    let contracts: Vec<_> = names
        .given()
        .filter(|contract| contract.name.to_lowercase().contains(&lower))
        .collect();
    let counts = [contracts.len(), functions.len(), events.len(), errors.len()];
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
    let kinds = ["Contracts", "Functions", "Events", "Errors"];
    let all = contracts
        .map(|one| (0, one))
        .chain(functions.map(|one| (1, one)));
    let all = all
        .chain(events.map(|one| (2, one)))
        .chain(errors.map(|one| (3, one)));
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
        assert!(named(&names, "<script>alert(1)</script>", &Query::default()).is_none());
    }
}
