//! Counts instructions and open calls by rewriting the module, so that each
//! engine gives the same figures.
//!
//! Six globals are added: how many calls are open, the most that ever were,
//! how many instructions were executed, a scratch one, whether a call went
//! through a table beyond its end, and how many ticks the slow machine takes. Around each call of
//! a function of the module stand instructions that keep the first two, and
//! `unreachable` where more are open than may be. Before each place where the
//! control flow parts stand some that add what was executed since the last: 1
//! for an instruction, 0 for block structure, `drop` and `unreachable`, and 1
//! for each call of a function by itself; 1 for each byte, or element of a
//! table, that a bulk instruction moves. It is what wasmtime calls fuel.
//! With them go the ticks of the slow machine ([`mod@crate::ticks`]).
//!
//! In a run that ends by another trap than `unreachable` the counts lack the
//! instructions since the control flow last parted.

use crate::check::KernelFacts;
use crate::globals::{AddedGlobals, Number};
use crate::stack_guard;
use crate::ticks::{self, FunctionPrices, Price};
use wasm_encoder::reencode::Reencode;

pub use wasm_encoder::reencode::Error;
use wasm_encoder::{
    BlockType, CodeSection, ExportKind, ExportSection, Function, GlobalSection, InstructionSink,
    Module, SectionId,
};
use wasmparser::{CustomSectionReader, FunctionBody, GlobalSectionReader, Operator, Parser};

const DEPTH: &str = "evm-rollup: open calls";
const MAX: &str = "evm-rollup: most open calls";
const INSTRUCTIONS: &str = "evm-rollup: instructions";
const UNDEFINED: &str = "evm-rollup: undefined element";
const TICKS: &str = "evm-rollup: ticks";
const GUARD: &str = "evm-rollup: frames left";

/// The limits of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Limit {
    /// The most instructions.
    pub instructions: u64,
    /// The most ticks of the slow machine.
    pub ticks: u64,
}

/// The ticks of the slow machine that a run may take.
pub const MAX_TICKS: u64 = 50_000_000_000_000;

/// The module with the counters, in which no more than `frames` calls may be
/// open. A run over the limit ends with `unreachable` at the next loop or call. Custom
/// sections are left out.
///
/// # Errors
/// If the module cannot be read; one that passed the check can be.
pub fn instrument(
    wasm: &[u8],
    facts: &KernelFacts,
    frames: u32,
    limit: Option<Limit>,
) -> Result<Vec<u8>, Error> {
    let mut module = Module::new();
    let prices = ticks::prices(wasm, facts.imported_functions).map_err(Error::ParseError)?;
    let mut rewrite = Rewrite {
        facts,
        frames,
        limit,
        prices: prices.into_iter(),
        guard: stack_guard::budget(wasm).map_err(Error::ParseError)?,
        // The entry point is the first open call.
        globals: AddedGlobals::new(vec![
            Number::I32(1),
            Number::I32(1),
            Number::I64(0),
            Number::I32(0),
            Number::I32(0),
            Number::I64(0),
        ]),
    };
    rewrite.parse_core_module(&mut module, Parser::new(0), wasm)?;
    Ok(module.finish())
}

/// The counts of one run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// The most calls open at once, the entry point's included.
    pub max_depth: u32,
    /// Executed instructions.
    pub instructions: u64,
    /// Ticks of the slow machine, without those of the host's bytes and of the start.
    pub ticks: u64,
    /// True if the run ended at a call through a table with an index beyond its end.
    pub undefined_element: bool,
    /// True if the module's stack guard ended the run ([`stack_guard`]).
    pub guard_struck: bool,
}

impl Counted {
    /// True if this is more than `limit` allows.
    #[must_use]
    pub const fn is_over(&self, limit: Limit) -> bool {
        self.instructions > limit.instructions || self.ticks > limit.ticks
    }

    /// Asks for the globals of an instance; nothing is counted where there are
    /// none.
    pub fn read(mut global: impl FnMut(&str) -> Option<i64>) -> Self {
        let max_depth = global(MAX).unwrap_or_default() as u32;
        Self {
            max_depth,
            instructions: global(INSTRUCTIONS).unwrap_or_default() as u64,
            ticks: global(TICKS).unwrap_or_default() as u64,
            undefined_element: global(UNDEFINED).is_some_and(|marked| marked != 0),
            // What a guarded function took is given back where it ends; a trap gives nothing back.
            guard_struck: global(GUARD).is_some_and(|left| left < 0),
        }
    }
}

/// The global of a module that counts which holds the executed instructions.
pub(crate) const fn instructions_global(facts: &KernelFacts) -> u32 {
    facts.globals + 2
}

/// A global of such a module that holds a number for a moment.
pub(crate) const fn scratch_global(facts: &KernelFacts) -> u32 {
    facts.globals + 3
}

struct Rewrite<'f> {
    facts: &'f KernelFacts,
    frames: u32,
    limit: Option<Limit>,
    /// Of the functions that are still to come.
    prices: std::vec::IntoIter<FunctionPrices>,
    /// The module's own global with the frames that its stack guard has left.
    guard: Option<u32>,
    globals: AddedGlobals,
}

impl Rewrite<'_> {
    const fn depth(&self) -> u32 {
        self.facts.globals
    }

    const fn max(&self) -> u32 {
        self.facts.globals + 1
    }

    const fn instructions(&self) -> u32 {
        instructions_global(self.facts)
    }

    /// Holds a number that is used twice.
    const fn scratch(&self) -> u32 {
        scratch_global(self.facts)
    }

    const fn undefined(&self) -> u32 {
        self.facts.globals + 4
    }

    const fn ticks(&self) -> u32 {
        self.facts.globals + 5
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

    /// Marks a run that is about to call through a table beyond its end, and ends it: engines have
    /// one trap for that and for any other access beyond a table, which the machine tells apart.
    fn check_element(&self, table: u32, mut code: InstructionSink<'_>) {
        let (scratch, undefined) = (self.scratch(), self.undefined());
        code.global_set(scratch)
            .global_get(scratch)
            .global_get(scratch)
            .table_size(table)
            .i32_ge_u();
        code.if_(BlockType::Empty)
            .i32_const(1)
            .global_set(undefined)
            .unreachable()
            .end();
    }

    /// Ends a run that is over the limit.
    fn check_limit(&self, mut code: InstructionSink<'_>) {
        let Some(limit) = self.limit else { return };
        code.global_get(self.instructions())
            .i64_const(limit.instructions.cast_signed())
            .i64_gt_u()
            .global_get(self.ticks())
            .i64_const(limit.ticks.cast_signed())
            .i64_gt_u()
            .i32_or();
        code.if_(BlockType::Empty).unreachable().end();
    }

    fn close_call(&self, mut code: InstructionSink<'_>) {
        let depth = self.depth();
        code.global_get(depth)
            .i32_const(1)
            .i32_sub()
            .global_set(depth);
    }

    /// Adds what was executed since the last time. Ticks that hang on the number on top of the stack,
    /// which stays there, go with them.
    fn add(&self, pending: &mut Pending, price: Price, mut code: InstructionSink<'_>) {
        let Pending {
            instructions,
            ticks,
        } = std::mem::take(pending);
        if instructions > 0 {
            let global = self.instructions();
            code.global_get(global)
                .i64_const(instructions.into())
                .i64_add()
                .global_set(global);
        }
        let (global, scratch) = (self.ticks(), self.scratch());
        if price.nonzero != price.zero {
            code.global_set(scratch)
                .global_get(global)
                .i64_const((ticks + price.nonzero).into())
                .i64_const((ticks + price.zero).into())
                .global_get(scratch)
                .select()
                .i64_add()
                .global_set(global)
                .global_get(scratch);
        } else if ticks > 0 {
            code.global_get(global)
                .i64_const((ticks + price.zero).into())
                .i64_add()
                .global_set(global);
        }
    }

    /// Adds the number on top of the stack, which stays there, and `each` tick for each.
    fn add_units(&self, each: u32, mut code: InstructionSink<'_>) {
        let (instructions, scratch, ticks) = (self.instructions(), self.scratch(), self.ticks());
        code.global_set(scratch)
            .global_get(scratch)
            .global_get(scratch)
            .i64_extend_i32_u();
        code.global_get(instructions)
            .i64_add()
            .global_set(instructions);
        code.global_get(scratch)
            .i64_extend_i32_u()
            .i64_const(each.into())
            .i64_mul()
            .global_get(ticks)
            .i64_add()
            .global_set(ticks);
    }
}

impl Rewrite<'_> {
    /// Adds the ticks of the branch that a `br_table` is about to take: a table of its own leads to
    /// each price. The number on top of the stack stays there.
    fn add_branch(&self, branches: &[u32], mut code: InstructionSink<'_>) {
        let mut prices = branches.to_vec();
        prices.sort_unstable();
        prices.dedup();
        let (scratch, ticks) = (self.scratch(), self.ticks());
        code.global_set(scratch).global_get(scratch);
        code.block(BlockType::Empty);
        for _ in &prices {
            code.block(BlockType::Empty);
        }
        let mut classes: Vec<u32> = branches
            .iter()
            .map(|price| prices.binary_search(price).unwrap_or_default() as u32)
            .collect();
        let default = classes.pop().unwrap_or_default();
        code.global_get(scratch).br_table(classes, default);
        for (price, behind) in prices.iter().zip((0..prices.len() as u32).rev()) {
            code.end()
                .global_get(ticks)
                .i64_const((*price).into())
                .i64_add()
                .global_set(ticks)
                .br(behind);
        }
        code.end();
    }
}

/// Instructions that were executed and are not counted yet.
#[derive(Clone, Copy, Debug, Default)]
struct Pending {
    instructions: u32,
    ticks: u32,
}

impl Reencode for Rewrite<'_> {
    type Error = std::convert::Infallible;

    fn parse_global_section(
        &mut self,
        globals: &mut GlobalSection,
        section: GlobalSectionReader<'_>,
    ) -> Result<(), Error> {
        wasm_encoder::reencode::utils::parse_global_section(self, globals, section)?;
        self.globals.add(globals);
        Ok(())
    }

    fn intersperse_section_hook(
        &mut self,
        module: &mut Module,
        _after: Option<SectionId>,
        before: Option<SectionId>,
    ) -> Result<(), Error> {
        self.globals.add_section(module, before);
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
        exports.export(UNDEFINED, ExportKind::Global, self.undefined());
        exports.export(TICKS, ExportKind::Global, self.ticks());
        if let Some(guard) = self.guard {
            exports.export(GUARD, ExportKind::Global, guard);
        }
        Ok(())
    }

    fn parse_function_body(
        &mut self,
        code: &mut CodeSection,
        body: FunctionBody<'_>,
    ) -> Result<(), Error> {
        let mut function: Function = self.new_function_with_parsed_locals(&body)?;
        let prices = self.prices.next().unwrap_or_default();
        let mut operators = prices.operators.into_iter();
        self.check_limit(function.instructions());
        let mut tables = prices.tables.into_iter();
        // The call of this function.
        let mut pending = Pending {
            instructions: 1,
            ticks: prices.call,
        };
        for operator in body.get_operators_reader()? {
            let operator = operator?;
            let price = operators.next().unwrap_or_default();
            pending.instructions += u32::from(!is_free(&operator));
            pending.ticks += price.always;
            if is_control_flow(&operator) {
                self.add(&mut pending, price, function.instructions());
            }
            if matches!(operator, Operator::BrTable { .. }) {
                let branches = tables.next().unwrap_or_default();
                self.add_branch(&branches, function.instructions());
            }
            if has_dynamic_cost(&operator) {
                self.add_units(ticks::unit(&operator), function.instructions());
            }
            if let Operator::CallIndirect { table_index, .. } = operator {
                self.check_element(table_index, function.instructions());
            }
            let counted = self.is_counted(&operator);
            let looped = matches!(operator, Operator::Loop { .. });
            if counted {
                self.open_call(function.instructions());
            }
            function.instruction(&self.instruction(operator)?);
            if counted {
                self.close_call(function.instructions());
            }
            if looped {
                self.check_limit(function.instructions());
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

/// True if it counts 0.
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

/// True if what follows may be executed more or less often than what stands
/// before, or look at the count.
const fn is_control_flow(operator: &Operator<'_>) -> bool {
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

/// True if the number on top of the stack says how much it moves.
const fn has_dynamic_cost(operator: &Operator<'_>) -> bool {
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
