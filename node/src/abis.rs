//! Names for bytes: the ABIs that somebody gave, found by selector and topic.

use crate::deployed::{Deployed, Likeness};
use alloy_json_abi::{Error, Event, EventParam, Function, JsonAbi, Param};
use alloy_primitives::{Address, B256, Selector};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

/// Sources by the names of their files.
pub type Sources = BTreeMap<String, Arc<str>>;

/// The most contracts with an ABI.
pub const MAX_CONTRACTS: usize = 512;
/// The most functions, events and errors of an ABI.
pub const MAX_ITEMS: usize = 1_000;
/// The most bytes of all ABIs, as JSON.
pub const MAX_BYTES: usize = 4 << 20;
/// The most characters of a contract's name.
pub const MAX_NAME: usize = 100;
/// The most characters of the name of a function, event, error or parameter, and of a type.
pub const MAX_WORD: usize = 1_000;
/// The most bytes of all sources, with their names.
pub const MAX_SOURCES: usize = 16 << 20;
/// The most files of a contract's sources.
pub const MAX_FILES: usize = 256;
/// The most bytes of the code of all contracts.
pub const MAX_CODES: usize = 16 << 20;
/// The most addresses of a contract.
pub const MAX_ADDRESSES: usize = 1_000;

/// A contract as its compiler described it.
#[derive(Clone, Debug)]
pub struct Artefact {
    /// Its name, if the artefact says it.
    pub name: Option<String>,
    /// Its ABI.
    pub abi: JsonAbi,
    /// The bytes of the ABI as JSON.
    pub size: usize,
    /// Its sources, if they are there.
    pub sources: Sources,
    /// The code that an account with it has, if it is there.
    pub code: Option<Deployed>,
}

impl Artefact {
    /// An ABI alone.
    #[must_use]
    pub fn of(abi: JsonAbi) -> Self {
        Self {
            name: None,
            abi,
            size: 0,
            sources: Sources::new(),
            code: None,
        }
    }
}

/// A contract with its ABI.
#[derive(Clone, Debug)]
pub struct Contract {
    /// Its name, which is whatever somebody gave.
    pub name: String,
    /// Its addresses, as far as they were given.
    pub addresses: BTreeSet<Address>,
    /// Its ABI.
    pub abi: Arc<JsonAbi>,
    /// Its sources, as far as somebody gave them: whether an account has them,
    /// [`Contract::likeness`] says.
    pub sources: Arc<Sources>,
    /// Its code, as far as somebody gave it.
    code: Option<Arc<Deployed>>,
    /// The bytes of the ABI as JSON.
    size: usize,
}

impl Contract {
    /// The bytes of its code, as far as somebody gave it.
    #[must_use]
    pub fn code_size(&self) -> Option<usize> {
        self.code.as_ref().map(|code| code.len())
    }

    /// How much an account's code is like its own; `None` if they differ, or if no code was given.
    #[must_use]
    pub fn likeness(&self, code: &[u8]) -> Option<Likeness> {
        self.code.as_ref()?.likeness(code)
    }
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

/// The bytes of sources with their names.
fn length(sources: &Sources) -> usize {
    let files = sources.iter().map(|(name, text)| name.len() + text.len());
    files.sum()
}

impl Names {
    /// Adds a contract, or puts another ABI in the place of what had its name. Gives the number of
    /// its files of sources; sources and code that there is no room for are left out.
    ///
    /// # Errors
    /// [`Refused`]; nothing has changed then.
    pub fn add(
        &mut self,
        name: &str,
        address: Option<Address>,
        artefact: Artefact,
    ) -> Result<usize, Refused> {
        let files = self.put(name, address, artefact)?;
        self.index();
        Ok(files)
    }

    /// As [`Names::add`]; it is found by its bytes from the next [`Names::index`] on.
    pub(crate) fn put(
        &mut self,
        name: &str,
        address: Option<Address>,
        artefact: Artefact,
    ) -> Result<usize, Refused> {
        let Artefact {
            abi,
            size,
            sources,
            code,
            ..
        } = artefact;
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
        let others = self.contracts.values().filter(|other| other.name != name);
        let taken: usize = others.map(|other| length(&other.sources)).sum();
        let room = sources.len() <= MAX_FILES && taken + length(&sources) <= MAX_SOURCES;
        let sources = if room { sources } else { Sources::new() };
        let files = sources.len();
        let others = self.contracts.values().filter(|other| other.name != name);
        let taken: usize = others.filter_map(Contract::code_size).sum();
        let code = code.filter(|code| taken + code.len() <= MAX_CODES);
        let contract = Contract {
            name: name.to_owned(),
            addresses,
            abi: Arc::new(abi),
            sources: Arc::new(sources),
            code: code.map(Arc::new),
            size,
        };
        self.contracts.insert(name.to_owned(), contract);
        Ok(files)
    }

    /// Builds the index anew: entries of contracts that were removed are gone.
    pub(crate) fn index(&mut self) {
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

    /// The contract that has the code of an account, and how alike they are, among those that are
    /// wanted: one that has it whole before others.
    #[must_use]
    pub fn contract_of(
        &self,
        code: &[u8],
        wanted: impl Fn(&Contract) -> bool,
    ) -> Option<(&Contract, Likeness)> {
        let alike = self
            .contracts()
            .filter(|contract| wanted(contract))
            .filter_map(|contract| Some((contract, contract.likeness(code)?)));
        let mut nearly = None;
        for (contract, likeness) in alike {
            match likeness {
                Likeness::Same => return Some((contract, likeness)),
                Likeness::ButMetadata => nearly = nearly.or(Some((contract, likeness))),
            }
        }
        nearly
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

/// Puts what a call reverted with into words, if names say which error it is.
pub type ErrorWords = fn(&Names, &[u8]) -> Option<String>;

/// The names that a node was given; they are there until it ends.
#[derive(Debug, Default)]
pub struct Given {
    names: RwLock<Arc<Names>>,
    words: OnceLock<ErrorWords>,
}

impl Given {
    /// Those that there are.
    #[must_use]
    pub fn names(&self) -> Arc<Names> {
        Arc::clone(&self.names.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// From now on the log tells custom errors in these words. The first to say so counts.
    pub fn tell_errors(&self, words: ErrorWords) {
        let _ = self.words.set(words);
    }

    /// A custom error of a contract in words; its selector, if nobody has named it. `None`: the
    /// output does not begin with a selector.
    pub(crate) fn custom_error(&self, output: &[u8]) -> Option<String> {
        let selector = Selector::from_slice(output.get(..4)?);
        let words = self.words.get();
        let words = words.and_then(|words| words(&self.names(), output));
        Some(words.unwrap_or_else(|| {
            format!("custom error {selector} (no ABI names it: rollup_addAbi takes one)")
        }))
    }

    /// As [`Names::add`]; who looks meanwhile sees what was there before.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn add(
        &self,
        name: &str,
        address: Option<Address>,
        artefact: Artefact,
    ) -> Result<usize, Refused> {
        let mut given = self.names.write().unwrap_or_else(PoisonError::into_inner);
        let mut names = Names::clone(&given);
        let files = names.add(name, address, artefact)?;
        *given = Arc::new(names);
        Ok(files)
    }

    /// Puts these in the place of all that there were.
    pub fn replace(&self, names: Names) {
        *self.names.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(names);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::{address, hex};

    fn abi(items: &[&str]) -> Artefact {
        sized(JsonAbi::parse(items.iter().copied()).unwrap(), 10)
    }

    fn sized(abi: JsonAbi, size: usize) -> Artefact {
        Artefact {
            name: None,
            abi,
            size,
            sources: Sources::new(),
            code: None,
        }
    }

    const TRANSFER: &str = "function transfer(address to, uint256 value) returns (bool)";

    #[test]
    fn what_was_added_is_found_by_its_bytes_and_its_place() {
        let given = Given::default();
        let at = address!("0x1111111111111111111111111111111111111111");
        given.add("Token", Some(at), abi(&[TRANSFER])).unwrap();
        let names = given.names();
        let selector = Selector::new(hex!("a9059cbb"));
        assert_eq!(names.functions(&selector)[0].name, "transfer");
        assert_eq!(names.contract_at(&at).unwrap().name, "Token");
        assert_eq!(names.named("TRANSFER").0.len(), 1);
        // The same name again: what was there goes, the place stays.
        given
            .add("Token", None, abi(&["error Late(uint256 by)"]))
            .unwrap();
        let names = given.names();
        assert!(names.functions(&selector).is_empty());
        assert!(names.contract_at(&at).is_some());
    }

    #[test]
    fn custom_errors_are_told_by_their_names_or_their_selectors() {
        let given = Given::default();
        let late = hex!("0011223300");
        let told = given.custom_error(&late).unwrap();
        assert!(told.starts_with("custom error 0x00112233"), "{told}");
        assert_eq!(given.custom_error(&late[..3]), None);
        given.tell_errors(|_, output| Some(format!("Late({})", output.len())));
        assert_eq!(given.custom_error(&late).as_deref(), Some("Late(5)"));
    }

    #[test]
    fn names_items_bytes_and_contracts_are_bounded() {
        let mut names = Names::default();
        let add = |names: &mut Names, name: &str, abi| names.add(name, None, abi);
        assert_eq!(add(&mut names, "", abi(&[])), Err(Refused::Name));
        let long = "x".repeat(MAX_NAME + 1);
        assert_eq!(add(&mut names, &long, abi(&[])), Err(Refused::Name));
        let many: Vec<String> = (0..=MAX_ITEMS).map(|i| format!("error E{i}()")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(add(&mut names, "A", abi(&many)), Err(Refused::Items));
        let large = sized(JsonAbi::default(), MAX_BYTES + 1);
        assert_eq!(add(&mut names, "A", large), Err(Refused::Full));
        for number in 0..MAX_CONTRACTS {
            add(
                &mut names,
                &number.to_string(),
                sized(JsonAbi::default(), 1),
            )
            .unwrap();
        }
        assert_eq!(add(&mut names, "one more", abi(&[])), Err(Refused::Full));
        // In the place of another there is room.
        assert_eq!(add(&mut names, "7", abi(&[TRANSFER])), Ok(0));
    }

    #[test]
    fn sources_stay_with_their_contract_as_far_as_there_is_room() {
        let with = |length: usize| Artefact {
            sources: Sources::from([("a.sol".to_owned(), "x".repeat(length).into())]),
            ..abi(&[TRANSFER])
        };
        let mut names = Names::default();
        assert_eq!(names.add("A", None, with(MAX_SOURCES - 100)), Ok(1));
        assert_eq!(names.add("B", None, with(200)), Ok(0));
        assert!(names.contract("B").unwrap().sources.is_empty());
        // In the place of the first there is room.
        assert_eq!(names.add("A", None, with(10)), Ok(1));
        assert_eq!(names.add("B", None, with(200)), Ok(1));
        assert_eq!(names.contract("A").unwrap().sources["a.sol"].len(), 10);
    }
}
