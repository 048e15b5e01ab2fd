//! Bounds a kernel's stack (spec/pvm.md §1, "Call depth"): beyond a budget of open calls it
//! executes `unreachable`, a trap that a rollup survives, where it would be stuck for good or the
//! native stack would run out.
//!
//! Calls that never come back to the same function are bounded by the module itself, so only some
//! function of each cycle of the call graph is guarded. A guarded function takes from the budget,
//! and gives back at its end, as many frames as can be open until the next guarded function. So
//! what is open never exceeds the frames before the first of them, the budget, and the one that
//! finds it spent. A call through a table may reach every function of its type that a table, a
//! global or code refers to.
//!
//! The budget is a global. A machine makes a new instance for each run, so that it starts whole,
//! also after a trap, which gives nothing back.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use anyhow::{Context, Result};
use wasm_encoder::reencode::{self, Reencode};
use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, Function, GlobalSection, GlobalType, Instruction, Module,
    SectionId, ValType,
};
use wasmparser::{FunctionBody, GlobalSectionReader, Operator, Parser};

use crate::call_graph::CallGraph;

/// How many frames may be open on a machine 2.0.0; later ones allow 60,000.
pub(crate) const FRAMES: u32 = 300;

/// The native stack that a frame of the budget stands for, in bytes: 300 of them are half of the
/// megabyte that native stacks have at least. A function with more locals than this weighs more.
const BYTES: u32 = 512 * 1024 / FRAMES;

/// What was guarded.
#[derive(Debug)]
pub(crate) struct Guarded {
    /// How many functions there are.
    functions: usize,
    /// How many of them are guarded.
    guarded: usize,
    /// The most frames that can be open before a guarded function is called.
    fixed: u32,
    /// How many frames guarded functions may take together.
    budget: u32,
}

impl fmt::Display for Guarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            functions,
            guarded,
            fixed,
            budget,
        } = self;
        write!(
            f,
            "{} frames at most: {fixed} before the guarded {guarded} of {functions} functions, \
             {budget} within, one that traps",
            fixed + budget + 1
        )
    }
}

/// The module with its guard. `frames` is the most that may ever be open.
///
/// # Errors
/// A module that cannot be read, or that needs so many frames without any recursion.
pub(crate) fn apply(wasm: &[u8], frames: u32) -> Result<(Vec<u8>, Guarded)> {
    let graph = CallGraph::of(wasm)?;
    let entry = graph.export("kernel_run").context("no kernel_run")?;
    let guarded = break_cycles(&graph);
    let mut depths = BTreeMap::new();
    for function in graph.functions() {
        depth(&graph, &guarded, function, &mut depths);
    }
    let fixed = depths.get(&entry).copied().unwrap_or_default();
    // One frame is left for the call that finds the budget spent.
    let budget = frames
        .checked_sub(fixed + 1)
        .with_context(|| format!("{fixed} frames can be open without any recursion"))?;
    let mut guard = Guard {
        graph: &graph,
        weights: guarded
            .iter()
            .map(|function| (*function, depths[function]))
            .collect(),
        budget,
        next: graph.imported,
        global_done: false,
    };
    let figures = Guarded {
        functions: graph.functions().len(),
        guarded: guarded.len(),
        fixed,
        budget,
    };
    let mut module = Module::new();
    guard.parse_core_module(&mut module, Parser::new(0), wasm)?;
    Ok((module.finish(), figures))
}

/// A set of functions without which the call graph has no cycle: from each part that has some the
/// function whose absence leaves the fewest functions on cycles.
fn break_cycles(graph: &CallGraph) -> BTreeSet<u32> {
    let mut guarded = BTreeSet::new();
    let mut parts = graph.cycles(&graph.functions().collect());
    while let Some(part) = parts.pop() {
        let without = |function: &u32| {
            let mut rest = part.clone();
            rest.remove(function);
            graph.cycles(&rest)
        };
        let left = |function: &&u32| without(function).iter().map(BTreeSet::len).sum::<usize>();
        if let Some(best) = part.iter().min_by_key(left) {
            parts.extend(without(best));
            guarded.insert(*best);
        }
    }
    guarded
}

/// The most frames that can be open from a call of `function` to its end, guarded functions that
/// it calls left out.
fn depth(
    graph: &CallGraph,
    guarded: &BTreeSet<u32>,
    function: u32,
    known: &mut BTreeMap<u32, u32>,
) -> u32 {
    if let Some(depth) = known.get(&function) {
        return *depth;
    }
    // There is no cycle left, so this ends.
    let below = graph.called(function).iter();
    let below = below.filter(|called| !guarded.contains(called));
    let deepest = below
        .map(|called| depth(graph, guarded, *called, known))
        .max();
    let bytes = 64 + 8 * graph.locals(function);
    let depth = bytes.div_ceil(BYTES) + deepest.unwrap_or_default();
    known.insert(function, depth);
    depth
}

struct Guard<'g> {
    graph: &'g CallGraph,
    /// The guarded functions, and what each takes.
    weights: BTreeMap<u32, u32>,
    budget: u32,
    /// The function whose body comes next.
    next: u32,
    global_done: bool,
}

impl Guard<'_> {
    /// What is left of the budget.
    const fn left(&self) -> u32 {
        self.graph.globals
    }

    fn add_global(&mut self, globals: &mut GlobalSection) {
        let ty = GlobalType {
            val_type: ValType::I32,
            mutable: true,
            shared: false,
        };
        globals.global(ty, &ConstExpr::i32_const(self.budget.cast_signed()));
        self.global_done = true;
    }

    /// The function's code as a block, whose end is every way out: labels keep their numbers, as
    /// the block stands where the function's own was.
    fn guard(
        &mut self,
        code: &mut Function,
        body: &FunctionBody<'_>,
        weight: u32,
    ) -> Reencoded<()> {
        let left = self.left();
        let weight = weight.cast_signed();
        code.instructions()
            .global_get(left)
            .i32_const(weight)
            .i32_sub()
            .global_set(left)
            .global_get(left)
            .i32_const(0)
            .i32_lt_s()
            .if_(BlockType::Empty)
            .unreachable()
            .end();
        let ty = self
            .graph
            .ty(self.next)
            .and_then(|ty| ty.results().first().copied());
        let block = match ty {
            Some(ty) => BlockType::Result(self.val_type(ty)?),
            None => BlockType::Empty,
        };
        code.instructions().block(block);
        let mut open = 0_i32;
        for operator in body.get_operators_reader()? {
            let operator = operator?;
            match operator {
                Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => open += 1,
                // The last one closes the block.
                Operator::End => open -= 1,
                Operator::Return => {
                    code.instruction(&Instruction::Br(open.cast_unsigned()));
                    continue;
                }
                _ => {}
            }
            code.instruction(&self.instruction(operator)?);
        }
        code.instructions()
            .global_get(left)
            .i32_const(weight)
            .i32_add()
            .global_set(left)
            .end();
        Ok(())
    }
}

type Reencoded<T> = std::result::Result<T, reencode::Error>;

impl Reencode for Guard<'_> {
    type Error = std::convert::Infallible;

    fn parse_global_section(
        &mut self,
        globals: &mut GlobalSection,
        section: GlobalSectionReader<'_>,
    ) -> Reencoded<()> {
        reencode::utils::parse_global_section(self, globals, section)?;
        self.add_global(globals);
        Ok(())
    }

    fn intersperse_section_hook(
        &mut self,
        module: &mut Module,
        _after: Option<SectionId>,
        before: Option<SectionId>,
    ) -> Reencoded<()> {
        // Kernels export something, and globals stand right before exports.
        if before == Some(SectionId::Export) && !self.global_done {
            let mut globals = GlobalSection::new();
            self.add_global(&mut globals);
            module.section(&globals);
        }
        Ok(())
    }

    fn parse_function_body(
        &mut self,
        code: &mut CodeSection,
        body: FunctionBody<'_>,
    ) -> Reencoded<()> {
        let mut function = self.new_function_with_parsed_locals(&body)?;
        match self.weights.get(&self.next).copied() {
            Some(weight) => self.guard(&mut function, &body, weight)?,
            None => {
                for operator in body.get_operators_reader()? {
                    function.instruction(&self.instruction(operator?)?);
                }
            }
        }
        code.function(&function);
        self.next += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pvm::{Inbox, LevelReport, Machine, Metering, Options, Status, Trap, Version};

    fn guarded(functions: &str) -> (Vec<u8>, Guarded) {
        let text = format!(
            r#"(module
              (import "smart_rollup_core" "write_output" (func $output (param i32 i32) (result i32)))
              (memory (export "m") 1) (table 1 funcref) (elem (i32.const 0) $again)
              (type $again (func (param i32) (result i32)))
              (func $again (type $again) (call $recurse (local.get 0)))
              {functions})"#
        );
        apply(&wat::parse_str(text).unwrap(), FRAMES).unwrap()
    }

    fn levels(wasm: &[u8]) -> [LevelReport; 2] {
        let options = Options {
            version: Version::V0,
            metering: Metering::Full,
            check: Some(pvm::engine::interpreter()),
            ..Options::default()
        };
        let mut machine = Machine::new(wasm, options).unwrap();
        [0, 1].map(|timestamp| {
            let inbox = Inbox {
                timestamp,
                predecessor: [0; 32],
                messages: Vec::new(),
            };
            machine.run_level(&inbox).unwrap()
        })
    }

    #[test]
    fn recursion_without_bound_traps_before_the_limit_and_the_rollup_lives() {
        let recursions = [
            "(func $recurse (param i32) (result i32) (call $recurse (local.get 0)))",
            "(func $recurse (param i32) (result i32) (call $other (local.get 0)))
             (func $other (param i32) (result i32) (i32.add (i32.const 1) (call $recurse (local.get 0))))",
            "(func $recurse (param i32) (result i32)
               (call_indirect (type $again) (local.get 0) (i32.const 0)))",
        ];
        for recursion in recursions {
            let entry = r#"(func (export "kernel_run")
              (drop (call $output (i32.const 0) (i32.const 4)))
              (drop (call $recurse (i32.const 7))))"#;
            let (wasm, figures) = guarded(&format!("{recursion} {entry}"));
            assert_eq!(figures.guarded, 1, "{recursion}");
            for report in levels(&wasm) {
                assert_eq!(report.status, Status::Yielded, "{recursion}");
                assert_eq!(report.runs[0].trap, Some(Trap::Unreachable));
                assert_eq!(report.outbox, [[0; 4]], "what came before the trap is kept");
                let depth = report.runs[0].max_call_depth;
                assert!(depth > FRAMES / 2 && depth <= FRAMES, "{depth} calls");
            }
        }
    }

    #[test]
    fn every_way_out_gives_the_budget_back() {
        // By `return`, by a branch to the outermost label, by a table of them, and at the end.
        let (wasm, _) = guarded(
            r#"(func $recurse (param i32) (result i32)
                 (if (i32.eqz (local.get 0)) (then (return (i32.const 1))))
                 (block $table
                   (block $branch
                     (br_table $branch $table (i32.rem_u (local.get 0) (i32.const 3))))
                   (br 1 (call $recurse (i32.sub (local.get 0) (i32.const 1)))))
                 (call $recurse (i32.sub (local.get 0) (i32.const 1))))
               (func (export "kernel_run") (local $i i32)
                 (loop $next
                   (i32.store (i32.const 0) (call $recurse (i32.const 8)))
                   (local.set $i (i32.add (local.get $i) (i32.const 1)))
                   (br_if $next (i32.lt_u (local.get $i) (i32.const 10000))))
                 (drop (call $output (i32.const 0) (i32.const 4))))"#,
        );
        for report in levels(&wasm) {
            assert_eq!(report.runs[0].trap, None);
        }
    }

    #[test]
    fn what_cannot_recurse_is_not_guarded() {
        let (wasm, figures) = guarded(
            r#"(func $recurse (param i32) (result i32) (local.get 0))
               (func (export "kernel_run")
                 (drop (call_indirect (type $again) (i32.const 1) (i32.const 0))))"#,
        );
        assert_eq!((figures.guarded, figures.fixed), (0, 3));
        assert_eq!(levels(&wasm)[0].status, Status::Yielded);
    }
}
