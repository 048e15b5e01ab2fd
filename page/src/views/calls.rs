//! The tree of calls of a transaction, and what made it fail.

use crate::ask::{address, data, list, number, text, word};
use crate::format;
use crate::names::{Names, Room, plain};
use crate::query::Query;
use crate::slice::Slice;
use maud::{Markup, html};
use serde_json::Value;

/// The deepest call that is shown within others.
const DEEPEST: usize = 40;

/// The bytes of a transaction's own page that calls may take, about.
const BYTES: usize = 18_000;

/// The calls of a page of their own, and its bytes, about.
const PAGE: usize = 100;
const PAGE_BYTES: usize = 60_000;

/// What a call was given, and what it gave back: bytes of the page, each.
const PART: usize = 2_500;

/// The tree as it is written.
struct Tree<'n> {
    names: &'n Names,
    /// The address of the transaction.
    path: &'n str,
    /// The number of the next call, in the order in which they were made.
    next: usize,
    bytes: usize,
    /// The number of the first that has no room.
    cut: Option<usize>,
}

/// The calls as lists that fold; `path`: the transaction's address.
pub(super) fn tree(names: &Names, path: &str, trace: &Value) -> Markup {
    let mut tree = Tree {
        names,
        path,
        next: 0,
        bytes: BYTES,
        cut: None,
    };
    let inside = tree.branch(trace, 0);
    html! {
        p.note { "Each line: what was called, how, with how much gas used. Open one to see what it was given and what it gave back." }
        ul.calls { (inside) }
        @if let Some(cut) = tree.cut { p { a href=(format!("{path}/calls?from={cut}")) { "The calls from number " (format::count(cut)) " on, one a line" } } }
    }
}

impl Tree<'_> {
    fn branch(&mut self, call: &Value, depth: usize) -> Markup {
        let number = self.next;
        if self.bytes == 0 || depth > DEEPEST {
            self.cut = self.cut.or(Some(number));
        }
        if self.cut.is_some() {
            return html! {};
        }
        self.next += 1;
        let failed = !text(call, "error").is_empty();
        let own = html! {
            summary { (line(self.names, call)) }
            (parts(self.names, call, (self.path, number)))
        };
        self.bytes = self.bytes.saturating_sub(own.0.len() + 50);
        let inner = list(call, "calls").iter();
        let inner: Vec<Markup> = inner.map(|inner| self.branch(inner, depth + 1)).collect();
        html! {
            li {
                details open[depth < 3 || failed] {
                    (own)
                    @if !inner.is_empty() { ul.calls { @for call in &inner { (call) } } }
                }
            }
        }
    }
}

/// A call, its depth, and the number of the one that made it.
#[derive(Clone, Copy, Debug)]
struct Made<'t> {
    call: &'t Value,
    depth: usize,
    by: Option<usize>,
}

/// The calls in the order in which they were made.
fn in_order(trace: &Value) -> impl Iterator<Item = (usize, Made<'_>)> {
    let first = Made {
        call: trace,
        depth: 0,
        by: None,
    };
    let (mut open, mut next) = (vec![first], 0..);
    std::iter::from_fn(move || {
        let made = open.pop()?;
        let number = next.next()?;
        let inner = list(made.call, "calls").iter().rev();
        open.extend(inner.map(|call| Made {
            call,
            depth: made.depth + 1,
            by: Some(number),
        }));
        Some((number, made))
    })
}

/// The call with a number.
pub(super) fn numbered(trace: &Value, wanted: usize) -> Option<&Value> {
    let mut all = in_order(trace);
    all.find(|(number, _)| *number == wanted)
        .map(|(_, made)| made.call)
}

/// The calls one a line, by pages; `path`: the transaction's address.
pub(crate) fn listed(names: &Names, path: &str, trace: &Value, query: &Query) -> Markup {
    let slice = Slice::of(query, &format!("{path}/calls"), "from", PAGE);
    let count = in_order(trace).count();
    let (rows, slice) = slice.fit(PAGE_BYTES, in_order(trace), |(number, made)| {
        html! {
            li #(format!("c{number}")) {
                details {
                    summary { "#" (number) " " span.kind { "depth " (made.depth) @if let Some(by) = made.by { ", by #" (by) } } " " (line(names, made.call)) }
                    (parts(names, made.call, (path, number)))
                }
            }
        }
    });
    html! {
        p.note { (format::count(count)) " calls, in the order in which they were made. Open one to see what it was given and what it gave back." }
        ol.logs { @for row in &rows { (row) } }
        (slice.bar("Calls", count))
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
        @if !text(call, "error").is_empty() { " " span.failed { "✗ " (plain(text(call, "error"))) } }
    }
}

/// The input and the output of a call, of the transaction at `path`.
fn parts(names: &Names, call: &Value, (path, place): (&str, usize)) -> Markup {
    let (input, output) = (data(call, "input"), data(call, "output"));
    let creates = text(call, "type").starts_with("CREATE");
    let failed = !text(call, "error").is_empty();
    let given = names.input(&input).filter(|_| !creates);
    let back = names
        .output(&input, &output)
        .filter(|_| !creates && !failed);
    let all = |part: &str| format!("{path}/data/call-{place}-{part}");
    let (all_in, all_out) = (all("input"), all("output"));
    let room_in = Room::of(PART).with(&all_in);
    let room_out = Room::of(PART).with(&all_out);
    html! {
        p {
            @if let Some(to) = address(call, "to") { "To " (names.account(&to)) ", from " }
            @else { "From " }
            @if let Some(from) = address(call, "from") { (names.account(&from)) }
            ", gas given: " (format::count(number(call, "gas")))
        }
        @if let Some(given) = given { p { code { (plain(&given.signature)) } } (names.table(&given, "Arguments", room_in)) }
        @else if !input.is_empty() { p { "Input " (format::linked_bytes(&input, SHOWN, &all_in)) } }
        @if failed && !output.is_empty() { (names.revert(&output, room_out)) }
        @else if let Some(back) = back { p { "It gave back" } (names.table(&back, "What it gave back", room_out)) }
        @else if !output.is_empty() && !creates { p { "It gave back " (format::linked_bytes(&output, SHOWN, &all_out)) } }
    }
}

/// The bytes of a call's input and output that are shown where nobody named them.
const SHOWN: usize = 256;

/// The calls on the way to a failure that are shown, at both ends of it.
const ENDS: usize = 6;

/// Bytes of the page for an error's arguments.
const ERROR: usize = 3_000;

/// Why the whole failed: the innermost call that did, and its error; `path`: the transaction's
/// address.
pub(super) fn why(names: &Names, path: &str, trace: &Value) -> Markup {
    let address = path;
    let mut path = vec![trace];
    while path.len() < 2_000
        && let Some(call) = path.last()
        && let Some(inner) = culprit(call)
    {
        path.push(inner);
    }
    let (Some(top), Some(call)) = (path.first(), path.last()) else {
        return html! {};
    };
    let (output, outer) = (data(call, "output"), data(top, "output"));
    let all = format!("{address}/calls");
    let room = Room::of(ERROR).with(&all);
    let cause =
        |error: &str, output: &[u8], limit: &Markup| cause(names, error, (output, room), limit);
    let (first, rest) = path.split_at(path.len().min(ENDS));
    let (left_out, last) = rest.split_at(rest.len().saturating_sub(ENDS));
    html! {
        div.why {
            (cause(text(call, "error"), &output, &limit(call, path.len() > 1)))
            @if path.len() > 1 {
                p { "That was in a call " (path.len() - 1) " deep:" }
                ol.path {
                    @for call in first { li { (line(names, call)) } }
                    @if !left_out.is_empty() { li { a href=(all) { (format::count(left_out.len())) " more" } } }
                    @for call in last { li { (line(names, call)) } }
                }
                @if outer != output && !outer.is_empty() {
                    p { "The sender was told this:" }
                    (names.revert(&outer, room))
                }
            }
            @if let Some(before) = failed_before(call) {
                p { "Just before, a call inside had failed:" }
                p { (line(names, before)) }
                (cause(text(before, "error"), &data(before, "output"), &limit(before, true)))
            }
        }
    }
}

/// The last call inside, if it failed in a way of its own.
fn failed_before(call: &Value) -> Option<&Value> {
    let last = list(call, "calls").last()?;
    (!text(last, "error").is_empty()).then_some(last)
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

/// The call inside that made a call fail: the last one, if it failed with what the outer one
/// passes on, or ran out of gas.
fn culprit(call: &Value) -> Option<&Value> {
    if text(call, "error").is_empty() {
        return None;
    }
    let last = list(call, "calls").last()?;
    let error = text(last, "error");
    let passed_on = data(call, "output") == data(last, "output");
    (!error.is_empty() && (passed_on || error.contains("out of gas"))).then_some(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::sync::Arc;

    fn names() -> Names {
        Names::new(Arc::default(), &[])
    }

    #[test]
    fn the_innermost_failure_is_named_with_its_error_and_its_way() {
        // ERC20InsufficientBalance(0x11…, 5, 7)
        let error = format!("0xe450d38c{:0>64}{:0>64}{:0>64}", "11".repeat(20), "5", "7");
        let inner = json!({ "type": "CALL", "to": format!("0x{}", "22".repeat(20)), "error": "execution reverted", "output": error });
        let trace = json!({ "type": "CALL", "error": "execution reverted", "output": error, "calls": [
            { "type": "STATICCALL", "output": "0x" }, inner,
        ] });
        let text = why(&names(), "/tx/0x1", &trace).into_string();
        assert!(text.contains("ERC20InsufficientBalance"), "{text}");
        assert!(text.contains("1 deep"), "{text}");
    }

    #[test]
    fn an_error_of_ones_own_stands_before_that_of_a_call_inside() {
        let reason = |text: &str| {
            let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
            format!("0x08c379a0{:064x}{:064x}{hex:0<64}", 32, text.len())
        };
        let trace = json!({ "type": "CALL", "error": "execution reverted", "output": reason("mine"), "calls": [
            { "type": "CALL", "error": "execution reverted", "output": reason("of another") },
        ] });
        let text = why(&names(), "/tx/0x1", &trace).into_string();
        let (own, other) = (text.find("mine").unwrap(), text.find("of another").unwrap());
        assert!(own < other, "{text}");
        assert!(text.contains("Just before"), "{text}");
    }

    #[test]
    fn out_of_gas_is_said_so() {
        let call = |gas: &str, calls: Value| json!({ "type": "CALL", "gas": gas, "error": "out of gas", "calls": calls });
        let text = why(&names(), "/tx/0x1", &call("0x5208", json!([]))).into_string();
        assert!(text.contains("out of gas"), "{text}");
        assert!(
            text.contains("the transaction's gas limit, 21,000"),
            "{text}"
        );
        let inner = call("0x5208", json!([call("0x3e8", json!([]))]));
        let text = why(&names(), "/tx/0x1", &inner).into_string();
        assert!(
            text.contains("what its caller let it have, 1,000 gas"),
            "{text}"
        );
    }

    #[test]
    fn a_large_tree_is_cut_and_goes_on_one_call_a_line() {
        let leaf = json!({ "type": "CALL", "input": format!("0x{}", "ab".repeat(2_000)) });
        let trace = json!({ "type": "CALL", "calls": vec![leaf; 5_000] });
        let text = tree(&names(), "/tx/0x1", &trace).into_string();
        assert!(text.len() < BYTES + 5_000, "{}", text.len());
        let (_, cut) = text.split_once("href=\"/tx/0x1/calls?from=").unwrap();
        let mut from: usize = cut.split('"').next().unwrap().parse().unwrap();
        assert!(from > 5);
        let mut pages = 0;
        // Each of them is on a page.
        while from <= 5_000 {
            let query = Query::parse(&format!("from={from}"));
            let text = listed(&names(), "/tx/0x1", &trace, &query).into_string();
            assert!(text.len() < 80_000, "{}", text.len());
            assert!(text.contains(&format!("id=\"c{from}\"")));
            from += text.matches("<li id=\"c").count();
            pages += 1;
        }
        assert!(from == 5_001 && pages > 40, "{from} {pages}");
    }

    #[test]
    fn a_deep_tree_goes_on_one_call_a_line() {
        // `json!` copies what it is given by calls as deep as that is.
        let checks = std::thread::Builder::new().stack_size(64 << 20);
        checks.spawn(deep_tree).unwrap().join().unwrap();
    }

    fn deep_tree() {
        let mut deep = json!({ "type": "CALL", "error": "execution reverted" });
        for _ in 0..1_000 {
            deep = json!({ "type": "CALL", "error": "execution reverted", "calls": [deep] });
        }
        let text = tree(&names(), "/tx/0x1", &deep).into_string();
        assert!(text.contains("/calls?from=41"), "{text}");
        let text = why(&names(), "/tx/0x1", &deep).into_string();
        assert!(
            text.contains("1000 deep") && text.contains("989 more"),
            "{text}"
        );
        assert!(text.len() < 5_000, "{}", text.len());
        let text = listed(&names(), "/tx/0x1", &deep, &Query::parse("from=950")).into_string();
        assert!(text.contains("depth 1000, by #999"), "{text}");
        assert_eq!(numbered(&deep, 1_000).unwrap().get("calls"), None);
        assert!(numbered(&deep, 1_001).is_none());
    }
}
