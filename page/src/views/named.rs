//! The names that there are, and how to give more.

use super::forms;
use crate::ask::{Ask, Trouble};
use crate::frame::View;
use crate::names::{Names, plain};
use crate::query::Query;
use crate::slice::Slice;
use alloy_primitives::Selector;
use maud::{Markup, html};
use node::abis::{Contract, MAX_CONTRACTS};

/// `/selector/0x…`: what has these four bytes.
pub(crate) fn selector(names: &Names, text: &str) -> Result<View, Trouble> {
    let selector: Selector = text
        .parse()
        .map_err(|_| Trouble::Invalid(format!("{text:?} is no selector of 4 bytes.")))?;
    let (functions, errors) = (names.functions(&selector), names.errors(&selector));
    if functions.is_empty() && errors.is_empty() {
        return Err(Trouble::NotFound(format!(
            "No ABI that this node knows has the selector {selector}. Add one under Names."
        )));
    }
    let main = html! {
        h1 { "Selector " code { (selector) } }
        @for function in functions { p { "function " code { (plain(&function.full_signature())) } } }
        @for error in errors { p { "error " code { (plain(&error.signature())) } } }
    };
    Ok(View::new(format!("Selector {selector}"), main))
}

/// The contracts of a page.
const PAGE: usize = 100;

/// `/abis`; `?from=N`: the contracts that were added from number N on.
pub(crate) fn abis(ask: &Ask, names: &Names, query: &Query) -> View {
    let given: Vec<&Contract> = names.given().collect();
    let slice = Slice::of(query, "/abis", "from", PAGE);
    let shown: Vec<&Contract> = slice.take(given.iter().copied()).collect();
    let main = html! {
        h1 { "Names for bytes" }
        @if ask.is_devnet() { (drop_here()) }
        @else { p { "This node shows the names below. Those of other contracts are not added here: it follows a rollup, and shows them to everybody. Its operator gives some with " code { "--abis DIR" } "." } }
        h2 { "Added (" (given.len()) ")" }
        @if given.is_empty() { p.none { "None." } } @else { (table(names, &shown)) }
        (slice.bar("Contracts", given.len()))
        h2 { "Always there" }
        p.note { "A list of our own of what many contracts have." }
        (table(names, &names.own().collect::<Vec<_>>()))
    };
    View::new("Names", main)
}

fn drop_here() -> Markup {
    html! {
        p { "Drop artefacts of Foundry or Hardhat here, ABIs, or build information, which has the sources, too: calls, logs and errors get their names. They are kept until the devnet ends, at most those of " (MAX_CONTRACTS) " contracts." }
        form #artefacts.drop {
            label for="files" { "Artefacts (JSON)" }
            input #files type="file" accept="application/json,.json" multiple;
            label for="artefact-name" { "Name, if the file does not say it" }
            input #artefact-name autocomplete="off";
            label for="artefact-address" { "Address of the contract, if it has one" }
            input #artefact-address autocomplete="off" placeholder="0x…" spellcheck="false";
            button type="submit" { "Add" }
            output aria-live="polite" {}
        }
        (forms::call_note("rollup_addAbi", "[artefact, name, address]"))
    }
}

fn table(names: &Names, contracts: &[&Contract]) -> Markup {
    html! {
        div.wide { table {
            caption.unseen { "Contracts with names" }
            thead { tr {
                th scope="col" { "Contract" }
                th scope="col" { "At" }
                th.number scope="col" { "Functions" }
                th.number scope="col" { "Events" }
                th.number scope="col" { "Errors" }
                th.number scope="col" { "Sources" }
            } }
            tbody {
                @for contract in contracts {
                    tr {
                        th scope="row" { (plain(&contract.name)) }
                        td { @for address in contract.addresses.iter().take(5) { (names.account(address)) " " } }
                        td.number { (contract.abi.functions().count()) }
                        td.number { (contract.abi.events().count()) }
                        td.number { (contract.abi.errors().count()) }
                        td.number { (contract.sources.len()) }
                    }
                }
            }
        } }
    }
}
