//! Names for bytes: the ABIs that somebody gave, found by selector and topic.

use alloy_json_abi::{Error, Event, EventParam, Function, JsonAbi, Param};
use alloy_primitives::{Address, B256, Selector};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

/// The most contracts with an ABI.
pub const MAX_CONTRACTS: usize = 256;
/// The most functions, events and errors of an ABI.
pub const MAX_ITEMS: usize = 1_000;
/// The most bytes of all ABIs, as JSON.
pub const MAX_BYTES: usize = 4 << 20;
/// The most characters of a contract's name.
pub const MAX_NAME: usize = 100;
/// The most characters of the name of a function, event, error or parameter, and of a type.
pub const MAX_WORD: usize = 1_000;
/// The most addresses of a contract.
pub const MAX_ADDRESSES: usize = 1_000;

/// A contract with its ABI.
#[derive(Clone, Debug)]
pub struct Contract {
    /// Its name, which is whatever somebody gave.
    pub name: String,
    /// Its addresses, as far as they were given.
    pub addresses: BTreeSet<Address>,
    /// Its ABI.
    pub abi: Arc<JsonAbi>,
    /// The bytes of the ABI as JSON.
    size: usize,
}

/// Functions, events and errors by what bytes begin with.
#[derive(Clone, Debug, Default)]
pub struct Names {
    contracts: BTreeMap<String, Contract>,
    functions: HashMap<Selector, Vec<Function>>,
    events: HashMap<B256, Vec<Event>>,
    errors: HashMap<Selector, Vec<Error>>,
}

/// Why an ABI is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// No name, or a long one.
    #[error("a contract's name has 1 to {MAX_NAME} characters")]
    Name,
    /// The ABI has too much.
    #[error("an ABI has at most {MAX_ITEMS} functions, events and errors")]
    Items,
    /// One of them has a long name or type.
    #[error("a name or type in an ABI has at most {MAX_WORD} characters")]
    Long,
    /// There are too many.
    #[error("there are ABIs of {MAX_CONTRACTS} contracts, or of {MAX_BYTES} bytes, already")]
    Full,
    /// One contract is at too many places.
    #[error("a contract has at most {MAX_ADDRESSES} addresses")]
    Addresses,
}

/// True if something of an ABI has a name or type that is too long.
fn is_long(abi: &JsonAbi) -> bool {
    fn long(text: &str) -> bool {
        text.len() > MAX_WORD
    }
    fn params(list: &[Param]) -> bool {
        list.iter()
            .any(|param| long(&param.name) || long(&param.ty) || params(&param.components))
    }
    let function = |one: &Function| long(&one.name) || params(&one.inputs) || params(&one.outputs);
    let event = |one: &Event| {
        let of_input =
            |one: &EventParam| long(&one.name) || long(&one.ty) || params(&one.components);
        long(&one.name) || one.inputs.iter().any(of_input)
    };
    let error = |one: &Error| long(&one.name) || params(&one.inputs);
    abi.functions().any(function) || abi.events().any(event) || abi.errors().any(error)
}

impl Names {
    /// Adds a contract, or puts another ABI in the place of what had its name; `size` is the
    /// ABI's as JSON, in bytes.
    ///
    /// # Errors
    /// [`Refused`]; nothing has changed then.
    pub fn add(
        &mut self,
        name: &str,
        address: Option<Address>,
        abi: JsonAbi,
        size: usize,
    ) -> Result<(), Refused> {
        if name.is_empty() || name.chars().count() > MAX_NAME {
            return Err(Refused::Name);
        }
        let items = abi.functions().count() + abi.events().count() + abi.errors().count();
        if items > MAX_ITEMS {
            return Err(Refused::Items);
        }
        if is_long(&abi) {
            return Err(Refused::Long);
        }
        let others = self.contracts.values().filter(|other| other.name != name);
        let (count, bytes) = others.fold((0, 0), |(count, bytes), other| {
            (count + 1, bytes + other.size)
        });
        if count >= MAX_CONTRACTS || bytes + size > MAX_BYTES {
            return Err(Refused::Full);
        }
        let before = self.contracts.get(name);
        let mut addresses = before.map_or_else(BTreeSet::new, |known| known.addresses.clone());
        addresses.extend(address);
        if addresses.len() > MAX_ADDRESSES {
            return Err(Refused::Addresses);
        }
        let contract = Contract {
            name: name.to_owned(),
            addresses,
            abi: Arc::new(abi),
            size,
        };
        self.contracts.insert(name.to_owned(), contract);
        self.index();
        Ok(())
    }

    /// Builds the index anew: entries of contracts that were removed are gone.
    fn index(&mut self) {
        self.functions.clear();
        self.events.clear();
        self.errors.clear();
        for contract in self.contracts.values() {
            for function in contract.abi.functions() {
                let same = self.functions.entry(function.selector()).or_default();
                if !same.contains(function) {
                    same.push(function.clone());
                }
            }
            for event in contract.abi.events() {
                let same = self.events.entry(event.selector()).or_default();
                if !same.contains(event) {
                    same.push(event.clone());
                }
            }
            for error in contract.abi.errors() {
                let same = self.errors.entry(error.selector()).or_default();
                if !same.contains(error) {
                    same.push(error.clone());
                }
            }
        }
    }

    /// The contracts, by name.
    pub fn contracts(&self) -> impl Iterator<Item = &Contract> {
        self.contracts.values()
    }

    /// The contract that somebody said is at an address.
    #[must_use]
    pub fn contract_at(&self, address: &Address) -> Option<&Contract> {
        self.contracts()
            .find(|contract| contract.addresses.contains(address))
    }

    /// The contract with a name.
    #[must_use]
    pub fn contract(&self, name: &str) -> Option<&Contract> {
        self.contracts.get(name)
    }

    /// The functions with a selector.
    #[must_use]
    pub fn functions(&self, selector: &Selector) -> &[Function] {
        self.functions.get(selector).map_or(&[], Vec::as_slice)
    }

    /// The events with a first topic.
    #[must_use]
    pub fn events(&self, topic: &B256) -> &[Event] {
        self.events.get(topic).map_or(&[], Vec::as_slice)
    }

    /// The errors with a selector.
    #[must_use]
    pub fn errors(&self, selector: &Selector) -> &[Error] {
        self.errors.get(selector).map_or(&[], Vec::as_slice)
    }

    /// The functions and events with a name, whatever its case.
    #[must_use]
    pub fn named(&self, name: &str) -> (Vec<&Function>, Vec<&Event>) {
        let functions = self.functions.values().flatten();
        let events = self.events.values().flatten();
        let functions = functions.filter(|function| function.name.eq_ignore_ascii_case(name));
        let events = events.filter(|event| event.name.eq_ignore_ascii_case(name));
        (functions.collect(), events.collect())
    }
}

/// The names that a node was given; they are there until it ends.
#[derive(Debug, Default)]
pub struct Given(RwLock<Arc<Names>>);

impl Given {
    /// Those that there are.
    #[must_use]
    pub fn names(&self) -> Arc<Names> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// As [`Names::add`]; who looks meanwhile sees what was there before.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn add(
        &self,
        name: &str,
        address: Option<Address>,
        abi: JsonAbi,
        size: usize,
    ) -> Result<(), Refused> {
        let mut given = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let mut names = Names::clone(&given);
        names.add(name, address, abi, size)?;
        *given = Arc::new(names);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::{address, hex};

    fn abi(items: &[&str]) -> JsonAbi {
        JsonAbi::parse(items.iter().copied()).unwrap()
    }

    const TRANSFER: &str = "function transfer(address to, uint256 value) returns (bool)";

    #[test]
    fn what_was_added_is_found_by_its_bytes_and_its_place() {
        let given = Given::default();
        let at = address!("0x1111111111111111111111111111111111111111");
        given.add("Token", Some(at), abi(&[TRANSFER]), 10).unwrap();
        let names = given.names();
        let selector = Selector::new(hex!("a9059cbb"));
        assert_eq!(names.functions(&selector)[0].name, "transfer");
        assert_eq!(names.contract_at(&at).unwrap().name, "Token");
        assert_eq!(names.named("TRANSFER").0.len(), 1);
        // The same name again: what was there goes, the place stays.
        given
            .add("Token", None, abi(&["error Late(uint256 by)"]), 10)
            .unwrap();
        let names = given.names();
        assert!(names.functions(&selector).is_empty());
        assert!(names.contract_at(&at).is_some());
    }

    #[test]
    fn names_items_bytes_and_contracts_are_bounded() {
        let mut names = Names::default();
        let add =
            |names: &mut Names, name: &str, abi: JsonAbi, size| names.add(name, None, abi, size);
        assert_eq!(add(&mut names, "", abi(&[]), 1), Err(Refused::Name));
        let long = "x".repeat(MAX_NAME + 1);
        assert_eq!(add(&mut names, &long, abi(&[]), 1), Err(Refused::Name));
        let many: Vec<String> = (0..=MAX_ITEMS).map(|i| format!("error E{i}()")).collect();
        let many = JsonAbi::parse(many.iter().map(String::as_str)).unwrap();
        assert_eq!(add(&mut names, "A", many, 1), Err(Refused::Items));
        assert_eq!(
            add(&mut names, "A", abi(&[]), MAX_BYTES + 1),
            Err(Refused::Full)
        );
        for number in 0..MAX_CONTRACTS {
            add(&mut names, &number.to_string(), abi(&[]), 1).unwrap();
        }
        assert_eq!(add(&mut names, "one more", abi(&[]), 1), Err(Refused::Full));
        // In the place of another there is room.
        assert_eq!(add(&mut names, "7", abi(&[TRANSFER]), 1), Ok(()));
    }
}
