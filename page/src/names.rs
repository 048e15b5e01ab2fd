//! Names for bytes: from the ABIs that the node was given, then from a list of our own. Bytes that
//! nobody named stay bytes.

mod called;
mod decode;
mod leaves;
mod measure;
mod own;
mod show;
mod text;
mod words;

pub(crate) use decode::{Decoded, fits, output};
pub(crate) use leaves::Leaves;
pub(crate) use show::Room;
pub(crate) use text::{escaped, name, plain};
pub use words::error_words;

use alloy_json_abi::{Error, Event, Function};
use alloy_primitives::{Address, B256, Selector};
use called::Called;
use maud::{Markup, html};
use node::abis::{Contract, Names as Given};
use node::deployed::Likeness;
use std::sync::Arc;

/// The contract that an account is, as far as somebody said it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known<'n> {
    pub(crate) contract: &'n Contract,
    /// The likeness of its code and the account's; `None`: nobody gave its code, or they differ.
    pub(crate) likeness: Option<Likeness>,
}

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

    /// With accounts whose code says which contracts they are: they are called so with their address,
    /// since there may be more of them.
    pub(crate) fn with<'a>(mut self, codes: impl Iterator<Item = (&'a Address, &'a [u8])>) -> Self {
        let mut found = Vec::new();
        for (address, code) in codes.filter(|(at, _)| self.called.is_unknown(at)) {
            if let Some(known) = self.by_code(code, |_| true) {
                let text = address.to_checksum(None);
                let cut = (text.get(..6), text.get(text.len().saturating_sub(4)..));
                let (start, end) = (cut.0.unwrap_or_default(), cut.1.unwrap_or_default());
                let called = name(&known.contract.name);
                found.push((*address, format!("{called} {start}…{end}")));
            }
        }
        self.called.add(found);
        self
    }

    /// True if any contract's code is known, so that accounts can be told by theirs.
    pub(crate) fn has_codes(&self) -> bool {
        self.given
            .contracts()
            .any(|contract| contract.code_size().is_some())
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
    pub(crate) fn table(&self, decoded: &Decoded, caption: &str, room: Room<'_>) -> Markup {
        decoded.table(&self.called, caption, room)
    }

    /// Values one after another, in a line.
    pub(crate) fn line(&self, decoded: &Decoded, room: Room<'_>) -> Markup {
        decoded.line(&self.called, room)
    }

    /// All values that are not made of others, by pages.
    pub(crate) fn leaves(&self, decoded: &Decoded, skip: usize) -> Leaves {
        Leaves::of(decoded, &self.called, skip)
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

    /// The contract that an account with this code is: the one that somebody said, or the one that
    /// has its code.
    pub(crate) fn known(&self, address: &Address, code: &[u8]) -> Option<Known<'_>> {
        if let Some(contract) = self.contract_at(address) {
            let likeness = contract.likeness(code);
            return Some(Known { contract, likeness });
        }
        self.by_code(code, |_| true)
    }

    /// The contract whose sources are those of an account with this code.
    pub(crate) fn source(&self, address: &Address, code: &[u8]) -> Option<Known<'_>> {
        let has = |contract: &Contract| !contract.sources.is_empty();
        let named = self.known(address, code);
        let named = named.filter(|known| known.likeness.is_some() && has(known.contract));
        named.or_else(|| self.by_code(code, has))
    }

    fn by_code(&self, code: &[u8], wanted: impl Fn(&Contract) -> bool) -> Option<Known<'_>> {
        let found = self.given.contract_of(code, wanted);
        found.map(|(contract, likeness)| Known {
            contract,
            likeness: Some(likeness),
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

    /// Functions, events and errors whose name has a text in it, or is it if it is `whole`, whatever its
    /// case: what is equal once, and those with that very name first.
    pub(crate) fn like(
        &self,
        text: &str,
        whole: bool,
    ) -> (Vec<&Function>, Vec<&Event>, Vec<&Error>) {
        let wanted = text.to_lowercase();
        let abis = || {
            let contracts = self.given.contracts().chain(self.own.contracts());
            contracts.map(|contract| &contract.abi)
        };
        let is_like = |name: &str| match whole {
            true => name.eq_ignore_ascii_case(text),
            false => name.to_lowercase().contains(&wanted),
        };
        let functions = abis().flat_map(|abi| abi.functions());
        let functions = functions.filter(|one| is_like(&one.name));
        let events = abis().flat_map(|abi| abi.events());
        let events = events.filter(|one| is_like(&one.name));
        let errors = abis().flat_map(|abi| abi.errors());
        let errors = errors.filter(|one| is_like(&one.name));
        (
            sorted(functions, text, |one| &one.name, Function::signature),
            sorted(events, text, |one| &one.name, Event::signature),
            sorted(errors, text, |one| &one.name, Error::signature),
        )
    }

    /// The accounts whose name has a text in it, with their names.
    pub(crate) fn accounts_like(&self, text: &str) -> Vec<(Address, String)> {
        self.called.like(text)
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
    pub(crate) fn revert(&self, bytes: &[u8], room: Room<'_>) -> Markup {
        if bytes.is_empty() {
            return html! { p { "It reverted without saying why." } };
        }
        let Some(error) = self.error(bytes) else {
            return html! {
                p { "It reverted with bytes that no known error has: " (crate::format::bytes(bytes)) }
                (crate::format::guessed(bytes.get(4..).unwrap_or_default(), |address| self.account(address)))
                @if self.grow { p.note { "Add the ABI of the contract under " a href="/abis" { "Names" } ", and its errors are told by name." } }
            };
        };
        if let Some((code, words)) = decode::panic_words(&error) {
            return html! { p { "It reverted with " strong { (plain(&error.name)) } " " code { (format!("{code:#04x}")) } ": " (words) } };
        }
        html! {
            p { "It reverted with " strong { (plain(&error.name)) } }
            (self.table(&error, "Arguments of the error", room))
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
            Some(name) => html! { code title=(bytes) { (text::name(&name)) } },
            None => html! { code { (bytes) } },
        }
    }
}

/// What is equal once, in the order of signatures; what has that very name first.
fn sorted<'n, T>(
    all: impl Iterator<Item = &'n T>,
    text: &str,
    name: impl Fn(&T) -> &String,
    signature: impl Fn(&T) -> String,
) -> Vec<&'n T> {
    let mut all: Vec<&T> = all.collect();
    let key = |one: &T| (!name(one).eq_ignore_ascii_case(text), signature(one));
    all.sort_by_cached_key(|one| key(one));
    all.dedup_by_key(|one| signature(one));
    all
}
