//! Which modules the machine accepts (spec §1 and §2), strictly: what only the
//! slow machine would take is refused too.

use crate::Version;
use crate::imports::{self, ENTRY, LEGACY_ENTRY, LEGACY_MODULE, MODULE};
use wasmparser::{
    CompositeInnerType, ExternalKind, FuncType, Parser, Payload, TypeRef, Validator, WasmFeatures,
};

/// Why a module is no kernel.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
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
    /// There is no function for the machine to call.
    #[error("the module has no entry point: {0}")]
    NoEntry(String),
}

impl KernelError {
    /// Whether the machine falls back on the previous kernel, where there is
    /// one; otherwise the rollup is stuck forever.
    #[must_use]
    pub const fn recoverable(&self) -> bool {
        !matches!(self, Self::NoEntry(_))
    }
}

/// What is known of a valid module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The name of the function to call.
    pub entry: &'static str,
    /// The name under which the memory is exported.
    pub memory: String,
    /// The first version of the machine that has all its imports.
    pub since: Version,
    /// How many functions are imported.
    pub imported_functions: u32,
    /// How many globals there are.
    pub globals: u32,
}

/// The wasm features of the machine's fast path: integers, sign extension,
/// mutable globals, bulk memory, reference types, integer SIMD; no floats, no
/// multi-value, one memory.
#[must_use]
pub fn features() -> WasmFeatures {
    WasmFeatures::MUTABLE_GLOBAL
        | WasmFeatures::SIGN_EXTENSION
        | WasmFeatures::BULK_MEMORY
        | WasmFeatures::BULK_MEMORY_OPT
        | WasmFeatures::REFERENCE_TYPES
        | WasmFeatures::CALL_INDIRECT_OVERLONG
        | WasmFeatures::SIMD
        | WasmFeatures::GC_TYPES
}

/// Checks a module against the rules of the machine at `version`. Kernels of
/// 2022 (module `rollup_safe_core`, entry `kernel_next`) pass as well.
///
/// # Errors
/// The first rule that it breaks, in the order in which the machine would
/// notice.
pub fn check(wasm: &[u8], version: Version) -> Result<Facts, KernelError> {
    Validator::new_with_features(features())
        .validate_all(wasm)
        .map_err(|error| KernelError::Decode(error.to_string()))?;
    let outline = outline(wasm).map_err(|error| KernelError::Decode(error.to_string()))?;
    let since = outline.check_links(version)?;
    outline.check_types()?;
    let memory = outline
        .memory
        .clone()
        .ok_or_else(|| KernelError::Init("no memory of its own is exported".to_owned()))?;
    Ok(Facts {
        entry: outline.entry()?,
        memory,
        since,
        imported_functions: outline.imports.len() as u32,
        globals: outline.globals,
    })
}

/// The parts of a module that the rules speak of.
#[derive(Default)]
struct Outline<'w> {
    types: Vec<Option<FuncType>>,
    imports: Vec<(&'w str, &'w str, TypeRef)>,
    /// The types of all functions, the imported ones first.
    functions: Vec<u32>,
    memory: Option<String>,
    exported_functions: Vec<(&'w str, u32)>,
    globals: u32,
}

fn outline(wasm: &[u8]) -> Result<Outline<'_>, wasmparser::BinaryReaderError> {
    let mut outline = Outline::default();
    for payload in Parser::new(0).parse_all(wasm) {
        match payload? {
            Payload::TypeSection(types) => {
                for group in types {
                    for ty in group?.into_types() {
                        outline.types.push(match ty.composite_type.inner {
                            CompositeInnerType::Func(ty) => Some(ty),
                            _ => None,
                        });
                    }
                }
            }
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    let import = import?;
                    outline
                        .imports
                        .push((import.module, import.name, import.ty));
                    if let TypeRef::Func(ty) = import.ty {
                        outline.functions.push(ty);
                    }
                }
            }
            Payload::FunctionSection(functions) => {
                for ty in functions {
                    outline.functions.push(ty?);
                }
            }
            Payload::GlobalSection(globals) => outline.globals = globals.count(),
            Payload::ExportSection(exports) => {
                for export in exports {
                    let export = export?;
                    match export.kind {
                        ExternalKind::Func => {
                            outline.exported_functions.push((export.name, export.index));
                        }
                        ExternalKind::Memory if outline.memory.is_none() => {
                            outline.memory = Some(export.name.to_owned());
                        }
                        _ => {}
                    }
                }
            }
            Payload::CodeSectionStart { .. } => break,
            _ => {}
        }
    }
    Ok(outline)
}

impl Outline<'_> {
    fn check_links(&self, version: Version) -> Result<Version, KernelError> {
        let mut since = Version::V0;
        for (module, name, ty) in &self.imports {
            if *module != MODULE && *module != LEGACY_MODULE {
                return Err(KernelError::Link(format!(
                    "{module}.{name} is imported; the machine offers the module {MODULE} only"
                )));
            }
            if !matches!(ty, TypeRef::Func(_)) {
                return Err(KernelError::Link(format!(
                    "the import {name} is not a function"
                )));
            }
            let import = imports::import(name)
                .ok_or_else(|| KernelError::Link(format!("the machine has no function {name}")))?;
            if import.since > version {
                return Err(KernelError::Link(format!(
                    "{name} came with version {}, this is {version}",
                    import.since
                )));
            }
            since = since.max(import.since);
        }
        Ok(since)
    }

    fn check_types(&self) -> Result<(), KernelError> {
        for (_, name, ty) in &self.imports {
            let (Some(import), TypeRef::Func(index)) = (imports::import(name), ty) else {
                continue;
            };
            let fits = self.function_type(*index).is_some_and(|ty| {
                ty.params() == import.params && ty.results() == import.result.as_slice()
            });
            if !fits {
                return Err(KernelError::Init(format!(
                    "the import {name} has the wrong type"
                )));
            }
        }
        Ok(())
    }

    fn entry(&self) -> Result<&'static str, KernelError> {
        let find = |entry: &str| {
            self.exported_functions
                .iter()
                .find(|(name, _)| *name == entry)
        };
        let (entry, index) = match (find(ENTRY), find(LEGACY_ENTRY)) {
            (Some((_, index)), _) => (ENTRY, index),
            (None, Some((_, index))) => (LEGACY_ENTRY, index),
            (None, None) => {
                return Err(KernelError::NoEntry(format!(
                    "no function {ENTRY} is exported"
                )));
            }
        };
        let ty = self
            .functions
            .get(*index as usize)
            .and_then(|ty| self.function_type(*ty));
        match ty {
            Some(ty) if ty.params().is_empty() && ty.results().is_empty() => Ok(entry),
            _ => Err(KernelError::NoEntry(format!(
                "{entry} takes or gives values"
            ))),
        }
    }

    fn function_type(&self, index: u32) -> Option<&FuncType> {
        self.types.get(index as usize)?.as_ref()
    }
}
