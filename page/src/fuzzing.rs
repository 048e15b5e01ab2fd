//! What random ABIs and bytes are tried on: `fuzz abis`.

mod html;

pub use html::stranger;

use crate::names::{Names, Room};
use crate::query::Query;
use crate::slice::Slice;
use crate::views::workbench::{self, Wrong};
use crate::views::{calls, changes, named, parts, posted, search, transaction};
use alloy_json_abi::{Error, Event, Function};
use alloy_primitives::{Address, B256};
use maud::{Markup, html};
use node::abis::{self, Artefact};
use node::artefacts;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What pages show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Inputs, outputs, errors and logs that were decoded.
    pub decoded: usize,
    /// The bytes of what is shown.
    pub bytes: usize,
}

/// Takes an artefact as the node does, and shows bytes by it as the pages do: as the input and the
/// output of each function, as each error and as each event's log.
#[must_use]
pub fn shown(artefact: Value, bytes: &[u8]) -> Shown {
    let mut given = abis::Names::default();
    for one in artefacts::contracts(artefact).unwrap_or_default() {
        let _ = given.add("A", None, one);
    }
    let names = Names::new(Arc::new(given.clone()), &[]);
    let with = |selector: &[u8]| [selector, bytes].concat();
    let mut all = Vec::new();
    for contract in given.contracts() {
        for function in contract.abi.functions() {
            let input = with(function.selector().as_slice());
            all.extend(names.input(&input));
            all.extend(names.output(&input, bytes));
        }
        for error in contract.abi.errors() {
            let error = with(error.selector().as_slice());
            all.extend(names.error(&error));
            let _ = names.revert(&error, Room::of(8_000));
        }
        for event in contract.abi.events() {
            let topics = bytes.chunks_exact(32).take(3).map(B256::from_slice);
            let topics: Vec<B256> = std::iter::once(event.selector()).chain(topics).collect();
            for count in 1..=topics.len() {
                all.extend(names.log(topics.get(..count).unwrap_or_default(), bytes));
            }
        }
    }
    let text = all.iter().map(|decoded| {
        let table = names
            .table(decoded, "Values", Room::of(8_000))
            .into_string();
        table.len() + names.line(decoded, Room::of(500)).into_string().len()
    });
    let raw = crate::format::bytes(bytes).into_string().len();
    Shown {
        decoded: all.len(),
        bytes: text.sum::<usize>() + raw,
    }
}

/// The bytes of calls, and of logs.
const MOST: usize = 1 << 20;

/// A page, without its frame.
#[derive(Clone, Debug)]
pub struct Page {
    /// Which one it is.
    pub name: &'static str,
    /// Its HTML.
    pub html: String,
    /// The time that it took.
    pub took: Duration,
}

/// Makes a page, and takes the time.
fn add(pages: &mut Vec<Page>, name: &'static str, make: impl FnOnce() -> Markup) {
    let start = Instant::now();
    let html = make().into_string();
    let took = start.elapsed();
    pages.push(Page { name, html, took });
}

/// The account that all is of.
const WHO: Address = Address::repeat_byte(0x42);

/// A transaction's hash.
const HASH: B256 = B256::repeat_byte(0x17);

/// The pages of a transaction with calls, errors and logs of these bytes, by an artefact with this
/// name; and those of the artefact.
#[must_use]
pub fn pages(artefact: Value, name: &str, bytes: &[u8]) -> Vec<Page> {
    let mut given = abis::Names::default();
    for (number, one) in (0..).zip(artefacts::contracts(artefact).unwrap_or_default()) {
        // Of others there is the name alone.
        let name = if number == 0 {
            name.to_owned()
        } else {
            format!("{name}{number}")
        };
        let _ = given.add(&name, Some(WHO), one);
    }
    if given.contracts().count() == 0 {
        let _ = given.add(
            name,
            Some(WHO),
            Artefact::of(alloy_json_abi::JsonAbi::new()),
        );
    }
    let names = Names::new(Arc::new(given.clone()), &[]);
    let Some(contract) = given.contracts().next() else {
        return Vec::new();
    };
    let functions: Vec<&Function> = contract.abi.functions().collect();
    let errors: Vec<&Error> = contract.abi.errors().collect();
    let events: Vec<&Event> = contract.abi.events().collect();
    // As much as the node tells at once.
    let most = (MOST / (bytes.len() + 1)).clamp(1, 100);
    let some = |count: usize| count.min(most);
    let told = told(
        &functions[..some(functions.len())],
        &errors[..some(errors.len())],
        bytes,
    );
    let case = Case {
        names: &names,
        told,
        receipt: receipt(&events[..some(events.len())], bytes),
    };
    let mut pages = case.pages(&functions, bytes);
    let pages_of = &mut pages;
    let query = Query::default();
    add(pages_of, "abi", || {
        named::of_contract(&names, contract, &query).main
    });
    add(pages_of, "contract", || {
        html! { (workbench::forms(contract, &WHO, &query, (None, &Wrong::new()))) }
    });
    for text in [name, functions.first().map_or("", |one| &one.name)] {
        add(pages_of, "search", || {
            search::named(&names, text, &query).unwrap_or_default()
        });
    }
    add(pages_of, "account", || {
        html! { (names.whole_account(&WHO)) (names.account(&WHO)) }
    });
    pages
}

/// A transaction, and what came of it.
struct Case<'n> {
    names: &'n Names,
    told: Value,
    receipt: Value,
}

impl Case<'_> {
    fn pages(&self, functions: &[&Function], bytes: &[u8]) -> Vec<Page> {
        let (names, query, path) = (self.names, Query::default(), format!("/tx/{HASH}"));
        let input = functions.first().map_or_else(
            || bytes.to_vec(),
            |function| [function.selector().as_slice(), bytes].concat(),
        );
        let transaction = json!({ "hash": HASH, "from": WHO, "to": WHO, "gas": "0x5208", "type": "0x2", "input": crate::ask::hex_of(&input) });
        let of = transaction::Of {
            transaction: &transaction,
            receipt: &self.receipt,
            block: &Value::Null,
            told: Ok(self.told.clone()),
            moves: html! {},
            rest: None,
            way: posted::Way::default(),
        };
        let slice = Slice::of(&query, &path, "logs", 50);
        let mut pages = Vec::new();
        add(&mut pages, "transaction", || of.shown(names, &slice));
        for from in [0, 1, 7, 60] {
            let query = Query::parse(&format!("from={from}"));
            add(&mut pages, "calls", || {
                calls::listed(names, &path, &self.told, &query)
            });
            add(&mut pages, "changes", || {
                changes::listed(names, &path, &self.told["changes"], &query)
            });
            if let Some(decoded) = names.input(&input) {
                add(&mut pages, "values", || {
                    parts::values(names, &decoded, &path, &query)
                });
            }
        }
        pages
    }
}

/// Calls that call each other, some of which fail, and what they changed.
fn told(functions: &[&Function], errors: &[&Error], bytes: &[u8]) -> Value {
    let with = |selector: &[u8]| crate::ask::hex_of([selector, bytes].concat());
    let output = errors
        .last()
        .map_or_else(String::new, |error| with(error.selector().as_slice()));
    // As deep as some bytes say.
    let deep = usize::from(bytes.first().copied().unwrap_or_default());
    let mut calls: Vec<Value> = (0..=deep)
        .map(|depth| json!({ "type": "DELEGATECALL", "to": WHO, "error": "execution reverted", "output": output, "depth": depth }))
        .collect();
    let way: Vec<Value> = calls
        .iter()
        .take(6)
        .chain(calls.iter().skip(6.max(deep.saturating_sub(5))))
        .cloned()
        .collect();
    for function in functions {
        calls.push(json!({ "type": "CALL", "to": WHO, "from": WHO, "input": with(function.selector().as_slice()), "output": crate::ask::hex_of(bytes), "depth": deep + 1, "by": deep }));
    }
    for error in errors {
        calls.push(json!({ "type": "STATICCALL", "to": WHO, "error": "execution reverted", "output": with(error.selector().as_slice()), "depth": deep + 1, "by": deep }));
    }
    for (number, call) in calls.iter_mut().enumerate() {
        call["number"] = number.into();
    }
    json!({
        "count": calls.len(),
        "failure": { "depth": deep, "path": way, "before": calls.last() },
        "calls": calls,
        "changes": difference(bytes),
    })
}

/// A receipt of a transaction that failed, with logs of events all the same.
fn receipt(events: &[&Event], bytes: &[u8]) -> Value {
    let data = crate::ask::hex_of(bytes);
    let mut logs = Vec::new();
    for event in events {
        let topics = bytes.chunks_exact(32).take(3).map(B256::from_slice);
        let topics: Vec<B256> = std::iter::once(event.selector()).chain(topics).collect();
        for count in 1..=topics.len() {
            let topics = topics.get(..count);
            logs.push(json!({ "address": WHO, "topics": topics, "data": data, "transactionHash": HASH, "logIndex": "0x1" }));
        }
    }
    json!({ "status": "0x0", "gasUsed": "0x5208", "logCount": logs.len(), "logs": logs, "blockNumber": "0x1" })
}

/// What was changed: as many slots as there are words.
fn difference(bytes: &[u8]) -> Value {
    let slots = bytes.chunks(32).map(|word| {
        let digits = crate::ask::hex_of(word);
        (digits.clone(), Value::String(digits))
    });
    let slots: serde_json::Map<String, Value> = slots.collect();
    json!({ "pre": { WHO.to_string(): { "balance": "0x1" } }, "post": { WHO.to_string(): { "balance": "0x0", "storage": slots } } })
}
