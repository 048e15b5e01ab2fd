//! A transaction: what came of it and why, who paid what, what it called and changed.

use super::{bridge, calls, changes, forced, found, logs, posted, recognised};
use crate::ask::{Ask, Trouble, address, data, list, number, text, word};
use crate::format;
use crate::frame::View;
use crate::names::{Names, Room, plain};
use crate::query::Query;
use crate::slice::{self, Slice};
use alloy_primitives::{Address, B256, U256};
use maud::{Markup, html};
use node::rpc::RpcError;
use serde_json::{Value, json};

/// The logs that tokens' movements are looked for in, and the movements that are shown.
const LOGS: usize = 200;
const MOVES: usize = 12;

/// The bytes of the page that logs and the arguments of the call may take, about.
const LOG_BYTES: usize = 18_000;
const INPUT: usize = 6_000;

/// `/tx/HASH`; `?logs=N`: its logs from number N on.
pub(crate) async fn view(
    ask: &Ask,
    names: &Names,
    hash: &str,
    query: &Query,
) -> Result<View, Trouble> {
    check(hash)?;
    let transaction = ask.call("eth_getTransactionByHash", json!([hash])).await?;
    let title = format!("Transaction {}", hash.get(..10).unwrap_or(hash));
    if transaction.is_null() {
        let dropped = ask.call("rollup_getDropped", json!([hash])).await?;
        let message = match is_pooled(&dropped) {
            false => forced::find(ask, hash).await,
            true => None,
        };
        return match dropped.is_null() {
            false => Ok(View::new(title, gone(names, &dropped, message.as_ref()))),
            true => Err(Trouble::NotFound(format!(
                "There is no transaction {hash} here. It was never sent to this node, was dropped long ago, or a reorganisation took its block."
            ))),
        };
    }
    let slice = Slice::of(query, &format!("/tx/{hash}"), "logs", found::MOST).at("logs");
    let receipt = json!([hash, slice.from(), LOGS]);
    let receipt = ask.call("rollup_getReceipt", receipt).await?;
    let main = match receipt.is_null() {
        true => waiting(names, &transaction),
        false => included(ask, names, (&transaction, &receipt), &slice).await?,
    };
    Ok(View::new(title, main))
}

/// A transaction in a block.
async fn included(
    ask: &Ask,
    names: &Names,
    (transaction, receipt): (&Value, &Value),
    slice: &Slice,
) -> Result<Markup, Trouble> {
    let hash = text(transaction, "hash");
    let block = json!([text(receipt, "blockHash")]);
    let block = ask.call("eth_getHeaderByHash", block).await?;
    let told = calls::ask(ask, hash, calls::OWN, true).await;
    let logs = list(receipt, "logs");
    let count = usize::try_from(number(receipt, "logCount")).unwrap_or(usize::MAX);
    let mut parties = recognised::called(told.as_ref().unwrap_or(&Value::Null));
    parties.extend(address(transaction, "to"));
    parties.extend(
        logs.iter()
            .take(found::MOST)
            .filter_map(|log| address(log, "address")),
    );
    let names = &recognised::names(ask, names, parties.into_iter()).await;
    let (moves, rest) = logs::movements(ask, names, logs, MOVES).await;
    let rest = rest.or((count > slice.from() + logs.len()).then_some(logs.len() as u64));
    let of = Of {
        transaction,
        receipt,
        block: &block,
        told,
        moves,
        rest: rest.map(|rest| slice.from() as u64 + rest),
        way: posted::way(ask, receipt).await,
    };
    Ok(of.shown(names, slice))
}

/// What there is of a transaction in a block.
pub(crate) struct Of<'v> {
    pub(crate) transaction: &'v Value,
    /// With its logs from a number on.
    pub(crate) receipt: &'v Value,
    pub(crate) block: &'v Value,
    /// Its calls, and what it changed.
    pub(crate) told: Result<Value, RpcError>,
    /// The tokens that moved; the number of the first log that is not among those.
    pub(crate) moves: Markup,
    pub(crate) rest: Option<u64>,
    pub(crate) way: posted::Way,
}

impl Of<'_> {
    pub(crate) fn shown(&self, names: &Names, slice: &Slice) -> Markup {
        let Self {
            transaction,
            receipt,
            block,
            ..
        } = self;
        let hash = text(transaction, "hash");
        let path = format!("/tx/{hash}");
        let logs = list(receipt, "logs");
        let count = usize::try_from(number(receipt, "logCount")).unwrap_or(usize::MAX);
        let rows = slice::fit(LOG_BYTES, logs.iter().take(found::MOST), |log| {
            logs::of_receipt(names, log)
        });
        let slice = slice.clone().sized(rows.len().max(1));
        html! {
            h1 { "Transaction" }
            p { span.hash.whole { (hash) } }
            (outcome(names, transaction, receipt, self.told.as_ref().ok()))
            @if bridge::asks_layer1(logs) { p { "It asks layer 1 to pay: " a href="/bridge#withdrawals" { "how far that is" } "." } }
            (ways_through())
            h2 { "What it is" }
            (facts(names, transaction, receipt, block))
            (paid(names, transaction, receipt, block))
            h2 #tokens { "Tokens that moved" }
            (self.moves)
            @if let Some(rest) = self.rest { p { a href=(format!("{path}/tokens?from={rest}")) { "More, by later logs" } } }
            h2 #input { "Call data" }
            (input(names, transaction))
            h2 #calls { "Calls" }
            @match &self.told {
                Ok(told) => (calls::tree(names, &path, told)),
                Err(error) => p.none { "No trace: " (error.message) "." },
            }
            h2 #logs { "Logs (" (format::count(count)) ")" }
            @if rows.is_empty() { p.none { "None." } } @else { ol.logs { @for row in &rows { (row) } } }
            (slice.bar("Logs", count))
            h2 #changes { "State that it changed" }
            @match &self.told {
                Ok(told) => { @match changes::told(told) {
                    Some(difference) => (changes::table(names, &path, difference)),
                    None => (changes::too_many()),
                } },
                Err(error) => p.none { "No trace: " (error.message) "." },
            }
            h2 #posted { "How it came here, and its proof" }
            (posted::posted(transaction, logs, &self.way))
        }
    }
}

pub(super) fn check(hash: &str) -> Result<(), Trouble> {
    match hash.parse::<B256>() {
        Ok(_) if hash.starts_with("0x") => Ok(()),
        _ => Err(Trouble::Invalid(format!(
            "{hash:?} is no hash of a transaction."
        ))),
    }
}

/// What is known of a transaction in the pool, or in a block of the chain that a fork goes on from.
fn waiting(names: &Names, transaction: &Value) -> Markup {
    let block = transaction.get("blockNumber");
    html! {
        h1 { "Transaction" }
        p { span.hash.whole { (text(transaction, "hash")) } }
        @if let Some(block) = block.and_then(crate::ask::number_of) {
            p.note { "It is in block " (format::block(block)) " of the chain that this one goes on from. That chain's node says whether it failed and has its logs; " code { "debug_traceTransaction" } " traces it here, too." }
        } @else {
            p.waits role="status" data-waits=(text(transaction, "hash")) { "It waits: no block has it yet. This page shows it once one has." }
            p { "It is in a block once a level runs and its nonce " (number(transaction, "nonce")) " is the sender's next." }
        }
        (facts(names, transaction, &Value::Null, &Value::Null))
        h2 #input { "Call data" }
        (input(names, transaction))
    }
}

/// What is known of a transaction that is in no block, and does not wait.
fn gone(names: &Names, dropped: &Value, message: Option<&Value>) -> Markup {
    let nothing = Value::Null;
    let transaction = dropped.get("transaction").unwrap_or(&nothing);
    html! {
        h1 { "Transaction" }
        p { span.hash.whole { (text(dropped, "hash")) } }
        p.failed { "✗ It is in no block: " (why_gone(dropped)) "." }
        @if let Some(at) = dropped.get("timestamp").and_then(crate::ask::number_of) {
            p { @if is_pooled(dropped) { "It left the pool at " } @else { "That was at " } (format::time(at)) "." }
        }
        @match message {
            Some(message) => (forced::shown(names, message)),
            None if is_pooled(dropped) => {},
            None => p { "It did not come by this node's pool: somebody else posted it, or a contract of layer 1 forced it in. Its message is in none of the newest inboxes here." },
        }
        @if !transaction.is_null() {
            (facts(names, transaction, &Value::Null, &Value::Null))
            h2 #input { "Call data" }
            (input(names, transaction))
        }
        p { a href="/dropped" { "Others that were dropped" } }
    }
}

/// Whether a transaction that was dropped came by this node's pool. One that it does not know counts as
/// such.
fn is_pooled(dropped: &Value) -> bool {
    let has = |field| {
        dropped
            .get(field)
            .is_some_and(|value: &Value| !value.is_null())
    };
    dropped.is_null() || has("transaction") || has("from")
}

/// Why a transaction was dropped, in words.
pub(super) fn why_gone(dropped: &Value) -> Markup {
    html! {
        (text(dropped, "reason"))
        @if let Some(said) = dropped.get("kernel").and_then(Value::as_str) { ", which said: " strong { (plain(&in_units(said))) } }
    }
}

/// What the kernel says of missing funds, with the amounts in tez.
fn in_units(said: &str) -> String {
    let read = || {
        let (has, most) = said
            .strip_prefix("lack of funds (")?
            .split_once(") for max fee (")?;
        let tez = |wei: &str| Some(format::tez(wei.parse().ok()?));
        let (has, most) = (tez(has)?, tez(most.strip_suffix(')')?)?);
        Some(format!(
            "lack of funds: its sender has {has}, and it may cost {most}, its value and the most that its fee can be"
        ))
    };
    read().unwrap_or_else(|| said.to_owned())
}

/// What came of it, in words.
fn outcome(names: &Names, transaction: &Value, receipt: &Value, told: Option<&Value>) -> Markup {
    let used = format::count(number(receipt, "gasUsed"));
    if number(receipt, "status") == 1 {
        let created = address(receipt, "contractAddress");
        return html! {
            p.worked { "✓ It is done. It used " (used) " gas." }
            @if let Some(created) = created { p { "It created " (names.whole_account(&created)) "." } }
        };
    }
    let all = number(receipt, "gasUsed") >= number(transaction, "gas");
    html! {
        p.failed { "✗ It failed: what it did was taken back, and " (used) " gas were paid for." }
        @match told {
            Some(told) => (calls::why(names, &format!("/tx/{}", text(transaction, "hash")), told)),
            None if all => p { "It used all of its gas: probably it ran out of it." },
            None => p { "Its trace would say why; it is not to be had." },
        }
    }
}

fn facts(names: &Names, transaction: &Value, receipt: &Value, block: &Value) -> Markup {
    let to = address(transaction, "to");
    let made = address(receipt, "contractAddress");
    html! {
        div.wide { table.facts {
            caption.unseen { "The transaction" }
            tbody {
                @if let Some(number) = receipt.get("blockNumber").and_then(crate::ask::number_of) {
                    (format::row("Block", &html! { (format::block(number)) ", place " (crate::ask::number(receipt, "transactionIndex")) }))
                    (format::row("Time", &format::time(crate::ask::number(block, "timestamp"))))
                }
                (format::row("From", &match address(transaction, "from") { Some(from) => names.whole_account(&from), None => html! {} }))
                (format::row("To", &match to.or(made) {
                    Some(to) => html! { (names.whole_account(&to)) @if made.is_some() { " (created)" } },
                    None => html! { span.none { "a contract that it creates" } },
                }))
                (format::row("Call", &names.method(&data(transaction, "input"), to.is_none())))
                (format::row("Value", &format::wei(word(transaction, "value"))))
                (format::row("Nonce", &html! { (format::count(number(transaction, "nonce"))) }))
                (format::row("Gas limit", &html! { (format::count(number(transaction, "gas"))) }))
                (format::row("Kind", &html! { (kind(number(transaction, "type"))) }))
            }
        } }
    }
}

const fn kind(number: u64) -> &'static str {
    match number {
        0 => "legacy (type 0)",
        1 => "with an access list (type 1, EIP-2930)",
        2 => "with a maximum fee and a tip (type 2, EIP-1559)",
        4 => "with authorizations of code (type 4, EIP-7702)",
        posted::DEPOSIT => "made by the kernel of a message from layer 1 (type 0x7e)",
        _ => "of a type that this page does not know",
    }
}

/// Links to the parts of the page, which is long.
fn ways_through() -> Markup {
    const PARTS: [(&str, &str); 7] = [
        ("fees", "who paid what"),
        ("tokens", "tokens"),
        ("input", "call data"),
        ("calls", "calls"),
        ("logs", "logs"),
        ("changes", "state"),
        ("posted", "how it came here, and its proof"),
    ];
    html! { nav.parts aria-label="Parts of this page" { @for (part, words) in PARTS { a href={ "#" (part) } { (words) } } } }
}

/// Who paid what.
fn paid(names: &Names, transaction: &Value, receipt: &Value, block: &Value) -> Markup {
    let (used, price) = (word(receipt, "gasUsed"), word(receipt, "effectiveGasPrice"));
    let all = used.saturating_mul(price);
    let bytes = word(receipt, "l1Fee").min(all);
    let tip = price.saturating_sub(word(block, "baseFeePerGas"));
    let tip = tip.saturating_mul(used).min(all);
    let share = |part: U256| {
        // Of amounts beyond 64 bits what is left of both.
        let shift = all.bit_len().saturating_sub(63);
        let small = |amount: U256| (amount >> shift).saturating_to::<u64>();
        format::bar(small(part), small(all), "share of the fee")
    };
    let parts = [
        ("execution", all - bytes),
        ("its bytes on layer 1", bytes),
        ("of both: tip above the base fee", tip),
    ];
    html! {
        h2 #fees { "Who paid what" }
        (moved(names, transaction, receipt))
        @if all.is_zero() { p.none { "Nobody paid for it." } }
        @else {
            p { @if let Some(from) = address(transaction, "from") { (names.account(&from)) } " paid a fee of " (format::wei(all)) ": " (format::count(used)) " gas at " (format::price(price)) "." }
            div.wide { table {
                caption.unseen { "Parts of the fee" }
                thead { tr { th scope="col" { "For" } th.number scope="col" { "Amount" } th scope="col" { "Share" } } }
                tbody {
                    @for (what, part) in parts.into_iter().filter(|(_, part)| !part.is_zero()) {
                        tr { th scope="row" { (what) } td.number { (format::wei(part)) } td { (share(part)) } }
                    }
                }
            } }
        }
    }
}

/// The value that moved with the transaction itself.
fn moved(names: &Names, transaction: &Value, receipt: &Value) -> Markup {
    let value = word(transaction, "value");
    let to = address(transaction, "to").or(address(receipt, "contractAddress"));
    let party = |who: Option<Address>| html! { @if let Some(who) = who { (names.account(&who)) } };
    html! {
        @if !value.is_zero() {
            p {
                (party(address(transaction, "from")))
                @if number(receipt, "status") == 1 { " sent " (format::wei(value)) " to " (party(to)) "." }
                @else { " keeps " (format::wei(value)) ": they did not move to " (party(to)) ", since it failed." }
            }
        }
    }
}

fn input(names: &Names, transaction: &Value) -> Markup {
    let input = data(transaction, "input");
    let creates = address(transaction, "to").is_none();
    let decoded = names.input(&input).filter(|_| !creates);
    let all = format!("/tx/{}/data/input", text(transaction, "hash"));
    html! {
        @if let Some(decoded) = &decoded {
            p { "Function " code { (plain(&decoded.signature)) } }
            (names.table(decoded, "Arguments of the call", Room::of(INPUT).with(&all)))
        } @else if !creates && input.len() >= 4 {
            p.note { "No ABI that this node knows has the selector " code { (crate::ask::hex_of(&input[..4])) } ": these are its bytes." }
        }
        (format::linked_bytes(&input, format::SHOWN, &all))
        @if decoded.is_none() && !creates { (format::guessed(input.get(4..).unwrap_or_default(), |address| names.account(address))) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn what_the_kernel_says_of_funds_has_units() {
        let said = in_units(
            "lack of funds (10000000000000000000000) for max fee (20000000042000000000000)",
        );
        assert!(
            said.contains("has 10,000 tez") && said.contains("cost 20,000.000042 tez"),
            "{said}"
        );
        for other in [
            "lack of funds (0)",
            "nonce 3",
            "lack of funds (x) for max fee (1)",
        ] {
            assert_eq!(in_units(other), other);
        }
    }

    #[test]
    fn who_paid_what_has_the_value_and_no_rows_of_zero() {
        let names = Names::new(Arc::default(), &[Address::repeat_byte(1)]);
        let transaction = json!({ "from": Address::repeat_byte(1), "to": Address::repeat_byte(2), "value": "0xde0b6b3a7640000" });
        let receipt = |status: &str| json!({ "status": status, "gasUsed": "0x5208", "effectiveGasPrice": "0x3b9aca00" });
        let block = json!({ "baseFeePerGas": "0x3b9aca00" });
        let text = paid(&names, &transaction, &receipt("0x1"), &block).into_string();
        assert!(
            text.contains(" sent ") && text.contains("account 0"),
            "{text}"
        );
        assert!(
            text.contains("1 tez") && text.contains("execution"),
            "{text}"
        );
        assert!(
            !text.contains("its bytes on layer 1") && !text.contains("tip"),
            "{text}"
        );
        let failed = paid(&names, &transaction, &receipt("0x0"), &block).into_string();
        assert!(
            failed.contains("did not move") && !failed.contains(" sent "),
            "{failed}"
        );
    }
}
