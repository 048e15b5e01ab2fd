//! A dispute about a level of the devnet: begun, and followed move by move.

use super::forms::{Form, Input};
use crate::ask::{Ask, Trouble, list, number, text};
use crate::format;
use crate::frame::View;
use crate::names::plain;
use alloy_primitives::U256;
use maud::{Markup, html};
use serde_json::{Value, json};

const BEGIN: Form<'static> = Form {
    title: "Begin a dispute",
    method: "rollup_dispute",
    button: "Begin",
    inputs: &[
        Input::new("What is wrong, by a word of the list below", "text")
            .of("fault")
            .with("state")
            .one_of(FAULTS_LIST),
        Input::new("Level; the newest that made a block without one", "number")
            .of("level")
            .optional(),
        Input::new("Seed: where the fault is, and who begins", "number")
            .of("seed")
            .with("1"),
    ],
};

const FAULTS_LIST: &str = "faults";

/// The faults that an operator may have, and what each is.
const FAULTS: [(&str, &str); 11] = [
    ("root", "another root of the state at the end"),
    ("state", "the state changes in the middle"),
    (
        "outbox",
        "a message of the outbox that was not sent, or not so",
    ),
    ("skipped", "a message of the inbox is left out"),
    ("inbox", "a message of the inbox is read as another"),
    ("kernel", "a bit of the kernel's code is flipped"),
    (
        "decoding",
        "a bit of its code is flipped while it is decoded",
    ),
    ("memory", "words of memory are others"),
    ("stack", "the value that was computed last is another"),
    ("global", "a global of the kernel is another"),
    ("preimage", "a preimage that is revealed is another"),
];

/// `/dispute`: the newest dispute, move by move.
pub(crate) async fn view(ask: &Ask) -> Result<View, Trouble> {
    let dispute = ask.call("rollup_disputeStatus", json!([])).await?;
    let running = text(&dispute, "status") == "running";
    let main = html! {
        h1 { "Disputes" }
        p {
            "Two operators commit to different ends of a level: one runs it as it is, the other has a fault. "
            "They divide the steps that they differ about until one is left, which is proved, and a judge on layer 1 decides. "
            "It is played beside the devnet, of which nothing changes: seconds for a small level, minutes for a full one."
        }
        div.forms { (BEGIN.markup()) }
        datalist #(FAULTS_LIST) { @for (fault, what) in FAULTS { option value=(fault) { (what) } } }
        details { summary { "What may be wrong" } ul { @for (fault, what) in FAULTS { li { code { (fault) } ": " (what) } } } }
        p #said role="status" {}
        div #lists data-refresh data-again[running] {
            @if dispute.is_null() { h2 { "Moves" } p.none { "None was played since the devnet started." } }
            @else { (played(&dispute)) }
        }
    };
    Ok(View::new("Disputes", main))
}

fn played(dispute: &Value) -> Markup {
    let report = dispute.get("report").filter(|report| !report.is_null());
    html! {
        h2 { "Dispute " (number(dispute, "id")) " about " (format::level(number(dispute, "level"))) }
        (standing(dispute))
        @if let Some(report) = report { (ended(report)) }
        h2 { "Moves" }
        @if list(dispute, "moves").is_empty() { p.none { "None yet: the level is run step by step first." } }
        @else {
            div.wide { table {
                caption.unseen { "Moves of the dispute" }
                thead { tr { th.number scope="col" { "#" } th scope="col" { "Who" } th scope="col" { "Move" } } }
                tbody { @for (place, one) in list(dispute, "moves").iter().enumerate() {
                    tr { td.number { (place + 1) } th scope="row" { (who(one)) } td { (what(one)) } }
                } }
            } }
        }
    }
}

fn standing(dispute: &Value) -> Markup {
    let nothing = Value::Null;
    let running = dispute.get("running").unwrap_or(&nothing);
    html! {
        @match text(dispute, "status") {
            "decided" => p.worked { "✓ It is decided." },
            "failed" => p.failed { "✗ It could not be played: " (plain(text(dispute, "error"))) "." },
            _ => p.waits role="status" {
                "It is being played"
                @if !running.is_null() { ": the " (text(running, "side")) " operator has run " (format::count(number(running, "steps"))) " steps of the level" }
                "."
            },
        }
        p { "Fault " code { (text(dispute, "fault")) } ", seed " (number(dispute, "seed")) "." }
    }
}

fn ended(report: &Value) -> Markup {
    let count = |field| format::count(number(report, field));
    let nothing = Value::Null;
    let stakes = report.get("stakes").unwrap_or(&nothing);
    let mutez = |field| format::mutez(U256::from(number(stakes, field)));
    html! {
        dl.facts {
            div { dt { "Winner" } dd { "the " (text(report, "winner")) " operator" } }
            div { dt { "Why" } dd { (plain(text(report, "why"))) } }
            div { dt { "Steps of the level" } dd { (count("steps")) } }
            div { dt { "Runs of the kernel" } dd { (count("runs")) } }
            div { dt { "Fault behind step" } dd { (count("fault_step")) } }
            div { dt { "Dissections" } dd { (count("rounds")) } }
            @if let Some(step) = report.get("step").and_then(Value::as_u64) { div { dt { "Step that was proved" } dd { (format::count(step)) } } }
            @if let Some(bytes) = report.get("proof_bytes").and_then(Value::as_u64) { div { dt { "Bytes of its proof" } dd { (format::count(bytes)) } } }
            div { dt { "The winner has more" } dd { (mutez("won")) } }
            div { dt { "The loser has less" } dd { (mutez("lost")) } }
        }
    }
}

/// Whose move it is.
fn who(one: &Value) -> &str {
    match text(one, "kind") {
        "committed" => text(one, "side"),
        "dissected" | "proved" => text(one, "by"),
        "judged" => "judge",
        _ => "faulty",
    }
}

fn what(one: &Value) -> Markup {
    let count = |field| format::count(number(one, field));
    match text(one, "kind") {
        "committed" => html! {
            "commits to root " (format::cut(text(one, "root"))) " behind " (count("steps")) " steps, with " (count("outbox")) " messages in the outbox"
            @if one.get("stuck").and_then(Value::as_bool) == Some(true) { ", and a machine that is stuck" }
        },
        "fault" => html! { "errs behind step " (count("step")) ": " code { (text(one, "fault")) } },
        "dissected" => {
            html! { "dissects steps " (count("from")) " to " (count("to")) ", and publishes " (count("hashes")) " hashes" }
        }
        "proved" => html! {
            "proves step " (count("step")) " in " (count("bytes")) " bytes: " (plain(text(one, "what")))
        },
        "judged" => {
            html! { "decides for the " (text(one, "winner")) " operator: " (plain(text(one, "why"))) }
        }
        other => html! { (plain(other)) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_move_says_whose_it_is_and_what_it_does() {
        let moves = [
            (
                json!({ "kind": "committed", "side": "honest", "root": "00".repeat(32), "outbox": 1, "steps": 1_000, "stuck": false }),
                "honest",
                "1,000",
            ),
            (
                json!({ "kind": "fault", "fault": "state", "step": 7 }),
                "faulty",
                "behind step 7",
            ),
            (
                json!({ "kind": "dissected", "by": "faulty", "from": 1, "to": 32, "hashes": 33 }),
                "faulty",
                "1 to 32",
            ),
            (
                json!({ "kind": "proved", "by": "honest", "step": 9, "bytes": 500, "what": "<i32.add>" }),
                "honest",
                "&lt;i32.add&gt;",
            ),
            (
                json!({ "kind": "judged", "winner": "honest", "why": "the step is another" }),
                "judge",
                "for the honest",
            ),
        ];
        for (one, whose, words) in &moves {
            assert_eq!(who(one), *whose);
            let text = what(one).into_string();
            assert!(text.contains(words), "{words}: {text}");
        }
        let dispute = json!({ "id": 1, "level": 3, "fault": "state", "seed": 1, "status": "running", "running": { "side": "honest", "steps": 5_000_000 }, "moves": [], "report": null, "error": null });
        let text = played(&dispute).into_string();
        assert!(
            text.contains("5,000,000 steps") && text.contains("/level/3"),
            "{text}"
        );
    }
}
