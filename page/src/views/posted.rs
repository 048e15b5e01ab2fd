//! How a transaction came here: the messages of layer 1 that have it, and what proves it.

use super::bridge;
use crate::ask::{Ask, list, number, text, word};
use crate::format;
use alloy_primitives::U256;
use maud::{Markup, html};
use serde_json::{Value, json};

/// The type of what a deposit becomes.
pub(super) const DEPOSIT: u64 = 0x7e;

/// Where a transaction came from.
#[derive(Default)]
pub(crate) struct Way {
    /// The level of its block, if it is known.
    level: Option<u64>,
    /// Why its witness cannot be had here; `None`: it can.
    no_witness: Option<&'static str>,
    /// The message of the inbox that has it; null: it is not known.
    message: Value,
}

pub(super) async fn way(ask: &Ask, receipt: &Value) -> Way {
    let block = json!([text(receipt, "blockNumber")]);
    let level = ask.call("rollup_getLevelOf", block).await;
    let hash = json!([text(receipt, "transactionHash")]);
    let message = ask.call("rollup_getMessageOf", hash).await;
    Way {
        level: level.ok().and_then(|level| level.as_u64()),
        no_witness: no_witness(ask),
        message: message.unwrap_or_default(),
    }
}

/// Why witnesses cannot be had of a node.
fn no_witness(ask: &Ask) -> Option<&'static str> {
    match () {
        () if ask.node().fork().is_some() => Some("the chain goes on from another one's block."),
        () if ask.is_devnet() || ask.node().store().lasts() => None,
        () => Some(
            "this node follows a rollup, and keeps its levels in a data folder alone (--data-dir).",
        ),
    }
}

/// The way from layer 1, and the command that proves it.
pub(super) fn posted(transaction: &Value, logs: &[Value], way: &Way) -> Markup {
    let Way {
        level,
        message: posted,
        ..
    } = way;
    let level = *level;
    let hash = text(transaction, "hash");
    let kind = number(transaction, "type");
    let nobody = word(transaction, "s") == U256::ONE && kind != DEPOSIT;
    let message = logs.iter().find_map(bridge::message_of);
    html! {
        @if kind == DEPOSIT {
            p {
                "The kernel made it of "
                @match message {
                    Some((level, id)) => { (format::message(level, id)) ", which a contract of layer 1 sent." },
                    None => "a message that a contract of layer 1 sent.",
                }
            }
        } @else if nobody {
            p { "Nobody signed it: a devnet sent it for an impersonated account. It was never in an inbox." }
        } @else {
            (brought(level, posted))
        }
        @if nobody {}
        @else if let Some(why) = way.no_witness { p.note { "Its witness, a file that proves it to somebody who has neither the rollup nor a node, cannot be had here: " (why) } }
        @else {
            p { a href=(format!("/tx/{hash}/witness")) download { "Its witness" } ": a file that proves it to somebody who has neither the rollup nor a node, but the kernel. Its level is run again for it." }
            pre tabindex="0" { "evm-rollup check " (hash) ".witness --kernel evm_kernel.wasm" }
        }
        p { "Whoever has the data folder of a node makes it, too:" }
        pre tabindex="0" { "evm-rollup prove transaction " (hash) " --data-dir DIR -o payment.witness" }
    }
}

/// The messages that brought its signed bytes.
fn brought(level: Option<u64>, posted: &Value) -> Markup {
    let of = |message: &Value| format::message(number(message, "level"), number(message, "id"));
    let pieces = list(posted, "pieces");
    html! {
        @match text(posted, "kind") {
            "whole" => p { "It came in " (of(posted)) ", by itself." },
            "batch" => p { "It came in " (of(posted)) ", in a batch with others." },
            "delayed" => p { "A contract of layer 1 sent it in " (of(posted)) ": nobody can keep it out." },
            "pieces" => {
                p { "It is longer than a message may be, and came in " (format::count(pieces.len())) " pieces:" }
                div.wide { table {
                    caption.unseen { "Messages that brought it" }
                    thead { tr { th scope="col" { "What" } th scope="col" { "Message" } } }
                    tbody {
                        tr { th scope="row" { "announcement" } td { (of(posted)) } }
                        @for (place, piece) in (1..).zip(pieces) { tr { th scope="row" { "piece " (place) " of " (pieces.len()) } td { (of(piece)) } } }
                    }
                } }
            },
            _ => p { "The message that brought it is not found: it is in the inbox of " @match level { Some(level) => (format::level(level)), None => "a level that is no longer known" } " or of one before, of which this node may no longer have the messages." },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_leads_to_its_messages() {
        let piece = |level: u64, id: u64| json!({ "level": level, "id": id });
        let mut way = piece(7, 3);
        for (kind, words) in [
            ("whole", "by itself"),
            ("batch", "with others"),
            ("delayed", "nobody can keep it out"),
        ] {
            way["kind"] = kind.into();
            let text = brought(Some(8), &way).into_string();
            assert!(
                text.contains(words) && text.contains("/level/7/message/3"),
                "{text}"
            );
        }
        way["kind"] = "pieces".into();
        way["pieces"] = json!([piece(7, 4), piece(8, 2)]);
        let text = brought(Some(8), &way).into_string();
        for expected in [
            "piece 2 of 2",
            "/level/7/message/3",
            "/level/7/message/4",
            "/level/8/message/2",
        ] {
            assert!(text.contains(expected), "{expected}: {text}");
        }
        let text = brought(Some(8), &Value::Null).into_string();
        assert!(
            text.contains("not found") && text.contains("/level/8"),
            "{text}"
        );
    }
}
