//! The calls of a transaction, and what made it fail: rows of `rollup_getCalls`, in the order in
//! which calls were made. Nothing here goes as deep as they do.

use crate::ask::{Ask, address, data, list, number, text, word};
use crate::format;
use crate::names::{Names, Room, plain};
use crate::query::Query;
use crate::slice::{self, Slice};
use maud::{Markup, html};
use node::rpc::RpcError;
use serde_json::{Value, json};

/// The deepest call that is shown within others.
const DEEPEST: usize = 40;

/// The bytes of a transaction's own page that calls may take, about.
const BYTES: usize = 18_000;

/// The calls of a page of their own, and its bytes, about.
const PAGE: usize = 100;
const PAGE_BYTES: usize = 60_000;

/// The most bytes of what a call was given, and of what it gave back, that are asked for to be
/// decoded, and those of a page that shows all of them.
const READ: usize = 64 << 10;
const WHOLE: usize = 4 << 20;

/// What a call was given, and what it gave back: bytes of the page, each.
const PART: usize = 2_500;

/// The calls of a transaction from number `from` on, so many at most, what made it fail, and what it
/// changed (`changes`).
pub(super) async fn ask(
    ask: &Ask,
    hash: &str,
    (from, count): (usize, usize),
    changes: bool,
) -> Result<Value, RpcError> {
    let options = json!({ "from": from, "count": count, "bytes": READ, "changes": changes });
    ask.call("rollup_getCalls", json!([hash, options])).await
}

/// The calls of a transaction's own page.
pub(super) const OWN: (usize, usize) = (0, PAGE);

/// The calls of a page of their own, which begins where a query says.
pub(super) fn asked(query: &Query) -> (usize, usize) {
    (Slice::of(query, "", "from", PAGE).from(), PAGE)
}

/// A call with all its bytes.
pub(super) async fn whole(ask: &Ask, hash: &str, number: usize) -> Result<Option<Value>, RpcError> {
    let options = json!({ "from": number, "count": 1, "bytes": WHOLE });
    let mut found = ask.file("rollup_getCalls", json!([hash, options])).await?;
    Ok(found.pointer_mut("/calls/0").map(Value::take))
}

/// The elements of a tree that are open: a call, and whether it has a list of those inside.
#[derive(Default)]
struct Tree {
    html: String,
    open: Vec<bool>,
}

impl Tree {
    /// Ends the calls that are so deep or deeper.
    fn end(&mut self, depth: usize) {
        while self.open.len() > depth {
            if self.open.pop() == Some(true) {
                self.html.push_str("</ul>");
            }
            self.html.push_str("</details></li>");
        }
    }

    /// Adds a call inside the last one that is less deep; it stays open.
    fn add(&mut self, depth: usize, unfolded: bool, own: &Markup) {
        self.end(depth);
        if let Some(has_list @ false) = self.open.last_mut() {
            *has_list = true;
            self.html.push_str("<ul class=\"calls\">");
        }
        let open = if unfolded { " open" } else { "" };
        self.html.push_str(&format!("<li><details{open}>"));
        self.html.push_str(&own.0);
        self.open.push(false);
    }
}

/// The calls as lists that fold; `path`: the transaction's address.
pub(super) fn tree(names: &Names, path: &str, told: &Value) -> Markup {
    let rows = list(told, "calls");
    let (mut tree, mut left, mut shown) = (Tree::default(), BYTES, 0);
    for call in rows {
        let depth = count(call, "depth");
        if left == 0 || depth > DEEPEST {
            break;
        }
        let failed = !text(call, "error").is_empty();
        let own = html! {
            summary { (line(names, call)) }
            (parts(names, call, path))
        };
        left = left.saturating_sub(own.0.len() + 50);
        tree.add(depth, depth < 3 || failed, &own);
        shown += 1;
    }
    tree.end(0);
    let more = shown < count(told, "count");
    html! {
        p.note { "Each line: what was called, how, with how much gas used. Open one to see what it was given and what it gave back." }
        ul.calls { (maud::PreEscaped(tree.html)) }
        @if more { p { a href=(format!("{path}/calls?from={shown}")) { "The calls from number " (format::count(shown)) " on, one a line" } } }
    }
}

/// A number that counts; 0 if it is absent.
fn count(value: &Value, field: &str) -> usize {
    usize::try_from(number(value, field)).unwrap_or(usize::MAX)
}

/// The calls one a line, by pages; `path`: the transaction's address.
pub(crate) fn listed(names: &Names, path: &str, told: &Value, query: &Query) -> Markup {
    let slice = Slice::of(query, &format!("{path}/calls"), "from", PAGE);
    let all = count(told, "count");
    let rows = slice::fit(PAGE_BYTES, list(told, "calls").iter(), |call| {
        let number = count(call, "number");
        let by = call.get("by").and_then(Value::as_u64);
        html! {
            li #(format!("c{number}")) {
                details {
                    summary { "#" (number) " " span.kind { "depth " (count(call, "depth")) @if let Some(by) = by { ", by #" (by) } } " " (line(names, call)) }
                    (parts(names, call, path))
                }
            }
        }
    });
    let slice = slice.sized(rows.len().max(1));
    html! {
        p.note { (format::count(all)) " calls, in the order in which they were made. Open one to see what it was given and what it gave back." }
        ol.logs { @for row in &rows { (row) } }
        (slice.bar("Calls", all))
    }
}

/// A call in one line.
fn line(names: &Names, call: &Value) -> Markup {
    let kind = text(call, "type");
    let creates = kind.starts_with("CREATE");
    let input = data(call, "input");
    let value = word(call, "value");
    html! {
        span.tag { (kind) } " "
        @if let Some(to) = address(call, "to") { (names.name(&to)) " " }
        (names.method(&input, creates)) " "
        @if !value.is_zero() { "with " (format::wei(value)) " " }
        span.gas { (format::count(number(call, "gasUsed"))) " gas" }
        @if call.get("destroyed").is_some() { " " span.tag { "destroyed itself" } }
        @if !text(call, "error").is_empty() { " " span.failed { "✗ " (plain(text(call, "error"))) } }
    }
}

/// The input and the output of a call, of the transaction at `path`.
fn parts(names: &Names, call: &Value, path: &str) -> Markup {
    let (input, output) = (data(call, "input"), data(call, "output"));
    let place = number(call, "number");
    let creates = text(call, "type").starts_with("CREATE");
    let failed = !text(call, "error").is_empty();
    // What is longer than what was asked for is not decoded.
    let whole_in = input.len() >= count(call, "inputSize");
    let whole_out = output.len() >= count(call, "outputSize");
    let given = names.input(&input).filter(|_| !creates && whole_in);
    let back = names
        .output(&input, &output)
        .filter(|_| !creates && !failed && whole_in && whole_out);
    let all = |part: &str| format!("{path}/data/call-{place}-{part}");
    let (all_in, all_out) = (all("input"), all("output"));
    let room_in = Room::of(PART).with(&all_in);
    let room_out = Room::of(PART).with(&all_out);
    let bytes = |bytes: &[u8], size: &str, all: &str| {
        format::first_bytes((bytes, count(call, size)), SHOWN, all)
    };
    html! {
        p {
            @if let Some(to) = address(call, "to") { "To " (names.account(&to)) ", from " }
            @else { "From " }
            @if let Some(from) = address(call, "from") { (names.account(&from)) }
            ", gas given: " (format::count(number(call, "gas")))
        }
        @if let Some(given) = given { p { code { (plain(&given.signature)) } } (names.table(&given, "Arguments", room_in)) }
        @else if !input.is_empty() { p { "Input " (bytes(&input, "inputSize", &all_in)) } }
        @if failed && whole_out && !output.is_empty() { (names.revert(&output, room_out)) }
        @else if let Some(back) = back { p { "It gave back" } (names.table(&back, "What it gave back", room_out)) }
        @else if !output.is_empty() && !creates { p { "It gave back " (bytes(&output, "outputSize", &all_out)) } }
        @if let Some(destroyed) = call.get("destroyed") {
            p {
                "It destroyed itself: "
                @if let Some(heir) = address(destroyed, "to") { (names.account(&heir)) } " got " (format::wei(word(destroyed, "value")))
            }
        }
    }
}

/// The bytes of a call's input and output that are shown where nobody named them.
const SHOWN: usize = 256;

/// Bytes of the page for an error's arguments.
const ERROR: usize = 3_000;

/// Why the whole failed: the innermost call that did, and its error; `path`: the transaction's
/// address.
pub(super) fn why(names: &Names, path: &str, told: &Value) -> Markup {
    let nothing = Value::Null;
    let failure = told.get("failure").unwrap_or(&nothing);
    let (way, depth) = (list(failure, "path"), count(failure, "depth"));
    let top = way.first().unwrap_or(&nothing);
    let call = way.last().unwrap_or(&nothing);
    let (output, outer) = (data(call, "output"), data(top, "output"));
    let all = format!("{path}/calls");
    let room = Room::of(ERROR).with(&all);
    let cause =
        |error: &str, output: &[u8], limit: &Markup| cause(names, error, (output, room), limit);
    // Those between the ends of the way have no room.
    let left_out = (depth + 1).saturating_sub(way.len());
    let ends = if left_out > 0 {
        way.len() / 2
    } else {
        way.len()
    };
    let (first, last) = way.split_at(ends);
    html! {
        div.why {
            @if failure.get("outOfWork").is_some() { (out_of_work()) }
            @else { (cause(text(call, "error"), &output, &limit(call, depth > 0))) }
            @if depth > 0 {
                p { "That was in a call " (depth) " deep:" }
                ol.path {
                    @for call in first { li { (line(names, call)) } }
                    @if left_out > 0 { li { a href=(all) { (format::count(left_out)) " more" } } }
                    @for call in last { li { (line(names, call)) } }
                }
                @if outer != output && !outer.is_empty() {
                    p { "The sender was told this:" }
                    (names.revert(&outer, room))
                }
            }
            @if let Some(before) = failure.get("before").filter(|before| !before.is_null()) {
                p { "Just before, a call inside had failed:" }
                p { (line(names, before)) }
                (cause(text(before, "error"), &data(before, "output"), &limit(before, true)))
            }
        }
    }
}

/// A transaction that looks as if it were out of gas (docs/differences.md, "work").
fn out_of_work() -> Markup {
    html! {
        p { "It ran " strong { "out of work" } ": its opcodes and precompiles take longer than their gas pays for. A transaction may do 2.5 units of such work for each unit of its gas limit, up to a maximum; " code { "eth_estimateGas" } " finds a limit that is enough, if there is one." }
    }
}

/// The gas that a call had, and whose limit that is.
fn limit(call: &Value, inner: bool) -> Markup {
    let gas = format::count(number(call, "gas"));
    match inner {
        false => html! { "the transaction's gas limit, " (gas) },
        true => html! { "what its caller let it have, " (gas) " gas" },
    }
}

fn cause(names: &Names, error: &str, (output, room): (&[u8], Room<'_>), limit: &Markup) -> Markup {
    match error {
        "execution reverted" => names.revert(output, room),
        _ if error.contains("out of gas") => {
            html! { p { "It ran " strong { "out of gas" } ": it needs more than " (limit) "." } }
        }
        "" => html! { p { "The kernel took it back; no call of it failed." } },
        _ => html! { p { "The machine stopped it: " strong { (plain(error)) } "." } },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn names() -> Names {
        Names::new(Arc::default(), &[])
    }

    /// What the node tells of a way to a failure.
    fn failed(depth: usize, path: &[Value], before: &Value) -> Value {
        json!({ "failure": { "depth": depth, "path": path, "before": before } })
    }

    #[test]
    fn the_innermost_failure_is_named_with_its_error_and_its_way() {
        // ERC20InsufficientBalance(0x11…, 5, 7)
        let error = format!("0xe450d38c{:0>64}{:0>64}{:0>64}", "11".repeat(20), "5", "7");
        let inner = json!({ "type": "CALL", "to": format!("0x{}", "22".repeat(20)), "error": "execution reverted", "output": error });
        let outer = json!({ "type": "CALL", "error": "execution reverted", "output": error });
        let told = failed(1, &[outer, inner], &Value::Null);
        let text = why(&names(), "/tx/0x1", &told).into_string();
        assert!(text.contains("ERC20InsufficientBalance"), "{text}");
        assert!(text.contains("1 deep") && !text.contains(" more"), "{text}");
    }

    #[test]
    fn an_error_of_ones_own_stands_before_that_of_a_call_inside() {
        let reason = |text: &str| {
            let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
            format!("0x08c379a0{:064x}{:064x}{hex:0<64}", 32, text.len())
        };
        let call = |text: &str| json!({ "error": "execution reverted", "output": reason(text) });
        let told = failed(0, &[call("mine")], &call("of another"));
        let text = why(&names(), "/tx/0x1", &told).into_string();
        let (own, other) = (text.find("mine").unwrap(), text.find("of another").unwrap());
        assert!(own < other, "{text}");
        assert!(text.contains("Just before"), "{text}");
    }

    #[test]
    fn out_of_gas_is_said_so() {
        let call = |gas: &str| json!({ "type": "CALL", "gas": gas, "error": "out of gas" });
        let told = failed(0, &[call("0x5208")], &Value::Null);
        let text = why(&names(), "/tx/0x1", &told).into_string();
        assert!(text.contains("out of gas"), "{text}");
        assert!(
            text.contains("the transaction's gas limit, 21,000"),
            "{text}"
        );
        let told = failed(1, &[call("0x5208"), call("0x3e8")], &Value::Null);
        let text = why(&names(), "/tx/0x1", &told).into_string();
        assert!(
            text.contains("what its caller let it have, 1,000 gas"),
            "{text}"
        );
        assert!(!why(&names(), "/tx/0x1", &json!({})).0.is_empty());
    }

    /// What the node tells of calls from one on.
    fn told(calls: &[Value], from: usize) -> Value {
        let rows = calls.iter().skip(from).take(PAGE);
        json!({ "count": calls.len(), "calls": rows.collect::<Vec<_>>() })
    }

    #[test]
    fn many_calls_are_cut_and_go_on_one_a_line() {
        let input = format!("0x{}", "ab".repeat(2_000));
        let call = |number: usize| json!({ "type": "CALL", "number": number, "depth": number.min(1), "by": (number > 0).then_some(0), "input": input, "inputSize": 2_000 });
        let calls: Vec<Value> = (0..5_001).map(call).collect();
        let text = tree(&names(), "/tx/0x1", &told(&calls, 0)).into_string();
        assert!(text.len() < BYTES + 5_000, "{}", text.len());
        let (_, cut) = text.split_once("href=\"/tx/0x1/calls?from=").unwrap();
        let mut from: usize = cut.split('"').next().unwrap().parse().unwrap();
        assert!(from > 5);
        let mut pages = 0;
        // Each of them is on a page.
        while from <= 5_000 {
            let query = Query::parse(&format!("from={from}"));
            assert_eq!(asked(&query), (from, PAGE));
            let text = listed(&names(), "/tx/0x1", &told(&calls, from), &query).into_string();
            assert!(text.len() < 80_000, "{}", text.len());
            assert!(text.contains(&format!("id=\"c{from}\"")));
            from += text.matches("<li id=\"c").count();
            pages += 1;
        }
        assert!(from == 5_001 && pages > 40, "{from} {pages}");
    }

    #[test]
    fn deep_calls_are_lists_in_lists_up_to_a_depth() {
        let call = |number: usize, depth: usize| json!({ "type": "CALL", "error": "execution reverted", "number": number, "depth": depth, "by": number.checked_sub(1) });
        let deep: Vec<Value> = (0..1_001).map(|number| call(number, number)).collect();
        let text = tree(&names(), "/tx/0x1", &told(&deep, 0)).into_string();
        assert!(text.contains("/calls?from=41"), "{text}");
        for (open, close) in [
            ("<ul", "</ul>"),
            ("<li>", "</li>"),
            ("<details", "</details>"),
        ] {
            let count = text.matches(open).count();
            assert_eq!(count, text.matches(close).count(), "{open}");
            assert_eq!(count, 41, "{open}");
        }
        let told_all = told(&deep, 950);
        let text = listed(&names(), "/tx/0x1", &told_all, &Query::parse("from=950")).into_string();
        assert!(text.contains("depth 1000, by #999"), "{text}");
        // Back from the deep: the next stands beside the first inside.
        let calls = [call(0, 0), call(1, 1), call(2, 2), call(3, 1)];
        let text = tree(&names(), "/tx/0x1", &told(&calls, 0)).into_string();
        let shape: String = ["<ul", "</ul>", "<li>", "</li>"]
            .into_iter()
            .zip(["(", ")", "[", "]"])
            .fold(text, |text, (tag, sign)| text.replace(tag, sign))
            .chars()
            .filter(|letter| "()[]".contains(*letter))
            .collect();
        assert_eq!(shape.replace("()", ""), "([([([])][])])", "{shape}");
    }

    #[test]
    fn of_a_way_that_is_long_both_ends_are_shown() {
        let call = json!({ "type": "CALL", "error": "execution reverted", "output": "0x01" });
        let told = failed(1_000, &vec![call; 12], &Value::Null);
        let text = why(&names(), "/tx/0x1", &told).into_string();
        assert!(
            text.contains("1000 deep") && text.contains("989 more"),
            "{text}"
        );
        assert!(text.len() < 6_000, "{}", text.len());
    }

    #[test]
    fn what_was_cut_is_not_decoded_and_its_size_is_said() {
        // transfer(address,uint256), of which there is more than was asked for.
        let input = format!("0xa9059cbb{:064x}{:064x}", 1, 2);
        let call = json!({ "type": "CALL", "number": 3, "input": input, "inputSize": 70_000 });
        let text = parts(&names(), &call, "/tx/0x1").into_string();
        assert!(
            text.contains("70,000 bytes") && text.contains("/tx/0x1/data/call-3-input"),
            "{text}"
        );
        assert!(!text.contains("transfer("), "{text}");
    }
}
