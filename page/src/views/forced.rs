//! A transaction that the kernel dropped and this node's pool never had: the message of layer 1 that
//! forced it in.

use super::incoming::forced;
use crate::ask::{Ask, address, data, list, number, text, word};
use crate::format;
use crate::names::Names;
use maud::{Markup, html};
use serde_json::{Value, json};

/// The newest levels whose inboxes are looked through.
const LEVELS: u64 = 100;

/// The message that forced a transaction in, with the transaction: what `rollup_getMessage` says.
pub(super) async fn find(ask: &Ask, hash: &str) -> Option<Value> {
    let newest = ask.call("rollup_inbox", json!([])).await.ok()?;
    let newest = number(&newest, "level");
    for level in (newest.saturating_sub(LEVELS - 1)..=newest).rev() {
        let inbox = ask.call("rollup_inbox", json!([level])).await.ok()?;
        let mut messages = list(&inbox, "messages").iter();
        let found = messages.find(|one| forced(one).is_some_and(|known| known == hash));
        if let Some(message) = found {
            let place = json!([level, number(message, "id")]);
            return ask.call("rollup_getMessage", place).await.ok();
        }
    }
    None
}

/// Where it came from, and what it is.
pub(super) fn shown(names: &Names, message: &Value) -> Markup {
    let place = format::message(number(message, "level"), number(message, "id"));
    html! {
        p { "A contract of layer 1 forced it in, by " (place) "." }
        @if let Some(one) = list(message, "inside").first() {
            div.wide { table.facts {
                caption.unseen { "The transaction" }
                tbody {
                    @if let Some(from) = address(one, "from") { (format::row("From", &names.whole_account(&from))) }
                    (format::row("To", &match address(one, "to") {
                        Some(to) => names.whole_account(&to),
                        None => html! { span.none { "a contract that it creates" } },
                    }))
                    (format::row("Call", &names.method(&data(one, "input"), text(one, "to").is_empty())))
                    (format::row("Value", &format::wei(word(one, "value"))))
                    (format::row("Nonce", &html! { (format::count(number(one, "nonce"))) }))
                }
            } }
        }
    }
}
