//! The names that there are, and how to give more.

use super::forms;
use crate::ask::{Ask, Trouble};
use crate::format;
use crate::frame::View;
use crate::names::{Names, plain};
use crate::query::{Query, escaped};
use crate::slice::Slice;
use alloy_primitives::Selector;
use maud::{Markup, html};
use node::abis::{Contract, MAX_CONTRACTS};

/// `/selector/0x…`: what has these four bytes.
pub(crate) fn selector(names: &Names, text: &str, query: &Query) -> Result<View, Trouble> {
    let selector: Selector = text
        .parse()
        .map_err(|_| Trouble::Invalid(format!("{text:?} is no selector of 4 bytes.")))?;
    let (functions, errors) = (names.functions(&selector), names.errors(&selector));
    if functions.is_empty() && errors.is_empty() {
        return Err(Trouble::NotFound(format!(
            "No ABI that this node knows has the selector {selector}. Add one under Names."
        )));
    }
    let count = functions.len() + errors.len();
    let functions = functions
        .iter()
        .map(|one| (one.full_signature(), "function "));
    let errors = errors.iter().map(|one| (one.signature(), "error "));
    let slice = Slice::of(query, &format!("/selector/{selector}"), "from", PAGE);
    let (rows, slice) = slice.fit(BYTES, functions.chain(errors), |(signature, kind)| {
        html! { p { (kind) code { (plain(&signature)) } } }
    });
    let main = html! {
        h1 { "Selector " code { (selector) } }
        @for one in rows { (one) }
        (slice.bar("What has it", count))
    };
    Ok(View::new(format!("Selector {selector}"), main))
}

/// The contracts, or the items of one, of a page; and the bytes that they may take.
const PAGE: usize = 100;
const BYTES: usize = 60_000;

/// The addresses of a contract that stand in the list.
const ADDRESSES: usize = 3;

/// `/abis`; `?from=N`: the contracts that were added from number N on; `?name=NAME`: what one has.
pub(crate) fn abis(ask: &Ask, names: &Names, query: &Query) -> Result<View, Trouble> {
    if query.has("name") {
        let wanted = query.get("name");
        let contract = names.contract(wanted);
        let contract = contract
            .ok_or_else(|| Trouble::NotFound(format!("There is no ABI of {:?}.", plain(wanted))))?;
        return Ok(of_contract(names, contract, query));
    }
    let given: Vec<&Contract> = names.given().collect();
    let slice = Slice::of(query, "/abis", "from", PAGE);
    let (rows, slice) = slice.fit(BYTES, given.iter(), |contract| row(names, contract));
    let own: Vec<Markup> = names.own().map(|contract| row(names, contract)).collect();
    let main = html! {
        h1 { "Names for bytes" }
        @if ask.is_devnet() { (drop_here()) }
        @else { p { "This node shows the names below. Those of other contracts are not added here: it follows a rollup, and shows them to everybody. Its operator gives some with " code { "--abis DIR" } "." } }
        div #lists {
            h2 { "Added (" (given.len()) ")" }
            @if given.is_empty() { p.none { "None." } } @else { (table(&rows)) }
            (slice.bar("Contracts", given.len()))
        }
        h2 { "Always there" }
        p.note { "A list of our own of what many contracts have." }
        (table(&own))
    };
    Ok(View::new("Names", main))
}

/// What a contract's ABI has, one a line.
pub(crate) fn of_contract(names: &Names, contract: &Contract, query: &Query) -> View {
    let path = format!("/abis?name={}", escaped(&contract.name));
    let addresses = contract.addresses.iter();
    let addresses = addresses.map(|at| html! { li { "at " (names.whole_account(at)) } });
    let functions = contract.abi.functions().map(|function| {
        let selector = function.selector();
        html! { li { "function " a href=(format!("/selector/{selector}")) { code { (selector) } } " " (plain(&function.full_signature())) } }
    });
    let events = contract.abi.events().map(|event| {
        html! { li { "event " a href=(format!("/event/{}", event.selector())) { (plain(&event.full_signature())) } } }
    });
    let errors = contract.abi.errors().map(|error| {
        let selector = error.selector();
        html! { li { "error " a href=(format!("/selector/{selector}")) { code { (selector) } } " " (plain(&error.signature())) } }
    });
    let all = addresses.chain(functions).chain(events).chain(errors);
    let count = contract.addresses.len()
        + contract.abi.functions().count()
        + contract.abi.events().count()
        + contract.abi.errors().count();
    let slice = Slice::of(query, &path, "from", PAGE);
    let (rows, slice) = slice.fit(BYTES, all, |row| row);
    let title = format!("ABI of {}", plain(&contract.name));
    let main = html! {
        h1 { "ABI of " q { (plain(&contract.name)) } }
        p { a href="/abis" { "← all names" } }
        ul { @for row in &rows { (row) } }
        (slice.bar("What it has", count))
    };
    View::new(title, main)
}

fn drop_here() -> Markup {
    html! {
        p { "Drop artefacts of Foundry or Hardhat here, ABIs, or build information, which has the sources, too: calls, logs and errors get their names. They are kept until the devnet ends, at most those of " (MAX_CONTRACTS) " contracts. A contract with the artefact's code is known without its address." }
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

fn table(rows: &[Markup]) -> Markup {
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
            tbody { @for row in rows { (row) } }
        } }
    }
}

fn row(names: &Names, contract: &Contract) -> Markup {
    let path = format!("/abis?name={}", escaped(&contract.name));
    let more = contract.addresses.len().saturating_sub(ADDRESSES);
    html! {
        tr {
            th scope="row" { a href=(path) { (plain(&contract.name)) } }
            td {
                @for address in contract.addresses.iter().take(ADDRESSES) { (names.account(address)) " " }
                @if more > 0 { a href=(path) { "and " (format::count(more)) " more" } }
            }
            td.number { (contract.abi.functions().count()) }
            td.number { (contract.abi.events().count()) }
            td.number { (contract.abi.errors().count()) }
            td.number { (contract.sources.len()) }
        }
    }
}
