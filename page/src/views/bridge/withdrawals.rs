//! Withdrawals on their way to layer 1.

use super::origin::{self, Origin, place};
use crate::ask::{Ask, data, list, number, text};
use crate::format;
use crate::names::{Names, plain};
use crate::query::Query;
use crate::slice::Slice;
use crate::views::forms;
use alloy_primitives::U256;
use maud::{Markup, html};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The withdrawals of a page, and the bytes that they may take.
const PAGE: usize = 30;
const BYTES: usize = 35_000;

/// A level: a link once there is something to see.
fn level_of(open: u64, level: u64) -> Markup {
    match level < open {
        true => format::level(level),
        false => html! { "level " (format::count(level)) },
    }
}

/// The layers as they are now.
pub(super) struct At<'a> {
    pub(super) ask: &'a Ask,
    pub(super) names: &'a Names,
    /// The level that is not over yet.
    pub(super) open: u64,
    /// The tickets that the rollup has on a devnet's layer 1, by who made them: nothing more is paid.
    pub(super) held: Option<BTreeMap<String, U256>>,
}

impl At<'_> {
    /// The mutez that the rollup has on the devnet's layer 1, and those that its withdrawals take.
    pub(super) fn money(&self, layer1: &Value, withdrawals: Option<&Value>) -> Option<[U256; 2]> {
        let exchanger = layer1.get("contracts").map(|all| text(all, "exchanger"))?;
        let held = self.held.as_ref()?.get(exchanger).copied();
        let all = withdrawals.and_then(Value::as_array);
        let waiting = all.into_iter().flatten().filter(|one| {
            let done = ["executed", "expired"].contains(&text(one, "status"));
            !done && text(one, "ticketer") == exchanger
        });
        let amounts = waiting.filter_map(|one| text(one, "amount").parse::<U256>().ok());
        let leaving = amounts.fold(U256::ZERO, U256::saturating_add);
        Some([held.unwrap_or_default(), leaving])
    }
}

pub(super) async fn held(ask: &Ask, layer1: Option<&Value>) -> Option<BTreeMap<String, U256>> {
    let rollup = text(layer1?, "rollup");
    let held = ask
        .call("rollup_layer1Balance", json!([rollup]))
        .await
        .ok()?;
    let mut all: BTreeMap<String, U256> = BTreeMap::new();
    for ticket in list(&held, "tickets") {
        let amount = text(ticket, "amount").parse().unwrap_or_default();
        let sum = all.entry(text(ticket, "ticketer").to_owned()).or_default();
        *sum = sum.saturating_add(amount);
    }
    Some(all)
}

/// Withdrawals, newest first.
pub(super) async fn leaving(at: &At<'_>, all: &[Value], query: &Query) -> Markup {
    let slice = Slice::of(query, "/bridge", "from", PAGE);
    let slice = slice.newest_first().at("withdrawals");
    let asked = origin::of(at.ask, all, slice.take(all.iter().rev())).await;
    let (rows, slice) = slice.fit(BYTES, all.iter().rev(), |one| {
        withdrawal(at, one, asked.get(&place(one)))
    });
    html! {
        @if all.is_empty() { p.none { "None is on its way." } }
        @if !at.ask.is_devnet() { p.note { "Those in the outbox since this node began, the newest 1,000 of them." } }
        @for row in &rows { (row) }
        (slice.bar("Withdrawals", all.len()))
    }
}

/// Where a withdrawal may be, one place after the other.
const STEPS: [&str; 5] = [
    "queued in the kernel",
    "in the outbox",
    "in a commitment",
    "in a cemented commitment",
    "executed on layer 1",
];

/// The step that a withdrawal is at, by its status.
fn reached(status: &str) -> usize {
    match status {
        "inOutbox" => 1,
        "cementing" => 2,
        "executable" => 3,
        // What expired was cemented, and was not executed.
        "executed" | "expired" => 4,
        _ => 0,
    }
}

fn withdrawal(at: &At<'_>, one: &Value, asked: Option<&Origin>) -> Markup {
    let open = at.open;
    let status = text(one, "status");
    let reached = reached(status);
    let left = one.get("outboxLevel").is_some();
    let (level, index) = place(one);
    let (id, unit) = (left.then(|| format!("w{level}-{index}")), unit(one));
    html! {
        section.withdrawal id=[id] data-unit=[unit] {
            h3 { (amount(one)) " to " (format::layer1(text(one, "receiver"))) }
            p {
                @if let Some(Origin { sender, hash, block }) = asked {
                    (at.names.account(sender)) " asked for it by " (format::transaction(hash)) " in block " (format::block(*block)) ". "
                }
                @if left { "Message " a href=(format!("/level/{level}/outbox/{index}")) { (index) } " of the outbox of " (format::level(level)) ". " }
                @match short(at, one) {
                    Some(short) => span.failed { strong { "✗ Layer 1 cannot pay it as things are: " (short) } " " (covered(open, one)) },
                    None => strong { (status_words(open, one)) },
                }
            }
            ol.steps {
                @for (step, words) in STEPS.iter().enumerate() {
                    // Where it is it has come to.
                    @let done = step < reached || step == reached && status != "expired";
                    li.done[done] aria-current=[(step == reached && status != "expired").then_some("step")] { @if done { "✓ " } (words) }
                }
            }
            @if left && status != "executed" && status != "expired" { (execution(at, one, (level, index))) }
            details {
                summary { "bytes" }
                @if left { (format::linked_bytes(&data(one, "raw"), 256, &format!("/level/{level}/outbox/{index}"))) }
                @else { (format::some_bytes(&data(one, "raw"), 4_096)) }
            }
        }
    }
}

/// What a withdrawal's tickets are counted in, if they are tez.
fn unit(one: &Value) -> Option<&'static str> {
    ["native", "fast"]
        .contains(&text(one, "kind"))
        .then_some("tez")
}

/// Why layer 1 refuses a withdrawal as things are: the rollup does not have so many tickets there.
fn short(at: &At<'_>, one: &Value) -> Option<Markup> {
    let held = at.held.as_ref()?;
    let needed = text(one, "amount").parse::<U256>().ok()?;
    let held = held.get(text(one, "ticketer")).copied().unwrap_or_default();
    let waits = !["executed", "expired"].contains(&text(one, "status"));
    let missing = needed.checked_sub(held).filter(|left| !left.is_zero())?;
    waits.then(|| {
        html! { "the rollup has " (amount_of(one, held)) " there. Somebody has to deposit " (amount_of(one, missing)) " more first; a devnet's accounts have money from the start that nobody deposited." }
    })
}

/// How far the commitment of a withdrawal is that cannot be paid.
fn covered(open: u64, one: &Value) -> Markup {
    let level = |field| level_of(open, number(one, field));
    html! {
        @match text(one, "status") {
            "executable" => "Its commitment is cemented.",
            "queued" | "doubtful" => { (status_words(open, one)) },
            _ if one.get("executableAt").is_some() => { "Its commitment is cemented from " (level("executableAt")) " on." },
            _ => "Its commitment is not cemented yet.",
        }
    }
}

fn amount(one: &Value) -> Markup {
    let amount = text(one, "amount").parse::<U256>().unwrap_or_default();
    amount_of(one, amount)
}

/// An amount of what a withdrawal pays.
fn amount_of(one: &Value, amount: U256) -> Markup {
    match text(one, "kind") {
        "native" | "fast" => format::mutez(amount),
        "token" => html! { (format::count(amount)) " tickets" },
        _ => html! { "A message" },
    }
}

/// How far a withdrawal is, and which commitment covers it, as far as the node knows.
fn status_words(open: u64, one: &Value) -> Markup {
    let level = |field| level_of(open, number(one, field));
    let has = |field| one.get(field).is_some();
    let from_then_on = html! {
        @if has("executableAt") {
            @let at = number(one, "executableAt");
            " It can be executed from " (level("executableAt")) " on"
            @if at > open { ", once " (levels(at - open)) " more " @if at - open == 1 { "is" } @else { "are" } " over" } "."
        }
    };
    let covered =
        html! { @if has("commitment") { ", covered by the commitment of " (level("commitment")) } };
    match text(one, "status") {
        "queued" => html! { "It waits in the kernel: a level's outbox takes 100." },
        "doubtful" => {
            html! { "It was being written when the kernel trapped: governance says whether it left." }
        }
        "inOutbox" => html! {
            "It left; the commitment of " (level("commitment")) " will cover it"
            @if has("publishedAt") { ", and is published at " (level("publishedAt")) } "." (from_then_on)
        },
        "cementing" if has("commitment") => html! {
            "The commitment of " (level("commitment")) " covers it, and can still be refuted." (from_then_on)
        },
        "cementing" => html! { "Its commitment can still be refuted." (from_then_on) },
        "executable" if has("commitment") => html! {
            "Anybody can execute it now: the commitment of " (level("commitment")) " covers it, and is cemented"
            @if has("executableAt") { " since " (level("executableAt")) } "."
        },
        "executable" => html! { "Anybody can execute it now." },
        "executed" => html! {
            "It was executed" @if has("executedAt") { " at " (level("executedAt")) } (covered) "."
        },
        "expired" => html! { "It was not executed in time" (covered) "." },
        other => html! { (plain(other)) },
    }
}

/// A number of levels.
fn levels(count: u64) -> Markup {
    html! { (format::count(count)) @if count == 1 { " level" } @else { " levels" } }
}

/// How it is executed.
fn execution(at: &At<'_>, one: &Value, (level, index): (u64, u64)) -> Markup {
    let fast = text(one, "kind") == "fast";
    let until = number(one, "executableAt").checked_sub(at.open);
    html! {
        @if at.ask.is_devnet() {
            @if text(one, "status") == "executable" { (forms::button("Execute", "rollup_executeOutboxMessage", &[level, index])) }
            @else if let Some(until) = until.filter(|until| *until > 0) { (forms::button("Run levels until it can be executed", "rollup_advanceLevels", &[until])) }
            @else { (forms::button("Run levels until all can be executed", "rollup_advanceLevels", &[])) }
            @if fast { (forms::button("Pay it early", "rollup_payOut", &[level, index])) }
        } @else {
            p { "The proof, and the command for " code { "octez-client" } ":" }
            (forms::button("Show it", "rollup_executeOutboxMessage", &[level, index]))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_links_once_they_are_over() {
        let executed = json!({ "status": "executed", "executedAt": 7 });
        let now = status_words(7, &executed).into_string();
        assert!(now.contains("level 7") && !now.contains("href"), "{now}");
        let later = status_words(8, &executed).into_string();
        assert!(later.contains("/level/7"), "{later}");
    }
    #[test]
    fn each_stage_says_which_commitment_covers_it() {
        let words = |status: &str, open: u64| {
            let one = json!({
                "status": status, "outboxLevel": 6, "messageIndex": 0, "commitment": 8,
                "publishedAt": 9, "executableAt": 25, "executedAt": 30,
            });
            // Without the elements.
            let text = status_words(open, &one).into_string();
            let parts = text.split('<').map(|part| part.rsplit('>').next().unwrap());
            parts.collect::<String>()
        };
        assert_eq!(
            words("inOutbox", 7),
            "It left; the commitment of level 8 will cover it, and is published at level 9. It can be executed from level 25 on, once 18 levels more are over."
        );
        assert_eq!(
            words("cementing", 10),
            "The commitment of level 8 covers it, and can still be refuted. It can be executed from level 25 on, once 15 levels more are over."
        );
        assert_eq!(
            words("executable", 26),
            "Anybody can execute it now: the commitment of level 8 covers it, and is cemented since level 25."
        );
        assert_eq!(
            words("executed", 31),
            "It was executed at level 30, covered by the commitment of level 8."
        );
        assert!(words("expired", 90_000).contains("level 8"));
        // What a rollup node does not say is not said.
        let followed = json!({ "status": "cementing", "commitment": 8 });
        let text = status_words(10, &followed).into_string();
        assert!(
            text.contains("covers it") && !text.contains("from"),
            "{text}"
        );
    }

    #[test]
    fn the_step_that_is_marked_says_what_the_status_says() {
        for (status, words) in [
            ("queued", "queued"),
            ("inOutbox", "outbox"),
            ("cementing", "in a commitment"),
            ("executable", "in a cemented commitment"),
            ("executed", "executed on"),
        ] {
            assert!(STEPS[reached(status)].contains(words), "{status}");
        }
    }
}
