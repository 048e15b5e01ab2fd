//! Counts wasm calls, which the engine cannot, by rewriting the module.
//!
//! Three globals are added: how many calls are open, the most that ever were,
//! and how many there were in all. Around each call of a function of the
//! module stand instructions that keep them. These cost a known number of
//! instructions for each call, which [`Counters`] takes off the engine's count,
//! so that what is reported is the count of the module as it was given.
//!
//! The engine's count is exact at calls, at returns and at `unreachable`. In a
//! run that ends by another trap both counts lack the instructions since the
//! last of these.

use crate::validity::{Facts, KernelError};
use wasm_encoder::reencode::{Error, Reencode};
use wasm_encoder::{
    CodeSection, ConstExpr, ExportKind, ExportSection, Function, GlobalSection, GlobalType,
    InstructionSink, Module, SectionId, ValType,
};
use wasmparser::{CustomSectionReader, FunctionBody, GlobalSectionReader, Operator, Parser};
use wasmtime::{AsContextMut, Instance, ModuleExport, Val};

const DEPTH: &str = "evm-rollup: open calls";
const MAX: &str = "evm-rollup: most open calls";
const CALLS: &str = "evm-rollup: calls";

/// How many instructions are added before and behind each call.
const BEFORE: u64 = 15;
const BEHIND: u64 = 4;

/// The module with the counters. Custom sections are left out.
pub(crate) fn instrument(wasm: &[u8], facts: &Facts) -> Result<Vec<u8>, Error> {
    let mut module = Module::new();
    let mut rewrite = Rewrite {
        facts,
        globals_done: false,
    };
    rewrite.parse_core_module(&mut module, Parser::new(0), wasm)?;
    Ok(module.finish())
}

/// Where the counters lie in a compiled module.
pub(crate) struct Counters {
    depth: ModuleExport,
    max: ModuleExport,
    calls: ModuleExport,
}

/// What was counted in one run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    /// The most calls open at once, the entry point's included.
    pub(crate) max_depth: u32,
    /// How many of the instructions that ran are ours.
    pub(crate) overhead: u64,
}

impl Counters {
    pub(crate) fn find(
        export: impl Fn(&str) -> Result<ModuleExport, KernelError>,
    ) -> Result<Self, KernelError> {
        Ok(Self {
            depth: export(DEPTH)?,
            max: export(MAX)?,
            calls: export(CALLS)?,
        })
    }

    pub(crate) fn read(&self, mut store: impl AsContextMut, instance: Instance) -> Counted {
        let mut global = |export: &ModuleExport| {
            let global = instance
                .get_module_export(&mut store, export)?
                .into_global()?;
            match global.get(&mut store) {
                Val::I32(number) => Some(u64::from(number as u32)),
                Val::I64(number) => Some(number as u64),
                _ => None,
            }
        };
        let (depth, max, calls) = (global(&self.depth), global(&self.max), global(&self.calls));
        let (Some(depth), Some(max), Some(calls)) = (depth, max, calls) else {
            return Counted::default();
        };
        let returned = calls - (depth - 1);
        Counted {
            max_depth: max as u32,
            overhead: calls * BEFORE + returned * BEHIND,
        }
    }
}

struct Rewrite<'f> {
    facts: &'f Facts,
    globals_done: bool,
}

impl Rewrite<'_> {
    const fn depth(&self) -> u32 {
        self.facts.globals
    }

    const fn max(&self) -> u32 {
        self.facts.globals + 1
    }

    const fn calls(&self) -> u32 {
        self.facts.globals + 2
    }

    fn is_counted(&self, operator: &Operator<'_>) -> bool {
        match operator {
            Operator::Call { function_index } => *function_index >= self.facts.imported_functions,
            Operator::CallIndirect { .. } => true,
            _ => false,
        }
    }

    fn before(&self, mut code: InstructionSink<'_>) {
        let (depth, max, calls) = (self.depth(), self.max(), self.calls());
        code.global_get(depth)
            .i32_const(1)
            .i32_add()
            .global_set(depth);
        code.global_get(depth).global_get(max);
        code.global_get(depth)
            .global_get(max)
            .i32_gt_u()
            .select()
            .global_set(max);
        code.global_get(calls)
            .i64_const(1)
            .i64_add()
            .global_set(calls);
    }

    fn behind(&self, mut code: InstructionSink<'_>) {
        let depth = self.depth();
        code.global_get(depth)
            .i32_const(1)
            .i32_sub()
            .global_set(depth);
    }

    fn add_globals(&mut self, globals: &mut GlobalSection) {
        let global = |val_type| GlobalType {
            val_type,
            mutable: true,
            shared: false,
        };
        // The entry point is the first open call.
        globals.global(global(ValType::I32), &ConstExpr::i32_const(1));
        globals.global(global(ValType::I32), &ConstExpr::i32_const(1));
        globals.global(global(ValType::I64), &ConstExpr::i64_const(0));
        self.globals_done = true;
    }
}

impl Reencode for Rewrite<'_> {
    type Error = std::convert::Infallible;

    fn parse_global_section(
        &mut self,
        globals: &mut GlobalSection,
        section: GlobalSectionReader<'_>,
    ) -> Result<(), Error> {
        wasm_encoder::reencode::utils::parse_global_section(self, globals, section)?;
        self.add_globals(globals);
        Ok(())
    }

    fn intersperse_section_hook(
        &mut self,
        module: &mut Module,
        _after: Option<SectionId>,
        before: Option<SectionId>,
    ) -> Result<(), Error> {
        // Kernels export something, and globals stand right before exports.
        if before == Some(SectionId::Export) && !self.globals_done {
            let mut globals = GlobalSection::new();
            self.add_globals(&mut globals);
            module.section(&globals);
        }
        Ok(())
    }

    fn parse_export_section(
        &mut self,
        exports: &mut ExportSection,
        section: wasmparser::ExportSectionReader<'_>,
    ) -> Result<(), Error> {
        wasm_encoder::reencode::utils::parse_export_section(self, exports, section)?;
        exports.export(DEPTH, ExportKind::Global, self.depth());
        exports.export(MAX, ExportKind::Global, self.max());
        exports.export(CALLS, ExportKind::Global, self.calls());
        Ok(())
    }

    fn parse_function_body(
        &mut self,
        code: &mut CodeSection,
        body: FunctionBody<'_>,
    ) -> Result<(), Error> {
        let mut function: Function = self.new_function_with_parsed_locals(&body)?;
        for operator in body.get_operators_reader()? {
            let operator = operator?;
            let counted = self.is_counted(&operator);
            if counted {
                self.before(function.instructions());
            }
            function.instruction(&self.instruction(operator)?);
            if counted {
                self.behind(function.instructions());
            }
        }
        code.function(&function);
        Ok(())
    }

    fn parse_custom_section(
        &mut self,
        _module: &mut Module,
        _section: CustomSectionReader<'_>,
    ) -> Result<(), Error> {
        Ok(())
    }
}
