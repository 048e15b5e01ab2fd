//! Names for bytes: from the ABIs that the node was given, then from a list of our own. Bytes that
//! nobody named stay bytes.

mod decode;
mod own;
mod show;

pub(crate) use decode::{Decoded, fits, output};
pub(crate) use show::plain;

use alloy_json_abi::{Error, Event, Function};
use alloy_primitives::{Address, B256, Selector};
use maud::{Markup, html};
use node::abis::{Contract, Names as Given};
use std::sync::Arc;

/// All names that there are now.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    given: Arc<Given>,
    own: &'static Given,
}

impl Names {
    pub(crate) fn new(given: Arc<Given>) -> Self {
        let own = own::names();
        Self { given, own }
    }

    /// The contract that somebody said is at an address, or that is on every rollup.
    pub(crate) fn contract_at(&self, address: &Address) -> Option<&Contract> {
        let given = self.given.contract_at(address);
        given.or_else(|| match crate::format::known(address)? {
            "bridge of tez" => self.own.contract("Bridge of tez"),
            "bridge of tokens" => self.own.contract("Bridge of tokens"),
            "Multicall3" => self.own.contract("Multicall3"),
            "Permit2" => self.own.contract("Permit2"),
            _ => None,
        })
    }

    /// The contract with a name, among those that were given first.
    pub(crate) fn contract(&self, name: &str) -> Option<&Contract> {
        let given = self.given.contract(name);
        given.or_else(|| self.own.contract(name))
    }

    /// The contracts that were given.
    pub(crate) fn given(&self) -> impl Iterator<Item = &Contract> {
        self.given.contracts()
    }

    /// The groups of the list.
    pub(crate) fn own(&self) -> impl Iterator<Item = &Contract> {
        self.own.contracts()
    }

    pub(crate) fn functions(&self, selector: &Selector) -> Vec<&Function> {
        let given = self.given.functions(selector).iter();
        given.chain(self.own.functions(selector)).collect()
    }

    pub(crate) fn events(&self, topic: &B256) -> Vec<&Event> {
        let given = self.given.events(topic).iter();
        given.chain(self.own.events(topic)).collect()
    }

    pub(crate) fn errors(&self, selector: &Selector) -> Vec<&Error> {
        let given = self.given.errors(selector).iter();
        given.chain(self.own.errors(selector)).collect()
    }

    /// Functions and events with a name.
    pub(crate) fn named(&self, name: &str) -> (Vec<&Function>, Vec<&Event>) {
        let (mut functions, mut events) = self.given.named(name);
        let (more, other) = self.own.named(name);
        functions.extend(more);
        events.extend(other);
        functions.sort_by_key(|function| function.signature());
        functions.dedup_by_key(|function| function.signature());
        events.sort_by_key(|event| event.signature());
        events.dedup_by_key(|event| event.signature());
        (functions, events)
    }

    /// A function's name and arguments, from the input of a call.
    pub(crate) fn input(&self, input: &[u8]) -> Option<Decoded> {
        let (selector, _) = input.split_first_chunk::<4>()?;
        let functions = self.functions(&Selector::from(*selector));
        functions
            .into_iter()
            .find_map(|function| decode::input(function, input))
    }

    /// What a function gave back, by the input of the call.
    pub(crate) fn output(&self, input: &[u8], output: &[u8]) -> Option<Decoded> {
        let (selector, _) = input.split_first_chunk::<4>()?;
        let functions = self.functions(&Selector::from(*selector));
        functions
            .into_iter()
            .find_map(|function| decode::output(function, output))
    }

    /// An event's name and arguments.
    pub(crate) fn log(&self, topics: &[B256], data: &[u8]) -> Option<Decoded> {
        let events = self.events(topics.first()?);
        events
            .into_iter()
            .find_map(|event| decode::log(event, topics, data))
    }

    /// An error's name and arguments.
    pub(crate) fn error(&self, bytes: &[u8]) -> Option<Decoded> {
        let (selector, _) = bytes.split_first_chunk::<4>()?;
        let errors = self.errors(&Selector::from(*selector));
        errors
            .into_iter()
            .find_map(|error| decode::error(error, bytes))
    }

    /// What a call reverted with, in words.
    pub(crate) fn revert(&self, bytes: &[u8]) -> Markup {
        if bytes.is_empty() {
            return html! { p { "It reverted without saying why." } };
        }
        let Some(error) = self.error(bytes) else {
            return html! { p { "It reverted with bytes that no known error has: " (crate::format::bytes(bytes)) } };
        };
        let words = decode::panic_words(&error);
        html! {
            p { "It reverted with " strong { (plain(&error.name)) } @if let Some(words) = words { ": " (words) } }
            (error.table("Arguments of the error"))
        }
    }

    /// The name of a call's function; its selector if nobody named it.
    pub(crate) fn method(&self, input: &[u8], creates: bool) -> Markup {
        let name = match input.split_first_chunk::<4>() {
            _ if creates => return html! { span.tag { "creation" } },
            None if input.is_empty() => return html! { span.tag { "transfer" } },
            None => None,
            Some((selector, _)) => {
                let functions = self.functions(&Selector::from(*selector));
                functions.first().map(|function| function.name.clone())
            }
        };
        let bytes = crate::ask::hex_of(input.get(..4).unwrap_or(input));
        match name {
            Some(name) => html! { code title=(bytes) { (plain(&name)) } },
            None => html! { code { (bytes) } },
        }
    }
}
