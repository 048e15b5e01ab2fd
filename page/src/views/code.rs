//! A contract's code, instruction by instruction.

use super::account;
use crate::ask::{Ask, Trouble, bytes};
use crate::format;
use crate::frame::View;
use crate::names::{Names, plain};
use crate::query::Query;
use crate::slice::Slice;
use alloy_primitives::{Selector, keccak256};
use maud::{Markup, html};
use revm::bytecode::opcode::OpCode;
use serde_json::json;

/// The instructions of a page.
const PAGE: usize = 400;

/// The functions of a page, and the bytes that they may take.
const FUNCTIONS: usize = 60;
const FUNCTIONS_BYTES: usize = 15_000;

/// An instruction at its place, with what it pushes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Instruction<'c> {
    at: usize,
    code: u8,
    pushed: &'c [u8],
}

/// The instructions of code, as the machine reads it from its start.
fn instructions(code: &[u8]) -> impl Iterator<Item = Instruction<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at;
        let first = *code.get(start)?;
        let pushes = match first {
            0x60..=0x7f => usize::from(first - 0x5f),
            _ => 0,
        };
        at = start + 1 + pushes;
        let pushed = code.get(start + 1..at.min(code.len()));
        Some(Instruction {
            at: start,
            code: first,
            pushed: pushed.unwrap_or_default(),
        })
    })
}

/// The selectors that code compares with: what its functions probably are.
fn selectors(code: &[u8]) -> Vec<Selector> {
    const PUSH4: u8 = 0x63;
    const EQ: u8 = 0x14;
    const DUP2: u8 = 0x81;
    let all: Vec<Instruction<'_>> = instructions(code).collect();
    let mut found: Vec<Selector> = all
        .windows(3)
        .filter(|next| next[0].code == PUSH4 && next[0].pushed.len() == 4)
        .filter(|next| next[1].code == EQ || (next[1].code == DUP2 && next[2].code == EQ))
        .map(|next| Selector::from_slice(next[0].pushed))
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// `/address/A/code`; `?from=N`: the instructions from number N on; `?functions=N`: the functions from
/// number N on.
pub(crate) async fn view(
    ask: &Ask,
    names: &Names,
    who: &str,
    query: &Query,
) -> Result<View, Trouble> {
    let who = account::parse(who)?;
    let code = ask.call("eth_getCode", json!([who, "latest"])).await?;
    let code = bytes(&code).unwrap_or_default();
    let count = instructions(&code).count();
    let path = format!("/address/{}/code", who.to_checksum(None));
    let slice = Slice::of(query, &path, "from", PAGE);
    let main = html! {
        (account::head(ask, names, &who, "code").await?)
        h2 { "Code" }
        @if code.is_empty() { p.none { "It has none." } }
        @else {
            p { (format::count(code.len())) " bytes, " (format::count(count)) " instructions, hash " span.hash.whole { (keccak256(&code)) } }
            (functions(names, &selectors(&code), &Slice::of(query, &path, "functions", FUNCTIONS)))
            h3 { "Instructions" }
            div.wide { table.code {
                caption.unseen { "Instructions" }
                thead { tr { th.number scope="col" { "At" } th scope="col" { "Instruction" } th scope="col" { "Pushes" } } }
                tbody { @for one in slice.take(instructions(&code)) { (row(one)) } }
            } }
            (slice.bar("Instructions", count))
        }
    };
    Ok(View::new(format!("Code of {who}"), main))
}

fn row(one: Instruction<'_>) -> Markup {
    let name = OpCode::new(one.code).map(|code| code.as_str());
    html! {
        tr {
            td.number { (format!("{:04x}", one.at)) }
            td { @match name { Some(name) => (name), None => span.none { "invalid " (format!("{:02x}", one.code)) } } }
            td { @if !one.pushed.is_empty() { code { (hex::encode(one.pushed)) } } }
        }
    }
}

fn functions(names: &Names, selectors: &[Selector], slice: &Slice) -> Markup {
    let (rows, slice) = slice.fit(FUNCTIONS_BYTES, selectors.iter(), |selector| {
        html! {
            li {
                a href=(format!("/selector/{selector}")) { code { (selector) } } " "
                @match names.functions(selector).first() {
                    Some(function) => (plain(&function.signature())),
                    None => span.none { "nobody named it" },
                }
            }
        }
    });
    html! {
        @if !rows.is_empty() {
            h3 { "Functions, as its code compares selectors (" (format::count(selectors.len())) ")" }
            ul.functions { @for row in &rows { (row) } }
            (slice.bar("Functions", selectors.len()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::hex;

    #[test]
    fn what_is_pushed_is_no_instruction_and_may_end_early() {
        let code = hex!("6005600a0160aa7f01");
        let all: Vec<_> = instructions(&code)
            .map(|one| (one.at, one.code, one.pushed.len()))
            .collect();
        assert_eq!(
            all,
            [
                (0, 0x60, 1),
                (2, 0x60, 1),
                (4, 0x01, 0),
                (5, 0x60, 1),
                (7, 0x7f, 1)
            ]
        );
        assert_eq!(instructions(&[]).count(), 0);
    }

    #[test]
    fn selectors_are_those_that_are_compared() {
        // DUP1 PUSH4 a9059cbb EQ; PUSH4 without a comparison.
        let code = hex!("8063a9059cbb1460006301020304600055");
        assert_eq!(selectors(&code), [Selector::new(hex!("a9059cbb"))]);
    }
}
