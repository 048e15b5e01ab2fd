//! Counts instructions and open calls by rewriting the module, so that each
//! engine gives the same figures.
//!
//! Four globals are added: how many calls are open, the most that ever were,
//! how many instructions were executed, and a scratch one. Around each call of
//! a function of the module stand instructions that keep the first two, and
//! `unreachable` where more are open than may be. Before each place where the
//! control flow parts stand some that add what was executed since the last: 1
//! for an instruction, 0 for block structure, `drop` and `unreachable`, and 1
//! for each call of a function by itself; 1 for each byte, or element of a
//! table, that a bulk instruction moves. It is what wasmtime calls fuel.
//!
//! In a run that ends by another trap than `unreachable` the count lacks the
//! instructions since the control flow last parted.

use crate::validity::Facts;
use wasm_encoder::reencode::{Error, Reencode};
use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, ExportKind, ExportSection, Function, GlobalSection,
    GlobalType, InstructionSink, Module, SectionId, ValType,
};
use wasmparser::{CustomSectionReader, FunctionBody, GlobalSectionReader, Operator, Parser};

const DEPTH: &str = "evm-rollup: open calls";
const MAX: &str = "evm-rollup: most open calls";
const INSTRUCTIONS: &str = "evm-rollup: instructions";

/// The module with the counters, in which no more than `frames` calls may be
/// open. Custom sections are left out.
pub(crate) fn instrument(wasm: &[u8], facts: &Facts, frames: u32) -> Result<Vec<u8>, Error> {
    let mut module = Module::new();
    let mut rewrite = Rewrite {
        facts,
        frames,
        globals_done: false,
    };
    rewrite.parse_core_module(&mut module, Parser::new(0), wasm)?;
    Ok(module.finish())
}

/// What was counted in one run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// The most calls open at once, the entry point's included.
    pub max_depth: u32,
    /// Executed instructions.
    pub instructions: u64,
}

impl Counted {
    /// Asks for the globals of an instance; nothing is counted where there are
    /// none.
    pub fn read(mut global: impl FnMut(&str) -> Option<i64>) -> Self {
        let max_depth = global(MAX).unwrap_or_default() as u32;
        Self {
            max_depth,
            instructions: global(INSTRUCTIONS).unwrap_or_default() as u64,
        }
    }
}

struct Rewrite<'f> {
    facts: &'f Facts,
    frames: u32,
    globals_done: bool,
}

impl Rewrite<'_> {
    const fn depth(&self) -> u32 {
        self.facts.globals
    }

    const fn max(&self) -> u32 {
        self.facts.globals + 1
    }

    const fn instructions(&self) -> u32 {
        self.facts.globals + 2
    }

    const fn units(&self) -> u32 {
        self.facts.globals + 3
    }

    fn is_counted(&self, operator: &Operator<'_>) -> bool {
        match operator {
            Operator::Call { function_index } => *function_index >= self.facts.imported_functions,
            Operator::CallIndirect { .. } => true,
            _ => false,
        }
    }

    fn open_call(&self, mut code: InstructionSink<'_>) {
        let (depth, max) = (self.depth(), self.max());
        code.global_get(depth)
            .i32_const(1)
            .i32_add()
            .global_set(depth);
        code.global_get(depth).global_get(max).i32_gt_u();
        code.if_(BlockType::Empty);
        code.global_get(depth).global_set(max);
        code.global_get(depth)
            .i32_const(self.frames.cast_signed())
            .i32_gt_u();
        code.if_(BlockType::Empty).unreachable().end();
        code.end();
    }

    fn close_call(&self, mut code: InstructionSink<'_>) {
        let depth = self.depth();
        code.global_get(depth)
            .i32_const(1)
            .i32_sub()
            .global_set(depth);
    }

    /// Adds to the instructions what was executed since the last time.
    fn add(&self, pending: &mut u32, mut code: InstructionSink<'_>) {
        let count = std::mem::take(pending);
        if count > 0 {
            let instructions = self.instructions();
            code.global_get(instructions)
                .i64_const(count.into())
                .i64_add()
                .global_set(instructions);
        }
    }

    /// Adds the number on top of the stack, which stays there.
    fn add_units(&self, mut code: InstructionSink<'_>) {
        let (instructions, units) = (self.instructions(), self.units());
        code.global_set(units)
            .global_get(units)
            .global_get(units)
            .i64_extend_i32_u();
        code.global_get(instructions)
            .i64_add()
            .global_set(instructions);
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
        globals.global(global(ValType::I32), &ConstExpr::i32_const(0));
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
        exports.export(INSTRUCTIONS, ExportKind::Global, self.instructions());
        Ok(())
    }

    fn parse_function_body(
        &mut self,
        code: &mut CodeSection,
        body: FunctionBody<'_>,
    ) -> Result<(), Error> {
        let mut function: Function = self.new_function_with_parsed_locals(&body)?;
        // The call of this function.
        let mut pending = 1;
        for operator in body.get_operators_reader()? {
            let operator = operator?;
            pending += u32::from(!is_free(&operator));
            if parts(&operator) {
                self.add(&mut pending, function.instructions());
            }
            if moves_units(&operator) {
                self.add_units(function.instructions());
            }
            let counted = self.is_counted(&operator);
            if counted {
                self.open_call(function.instructions());
            }
            function.instruction(&self.instruction(operator)?);
            if counted {
                self.close_call(function.instructions());
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

/// Whether it counts 0.
const fn is_free(operator: &Operator<'_>) -> bool {
    matches!(
        operator,
        Operator::Nop
            | Operator::Drop
            | Operator::Block { .. }
            | Operator::Loop { .. }
            | Operator::Unreachable
            | Operator::Return
            | Operator::Else
            | Operator::End
    )
}

/// Whether what follows may be executed more or less often than what stands
/// before, or look at the count.
const fn parts(operator: &Operator<'_>) -> bool {
    matches!(
        operator,
        Operator::Unreachable
            | Operator::Return
            | Operator::Call { .. }
            | Operator::CallIndirect { .. }
            | Operator::Loop { .. }
            | Operator::If { .. }
            | Operator::Else
            | Operator::End
            | Operator::Br { .. }
            | Operator::BrIf { .. }
            | Operator::BrTable { .. }
    )
}

/// Whether the number on top of the stack says how much it moves.
const fn moves_units(operator: &Operator<'_>) -> bool {
    matches!(
        operator,
        Operator::MemoryCopy { .. }
            | Operator::MemoryFill { .. }
            | Operator::MemoryInit { .. }
            | Operator::TableCopy { .. }
            | Operator::TableFill { .. }
            | Operator::TableInit { .. }
            | Operator::TableGrow { .. }
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{self, Limits};
    use crate::kernel::Kernel;
    use crate::machine::{Inbox, Machine, Options};
    use crate::{Metering, Version, validity};
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
            check: Some(engine::interpreter()),
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
        let rewritten = instrument(&wasm, &facts, 300).unwrap();
        let after = validity::check(&rewritten, Version::V5).unwrap();
        assert_eq!(after.globals, facts.globals + 4);
        let kernel = Kernel::load(&wasm, Version::V5).unwrap();
        let limits = Limits {
            frames: 300,
            stack: 1 << 20,
            counted: true,
        };
        for engine in [engine::fast(), engine::interpreter()] {
            assert!(kernel.compiled(&*engine, limits).is_ok());
        }
    }
}
