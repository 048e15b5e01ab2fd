//! What the shipped module must be (spec/pvm.md §1 and §2).

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use wasmparser::{
    ExternalKind, FunctionBody, KnownCustom, Name, Parser, Payload, TypeRef, ValidPayload,
    Validator, WasmFeatures,
};

/// What a build of the kernel is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A rollup.
    Ship,
    /// Tests of traps; never for a rollup.
    Traps,
    /// Tests that choose the block's surroundings; never for a rollup.
    Evaluation,
}

/// What only the builds for tests have in them: the file of the places that
/// trap, and where the block's surroundings are found.
const MARKS: [(&[u8], Purpose); 2] = [
    (b"evm_kernel/src/traps.rs", Purpose::Traps),
    (b"/evaluation/environment", Purpose::Evaluation),
];

/// What a module of the kernel was built for.
pub(crate) fn purpose(wasm: &[u8]) -> Purpose {
    let has = |mark: &[u8]| wasm.windows(mark.len()).any(|bytes| bytes == mark);
    let found = MARKS.iter().find(|(mark, _)| has(mark));
    found.map_or(Purpose::Ship, |(_, purpose)| *purpose)
}

/// The only module that a kernel may import from.
const HOST: &str = "smart_rollup_core";

/// What the virtual machine's interpreter and fast VM both accept. Floats are off, so the
/// validator itself refuses their types and instructions; multi-value would run slow.
const FEATURES: WasmFeatures = WasmFeatures::MUTABLE_GLOBAL
    .union(WasmFeatures::SIGN_EXTENSION)
    .union(WasmFeatures::BULK_MEMORY)
    .union(WasmFeatures::REFERENCE_TYPES);

/// Fails on the first thing that the machine would refuse, naming the function it is in.
///
/// Functions are named by the module's `name` section, so check before it is stripped.
///
/// # Errors
/// The rule that is broken, and where.
pub(crate) fn check(wasm: &[u8]) -> Result<()> {
    let names = function_names(wasm);
    let name = |function: u32| {
        names
            .get(&function)
            .map_or("(no name)", |name| name.as_str())
    };
    let mut validator = Validator::new_with_features(FEATURES);
    let mut allocations = Default::default();
    let (mut imported, mut memories, mut exported_memories) = (0, 0, 0);
    let mut kernel_run = false;
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload?;
        match &payload {
            Payload::ImportSection(imports) => {
                for import in imports.clone().into_imports() {
                    let import = import?;
                    let is_function = matches!(import.ty, TypeRef::Func(_));
                    ensure!(
                        import.module == HOST && is_function,
                        "imports {}.{}, but a kernel may import only functions of {HOST}",
                        import.module,
                        import.name
                    );
                    imported += 1;
                }
            }
            Payload::MemorySection(section) => memories = section.count(),
            Payload::ExportSection(exports) => {
                for export in exports.clone() {
                    let export = export?;
                    exported_memories += u32::from(export.kind == ExternalKind::Memory);
                    kernel_run |= export.kind == ExternalKind::Func && export.name == "kernel_run";
                }
            }
            Payload::StartSection { func, .. } => bail!("has a start function: {}", name(*func)),
            _ => {}
        }
        if let ValidPayload::Func(function, body) = validator.payload(&payload)? {
            let mut function = function.into_validator(std::mem::take(&mut allocations));
            validate(&mut function, &body).with_context(|| {
                format!("function {}: {}", function.index(), name(function.index()))
            })?;
            allocations = function.into_allocations();
        }
    }
    ensure!(imported > 0, "imports no host function: not a kernel");
    ensure!(memories == 1, "defines {memories} memories, not one");
    ensure!(
        exported_memories == 1,
        "exports {exported_memories} memories, not one"
    );
    ensure!(kernel_run, "exports no function kernel_run");
    Ok(())
}

fn validate<R: wasmparser::WasmModuleResources>(
    function: &mut wasmparser::FuncValidator<R>,
    body: &FunctionBody<'_>,
) -> Result<()> {
    function.validate(body)?;
    // The validator lets an operand of unreachable code pass untyped; the machine's decoder
    // refuses the instruction wherever it stands. A float instruction names its type.
    for operator in body.get_operators_reader()?.into_iter() {
        let operator = format!("{:?}", operator?);
        let opcode = operator.split([' ', '{']).next().unwrap_or_default();
        ensure!(
            !opcode.contains("F32") && !opcode.contains("F64"),
            "float instruction {opcode}"
        );
    }
    Ok(())
}

/// A path below one of these folders, or below one that people or builds live in, that stands in
/// the module.
pub(crate) fn path_in(wasm: &[u8], folders: impl Iterator<Item = PathBuf>) -> Option<String> {
    let usual = ["/home", "/Users"].map(PathBuf::from);
    folders.chain(usual).find_map(|folder| {
        let start = format!("{}/", folder.display());
        let at = wasm
            .windows(start.len())
            .position(|bytes| bytes == start.as_bytes())?;
        let path = wasm[at..].split(|byte| !byte.is_ascii_graphic()).next();
        Some(String::from_utf8_lossy(path.unwrap_or_default()).into_owned())
    })
}

fn function_names(wasm: &[u8]) -> BTreeMap<u32, String> {
    let mut names = BTreeMap::new();
    for payload in Parser::new(0).parse_all(wasm).flatten() {
        let Payload::CustomSection(section) = payload else {
            continue;
        };
        let KnownCustom::Name(section) = section.as_known() else {
            continue;
        };
        for subsection in section.into_iter().flatten() {
            if let Name::Function(map) = subsection {
                names.extend(
                    map.into_iter()
                        .flatten()
                        .map(|entry| (entry.index, entry.name.to_owned())),
                );
            }
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use wasm_encoder::{
        CodeSection, CustomSection, EntityType, ExportKind, ExportSection, Function,
        FunctionSection, ImportSection, MemorySection, MemoryType, Module, NameMap, NameSection,
        TypeSection, ValType,
    };

    use super::*;

    /// A kernel of one function, made wrong in one way by each test.
    struct Kernel {
        imports_from: &'static str,
        local: ValType,
        exports: Vec<(&'static str, ExportKind)>,
        code: fn(&mut Function),
    }

    impl Default for Kernel {
        fn default() -> Self {
            Self {
                imports_from: HOST,
                local: ValType::I32,
                exports: vec![
                    ("memory", ExportKind::Memory),
                    ("kernel_run", ExportKind::Func),
                ],
                code: |_| {},
            }
        }
    }

    impl Kernel {
        fn module(&self, with_custom: bool) -> Vec<u8> {
            let mut module = Module::new();
            let mut types = TypeSection::new();
            types.ty().function([], []);
            module.section(&types);
            module.section(ImportSection::new().import(
                self.imports_from,
                "write_debug",
                EntityType::Function(0),
            ));
            module.section(FunctionSection::new().function(0));
            let memory = MemoryType {
                minimum: 1,
                maximum: None,
                memory64: false,
                shared: false,
                page_size_log2: None,
            };
            module.section(MemorySection::new().memory(memory));
            let mut exports = ExportSection::new();
            for (name, kind) in &self.exports {
                exports.export(name, *kind, u32::from(*kind == ExportKind::Func));
            }
            module.section(&exports);
            let mut function = Function::new([(1, self.local)]);
            (self.code)(&mut function);
            function.instructions().end();
            module.section(CodeSection::new().function(&function));
            if with_custom {
                let mut functions = NameMap::new();
                functions.append(1, "the_culprit");
                let mut names = NameSection::new();
                names.functions(&functions);
                module.section(&names);
                module.section(&CustomSection {
                    name: "producers".into(),
                    data: b"someone".into(),
                });
            }
            module.finish()
        }

        fn refusal(&self) -> String {
            format!("{:#}", check(&self.module(true)).expect_err("was accepted"))
        }
    }

    #[test]
    fn a_kernel_without_floats_passes() {
        check(&Kernel::default().module(true)).unwrap();
    }

    #[test]
    fn a_float_local_is_refused_with_its_function() {
        let refusal = Kernel {
            local: ValType::F64,
            ..Kernel::default()
        }
        .refusal();
        assert!(
            refusal.contains("the_culprit") && refusal.contains("float"),
            "{refusal}"
        );
    }

    #[test]
    fn a_float_instruction_is_refused_with_its_function() {
        let code = |function: &mut Function| {
            function.instructions().f32_const(1.0.into()).drop();
        };
        let refusal = Kernel {
            code,
            ..Kernel::default()
        }
        .refusal();
        assert!(
            refusal.contains("the_culprit") && refusal.contains("float"),
            "{refusal}"
        );
    }

    #[test]
    fn a_float_instruction_that_is_never_reached_is_refused_too() {
        let code = |function: &mut Function| {
            function
                .instructions()
                .unreachable()
                .i32_trunc_f32_s()
                .drop();
        };
        let refusal = Kernel {
            code,
            ..Kernel::default()
        }
        .refusal();
        assert!(refusal.contains("the_culprit"), "{refusal}");
    }

    #[test]
    fn an_import_from_elsewhere_is_refused() {
        let refusal = Kernel {
            imports_from: "env",
            ..Kernel::default()
        }
        .refusal();
        assert!(refusal.contains("env.write_debug"), "{refusal}");
    }

    #[test]
    fn a_module_must_export_its_memory_and_kernel_run() {
        let exports = vec![("kernel_run", ExportKind::Func)];
        assert!(
            Kernel {
                exports,
                ..Kernel::default()
            }
            .refusal()
            .contains("exports 0 memories")
        );
        let exports = vec![
            ("memory", ExportKind::Memory),
            ("kernel_next", ExportKind::Func),
        ];
        assert!(
            Kernel {
                exports,
                ..Kernel::default()
            }
            .refusal()
            .contains("kernel_run")
        );
    }

    #[test]
    fn a_path_of_the_machine_is_found() {
        let folders = || [PathBuf::from("/src/rollup")].into_iter();
        let found = |wasm: &[u8]| path_in(wasm, folders());
        let panic = b"\0panic at /src/rollup/host/src/lib.rs\0";
        assert_eq!(found(panic).as_deref(), Some("/src/rollup/host/src/lib.rs"));
        let home = b"/home/somebody/.cargo/lib.rs:1";
        assert_eq!(
            found(home).as_deref(),
            Some("/home/somebody/.cargo/lib.rs:1")
        );
        assert_eq!(found(b"/src/rollups/lib.rs /cargo/revm/lib.rs"), None);
    }

    #[test]
    fn stripping_leaves_the_module_and_takes_the_custom_sections() {
        let kernel = Kernel::default();
        assert_eq!(
            kernel_module::strip(&kernel.module(true)).unwrap(),
            kernel.module(false)
        );
    }
}
