//! Every rule that a kernel must keep, one by one, with where it is broken
//! (`spec/pvm.md` §1 and §2). [`crate::check::check`] is what the machine
//! itself does: it stops at the first.

use crate::Version;
use crate::check;
use crate::imports::{self, ENTRY, LEGACY_ENTRY, LEGACY_MODULE, MODULE};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Display;
use wasmparser::{
    BlockType, CompositeInnerType, ExternalKind, FuncType, FunctionBody, KnownCustom, Name,
    Operator, Parser, Payload, TypeRef, ValType, Validator, WasmFeatures,
};

/// What was found of a module.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Verification {
    /// The rules, in the order in which the machine looks at them.
    pub rules: Vec<Rule>,
    /// The bytes of each section, largest first.
    pub sections: Vec<(String, usize)>,
    /// The bytes of code of each crate, largest first; nothing for a module
    /// without names.
    pub crates: Vec<(String, usize)>,
}

/// A rule.
#[derive(Clone, Debug, Serialize)]
pub struct Rule {
    /// What it says.
    pub name: &'static str,
    /// Where it is broken; nowhere if it is kept.
    pub faults: Vec<Fault>,
}

/// A place that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The byte of the module.
    pub offset: usize,
    /// The function, by its name or number, if it is in one.
    pub function: Option<String>,
    /// What is wrong.
    pub what: String,
}

/// The most places that are named for one rule.
const MAX_FAULTS: usize = 10;

impl Verification {
    /// Whether every rule is kept.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.rules.iter().all(|rule| rule.faults.is_empty())
    }
}

/// Looks at every rule that a machine of `version` has for the module `wasm`.
#[must_use]
pub fn verify(wasm: &[u8], version: Version) -> Verification {
    let mut look = Look::default();
    if let Err(error) = look.module(wasm) {
        look.fault(Rules::WELL_FORMED, error.offset(), error.message());
        return look.finish();
    }
    if let Err(error) = Validator::new_with_features(WasmFeatures::all()).validate_all(wasm) {
        look.fault(Rules::WELL_FORMED, error.offset(), error.message());
    }
    // What is neither a float nor more than one value, and still refused.
    let explained = [Rules::WELL_FORMED, Rules::NO_FLOATS, Rules::SINGLE_VALUES]
        .iter()
        .any(|rule| look.faults.contains_key(rule));
    if !explained
        && let Err(error) = Validator::new_with_features(check::features()).validate_all(wasm)
    {
        look.fault(Rules::FEATURES, error.offset(), error.message());
    }
    look.links(version);
    look.memory();
    look.start();
    look.entry();
    look.finish()
}

/// The rules' names.
struct Rules;

impl Rules {
    const WELL_FORMED: &'static str = "the module is well-formed";
    const NO_FLOATS: &'static str = "no floats, in types or instructions, of SIMD neither";
    const SINGLE_VALUES: &'static str = "functions and blocks give one value at most";
    const FEATURES: &'static str = "no instructions beyond those of the machine";
    const IMPORTS: &'static str = "imports are functions that the machine has at this version";
    const TYPES: &'static str = "imports have the machine's types";
    const MEMORY: &'static str = "one memory of its own, exported";
    const START: &'static str = "a start function makes no host call";
    const ENTRY: &'static str = "kernel_run is exported, takes and gives nothing";

    const ALL: [&'static str; 9] = [
        Self::WELL_FORMED,
        Self::NO_FLOATS,
        Self::SINGLE_VALUES,
        Self::FEATURES,
        Self::IMPORTS,
        Self::TYPES,
        Self::MEMORY,
        Self::START,
        Self::ENTRY,
    ];
}

struct Import {
    module: String,
    name: String,
    function: Option<u32>,
    offset: usize,
}

struct Export {
    name: String,
    kind: ExternalKind,
    index: u32,
    offset: usize,
}

/// What is known so far.
#[derive(Default)]
struct Look {
    faults: BTreeMap<&'static str, Vec<Fault>>,
    names: BTreeMap<u32, String>,
    types: Vec<Option<FuncType>>,
    imports: Vec<Import>,
    exports: Vec<Export>,
    /// The types of all functions, the imported ones first.
    functions: Vec<u32>,
    /// Where each function with code lies, and whom it calls.
    bodies: Vec<(usize, usize, Vec<u32>)>,
    memories: u32,
    imported_memories: u32,
    start: Option<(u32, usize)>,
    sections: BTreeMap<String, usize>,
    module_len: usize,
}

impl Look {
    fn fault(&mut self, rule: &'static str, offset: usize, what: impl Display) {
        self.fault_in(rule, offset, None, what);
    }

    fn fault_in(
        &mut self,
        rule: &'static str,
        offset: usize,
        function: Option<u32>,
        what: impl Display,
    ) {
        let function = function.map(|index| self.name(index));
        let what = what.to_string();
        let faults = self.faults.entry(rule).or_default();
        if faults.len() < MAX_FAULTS {
            faults.push(Fault {
                offset,
                function,
                what,
            });
        }
    }

    fn name(&self, index: u32) -> String {
        match self.names.get(&index) {
            Some(name) => name.clone(),
            None => format!("function {index}"),
        }
    }

    fn imported_functions(&self) -> u32 {
        self.imports
            .iter()
            .filter(|import| import.function.is_some())
            .count() as u32
    }

    /// Reads the module once, names first so that functions have theirs.
    fn module(&mut self, wasm: &[u8]) -> wasmparser::Result<()> {
        self.module_len = wasm.len();
        for payload in Parser::new(0).parse_all(wasm) {
            if let Payload::CustomSection(section) = payload?
                && let KnownCustom::Name(names) = section.as_known()
            {
                for name in names {
                    let Ok(Name::Function(functions)) = name else {
                        continue;
                    };
                    for naming in functions.into_iter().flatten() {
                        let name = rustc_demangle::demangle(naming.name);
                        self.names.insert(naming.index, format!("{name:#}"));
                    }
                }
            }
        }
        for payload in Parser::new(0).parse_all(wasm) {
            self.payload(payload?)?;
        }
        Ok(())
    }

    fn payload(&mut self, payload: Payload<'_>) -> wasmparser::Result<()> {
        if let Some((id, range)) = payload.as_section() {
            let name = match &payload {
                Payload::CustomSection(section) => format!("custom {:?}", section.name()),
                _ => section_name(id).to_owned(),
            };
            *self.sections.entry(name).or_default() += range.len();
        }
        match payload {
            Payload::TypeSection(types) => {
                for group in types.into_iter_with_offsets() {
                    let (offset, group) = group?;
                    for ty in group.into_types() {
                        let CompositeInnerType::Func(ty) = ty.composite_type.inner else {
                            self.types.push(None);
                            continue;
                        };
                        self.function_type(&ty, offset);
                        self.types.push(Some(ty));
                    }
                }
            }
            Payload::ImportSection(imports) => {
                let offset = imports.range().start;
                for import in imports.into_imports() {
                    let import = import?;
                    let function = match import.ty {
                        TypeRef::Func(ty) => {
                            self.functions.push(ty);
                            Some(ty)
                        }
                        TypeRef::Memory(_) => {
                            self.imported_memories += 1;
                            None
                        }
                        _ => None,
                    };
                    self.imports.push(Import {
                        module: import.module.to_owned(),
                        name: import.name.to_owned(),
                        function,
                        offset,
                    });
                }
            }
            Payload::FunctionSection(functions) => {
                for ty in functions {
                    self.functions.push(ty?);
                }
            }
            Payload::MemorySection(memories) => self.memories = memories.count(),
            Payload::GlobalSection(globals) => {
                for global in globals.into_iter_with_offsets() {
                    let (offset, global) = global?;
                    self.value(global.ty.content_type, offset, None, "a global");
                }
            }
            Payload::ExportSection(exports) => {
                for export in exports.into_iter_with_offsets() {
                    let (offset, export) = export?;
                    self.exports.push(Export {
                        name: export.name.to_owned(),
                        kind: export.kind,
                        index: export.index,
                        offset,
                    });
                }
            }
            Payload::StartSection { func, range } => self.start = Some((func, range.start)),
            Payload::CodeSectionEntry(body) => self.body(&body)?,
            _ => {}
        }
        Ok(())
    }

    fn function_type(&mut self, ty: &FuncType, offset: usize) {
        for value in ty.params().iter().chain(ty.results()) {
            self.value(*value, offset, None, "a function type");
        }
        if ty.results().len() > 1 {
            let what = format!("a function type with {} results", ty.results().len());
            self.fault(Rules::SINGLE_VALUES, offset, what);
        }
    }

    fn value(&mut self, ty: ValType, offset: usize, function: Option<u32>, place: &str) {
        if matches!(ty, ValType::F32 | ValType::F64) {
            let what = format!("{ty} in {place}");
            self.fault_in(Rules::NO_FLOATS, offset, function, what);
        }
    }

    fn body(&mut self, body: &FunctionBody<'_>) -> wasmparser::Result<()> {
        let index = self.imported_functions() + self.bodies.len() as u32;
        let function = Some(index);
        let mut locals = body.get_locals_reader()?;
        for _ in 0..locals.get_count() {
            let offset = locals.original_position();
            let (_, ty) = locals.read()?;
            self.value(ty, offset, function, "a local");
        }
        let mut calls = Vec::new();
        for operator in body.get_operators_reader()?.into_iter_with_offsets() {
            let (operator, offset) = operator?;
            match operator {
                Operator::Call { function_index } => calls.push(function_index),
                Operator::Block { blockty }
                | Operator::Loop { blockty }
                | Operator::If { blockty } => {
                    self.block(blockty, offset, index);
                }
                _ => {}
            }
            let text = format!("{operator:?}");
            let opcode = text.split([' ', '{']).next().unwrap_or_default();
            // An instruction on floats names their type.
            if opcode.contains("F32") || opcode.contains("F64") {
                self.fault_in(Rules::NO_FLOATS, offset, function, opcode);
            }
        }
        let range = body.range();
        self.bodies.push((range.start, range.len(), calls));
        Ok(())
    }

    fn block(&mut self, ty: BlockType, offset: usize, function: u32) {
        match ty {
            BlockType::Type(ty) => self.value(ty, offset, Some(function), "a block"),
            BlockType::FuncType(ty) => {
                let ty = self.types.get(ty as usize).and_then(Option::as_ref);
                if ty.is_some_and(|ty| ty.results().len() > 1 || !ty.params().is_empty()) {
                    let what = "a block that takes values, or gives more than one";
                    self.fault_in(Rules::SINGLE_VALUES, offset, Some(function), what);
                }
            }
            BlockType::Empty => {}
        }
    }

    fn links(&mut self, version: Version) {
        for import in std::mem::take(&mut self.imports) {
            let Import {
                module,
                name,
                function,
                offset,
            } = &import;
            let known =
                imports::import(name).filter(|_| *module == MODULE || *module == LEGACY_MODULE);
            match (function, known) {
                (None, _) => {
                    let what = format!("{module}.{name} is not a function");
                    self.fault(Rules::IMPORTS, *offset, what);
                }
                (_, None) => {
                    let what = format!("the machine has no {module}.{name}");
                    self.fault(Rules::IMPORTS, *offset, what);
                }
                (_, Some(known)) if known.since > version => {
                    let what = format!(
                        "{name} came with version {}, this is {version}",
                        known.since
                    );
                    self.fault(Rules::IMPORTS, *offset, what);
                }
                (Some(ty), Some(known)) => {
                    let ty = self.types.get(*ty as usize).and_then(Option::as_ref);
                    let fits = ty.is_some_and(|ty| {
                        ty.params() == known.params && ty.results() == known.result.as_slice()
                    });
                    if !fits {
                        let what = format!("{name} has another type on the machine");
                        self.fault(Rules::TYPES, *offset, what);
                    }
                }
            }
            self.imports.push(import);
        }
    }

    fn memory(&mut self) {
        let exported = self
            .exports
            .iter()
            .any(|export| export.kind == ExternalKind::Memory);
        let what = match (self.memories, self.imported_memories) {
            (1, 0) if exported => return,
            (1, 0) => "the memory is not exported".to_owned(),
            (_, 1..) => "the memory is imported".to_owned(),
            (count, _) => format!("{count} memories"),
        };
        self.fault(Rules::MEMORY, 0, what);
    }

    /// Follows the calls of the start function; one through a table may lead
    /// anywhere and is let pass.
    fn start(&mut self) {
        let Some((start, offset)) = self.start else {
            return;
        };
        let imported = self.imported_functions();
        let (mut seen, mut waiting) = (vec![start], vec![start]);
        while let Some(function) = waiting.pop() {
            if function < imported {
                let what = "it reaches a host function";
                return self.fault_in(Rules::START, offset, Some(start), what);
            }
            let body = self.bodies.get((function - imported) as usize);
            for called in body.map(|(_, _, calls)| calls.clone()).unwrap_or_default() {
                if !seen.contains(&called) {
                    seen.push(called);
                    waiting.push(called);
                }
            }
        }
    }

    fn entry(&mut self) {
        let entry = |name: &str| {
            self.exports
                .iter()
                .find(|export| export.name == name && export.kind == ExternalKind::Func)
        };
        let Some(export) = entry(ENTRY).or_else(|| entry(LEGACY_ENTRY)) else {
            return self.fault(Rules::ENTRY, 0, "it is not exported");
        };
        let (index, offset) = (export.index, export.offset);
        let ty = self.functions.get(index as usize);
        let ty = ty.and_then(|ty| self.types.get(*ty as usize)?.as_ref());
        if !ty.is_some_and(|ty| ty.params().is_empty() && ty.results().is_empty()) {
            let what = "it takes or gives values";
            self.fault_in(Rules::ENTRY, offset, Some(index), what);
        }
    }

    fn finish(mut self) -> Verification {
        let mut crates: BTreeMap<String, usize> = BTreeMap::new();
        let first = self.imported_functions();
        for (index, (_, len, _)) in self.bodies.iter().enumerate() {
            if let Some(name) = self.names.get(&(first + index as u32)) {
                *crates.entry(crate_of(name)).or_default() += len;
            }
        }
        let rules = Rules::ALL.into_iter().map(|name| Rule {
            name,
            faults: self.faults.remove(name).unwrap_or_default(),
        });
        Verification {
            rules: rules.collect(),
            sections: largest_first(std::mem::take(&mut self.sections)),
            crates: largest_first(crates),
        }
    }
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

const fn section_name(id: u8) -> &'static str {
    match id {
        1 => "type",
        2 => "import",
        3 => "function",
        4 => "table",
        5 => "memory",
        6 => "global",
        7 => "export",
        8 => "start",
        9 => "element",
        10 => "code",
        11 => "data",
        12 => "data count",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::KernelError;

    fn broken(wasm: &[u8], version: Version) -> Vec<&'static str> {
        let rules = verify(wasm, version).rules.into_iter();
        rules
            .filter(|rule| !rule.faults.is_empty())
            .map(|rule| rule.name)
            .collect()
    }

    /// Each verdict of the machine is a rule here, and the other way round.
    #[test]
    fn every_kernel_of_the_vectors_has_its_verdict() {
        let file: serde_json::Value =
            serde_json::from_str(include_str!("../../pvm/tests/vectors/kernels.json")).unwrap();
        let mut refused = 0;
        for vector in file["vectors"].as_array().unwrap() {
            let wasm = hex::decode(vector["hex"].as_str().unwrap()).unwrap();
            let rules = broken(&wasm, Version::V5);
            let machine = check::check(&wasm, Version::V5);
            let name = &vector["name"];
            assert_eq!(
                rules.is_empty(),
                machine.is_ok(),
                "{name}: {rules:?}, {machine:?}"
            );
            refused += usize::from(machine.is_err());
            let expected: &[&str] = match machine {
                Ok(_) => continue,
                Err(KernelError::Decode(_)) => &[
                    Rules::WELL_FORMED,
                    Rules::NO_FLOATS,
                    Rules::SINGLE_VALUES,
                    Rules::FEATURES,
                ],
                Err(KernelError::Link(_)) => &[Rules::IMPORTS],
                Err(KernelError::Init(_)) => &[Rules::TYPES, Rules::MEMORY, Rules::START],
                Err(KernelError::NoEntry(_)) => &[Rules::ENTRY],
            };
            assert!(expected.contains(&rules[0]), "{name}: {rules:?}");
        }
        assert_eq!(refused, 15);
    }

    #[test]
    fn a_fault_says_where_it_is() {
        let wasm = wat::parse_str(
            r#"(module (memory (export "m") 1)
              (func $half (param i32) (result i32)
                (drop (f64.const 0.5)) (local.get 0))
              (func (export "kernel_run") (drop (call $half (i32.const 1)))))"#,
        )
        .unwrap();
        let verification = verify(&wasm, Version::V5);
        let floats = &verification.rules[1];
        assert_eq!(floats.faults.len(), 1);
        let fault = &floats.faults[0];
        assert_eq!(fault.function.as_deref(), Some("half"));
        assert_eq!(fault.what, "F64Const");
        assert_eq!(wasm[fault.offset], 0x44);
    }

    #[test]
    fn a_start_function_may_not_reach_the_host() {
        let module = |start: &str| {
            wat::parse_str(format!(
                r#"(module
                  (import "smart_rollup_core" "write_debug" (func $log (param i32 i32)))
                  (memory (export "m") 1)
                  (func $deep (call $log (i32.const 0) (i32.const 0)))
                  (func $start {start}) (start $start)
                  (func (export "kernel_run") (call $deep)))"#
            ))
            .unwrap()
        };
        assert_eq!(broken(&module(""), Version::V5), [] as [&str; 0]);
        assert_eq!(broken(&module("(call $deep)"), Version::V5), [Rules::START]);
    }

    #[test]
    fn a_function_has_its_version() {
        let wasm = wat::parse_str(
            r#"(module
              (import "smart_rollup_core" "store_exists" (func (param i32 i32) (result i32)))
              (memory (export "m") 1) (func (export "kernel_run")))"#,
        )
        .unwrap();
        assert_eq!(broken(&wasm, Version::V1), [Rules::IMPORTS]);
        assert_eq!(broken(&wasm, Version::V2), [] as [&str; 0]);
    }
}
