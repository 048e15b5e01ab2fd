//! Names of accounts where their addresses are shown.

use super::text::plain;
use crate::format::{cut, known as known_at};
use alloy_primitives::Address;
use maud::{Markup, html};
use node::abis::Names;
use std::collections::BTreeMap;

/// The most characters of a contract's name that stand for its address.
const LONGEST: usize = 32;

/// Accounts by name: those of the devnet by their number, contracts by the name that somebody
/// gave. What every rollup has at the same place keeps its own.
#[derive(Clone, Debug, Default)]
pub(super) struct Called(BTreeMap<Address, String>);

impl Called {
    pub(super) fn new(given: &Names, accounts: &[Address]) -> Self {
        let numbers = accounts.iter().enumerate();
        let mut called: BTreeMap<Address, String> = numbers
            .map(|(number, address)| (*address, format!("account {number}")))
            .collect();
        for contract in given.contracts() {
            let cut: String = contract.name.chars().take(LONGEST).collect();
            let rest = if cut.len() < contract.name.len() {
                "…"
            } else {
                ""
            };
            let name = format!("{}{rest}", plain(&cut));
            called.extend(contract.addresses.iter().map(|at| (*at, name.clone())));
        }
        Self(called)
    }

    /// True if an account has no name.
    pub(super) fn is_unknown(&self, address: &Address) -> bool {
        self.of(address).is_none()
    }

    /// Calls more accounts by names.
    pub(super) fn add(&mut self, more: Vec<(Address, String)>) {
        self.0.extend(more);
    }

    /// The accounts whose name has a text in it, whatever its case, with their names.
    pub(super) fn like(&self, text: &str) -> Vec<(Address, String)> {
        let wanted = text.to_lowercase();
        let known = crate::format::all_known().map(|(at, name)| (at, name.to_owned()));
        let others = self.0.iter().filter(|(at, _)| known_at(at).is_none());
        let all = known.chain(others.map(|(at, name)| (*at, name.clone())));
        all.filter(|(_, name)| name.to_lowercase().contains(&wanted))
            .collect()
    }

    fn of(&self, address: &Address) -> Option<&str> {
        known_at(address).or_else(|| self.0.get(address).map(String::as_str))
    }

    /// A link to an account, by its name if it has one.
    pub(super) fn account(&self, address: &Address) -> Markup {
        let text = address.to_checksum(None);
        html! { a href=(format!("/address/{text}")) { (self.name(address)) } }
    }

    /// An account without a link.
    pub(super) fn name(&self, address: &Address) -> Markup {
        let text = address.to_checksum(None);
        match self.of(address) {
            Some(name) => html! { span title=(text) { (name) } },
            None => cut(&text),
        }
    }

    /// The name of an account, behind its address.
    pub(super) fn tag(&self, address: &Address) -> Markup {
        html! { @if let Some(name) = self.of(address) { " " span.tag { (name) } } }
    }

    /// The whole address, as a link, with its name.
    pub(super) fn whole_account(&self, address: &Address) -> Markup {
        let text = address.to_checksum(None);
        html! {
            a href=(format!("/address/{text}")) { span.hash.whole { (text) } }
            (self.tag(address))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_json_abi::JsonAbi;
    use node::abis::Artefact;

    #[test]
    fn accounts_are_called_by_number_and_contracts_by_their_abi() {
        let (account, contract) = (Address::repeat_byte(1), Address::repeat_byte(2));
        let mut given = Names::default();
        let long = format!("<b>{}", "x".repeat(90));
        given
            .add(&long, Some(contract), Artefact::of(JsonAbi::default()))
            .unwrap();
        let called = Called::new(&given, &[Address::ZERO, account]);
        assert_eq!(called.of(&account), Some("account 1"));
        assert_eq!(called.of(&Address::ZERO), Some("zero address"));
        assert_eq!(called.of(&Address::repeat_byte(3)), None);
        assert_eq!(
            called.like("ACCOUNT 1"),
            [(account, "account 1".to_owned())]
        );
        assert_eq!(called.like("bridge of").len(), 2);
        assert!(called.like("nobody").is_empty());
        let text = called.account(&contract).into_string();
        assert!(
            text.contains("&lt;b&gt;xxx") && text.contains("x…<"),
            "{text}"
        );
    }
}
