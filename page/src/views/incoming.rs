//! What a contract of layer 1 asks for by a message: a deposit, a forced transaction, a decision.

use crate::ask::{list, text};
use crate::format;
use crate::names::Names;
use alloy_primitives::{Address, Bytes, U256, hex, keccak256};
use maud::{Markup, html};
use serde_json::Value;

/// A request, as the kernel reads it: `or (or (pair bytes ticket) bytes) bytes`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// `Left (Left (Pair routing ticket))`.
    Deposit {
        /// For whom: 20 bytes of the receiver, then those of a proxy, if there is one.
        routing: Bytes,
        /// How many of the ticket's units.
        amount: U256,
    },
    /// `Left (Right bytes)` with a tag in front: so many pieces of a transaction follow.
    Announced(u8),
    /// The same with another tag: a transaction's signed bytes, or a piece of them.
    Forced(Bytes),
    /// `Right bytes`.
    Governance(Bytes),
}

/// What a message asks for; `None`: nothing that the kernel knows.
pub(super) fn read(message: &Value) -> Option<Asked> {
    let payload = message.get("payload")?;
    let inside = |node: &Value, prim: &str| match list(node, "args") {
        [inner] if text(node, "prim") == prim => Some(inner.clone()),
        _ => None,
    };
    let raw = |node: &Value| hex::decode(text(node, "bytes")).ok().map(Bytes::from);
    if let Some(right) = inside(payload, "Right") {
        return Some(Asked::Governance(raw(&right)?));
    }
    let left = inside(payload, "Left")?;
    if let Some(right) = inside(&left, "Right") {
        return match raw(&right)?.split_first()? {
            (0, [count]) => Some(Asked::Announced(*count)),
            (1, piece) => Some(Asked::Forced(Bytes::copy_from_slice(piece))),
            _ => None,
        };
    }
    let mut parts = Vec::new();
    leaves(&inside(&left, "Left")?, &mut parts);
    let (routing, amount) = (parts.first()?, parts.last()?);
    Some(Asked::Deposit {
        routing: raw(routing)?,
        amount: text(amount, "int").parse().ok()?,
    })
}

/// The parts of nested pairs, in their order.
fn leaves(node: &Value, found: &mut Vec<Value>) {
    match (text(node, "prim"), list(node, "args")) {
        ("Pair" | "Ticket", args) => {
            for inner in args.iter().take(8) {
                leaves(inner, found);
            }
        }
        _ => found.push(node.clone()),
    }
}

/// The hash of the transaction that a message forces in, if it has the whole of it.
pub(super) fn forced(message: &Value) -> Option<String> {
    match read(message)? {
        // Shorter than any signed transaction.
        Asked::Forced(raw) if raw.len() > 64 => Some(keccak256(raw).to_string()),
        _ => None,
    }
}

/// Names of both layers.
#[derive(Debug)]
pub(super) struct Sides<'n> {
    pub(super) names: &'n Names,
    /// The contracts of the devnet's layer 1: name, account, and what it does.
    pub(super) layer1: Vec<(&'static str, String, &'static str)>,
}

impl Sides<'_> {
    /// The name of an account of layer 1.
    pub(super) fn name(&self, account: &str) -> Option<&'static str> {
        let mut all = self.layer1.iter();
        all.find(|(_, at, _)| at == account)
            .map(|(name, _, _)| *name)
    }

    /// A link to an account of layer 1, by its name if it has one.
    fn account(&self, account: &str) -> Markup {
        match self.name(account) {
            Some(name) => {
                html! { a href=(format!("/layer1/{account}")) title=(account) { "the " (name) } }
            }
            None => format::layer1(account),
        }
    }

    /// What a call from a contract of layer 1 says, in words.
    pub(super) fn words(&self, message: &Value) -> Markup {
        let sender = text(message, "sender");
        html! {
            @match read(message) {
                Some(asked) => strong { (self.asked(sender, &asked)) },
                None => "a call that the kernel does not know",
            }
            ", from " (self.account(sender)) ", in an operation of " (format::layer1(text(message, "source")))
        }
    }

    fn asked(&self, sender: &str, asked: &Asked) -> Markup {
        match asked {
            Asked::Deposit { routing, amount } => {
                let part = |place: usize| routing.get(place..place + 20).map(Address::from_slice);
                let is_list =
                    routing.first() == Some(&1) && ![20, 40, 52, 72].contains(&routing.len());
                let tez = self.name(sender) == Some("bridge of layer 1");
                html! {
                    "deposit of "
                    @if tez { (format::mutez(*amount)) } @else { (format::count(amount)) " tickets" }
                    @match part(0).filter(|_| !is_list) {
                        Some(receiver) => { " for " (self.names.account(&receiver)) },
                        None => { ", with a routing of " (routing.len()) " bytes" },
                    }
                    @if [40, 72].contains(&routing.len()) && !tez {
                        @if let Some(proxy) = part(20) { " by the proxy " (self.names.account(&proxy)) }
                    }
                }
            }
            Asked::Announced(1) => html! { "a forced transaction follows" },
            Asked::Announced(count) => {
                html! { "a forced transaction follows in " (count) " pieces" }
            }
            Asked::Forced(raw) => {
                let hash = keccak256(raw).to_string();
                // The transaction's type, or a list's beginning.
                let whole = raw
                    .first()
                    .is_some_and(|first| *first <= 4 || *first >= 0xc0);
                html! { "forced transaction" @if whole { " " (format::transaction(&hash)) } ", " (format::count(raw.len())) " bytes" }
            }
            Asked::Governance(raw) => {
                html! { "decision of governance, " (format::count(raw.len())) " bytes" }
            }
        }
    }
}

/// An outgoing message's payment in words, by what the node says of withdrawals.
pub(super) fn paid(one: &Value) -> Option<Markup> {
    let amount = text(one, "amount").parse::<U256>().ok()?;
    let receiver = format::layer1(text(one, "receiver"));
    Some(match text(one, "kind") {
        "native" => html! { "pays " (format::mutez(amount)) " to " (receiver) },
        "fast" => {
            html! { "pays " (format::mutez(amount)) " to " (receiver) ", or to who paid it early" }
        }
        "token" => html! { "gives " (format::count(amount)) " tickets for " (receiver) },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::sync::Arc;

    fn node(prim: &str, args: &[Value]) -> Value {
        json!({ "prim": prim, "args": args })
    }

    fn message(payload: &Value) -> Value {
        json!({ "kind": "transfer", "sender": "KT1bridge", "source": "tz1me", "payload": payload })
    }

    #[test]
    fn each_call_says_what_it_asks_for() {
        let content = node("Pair", &[json!({ "int": "0" }), node("None", &[])]);
        let ticket = node(
            "Pair",
            &[
                json!({ "bytes": "01".repeat(22) }),
                node("Pair", &[content, json!({ "int": "12500000" })]),
            ],
        );
        let routing = json!({ "bytes": "11".repeat(20) });
        let deposit = message(&node(
            "Left",
            &[node("Left", &[node("Pair", &[routing, ticket])])],
        ));
        let names = Names::new(Arc::default(), &[Address::repeat_byte(0x11)]);
        let of = |name: &'static str| Sides {
            names: &names,
            layer1: vec![(name, "KT1bridge".into(), "")],
        };
        let text = of("bridge of layer 1").words(&deposit).into_string();
        assert!(
            text.contains("deposit of") && text.contains("12.5 tez") && text.contains("account 0"),
            "{text}"
        );
        let text = of("exchanger").words(&deposit).into_string();
        assert!(text.contains("12,500,000 tickets"), "{text}");
        let raw = "02".repeat(100);
        let forced_in = |bytes: String| {
            message(&node(
                "Left",
                &[node("Right", &[json!({ "bytes": bytes })])],
            ))
        };
        let whole = forced_in(format!("01{raw}"));
        let hash = keccak256([2; 100]).to_string();
        assert_eq!(forced(&whole), Some(hash.clone()));
        let text = of("delayed inbox").words(&whole).into_string();
        assert!(
            text.contains(&hash) && text.contains("the delayed inbox"),
            "{text}"
        );
        assert_eq!(read(&forced_in("0003".into())), Some(Asked::Announced(3)));
        let decision = message(&node("Right", &[json!({ "bytes": "c0" })]));
        assert_eq!(
            read(&decision),
            Some(Asked::Governance(Bytes::from_static(&[0xc0])))
        );
        for other in [
            json!({ "int": "1" }),
            node("Left", &[node("Left", &[])]),
            node("Left", &[]),
        ] {
            assert_eq!(read(&message(&other)), None);
        }
    }
}
