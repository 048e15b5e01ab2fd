//! Names for bytes: from the ABIs that the node was given, then from a list of our own. Bytes that
//! nobody named stay bytes.

mod called;
mod decode;
mod measure;
mod own;
mod show;
mod text;

pub(crate) use decode::{Decoded, fits, output};
pub(crate) use text::plain;

use alloy_json_abi::{Error, Event, Function};
use alloy_primitives::{Address, B256, Selector};
use called::Called;
use maud::{Markup, html};
use node::abis::{Contract, Names as Given};
use std::sync::Arc;

/// All names that there are now.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    given: Arc<Given>,
    own: &'static Given,
    called: Called,
    /// True if anybody may give more.
    grow: bool,
}

impl Names {
    /// `accounts`: those whose keys a devnet has.
    pub(crate) fn new(given: Arc<Given>, accounts: &[Address]) -> Self {
        let own = own::names();
        let called = Called::new(&given, accounts);
        Self {
            given,
            own,
            called,
            grow: true,
        }
    }

    /// The same of a node that takes no more names.
    pub(crate) fn fixed(self, fixed: bool) -> Self {
        Self {
            grow: !fixed,
            ..self
        }
    }

    /// A link to an account, by its name if it has one.
    pub(crate) fn account(&self, address: &Address) -> Markup {
        self.called.account(address)
    }

    /// An account without a link, where something else is done by a click.
    pub(crate) fn name(&self, address: &Address) -> Markup {
        self.called.name(address)
    }

    /// The whole address, as a link, with its name.
    pub(crate) fn whole_account(&self, address: &Address) -> Markup {
        self.called.whole_account(address)
    }

    /// An account's name, behind its address.
    pub(crate) fn tag(&self, address: &Address) -> Markup {
        self.called.tag(address)
    }

    /// Values as a table, under a caption.
    pub(crate) fn table(&self, decoded: &Decoded, caption: &str) -> Markup {
        decoded.table(&self.called, caption)
    }

    /// Values one after another, in a line.
    pub(crate) fn line(&self, decoded: &Decoded) -> Markup {
        decoded.line(&self.called)
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

    /// Errors with a name, whatever its case; what is equal once.
    pub(crate) fn errors_named(&self, name: &str) -> Vec<&Error> {
        let contracts = self.given.contracts().chain(self.own.contracts());
        let errors = contracts.flat_map(|contract| contract.abi.errors());
        let mut errors: Vec<&Error> = errors
            .filter(|error| error.name.eq_ignore_ascii_case(name))
            .collect();
        errors.sort_by_key(|error| error.signature());
        errors.dedup_by_key(|error| error.signature());
        errors
    }

    /// A function's name and arguments, from the input of a call.
    pub(crate) fn input(&self, input: &[u8]) -> Option<Decoded> {
        let (selector, _) = input.split_first_chunk::<4>()?;
        let functions = self.functions(&Selector::from(*selector));
        functions
            .into_iter()
            .find_map(|function| decode::input(function, input))
    }

    /// A function's output, by the input of the call.
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

    /// The reason of a revert, in words.
    pub(crate) fn revert(&self, bytes: &[u8]) -> Markup {
        if bytes.is_empty() {
            return html! { p { "It reverted without saying why." } };
        }
        let Some(error) = self.error(bytes) else {
            return html! {
                p { "It reverted with bytes that no known error has: " (crate::format::bytes(bytes)) }
                @if self.grow { p.note { "Add the ABI of the contract under " a href="/abis" { "Names" } ", and its errors are told by name." } }
            };
        };
        if let Some((code, words)) = decode::panic_words(&error) {
            return html! { p { "It reverted with " strong { (plain(&error.name)) } " " code { (format!("{code:#04x}")) } ": " (words) } };
        }
        html! {
            p { "It reverted with " strong { (plain(&error.name)) } }
            (self.table(&error, "Arguments of the error"))
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
