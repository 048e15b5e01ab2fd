//! Which modules the machine accepts: one list of rules, for the machine, for reports and for the
//! build (`docs/machine.md`). It is strict: what the machine's fast path refuses is refused, also
//! if the slow one would take it.

use crate::Version;
use crate::features::features;
use crate::imports::{self, ENTRY, LEGACY_ENTRY, LEGACY_MODULE, MODULE};
use crate::opcodes::Refusal;
use crate::outline::{Import, Outline};
use crate::ticks;
use std::fmt::Display;
use wasmparser::{BinaryReaderError, ExternalKind, Parser, ValidPayload, Validator, WasmFeatures};

/// Why a module is not a kernel.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KernelError {
    /// Not a module, or one with features that the machine refuses, such as
    /// floats.
    #[error("the module does not decode: {0}")]
    Decode(String),
    /// An import that the machine does not offer.
    #[error("the module does not link: {0}")]
    Link(String),
    /// It cannot be instantiated: an import of the wrong type, no exported
    /// memory, a start function or a segment that traps.
    #[error("the module does not initialise: {0}")]
    Init(String),
    /// The computer that runs it lacks something, such as memory; the module is not to blame.
    #[error("this computer lacks what the kernel takes: {0}")]
    Host(String),
    /// There is no function for the machine to call.
    #[error("the module has no entry point: {0}")]
    NoEntry(String),
    /// It can be instantiated, and breaks the machine when it runs.
    #[error("the module cannot run: {0}")]
    Run(String),
}

impl KernelError {
    /// True if the machine falls back on the previous kernel, if there is
    /// one; otherwise the rollup is stuck forever.
    #[must_use]
    pub const fn recoverable(&self) -> bool {
        !matches!(self, Self::NoEntry(_) | Self::Run(_))
    }
}

/// Facts about a valid module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KernelFacts {
    /// The name of the function to call.
    pub entry: &'static str,
    /// The name under which the memory is exported.
    pub memory: String,
    /// The first version of the machine that has all its imports.
    pub since: Version,
    /// True if it has names of 2022.
    pub legacy: bool,
    /// The number of functions that are imported.
    pub imported_functions: u32,
    /// The number of globals.
    pub globals: u32,
    /// True if references to things of the host occur in it.
    pub has_extern_references: bool,
    /// An estimate of the slow machine's ticks before a run's first instruction.
    pub start_ticks: u64,
}

/// By which rules a module is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The version of the machine.
    pub version: Version,
    /// True if the names of 2022 (module `rollup_safe_core`, entry `kernel_next`) pass, which no
    /// network's machine has known since its first release.
    pub legacy: bool,
}

impl From<Version> for Terms {
    /// The rules of a network's machine.
    fn from(version: Version) -> Self {
        Self {
            version,
            legacy: false,
        }
    }
}

/// A rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "Rule::words says it")]
pub enum Rule {
    WellFormed,
    NoFloats,
    Instructions,
    FastPath,
    Imports,
    Sections,
    ImportTypes,
    Memory,
    Segments,
    Start,
    Entry,
    Code,
    EntryType,
}

impl Rule {
    /// All of them, in the order in which the machine looks at them.
    pub const ALL: [Self; 13] = [
        Self::WellFormed,
        Self::NoFloats,
        Self::Instructions,
        Self::FastPath,
        Self::Imports,
        Self::Sections,
        Self::ImportTypes,
        Self::Memory,
        Self::Segments,
        Self::Start,
        Self::Entry,
        Self::Code,
        Self::EntryType,
    ];

    /// Its text.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::WellFormed => "the module is well-formed",
            Self::NoFloats => "no floating-point or floating-point SIMD types or instructions",
            Self::Instructions => "no instructions that the machine does not have",
            Self::FastPath => "nothing that the machine's fast path refuses",
            Self::Imports => "imports are functions that the machine has at this version",
            Self::Sections => "the sections agree with each other",
            Self::ImportTypes => "imports have the machine's types",
            Self::Memory => "one memory of its own, exported",
            Self::Segments => "data and elements fit their memory and tables",
            Self::Start => "a start function makes no host call",
            Self::Entry => "a function kernel_run is exported",
            Self::Code => "the code is well-typed",
            Self::EntryType => "kernel_run takes no parameters",
        }
    }

    fn error(self, what: String) -> KernelError {
        match self {
            Self::WellFormed | Self::NoFloats | Self::Instructions | Self::FastPath => {
                KernelError::Decode(what)
            }
            Self::Imports => KernelError::Link(what),
            Self::Sections | Self::ImportTypes | Self::Memory | Self::Segments | Self::Start => {
                KernelError::Init(what)
            }
            Self::Entry => KernelError::NoEntry(what),
            Self::Code | Self::EntryType => KernelError::Run(what),
        }
    }
}

/// A place that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The rule.
    pub rule: Rule,
    /// The byte of the module.
    pub offset: usize,
    /// The function, if it is in one.
    pub function: Option<u32>,
    /// The fault.
    pub what: String,
}

impl Violation {
    fn new(rule: Rule, offset: usize, what: impl Display) -> Self {
        Self {
            rule,
            offset,
            function: None,
            what: what.to_string(),
        }
    }

    fn of(rule: Rule, error: &BinaryReaderError) -> Self {
        Self::new(rule, error.offset(), error.message())
    }
}

/// Checks a module.
///
/// # Errors
/// The first rule that it breaks, in the order in which the machine would
/// notice.
pub fn check(wasm: &[u8], terms: impl Into<Terms>) -> Result<KernelFacts, KernelError> {
    let terms = terms.into();
    let outline = match Outline::read_strictly(wasm) {
        Ok(outline) => outline,
        Err(error) => return Err(KernelError::Decode(error.to_string())),
    };
    if let Some(first) = violations(wasm, &outline, terms).into_iter().next() {
        let place = match first.function {
            Some(function) => format!("{}, ", outline.name(function)),
            None => String::new(),
        };
        let what = format!("{} ({place}byte {:#x})", first.what, first.offset);
        return Err(first.rule.error(what));
    }
    let entry = match outline.exported_function(ENTRY) {
        Some(_) => ENTRY,
        None => LEGACY_ENTRY,
    };
    let memory = outline
        .exports
        .iter()
        .find(|export| export.kind == ExternalKind::Memory);
    Ok(KernelFacts {
        entry,
        memory: memory
            .map(|export| export.name.to_owned())
            .unwrap_or_default(),
        since: since(&outline),
        legacy: entry == LEGACY_ENTRY
            || outline
                .imports
                .iter()
                .any(|import| import.module == LEGACY_MODULE),
        imported_functions: outline.imported_functions,
        globals: outline.globals,
        has_extern_references: outline.has_extern_references,
        start_ticks: ticks::start(wasm, &outline),
    })
}

/// The first version of the machine that has all imports.
fn since(outline: &Outline<'_>) -> Version {
    let known = outline
        .imports
        .iter()
        .filter_map(|import| imports::import(import.name));
    known
        .map(|import| import.since)
        .max()
        .unwrap_or(Version::V0)
}

/// Every place that breaks a rule, in the order of the rules.
#[must_use]
pub(crate) fn violations(wasm: &[u8], outline: &Outline<'_>, terms: Terms) -> Vec<Violation> {
    let mut found = refused(outline);
    found.extend(well_formed(outline));
    found.extend(validation(wasm, &found));
    for import in &outline.imports {
        found.extend(linked(outline, import, terms));
    }
    found.extend(memory(outline));
    found.extend(segments(outline));
    found.extend(start(outline));
    found.extend(entry(outline, terms));
    found.sort_by_key(|violation| violation.rule);
    found
}

/// Faults that the decoder refuses.
fn refused(outline: &Outline<'_>) -> Vec<Violation> {
    let all = outline.refused.iter().chain(&outline.unfit);
    let refused = all.map(|refused| {
        let (rule, what) = match refused.refusal {
            Refusal::Float => (Rule::NoFloats, format!("{}: floating-point", refused.what)),
            Refusal::Unknown => {
                let what = format!("{}: no instruction of the machine", refused.what);
                (Rule::Instructions, what)
            }
            Refusal::SeveralValues => {
                let what = format!("{}: the fast path refuses multi-value", refused.what);
                (Rule::FastPath, what)
            }
            Refusal::Unfit => {
                let what = format!("{}: the fast path refuses it", refused.what);
                (Rule::FastPath, what)
            }
        };
        Violation {
            function: refused.function,
            ..Violation::new(rule, refused.offset, what)
        }
    });
    refused.collect()
}

/// The sections' place in a module, by their numbers.
const ORDER: [u8; 12] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 10, 11];

/// Faults of sections as a whole that a decoder notices.
fn well_formed(outline: &Outline<'_>) -> Option<Violation> {
    let place = |id: &u8| ORDER.iter().position(|known| known == id);
    let what = if !outline.order.iter().map(place).is_sorted_by(|a, b| a < b) {
        "a section twice, or out of its order".to_owned()
    } else if outline.functions.len() != outline.bodies.len() + outline.imported_functions as usize
    {
        format!(
            "{} functions with {} bodies",
            outline.functions.len() - outline.imported_functions as usize,
            outline.bodies.len()
        )
    } else if outline.data_count.is_none() && outline.bodies.iter().any(|body| body.uses_data) {
        "code that uses data segments, without a section that counts them".to_owned()
    } else {
        return None;
    };
    Some(Violation::new(Rule::WellFormed, 0, what))
}

/// Faults that a full validation finds beyond `known`: the interpreter does none, and sees faults
/// with code only when it runs.
fn validation(wasm: &[u8], known: &[Violation]) -> Option<Violation> {
    let (error, in_code) = validate(wasm, features())?;
    if known
        .iter()
        .any(|violation| violation.rule <= Rule::FastPath)
    {
        return None;
    }
    let rule = match (validate(wasm, WasmFeatures::all()), in_code) {
        (None, _) => Rule::FastPath,
        (Some(_), true) => Rule::Code,
        (Some(_), false) => Rule::Sections,
    };
    Some(Violation::of(rule, &error))
}

/// The first error of a validator, and whether it is in a function's code.
fn validate(wasm: &[u8], features: WasmFeatures) -> Option<(BinaryReaderError, bool)> {
    let mut validator = Validator::new_with_features(features);
    let mut allocations = Default::default();
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.and_then(|payload| validator.payload(&payload)) {
            Ok(ValidPayload::Func(function, body)) => {
                let mut function = function.into_validator(std::mem::take(&mut allocations));
                if let Err(error) = function.validate(&body) {
                    return Some((error, true));
                }
                allocations = function.into_allocations();
            }
            Ok(_) => {}
            Err(error) => return Some((error, false)),
        }
    }
    None
}

/// Why a name of 2022 is refused.
const LEGACY_WORDS: &str = "is a name of 2022, which no network's machine knows: build the kernel \
     without the feature `legacy-abi` of the crate `host` (it then exports kernel_run and imports \
     from smart_rollup_core), or run it here alone, with `run --legacy`";

fn linked(outline: &Outline<'_>, import: &Import<'_>, terms: Terms) -> Option<Violation> {
    let Import {
        module,
        name,
        function,
        offset,
        ..
    } = *import;
    let legacy = module == LEGACY_MODULE;
    let offered = module == MODULE || legacy && terms.legacy;
    let unlinked = |what: String| Some(Violation::new(Rule::Imports, offset, what));
    let known = match imports::import(name) {
        _ if legacy && !terms.legacy => {
            return unlinked(format!(
                "{module}.{name} is imported: {module} {LEGACY_WORDS}"
            ));
        }
        Some(known) if offered => known,
        _ => return unlinked(format!("the machine has no {module}.{name}")),
    };
    let Some(ty) = function else {
        return unlinked(format!("{module}.{name} is not a function"));
    };
    if known.since > terms.version {
        let (since, version) = (known.since, terms.version);
        return unlinked(format!(
            "{name} came with version {since}, this is {version}"
        ));
    }
    let fits = outline
        .type_at(ty)
        .is_some_and(|ty| ty.params() == known.params && ty.results() == known.result.as_slice());
    let what = format!("{name} has another type on the machine");
    (!fits).then(|| Violation::new(Rule::ImportTypes, offset, what))
}

fn memory(outline: &Outline<'_>) -> Option<Violation> {
    let imported = outline.imports.iter().any(|import| import.is_memory);
    let mut exports = outline.exports.iter();
    let exported = exports.any(|export| export.kind == ExternalKind::Memory && export.index == 0);
    let what = match outline.memories.len() {
        _ if imported => "the memory is imported".to_owned(),
        1 if exported => return None,
        1 => "the memory is not exported".to_owned(),
        count => format!("{count} memories"),
    };
    Some(Violation::new(Rule::Memory, 0, what))
}

/// The bytes of a page of memory.
const PAGE: u64 = 65_536;

fn segments(outline: &Outline<'_>) -> Vec<Violation> {
    let outside = outline.segments.iter().filter_map(|segment| {
        let target = segment.target as usize;
        let (what, size) = if segment.is_data {
            let pages = outline.memories.get(target)?;
            ("data beyond the memory", pages.saturating_mul(PAGE))
        } else {
            ("elements beyond the table", *outline.tables.get(target)?)
        };
        let end = u64::from(segment.start).saturating_add(segment.len);
        (end > size).then(|| Violation::new(Rule::Segments, segment.offset, what))
    });
    outside.collect()
}

/// Follows the calls of the start function; one through a table may lead
/// anywhere and is let pass.
fn start(outline: &Outline<'_>) -> Option<Violation> {
    let (start, offset) = outline.start?;
    let (mut seen, mut waiting) = (vec![start], vec![start]);
    while let Some(function) = waiting.pop() {
        if function < outline.imported_functions {
            return Some(Violation {
                function: Some(start),
                ..Violation::new(Rule::Start, offset, "it reaches a host function")
            });
        }
        let calls = outline
            .body(function)
            .into_iter()
            .flat_map(|body| &body.calls);
        for called in calls {
            if !seen.contains(called) {
                seen.push(*called);
                waiting.push(*called);
            }
        }
    }
    None
}

fn entry(outline: &Outline<'_>, terms: Terms) -> Option<Violation> {
    let legacy = outline.exported_function(LEGACY_ENTRY);
    let found = match outline.exported_function(ENTRY) {
        None if terms.legacy => legacy,
        found => found,
    };
    let Some(export) = found else {
        let what = match legacy {
            Some(_) => format!("only {LEGACY_ENTRY} is exported, which {LEGACY_WORDS}"),
            None => format!("no function {ENTRY} is exported"),
        };
        return Some(Violation::new(Rule::Entry, 0, what));
    };
    let takes = outline
        .function_type(export.index)
        .is_none_or(|ty| !ty.params().is_empty());
    takes.then(|| Violation {
        function: Some(export.index),
        ..Violation::new(Rule::EntryType, export.offset, "it takes parameters")
    })
}
