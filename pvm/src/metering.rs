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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Version;
    use crate::kernel::{EngineKind, Kernel};
    use crate::machine::{Inbox, Machine, Options};
    use crate::{Metering, validity};
    use wasmtime::{Config, Engine, Linker, Store};

    /// The engine's count of the module as it is.
    fn plain_fuel(wasm: &[u8]) -> u64 {
        let engine = Engine::new(Config::new().consume_fuel(true)).unwrap();
        let module = wasmtime::Module::new(&engine, wasm).unwrap();
        let mut store = Store::new(&engine, ());
        store.set_fuel(u64::MAX).unwrap();
        let instance = Linker::new(&engine)
            .instantiate(&mut store, &module)
            .unwrap();
        let entry = instance
            .get_typed_func::<(), ()>(&mut store, "kernel_run")
            .unwrap();
        let _ = entry.call(&mut store, ());
        u64::MAX - store.get_fuel().unwrap()
    }

    fn metered(wasm: &[u8]) -> (u64, u32) {
        let options = Options {
            metering: Metering::Full,
            ..Options::default()
        };
        let mut machine = Machine::new(wasm, options).unwrap();
        let inbox = Inbox {
            timestamp: 0,
            predecessor: [0; 32],
            messages: Vec::new(),
        };
        let report = machine.run_level(&inbox).unwrap();
        (report.runs[0].instructions, report.runs[0].max_call_depth)
    }

    #[track_caller]
    fn assert_exact(functions: &str, depth: u32) {
        let text = format!(
            r#"(module (type $unary (func (param i32) (result i32))) (memory (export "m") 1)
              (table 2 funcref) (elem (i32.const 0) $double $fib) {functions}
              (func $double (param i32) (result i32) (i32.mul (local.get 0) (i32.const 2)))
              (func $fib (param $n i32) (result i32)
                (if (result i32) (i32.lt_u (local.get $n) (i32.const 2))
                  (then (local.get $n))
                  (else (i32.add
                    (call $fib (i32.sub (local.get $n) (i32.const 1)))
                    (call $fib (i32.sub (local.get $n) (i32.const 2))))))))"#
        );
        let wasm = wat::parse_str(text).unwrap();
        assert_eq!(metered(&wasm), (plain_fuel(&wasm), depth));
    }

    #[test]
    fn instructions_are_those_of_the_module_as_it_was() {
        assert_exact("(func (export \"kernel_run\"))", 1);
        assert_exact(
            "(func (export \"kernel_run\") (drop (call $fib (i32.const 12))))",
            13,
        );
        assert_exact(
            "(func (export \"kernel_run\") (local $i i32)
               (loop $next
                 (drop (call_indirect (type $unary)
                   (i32.const 9) (i32.rem_u (local.get $i) (i32.const 2))))
                 (local.set $i (i32.add (local.get $i) (i32.const 1)))
                 (br_if $next (i32.lt_u (local.get $i) (i32.const 50)))))",
            10,
        );
        assert_exact(
            "(global $g (mut i64) (i64.const 5))
             (func (export \"kernel_run\")
               (global.set $g (i64.add (global.get $g) (i64.extend_i32_u (call $double (i32.const 3)))))
               (memory.fill (i32.const 0) (i32.const 1) (i32.const 1000)))",
            2,
        );
    }

    #[test]
    fn instructions_are_exact_when_open_calls_end_in_unreachable() {
        assert_exact(
            "(func $deep (param i32)
               (drop (call $double (i32.const 1)))
               (if (i32.eqz (local.get 0)) (then (unreachable)))
               (call $deep (i32.sub (local.get 0) (i32.const 1))))
             (func (export \"kernel_run\") (call $deep (i32.const 7)))",
            10,
        );
    }

    #[test]
    fn an_early_return_closes_its_call() {
        assert_exact(
            "(func $early (param i32) (result i32)
               (if (local.get 0) (then (return (i32.const 1))))
               (call $double (i32.const 4)))
             (func (export \"kernel_run\")
               (drop (call $early (i32.const 1)))
               (drop (call $early (i32.const 0))))",
            3,
        );
    }

    #[test]
    fn the_rewritten_module_is_valid() {
        let wasm = wat::parse_str(
            r#"(module (import "smart_rollup_core" "write_debug" (func (param i32 i32)))
                (memory (export "m") 1)
                (func (export "kernel_run") (call 0 (i32.const 0) (i32.const 1))))"#,
        )
        .unwrap();
        let facts = validity::check(&wasm, Version::V5).unwrap();
        let rewritten = instrument(&wasm, &facts).unwrap();
        let after = validity::check(&rewritten, Version::V5).unwrap();
        assert_eq!(after.globals, facts.globals + 3);
        let kernel = Kernel::load(&wasm, Version::V5).unwrap();
        assert!(
            kernel
                .compiled(EngineKind {
                    metering: Metering::Full,
                    stack: 1 << 20
                })
                .is_ok()
        );
    }
}
