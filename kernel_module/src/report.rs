//! Every rule that a kernel must keep, one by one, with where it is broken, and what the module's
//! bytes are made of.

use crate::check::{Rule, Terms, violations};
use crate::outline::Outline;
use crate::stack_guard;
use serde::Serialize;
use std::collections::BTreeMap;

/// The report on a module.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ModuleReport {
    /// The rules, in the order in which the machine looks at them.
    pub rules: Vec<RuleReport>,
    /// The bytes of each section, largest first.
    pub sections: Vec<(String, usize)>,
    /// The bytes of code of each crate, largest first; nothing for a module
    /// without names.
    pub crates: Vec<(String, usize)>,
    /// The number of functions that can call themselves without passing a guard
    /// ([`stack_guard`]): too many open calls make the rollup stuck for good.
    pub unguarded: usize,
}

/// The report on a rule.
#[derive(Clone, Debug, Serialize)]
pub struct RuleReport {
    /// Its text.
    pub name: &'static str,
    /// True if it could be looked at: of what is no module, no rule but the first.
    pub checked: bool,
    /// The faults that break it; empty if it is kept.
    pub faults: Vec<Fault>,
}

/// A place that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The byte of the module.
    pub offset: usize,
    /// The function, by its name or number, if it is in one.
    pub function: Option<String>,
    /// The fault.
    pub what: String,
}

/// The most places that are named for one rule.
const MAX_FAULTS: usize = 10;

impl ModuleReport {
    /// True if every rule is kept.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.rules.iter().all(|rule| rule.faults.is_empty())
    }
}

/// Looks at every rule for the module `wasm`.
#[must_use]
pub fn report(wasm: &[u8], terms: impl Into<Terms>) -> ModuleReport {
    let outline = match Outline::read_strictly(wasm) {
        Ok(outline) => outline,
        Err(error) => {
            let fault = Fault {
                offset: error.offset(),
                function: None,
                what: error.message().to_owned(),
            };
            let mut rules = rules([(Rule::WellFormed, fault)]);
            for rule in &mut rules {
                rule.checked = !rule.faults.is_empty();
            }
            return ModuleReport {
                rules,
                ..ModuleReport::default()
            };
        }
    };
    let faults = violations(wasm, &outline, terms.into())
        .into_iter()
        .map(|violation| {
            let fault = Fault {
                offset: violation.offset,
                function: violation.function.map(|index| outline.name(index)),
                what: violation.what,
            };
            (violation.rule, fault)
        });
    ModuleReport {
        rules: rules(faults),
        sections: largest_first(outline.sections.clone()),
        crates: largest_first(crates(&outline)),
        // What was read before can be read again.
        unguarded: stack_guard::unguarded_of(wasm, &outline).map_or(0, |all| all.len()),
    }
}

fn rules(faults: impl IntoIterator<Item = (Rule, Fault)>) -> Vec<RuleReport> {
    let mut of_rule: BTreeMap<Rule, Vec<Fault>> = BTreeMap::new();
    for (rule, fault) in faults {
        let faults = of_rule.entry(rule).or_default();
        if faults.len() < MAX_FAULTS {
            faults.push(fault);
        }
    }
    let rules = Rule::ALL.into_iter().map(|rule| RuleReport {
        name: rule.words(),
        checked: true,
        faults: of_rule.remove(&rule).unwrap_or_default(),
    });
    rules.collect()
}

/// The bytes of code of each crate.
fn crates(outline: &Outline<'_>) -> BTreeMap<String, usize> {
    let mut crates: BTreeMap<String, usize> = BTreeMap::new();
    for (index, body) in (outline.imported_functions..).zip(&outline.bodies) {
        if outline.names.contains_key(&index) {
            *crates.entry(crate_of(&outline.name(index))).or_default() += body.range.len();
        }
    }
    crates
}

fn largest_first(sizes: BTreeMap<String, usize>) -> Vec<(String, usize)> {
    let mut sizes: Vec<_> = sizes.into_iter().collect();
    sizes.sort_by_key(|(_, size)| std::cmp::Reverse(*size));
    sizes
}

/// The crate of a function by its demangled name; what is no path of Rust is C.
fn crate_of(name: &str) -> String {
    // `<a::B as c::D>::f` and `<a::B>::f` belong to `a`.
    let path = name
        .trim_start_matches(['<', '&', '*', '[', '('])
        .trim_start_matches("mut ");
    match path.split_once("::") {
        Some((first, _))
            if first
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') =>
        {
            first.to_owned()
        }
        Some(_) => "generic".to_owned(),
        None => "C and intrinsics".to_owned(),
    }
}
