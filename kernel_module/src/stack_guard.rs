//! Bounds a kernel's stack (docs/machine.md, "Call depth"): beyond a budget of open calls it
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

use wasm_encoder::reencode::{self, Reencode};
use wasm_encoder::{
    BlockType, CodeSection, Function, GlobalSection, Instruction, Module, SectionId,
};
use wasmparser::{FunctionBody, GlobalSectionReader, Operator, Parser};

use crate::additions::{begin_block, result_of};
use crate::call_graph::CallGraph;
use crate::globals::{AddedGlobals, Number};
use crate::imports::ENTRY;
use crate::outline::Outline;
use crate::version::Version;

/// The number of frames that may be open on a machine 2.0.0; later ones allow 59,999.
pub const FRAMES: u32 = Version::V0.max_call_depth();

/// The native stack that a frame of the budget stands for, in bytes: 299 of them are half of the
/// megabyte that native stacks have at least. A function with more locals than this weighs more.
const BYTES: u32 = 512 * 1024 / FRAMES;

/// The result of guarding a module.
#[derive(Debug)]
pub struct Guarded {
    /// The number of functions.
    pub functions: usize,
    /// The number of guarded functions.
    pub guarded: usize,
    /// The most frames that can be open before a guarded function is called.
    pub fixed: u32,
    /// The number of frames that guarded functions may take together.
    pub budget: u32,
    /// Each guarded function, and how many calls of it can be open if no other guarded function is:
    /// one more traps. Those with the fewest come first.
    pub calls: Vec<(u32, u32)>,
}

impl fmt::Display for Guarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            functions,
            guarded,
            fixed,
            budget,
            ..
        } = self;
        write!(
            f,
            "{} frames at most: {fixed} before the guarded {guarded} of {functions} functions, \
             {budget} within, one that traps",
            fixed + budget + 1
        )
    }
}

/// Why a module cannot be guarded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GuardError {
    /// The bytes are not a module.
    #[error("the module cannot be read: {0}")]
    Read(#[from] wasmparser::BinaryReaderError),
    /// The module cannot be written anew.
    #[error("the module cannot be rewritten: {0}")]
    Rewrite(#[from] reencode::Error),
    /// There is no function for the machine to call.
    #[error("no function kernel_run is exported")]
    NoEntry,
    /// The module needs all frames without any recursion.
    #[error("{fixed} frames can be open without any recursion")]
    TooDeep {
        /// The number of frames that it needs.
        fixed: u32,
    },
}

/// The module with its guard. `frames` is the most that may ever be open.
///
/// # Errors
/// A module that cannot be read, or that needs so many frames without any recursion.
pub fn apply(wasm: &[u8], frames: u32) -> Result<(Vec<u8>, Guarded), GuardError> {
    let outline = Outline::read(wasm)?;
    let graph = CallGraph::of(&outline);
    let guarded = break_cycles(&graph);
    let depths = graph.depths(&guarded, |function| frames_of(&outline, function));
    let fixed = fixed(&outline, &depths).ok_or(GuardError::NoEntry)?;
    // One frame is left for the call that finds the budget spent.
    let budget = frames
        .checked_sub(fixed + 1)
        .ok_or(GuardError::TooDeep { fixed })?;
    let weights: BTreeMap<u32, u32> = guarded
        .iter()
        .map(|function| (*function, depths[*function as usize]))
        .collect();
    let mut calls: Vec<_> = weights
        .iter()
        .map(|(function, weight)| (*function, budget / weight))
        .collect();
    calls.sort_by_key(|(function, most)| (*most, *function));
    let mut guard = Guard {
        outline: &outline,
        weights,
        budget: AddedGlobals::new(vec![Number::I32(budget.cast_signed())]),
        next: outline.imported_functions,
    };
    let figures = Guarded {
        functions: graph.functions().len(),
        guarded: guarded.len(),
        fixed,
        budget,
        calls,
    };
    let mut module = Module::new();
    guard.parse_core_module(&mut module, Parser::new(0), wasm)?;
    Ok((module.finish(), figures))
}

/// The functions of a module that can call themselves, directly or by way of others, without a guard
/// that bounds them: beyond some number of open calls the rollup is stuck for good.
///
/// A guard counts if it can be relied on: all guards take from one global of the module's own, which
/// nothing else writes; each takes at least as many frames as can be open until the next one, around all
/// of its function's code; and what the global begins with, with the frames before the first guard, is no
/// more than the machine allows.
///
/// # Errors
/// A module that cannot be read.
pub fn unguarded(wasm: &[u8]) -> Result<Vec<u32>, wasmparser::BinaryReaderError> {
    let outline = Outline::read(wasm)?;
    unguarded_of(wasm, &outline)
}

/// The same of a module that is read already.
pub(crate) fn unguarded_of(
    wasm: &[u8],
    outline: &Outline<'_>,
) -> Result<Vec<u32>, wasmparser::BinaryReaderError> {
    let graph = CallGraph::of(outline);
    let all: BTreeSet<u32> = graph.functions().collect();
    let recursive = |within: &BTreeSet<u32>| graph.cycles(within).into_iter().flatten().collect();
    let Some(guards) = Guards::read(wasm, outline)? else {
        return Ok(recursive(&all));
    };
    // A trap before the entry is called is one that no rollup survives.
    if let Some((start, _)) = outline.start {
        let reached = graph.reached(start);
        let at_start: Vec<u32> = recursive(&reached);
        if !at_start.is_empty() {
            return Ok(at_start);
        }
    }
    let guarded: BTreeSet<u32> = guards.weights.keys().copied().collect();
    let left: Vec<u32> = recursive(&all.difference(&guarded).copied().collect());
    if !left.is_empty() || guarded.is_empty() {
        return Ok(left);
    }
    let depths = graph.depths(&guarded, |function| frames_of(outline, function));
    let fixed = fixed(outline, &depths);
    let most = fixed.and_then(|fixed| fixed.checked_add(guards.budget)?.checked_add(1));
    let mut weights = guards.weights.iter();
    let takes_enough = weights.all(|(function, weight)| *weight >= depths[*function as usize]);
    let holds = takes_enough && most.is_some_and(|most| most <= FRAMES);
    Ok(if holds { Vec::new() } else { recursive(&all) })
}

/// The frames that a module needs without any recursion, if a machine 2.0.0 does not allow so many.
/// Recursion is for [`unguarded`] to tell.
///
/// # Errors
/// A module that cannot be read.
pub fn too_deep(wasm: &[u8]) -> Result<Option<u32>, wasmparser::BinaryReaderError> {
    let outline = Outline::read(wasm)?;
    let graph = CallGraph::of(&outline);
    let recursive = graph.cycles(&graph.functions().collect());
    let recursive = recursive.into_iter().flatten().collect();
    let one = |function| u32::from(outline.body(function).is_some());
    let depths = graph.depths(&recursive, one);
    Ok(fixed(&outline, &depths).filter(|fixed| *fixed > FRAMES))
}

/// The frames before the first guarded function, of a module with an entry.
fn fixed(outline: &Outline<'_>, depths: &[u32]) -> Option<u32> {
    let entry = outline.exported_function(ENTRY)?.index;
    depths.get(entry as usize).copied()
}

/// The guards of a module.
struct Guards {
    /// The frames that each guarded function takes.
    weights: BTreeMap<u32, u32>,
    /// The frames that all may take together.
    budget: u32,
}

impl Guards {
    /// Those that are there; `None` if something else writes the budget, or it is not the module's own.
    fn read(
        wasm: &[u8],
        outline: &Outline<'_>,
    ) -> Result<Option<Self>, wasmparser::BinaryReaderError> {
        let mut weights = BTreeMap::new();
        let Some(global) = budget(wasm)? else {
            return Ok(Some(Self { weights, budget: 0 }));
        };
        let Some(budget) = first_value(wasm, outline, global)? else {
            return Ok(None);
        };
        for function in 0..outline.functions.len() as u32 {
            let Some(code) = code_of(wasm, outline, function) else {
                continue;
            };
            let body = FunctionBody::new(wasmparser::BinaryReader::new(code, 0));
            let operators = body.get_operators_reader()?.into_iter();
            let operators: Vec<Operator<'_>> = operators.collect::<Result<_, _>>()?;
            match weight_of(&operators, global) {
                Some(weight) => _ = weights.insert(function, weight),
                None if operators.iter().any(|operator| sets(operator, global)) => return Ok(None),
                None => {}
            }
        }
        Ok(Some(Self { weights, budget }))
    }
}

/// The code of a function, its locals first.
fn code_of<'w>(wasm: &'w [u8], outline: &Outline<'_>, function: u32) -> Option<&'w [u8]> {
    wasm.get(outline.body(function)?.range.clone())
}

/// The first value of a global of the module's own, if it is a number from 0 on that code may change.
fn first_value(
    wasm: &[u8],
    outline: &Outline<'_>,
    global: u32,
) -> Result<Option<u32>, wasmparser::BinaryReaderError> {
    // Kernels import functions alone; were one a global, the numbers would be others.
    if outline
        .imports
        .iter()
        .any(|import| import.function.is_none())
    {
        return Ok(None);
    }
    for payload in Parser::new(0).parse_all(wasm) {
        let wasmparser::Payload::GlobalSection(globals) = payload? else {
            continue;
        };
        let Some(found) = globals.into_iter().nth(global as usize) else {
            continue;
        };
        let found = found?;
        let is_number = found.ty.mutable && found.ty.content_type == wasmparser::ValType::I32;
        return Ok(match found.init_expr.get_operators_reader().read()? {
            Operator::I32Const { value } if is_number => u32::try_from(value).ok(),
            _ => None,
        });
    }
    Ok(None)
}

/// True if an instruction writes the global.
fn sets(operator: &Operator<'_>, global: u32) -> bool {
    matches!(operator, Operator::GlobalSet { global_index } if *global_index == global)
}

/// The frames that a function takes from the global at its start and gives back at its end, if that is
/// as [`Guard::guard`] writes it, all other code lies between, and nothing there writes the global or
/// returns.
fn weight_of(operators: &[Operator<'_>], global: u32) -> Option<u32> {
    let (start, rest) = operators.split_first_chunk::<10>()?;
    let (code, end) = rest.split_last_chunk::<5>()?;
    let (taken, weight) = taken(start)?;
    let is_given_back = matches!(
        end,
        [
            Operator::GlobalGet { global_index: got },
            Operator::I32Const { value },
            Operator::I32Add,
            Operator::GlobalSet { global_index: set },
            Operator::End,
        ] if [taken, *got, *set] == [global; 3] && *value == weight
    );
    if !is_given_back || !matches!(code.first(), Some(Operator::Block { .. })) {
        return None;
    }
    // One block, which ends where the code does.
    let mut open = 0_usize;
    for (place, operator) in code.iter().enumerate() {
        match operator {
            Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => open += 1,
            Operator::End => open = open.checked_sub(1)?,
            Operator::Return => return None,
            operator if sets(operator, global) => return None,
            _ => {}
        }
        if open == 0 && place + 1 < code.len() {
            return None;
        }
    }
    (open == 0).then_some(weight.cast_unsigned())
}

/// Returns `true` if a function of a module has a guard.
///
/// # Errors
/// A module that cannot be read.
pub fn is_guarded(wasm: &[u8]) -> Result<bool, wasmparser::BinaryReaderError> {
    Ok(budget(wasm)?.is_some())
}

/// The global with the remaining budget, by the first guarded function of a module; below 0 after
/// a run that the guard ended. `None`: the module has no guard.
pub(crate) fn budget(wasm: &[u8]) -> Result<Option<u32>, wasmparser::BinaryReaderError> {
    for payload in Parser::new(0).parse_all(wasm) {
        if let wasmparser::Payload::CodeSectionEntry(body) = payload?
            && let Some(global) = budget_of(&body)?
        {
            return Ok(Some(global));
        }
    }
    Ok(None)
}

/// The global that a function takes from at its start, as [`Guard::guard`] writes it.
fn budget_of(body: &FunctionBody<'_>) -> Result<Option<u32>, wasmparser::BinaryReaderError> {
    let operators = body.get_operators_reader()?.into_iter();
    let start: Vec<Operator<'_>> = operators.take(10).collect::<Result<_, _>>()?;
    let taken = start.first_chunk().and_then(taken);
    Ok(taken.map(|(global, _)| global))
}

/// The global that a function takes from by its first instructions, and how much.
fn taken(start: &[Operator<'_>; 10]) -> Option<(u32, i32)> {
    match start {
        [
            Operator::GlobalGet { global_index },
            Operator::I32Const {
                value: weight @ 1..,
            },
            Operator::I32Sub,
            Operator::GlobalSet { global_index: set },
            Operator::GlobalGet { global_index: got },
            Operator::I32Const { value: 0 },
            Operator::I32LtS,
            Operator::If {
                blockty: wasmparser::BlockType::Empty,
            },
            Operator::Unreachable,
            Operator::End,
        ] if global_index == set && set == got => Some((*global_index, *weight)),
        _ => None,
    }
}

/// The most that is looked at to find the best function of a part: its functions, each with all of the
/// part. Kernels are far below.
const MAX_SEARCH: usize = 20_000_000;

/// A set of functions without which the call graph has no cycle: from each part that has some the
/// function whose absence leaves the fewest functions on cycles; all of a part that is too large to
/// be searched.
fn break_cycles(graph: &CallGraph) -> BTreeSet<u32> {
    let mut guarded = BTreeSet::new();
    let mut parts = graph.cycles(&graph.functions().collect());
    let mut searched = 0_usize;
    while let Some(part) = parts.pop() {
        searched = searched.saturating_add(part.len().saturating_mul(graph.size(&part)));
        if searched > MAX_SEARCH {
            guarded.extend(part);
            continue;
        }
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

/// The frames that a call of a function counts for, by the native stack that it takes.
fn frames_of(outline: &Outline<'_>, function: u32) -> u32 {
    let params = outline.function_type(function);
    let params = params.map_or(0, |ty| ty.params().len() as u32);
    let locals = outline.body(function).map_or(0, |body| body.locals);
    let bytes = 64_u32.saturating_add(params.saturating_add(locals).saturating_mul(8));
    bytes.div_ceil(BYTES)
}

struct Guard<'g> {
    outline: &'g Outline<'g>,
    /// The guarded functions, and what each takes.
    weights: BTreeMap<u32, u32>,
    /// The global with the remaining budget.
    budget: AddedGlobals,
    /// The function whose body comes next.
    next: u32,
}

impl Guard<'_> {
    /// The global with the remaining budget.
    const fn left(&self) -> u32 {
        self.outline.globals
    }

    /// The function's code as a block, whose end is every way out.
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
        let result = result_of(self.outline, self.next);
        begin_block(self, code, result)?;
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

type Reencoded<T> = Result<T, reencode::Error>;

impl Reencode for Guard<'_> {
    type Error = std::convert::Infallible;

    fn parse_global_section(
        &mut self,
        globals: &mut GlobalSection,
        section: GlobalSectionReader<'_>,
    ) -> Reencoded<()> {
        reencode::utils::parse_global_section(self, globals, section)?;
        self.budget.add(globals);
        Ok(())
    }

    fn intersperse_section_hook(
        &mut self,
        module: &mut Module,
        _after: Option<SectionId>,
        before: Option<SectionId>,
    ) -> Reencoded<()> {
        self.budget.add_section(module, before);
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
