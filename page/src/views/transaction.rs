//! A transaction: what came of it and why, who paid what, what it called and changed.

use super::{calls, changes, logs};
use crate::ask::{Ask, Trouble, address, data, list, number, text, word};
use crate::format;
use crate::frame::View;
use crate::names::Names;
use alloy_primitives::{Address, B256, U256};
use maud::{Markup, html};
use serde_json::{Value, json};

/// The type of what a deposit becomes.
const DEPOSIT: u64 = 0x7e;

/// `/tx/HASH`.
pub(crate) async fn view(ask: &Ask, names: &Names, hash: &str) -> Result<View, Trouble> {
    check(hash)?;
    let transaction = ask.call("eth_getTransactionByHash", json!([hash])).await?;
    if transaction.is_null() {
        return Err(Trouble::NotFound(format!(
            "There is no transaction {hash} here. It was never sent to this node, was dropped, or a reorganisation took its block."
        )));
    }
    let title = format!("Transaction {}", hash.get(..10).unwrap_or(hash));
    let receipt = ask.call("eth_getTransactionReceipt", json!([hash])).await?;
    if receipt.is_null() {
        return Ok(View::new(title, waiting(names, &transaction)));
    }
    let block = ask
        .call("eth_getHeaderByHash", json!([text(&receipt, "blockHash")]))
        .await?;
    let level = ask
        .call("rollup_getLevelOf", json!([text(&receipt, "blockNumber")]))
        .await;
    let level = level.ok().and_then(|level| level.as_u64());
    let trace = ask
        .call(
            "debug_traceTransaction",
            json!([hash, { "tracer": "callTracer" }]),
        )
        .await;
    let difference =
        json!([hash, { "tracer": "prestateTracer", "tracerConfig": { "diffMode": true } }]);
    let difference = ask.call("debug_traceTransaction", difference).await;
    let whole = list(&receipt, "logs");
    let main = html! {
        h1 { "Transaction" }
        p { span.hash.whole { (hash) } }
        (outcome(names, &transaction, &receipt, trace.as_ref().ok()))
        h2 { "What it is" }
        (facts(names, &transaction, &receipt, &block))
        (paid(names, &transaction, &receipt, &block))
        h2 #tokens { "Tokens that moved" }
        (logs::movements(ask, names, whole).await)
        h2 #input { "Call data" }
        (input(names, &transaction))
        h2 #calls { "Calls" }
        @match &trace {
            Ok(trace) => (calls::tree(names, trace)),
            Err(error) => p.none { "No trace: " (error.message) "." },
        }
        h2 #logs { "Logs (" (format::count(whole.len())) ")" }
        (logs::of_receipt(names, whole))
        h2 #changes { "State that it changed" }
        @match &difference {
            Ok(difference) => (changes::table(names, difference)),
            Err(error) => p.none { "No trace: " (error.message) "." },
        }
        h2 #posted { "How it came here, and its proof" }
        (posted(&transaction, whole, level))
    };
    Ok(View::new(title, main))
}

fn check(hash: &str) -> Result<(), Trouble> {
    match hash.parse::<B256>() {
        Ok(_) if hash.starts_with("0x") => Ok(()),
        _ => Err(Trouble::Invalid(format!(
            "{hash:?} is no hash of a transaction."
        ))),
    }
}

/// What is known of a transaction in the pool.
fn waiting(names: &Names, transaction: &Value) -> Markup {
    html! {
        h1 { "Transaction" }
        p { span.hash.whole { (text(transaction, "hash")) } }
        p.waits role="status" { "It waits: no block has it yet." }
        p { "It is in a block once a level runs and its nonce " (number(transaction, "nonce")) " is the sender's next." }
        (facts(names, transaction, &Value::Null, &Value::Null))
        h2 #input { "Call data" }
        (input(names, transaction))
    }
}

/// What came of it, in words.
fn outcome(names: &Names, transaction: &Value, receipt: &Value, trace: Option<&Value>) -> Markup {
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
        @match trace {
            Some(trace) => (calls::why(names, trace)),
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
        DEPOSIT => "made by the kernel of a message from layer 1 (type 0x7e)",
        _ => "of a type that this page does not know",
    }
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
    html! {
        @if let Some(decoded) = &decoded {
            p { "Function " code { (crate::names::plain(&decoded.signature)) } }
            (names.table(decoded, "Arguments of the call"))
        } @else if !creates && input.len() >= 4 {
            p.note { "No ABI that this node knows has the selector " code { (crate::ask::hex_of(&input[..4])) } ": these are its bytes." }
        }
        (format::bytes(&input))
    }
}

/// The way from layer 1, and the command that proves it.
fn posted(transaction: &Value, logs: &[Value], level: Option<u64>) -> Markup {
    let hash = text(transaction, "hash");
    let kind = number(transaction, "type");
    let nobody = word(transaction, "s") == U256::ONE && kind != DEPOSIT;
    let message = logs.iter().find_map(super::bridge::message_of);
    html! {
        @if kind == DEPOSIT {
            p {
                "The kernel made it of "
                @match message {
                    Some((level, id)) => { "message " (id) " of " (format::level(level)) ", which a contract of layer 1 sent." },
                    None => "a message that a contract of layer 1 sent.",
                }
            }
        } @else if nobody {
            p { "Nobody signed it: a devnet sent it for an impersonated account. It was never in an inbox." }
        } @else {
            p { "Its signed bytes, or a batch that has them, are in an external message of the inbox of " @match level { Some(level) => (format::level(level)), None => "a level that is no longer known" } " or of one before." }
        }
        p { "Whoever has the data folder of a node makes a file that proves it to somebody who has neither the rollup nor a node:" }
        pre tabindex="0" { "evm-rollup prove transaction " (hash) " --data-dir DIR -o payment.witness" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

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
