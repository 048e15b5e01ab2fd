//! The tree of calls of a transaction, and what made it fail.

use crate::ask::{address, data, list, number, text, word};
use crate::format;
use crate::names::{Names, plain};
use maud::{Markup, html};
use serde_json::Value;

/// The most calls that are shown.
const MOST: usize = 150;

/// The deepest call that is shown.
const DEEPEST: usize = 40;

/// The bytes that calls are made of together: the rest is shown without theirs.
const BYTES: usize = 12 << 10;

/// The room that is left.
struct Left {
    calls: usize,
    bytes: usize,
}

/// The calls as lists that fold.
pub(super) fn tree(names: &Names, trace: &Value) -> Markup {
    let mut left = Left {
        calls: MOST,
        bytes: BYTES,
    };
    let inside = branch(names, trace, 0, &mut left);
    html! {
        p.note { "Each line: what was called, how, with how much gas used. Open one to see what it was given and what it gave back." }
        ul.calls { (inside) }
        @if left.calls == 0 { p.note { "There are more calls than the " (MOST) " that are shown: " code { "debug_traceTransaction" } " gives all." } }
    }
}

fn branch(names: &Names, call: &Value, depth: usize, left: &mut Left) -> Markup {
    if left.calls == 0 || depth > DEEPEST {
        left.calls = 0;
        return html! {};
    }
    left.calls -= 1;
    let failed = !text(call, "error").is_empty();
    let parts = parts(names, call, left);
    let inner: Vec<Markup> = list(call, "calls")
        .iter()
        .map(|inner| branch(names, inner, depth + 1, left))
        .collect();
    html! {
        li {
            details open[depth < 3 || failed] {
                summary { (line(names, call)) }
                (parts)
                @if !inner.is_empty() { ul.calls { @for call in &inner { (call) } } }
            }
        }
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
        @if !text(call, "error").is_empty() { " " span.failed { "✗ " (text(call, "error")) } }
    }
}

/// The input and the output of a call.
fn parts(names: &Names, call: &Value, left: &mut Left) -> Markup {
    let (input, output) = (data(call, "input"), data(call, "output"));
    let creates = text(call, "type").starts_with("CREATE");
    let failed = !text(call, "error").is_empty();
    let size = input.len().min(format::SHOWN) + output.len().min(format::SHOWN);
    if size > left.bytes {
        return html! { p.note { (format::count(input.len())) " bytes in, " (format::count(output.len())) " bytes out" } };
    }
    left.bytes -= size;
    let given = names.input(&input).filter(|_| !creates);
    let back = names
        .output(&input, &output)
        .filter(|_| !creates && !failed);
    html! {
        p {
            @if let Some(to) = address(call, "to") { "To " (names.account(&to)) ", from " }
            @else { "From " }
            @if let Some(from) = address(call, "from") { (names.account(&from)) }
            ", gas given: " (format::count(number(call, "gas")))
        }
        @if let Some(given) = given { p { code { (plain(&given.signature)) } } (names.table(&given, "Arguments")) }
        @else if !input.is_empty() { p { "Input " (format::bytes(&input)) } }
        @if failed && !output.is_empty() { (names.revert(&output)) }
        @else if let Some(back) = back { p { "It gave back" } (names.table(&back, "What it gave back")) }
        @else if !output.is_empty() && !creates { p { "It gave back " (format::bytes(&output)) } }
    }
}

/// Why the whole failed: the innermost call that did, and its error.
pub(super) fn why(names: &Names, trace: &Value) -> Markup {
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
    html! {
        div.why {
            (cause(names, text(call, "error"), &output, &limit(call, path.len() > 1)))
            @if path.len() > 1 {
                p { "That was in a call " (path.len() - 1) " deep:" }
                ol.path { @for call in &path { li { (line(names, call)) } } }
                @if outer != output && !outer.is_empty() {
                    p { "The sender was told this:" }
                    (names.revert(&outer))
                }
            }
            @if let Some(before) = failed_before(call) {
                p { "Just before, a call inside had failed:" }
                p { (line(names, before)) }
                (cause(names, text(before, "error"), &data(before, "output"), &limit(before, true)))
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

fn cause(names: &Names, error: &str, output: &[u8], limit: &Markup) -> Markup {
    match error {
        "execution reverted" => names.revert(output),
        _ if error.contains("out of gas") => {
            html! { p { "It ran " strong { "out of gas" } ": it needs more than " (limit) "." } }
        }
        "" => html! { p { "The kernel took it back; no call of it failed." } },
        _ => html! { p { "The machine stopped it: " strong { (error) } "." } },
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
        let text = why(&names(), &trace).into_string();
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
        let text = why(&names(), &trace).into_string();
        let (own, other) = (text.find("mine").unwrap(), text.find("of another").unwrap());
        assert!(own < other, "{text}");
        assert!(text.contains("Just before"), "{text}");
    }

    #[test]
    fn out_of_gas_is_said_so() {
        let call = |gas: &str, calls: Value| json!({ "type": "CALL", "gas": gas, "error": "out of gas", "calls": calls });
        let text = why(&names(), &call("0x5208", json!([]))).into_string();
        assert!(text.contains("out of gas"), "{text}");
        assert!(
            text.contains("the transaction's gas limit, 21,000"),
            "{text}"
        );
        let inner = call("0x5208", json!([call("0x3e8", json!([]))]));
        let text = why(&names(), &inner).into_string();
        assert!(
            text.contains("what its caller let it have, 1,000 gas"),
            "{text}"
        );
    }

    #[test]
    fn a_large_tree_is_cut() {
        let leaf = json!({ "type": "CALL", "input": format!("0x{}", "ab".repeat(2_000)) });
        let trace = json!({ "type": "CALL", "calls": vec![leaf; 5_000] });
        let text = tree(&names(), &trace).into_string();
        assert!(text.len() < 90_000, "{}", text.len());
        assert!(text.contains("more calls"));
        let mut deep = json!({ "type": "CALL" });
        for _ in 0..100 {
            deep = json!({ "type": "CALL", "calls": [deep] });
        }
        assert!(tree(&names(), &deep).into_string().contains("more calls"));
    }
}
