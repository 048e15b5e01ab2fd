//! Tokens: what they say of themselves, and which an account has.

use super::{account, bridge, found, recognised};
use crate::ask::{Ask, Trouble, address};
use crate::format;
use crate::frame::View;
use crate::names::{Names, plain};
use crate::query::Query;
use alloy_primitives::{Address, B256, U256, hex, keccak256};
use maud::{Markup, html};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// The most tokens of a transaction that are asked what they are.
const MOST: usize = 12;

/// The most characters of a symbol.
const SYMBOL: usize = 24;

/// What a token says of itself.
#[derive(Clone, Debug, Default)]
pub(super) struct Token {
    symbol: Option<String>,
    decimals: Option<usize>,
}

impl Token {
    /// Its symbol, which is whatever its contract says.
    pub(super) fn symbol(&self) -> Markup {
        html! { @if let Some(symbol) = &self.symbol { q { (plain(symbol)) } } }
    }
}

/// Asks tokens what they are; the first few of them.
pub(super) async fn describe(
    ask: &Ask,
    tokens: impl Iterator<Item = Address>,
) -> BTreeMap<Address, Token> {
    described(ask, tokens, MOST).await
}

async fn described(
    ask: &Ask,
    tokens: impl Iterator<Item = Address>,
    most: usize,
) -> BTreeMap<Address, Token> {
    let tokens: BTreeSet<Address> = tokens.take(1_000).collect();
    let mut known = BTreeMap::new();
    for address in tokens.into_iter().take(most) {
        known.insert(address, ask_token(ask, &address).await);
    }
    known
}

async fn ask_token(ask: &Ask, token: &Address) -> Token {
    let symbol = ask.view(token, &hex!("95d89b41")).await;
    let decimals = ask.view(token, &hex!("313ce567")).await;
    let decimals = decimals.and_then(|bytes| {
        let word = U256::try_from_be_slice(bytes.get(..32)?)?;
        usize::try_from(word).ok().filter(|places| *places <= 77)
    });
    let symbol = symbol.and_then(|bytes| text(&bytes));
    Token { symbol, decimals }
}

/// Text as a function gives it back; some old tokens have 32 bytes instead.
fn text(bytes: &[u8]) -> Option<String> {
    let text = match bytes.len() {
        32 => bytes.split(|byte| *byte == 0).next()?,
        _ => {
            let length = usize::try_from(U256::try_from_be_slice(bytes.get(32..64)?)?).ok()?;
            bytes.get(64..64_usize.checked_add(length)?)?
        }
    };
    let text: String = String::from_utf8_lossy(text).chars().take(SYMBOL).collect();
    (!text.is_empty()).then_some(text)
}

/// An amount of a token, with its decimal places if it says how many.
pub(super) fn amount(token: Option<&Token>, amount: U256) -> Markup {
    match token.and_then(|token| token.decimals) {
        Some(places) => format::exact(
            &format::decimal(amount, places),
            &format!("{} of the smallest unit", format::count(amount)),
        ),
        None => html! { (format::count(amount)) " of the smallest unit" },
    }
}

/// `/address/A/tokens`: the tokens of those that a log says came in; `?before=B-L`: by older logs.
pub(crate) async fn view(
    ask: &Ask,
    names: &Names,
    who: &str,
    query: &Query,
) -> Result<View, Trouble> {
    let who = account::parse(who)?;
    let filter = json!({ "topics": [found::TRANSFER, null, who.into_word()] });
    let found = found::search(ask, &filter, query.get("before")).await?;
    let tokens: BTreeSet<Address> = found
        .logs
        .iter()
        .filter_map(|log| address(log, "address"))
        .collect();
    let known = described(ask, tokens.iter().copied(), found::MOST).await;
    let mut held = Vec::new();
    for (token, facts) in &known {
        let mut input = hex!("70a08231").to_vec();
        input.extend(who.into_word());
        let balance = ask.view(token, &input).await;
        let balance = balance.and_then(|bytes| U256::try_from_be_slice(bytes.get(..32)?));
        held.push((token, facts, balance));
    }
    let tickets = match query.has("before") {
        true => Vec::new(),
        false => tickets(ask, &who).await?,
    };
    let path = format!("/address/{}/tokens", who.to_checksum(None));
    let names_of = recognised::names(ask, names, tokens.iter().copied()).await;
    let main = html! {
        (account::head(ask, names, &who, "tokens").await?)
        h2 { "Tokens" }
        p.note { "The contracts of " @if query.has("before") { "older" } @else { "the newest" } " logs " code { "Transfer" } " to this account, " (found::MOST) " logs a page, and what each says that the account has." }
        @if found.next.is_some() { p.note { "There may be more, by older logs." } }
        @if held.is_empty() { p.none { @if found.next.is_some() { "None in the blocks that were looked through." } @else { "None." } } }
        @else {
            div.wide { table {
                caption.unseen { "Tokens" }
                thead { tr { th scope="col" { "Token" } th scope="col" { "Symbol" } th.number scope="col" { "Balance" } } }
                tbody {
                    @for (token, facts, balance) in &held {
                        tr {
                            th scope="row" { (names_of.account(token)) }
                            td { (facts.symbol()) }
                            td.number { @match balance { Some(balance) => (amount(Some(facts), *balance)), None => span.none { "it does not say" } } }
                        }
                    }
                }
            } }
        }
        @if !tickets.is_empty() {
            h2 { "Tickets" }
            p.note { "What the bridge of tokens has for this account: of the kinds of tickets that its newest logs name." }
            ul { @for (ticket, balance) in &tickets { li { (format::count(balance)) " tickets with the hash " (format::cut(&ticket.to_string())) } } }
        }
        (format::pager("Tokens", query.has("before").then(|| path.clone()), found.next.as_ref().map(|next| format!("{path}?before={next}"))))
    };
    Ok(View::new(format!("Tokens of {who}"), main))
}

/// The most kinds of tickets whose balance is asked for.
const KINDS: usize = 20;

/// The tickets that the bridge of tokens has for an account, by their hash.
async fn tickets(ask: &Ask, who: &Address) -> Result<Vec<(B256, U256)>, Trouble> {
    let bridge = bridge::OF_TOKENS;
    let topics = bridge::TICKETS.map(keccak256);
    let filter = json!({ "address": bridge, "topics": [topics] });
    let found = found::search(ask, &filter, "").await?;
    let kinds = found.logs.iter();
    let kinds = kinds.filter_map(|log| found::topics(log).get(1).copied());
    let kinds: BTreeSet<B256> = kinds.collect();
    let mut held = Vec::new();
    for kind in kinds.into_iter().take(KINDS) {
        let mut input = keccak256("balanceOf(uint256,address)")[..4].to_vec();
        input.extend(kind);
        input.extend(who.into_word());
        let balance = ask.view(&bridge, &input).await;
        let balance = balance.and_then(|bytes| U256::try_from_be_slice(bytes.get(..32)?));
        held.extend(
            balance
                .filter(|balance| !balance.is_zero())
                .map(|balance| (kind, balance)),
        );
    }
    Ok(held)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_are_read_as_text_or_as_32_bytes_and_cut() {
        let mut old = [0; 32];
        old[..3].copy_from_slice(b"MKR");
        assert_eq!(text(&old).as_deref(), Some("MKR"));
        let mut new = vec![0; 128];
        (new[31], new[63]) = (32, 40);
        new[64..104].fill(b'x');
        assert_eq!(text(&new).unwrap().len(), SYMBOL);
        new[32..64].fill(0xff);
        assert_eq!(text(&new), None);
        assert_eq!(text(&[]), None);
    }
}
