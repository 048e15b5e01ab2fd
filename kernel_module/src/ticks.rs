//! Prices of instructions on the slow machine in ticks: the steps of its interpreter, of
//! which each can be proved (docs/machine.md, "Ticks").
//!
//! The interpreter takes three steps for whatever stands on its stack of instructions, and each
//! instruction of a block is first fetched by such a round. Where a block or a function ends,
//! its results are joined with the values of what surrounds it, one step a value.

use crate::Outline;
use crate::features::features;
use wasmparser::{
    BlockType, Frame, FrameKind, FuncValidator, FunctionBody, ModuleArity, Operator,
    OperatorsReader, Parser, Result, ValidPayload, Validator, ValidatorResources,
};

/// Once round the interpreter's loop.
const ROUND: u32 = 3;
/// An instruction that is fetched from its block.
const FETCHED: u32 = 2 * ROUND;
/// The price of joining two stacks of values, without the values.
const JOIN: u32 = 4;
/// A call, without the steps for each local.
const CALL: u32 = 8;
/// The end of a call, without the values.
const END_OF_CALL: u32 = 2;
/// A call of the host, without the bytes.
const HOST_CALL: u32 = 5;
/// A byte of `memory.copy`, or an element of `table.copy`.
const COPIED: u32 = 48;
/// A byte that the host reads or writes, or one of `memory.fill` and `memory.init`.
pub const BYTE: u64 = 42;

/// The price of an instruction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Price {
    /// Always.
    pub(crate) always: u32,
    /// Further, if the number on top of the stack is not 0.
    pub(crate) nonzero: u32,
    /// Further, if it is 0.
    pub(crate) zero: u32,
}

impl Price {
    const fn of(always: u32) -> Self {
        Self {
            always,
            nonzero: 0,
            zero: 0,
        }
    }
}

/// The prices of a function's instructions.
#[derive(Clone, Debug, Default)]
pub(crate) struct FunctionPrices {
    /// Its call.
    pub(crate) call: u32,
    /// Its instructions, in their order.
    pub(crate) operators: Vec<Price>,
    /// For each of its `br_table`s, in their order, what the branch to each target takes further,
    /// the default last.
    pub(crate) tables: Vec<Vec<u32>>,
}

/// The price of each unit of a bulk instruction.
pub(crate) const fn unit(operator: &Operator<'_>) -> u32 {
    match operator {
        Operator::MemoryCopy { .. } | Operator::TableCopy { .. } => COPIED,
        Operator::TableGrow { .. } => 0,
        _ => BYTE as u32,
    }
}

/// An estimate of a run's price before its first instruction: the module is decoded and its segments are
/// copied anew in each.
pub(crate) fn start(wasm: &[u8], outline: &Outline<'_>) -> u64 {
    let segments = outline.segments.iter();
    let copied: u64 = segments.map(|segment| segment.len).sum();
    wasm.len() as u64 + copied.saturating_mul(BYTE)
}

/// The prices of all functions with code, in their order.
///
/// # Errors
/// If the module is not valid.
pub(crate) fn prices(wasm: &[u8], imported_functions: u32) -> Result<Vec<FunctionPrices>> {
    let mut validator = Validator::new_with_features(features());
    let mut all = Vec::new();
    for payload in Parser::new(0).parse_all(wasm) {
        let ValidPayload::Func(function, body) = validator.payload(&payload?)? else {
            continue;
        };
        let pricing = Pricing {
            validator: function.into_validator(Default::default()),
            imported_functions,
            blocks: Vec::new(),
            operators: Vec::new(),
            tables: Vec::new(),
        };
        all.push(pricing.finish(&body)?);
    }
    Ok(all)
}

struct Pricing {
    validator: FuncValidator<ValidatorResources>,
    imported_functions: u32,
    /// The places of the instructions that opened the blocks that are open.
    blocks: Vec<usize>,
    operators: Vec<Price>,
    tables: Vec<Vec<u32>>,
}

impl Pricing {
    fn finish(mut self, body: &FunctionBody<'_>) -> Result<FunctionPrices> {
        let mut reader = body.get_binary_reader();
        self.validator.read_locals(&mut reader)?;
        let locals = self.validator.len_locals();
        let mut operators = OperatorsReader::new(reader);
        while !operators.eof() {
            let (operator, offset) = operators.read_with_offset()?;
            let price = self.price(&operator);
            match operator {
                Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => {
                    self.blocks.push(self.operators.len());
                }
                Operator::End => self.close(),
                Operator::BrTable { ref targets } => {
                    let branches = self.branches(targets);
                    self.tables.push(branches);
                }
                _ => {}
            }
            self.operators.push(price);
            self.validator.op(offset, &operator)?;
        }
        Ok(FunctionPrices {
            call: CALL + 2 * locals,
            operators: self.operators,
            tables: self.tables,
        })
    }

    fn price(&self, operator: &Operator<'_>) -> Price {
        Price::of(match *operator {
            Operator::If { .. } => FETCHED + ROUND,
            Operator::Else | Operator::End => self.end(),
            Operator::Br { relative_depth } => FETCHED + self.branch(relative_depth),
            Operator::BrIf { relative_depth } => {
                return Price {
                    always: FETCHED,
                    nonzero: ROUND + self.branch(relative_depth),
                    zero: 0,
                };
            }
            Operator::BrTable { .. } => FETCHED + ROUND,
            Operator::Return => FETCHED + ROUND,
            Operator::Call { function_index } if function_index < self.imported_functions => {
                FETCHED + HOST_CALL
            }
            Operator::Call { .. } | Operator::CallIndirect { .. } => {
                let (taken, given) = operator.operator_arity(&self.validator).unwrap_or_default();
                let kept = self.values().saturating_sub(taken);
                FETCHED + END_OF_CALL + given + kept
            }
            _ => FETCHED,
        })
    }

    /// The price of the branch to each target of a `br_table`, the default last.
    fn branches(&self, targets: &wasmparser::BrTable<'_>) -> Vec<u32> {
        let depths = targets.targets().flatten().chain([targets.default()]);
        depths.map(|depth| self.branch(depth)).collect()
    }

    /// The end of the innermost block, reached without a branch.
    fn end(&self) -> u32 {
        match (self.frame(0), self.frame(1)) {
            (Some(block), Some(around)) => {
                ROUND + JOIN + self.arity(block, false) + values_between(around, block)
            }
            _ => 2 * ROUND,
        }
    }

    /// The price of a branch after its own instruction: each block that it leaves is a round.
    fn branch(&self, depth: u32) -> u32 {
        let left = ROUND * depth;
        match (self.frame(depth), self.frame(depth + 1)) {
            (Some(block), Some(around)) => {
                let again = block.kind == FrameKind::Loop;
                let values = self.arity(block, again) + values_between(around, block);
                left + JOIN + values + if again { ROUND } else { 0 }
            }
            _ => left + ROUND,
        }
    }

    /// An `if` without `else` whose condition does not hold is an empty block.
    fn close(&mut self) {
        let empty = self.end();
        let without_else = self
            .frame(0)
            .is_some_and(|block| block.kind == FrameKind::If);
        if let Some(opened) = self.blocks.pop()
            && without_else
        {
            self.operators[opened].zero = empty;
        }
    }

    fn frame(&self, depth: u32) -> Option<&Frame> {
        self.validator.get_control_frame(depth as usize)
    }

    /// The number of values that the innermost block holds.
    fn values(&self) -> u32 {
        let below = self.frame(0).map_or(0, |block| block.height);
        self.validator
            .operand_stack_height()
            .saturating_sub(below as u32)
    }

    /// The number of values that a block takes or gives.
    fn arity(&self, block: &Frame, taken: bool) -> u32 {
        match block.block_type {
            BlockType::Empty => 0,
            BlockType::Type(_) => u32::from(!taken),
            BlockType::FuncType(index) => {
                let ty = self.validator.sub_type_at(index).map(|ty| ty.unwrap_func());
                let values = ty.map(|ty| if taken { ty.params() } else { ty.results() });
                values.map_or(0, |values| values.len() as u32)
            }
        }
    }
}

/// The number of values of the outer block that lie below an inner one.
const fn values_between(around: &Frame, block: &Frame) -> u32 {
    block.height.saturating_sub(around.height) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(function: &str) -> FunctionPrices {
        let wasm = wat::parse_str(format!("(module {function})")).expect("text");
        prices(&wasm, 0).expect("valid").swap_remove(0)
    }

    fn always(function: &str) -> Vec<u32> {
        of(function)
            .operators
            .iter()
            .map(|price| price.always)
            .collect()
    }

    #[test]
    fn a_plain_instruction_takes_six_and_a_functions_end_as_much() {
        assert_eq!(always("(func (i32.const 1) (drop))"), [6, 6, 6]);
    }

    #[test]
    fn a_call_takes_steps_for_locals_and_for_the_values_that_wait() {
        let function = "(func (param i32) (result i32) (local i64 i64)
            (i32.const 1) (call 0 (i32.const 2)) (i32.add))";
        let found = of(function);
        assert_eq!(found.call, 8 + 2 * 3);
        // The call: 6 and 2, one result, one value that waits.
        assert_eq!(found.operators[2], Price::of(10));
    }

    #[test]
    fn a_block_joins_its_result_with_the_values_around() {
        let function =
            "(func (result i32) (i32.const 1) (block (result i32) (i32.const 2)) (i32.add))";
        // Constant, block, constant, end with two values, addition, the function's end.
        assert_eq!(always(function), [6, 6, 6, 3 + 4 + 2, 6, 6]);
    }

    #[test]
    fn a_branch_takes_a_round_for_each_block_and_one_more_into_a_loop() {
        let function = "(func (loop (block (br_if 1 (i32.const 0)) (br 0))))";
        let found = of(function).operators;
        // Loop, block, constant, br_if, br.
        assert_eq!(found[3].always, 6);
        assert_eq!(found[3].nonzero, 3 + 3 + 4 + 3);
        assert_eq!(found[4], Price::of(6 + 4));
    }

    #[test]
    fn a_branch_of_a_table_takes_what_it_would_alone() {
        let function = "(func (block (block (br_table 0 1 2 0 (i32.const 0)))))";
        let found = of(function);
        assert_eq!(found.operators[3], Price::of(9));
        assert_eq!(found.tables, [[4, 3 + 4, 6 + 3, 4]]);
    }

    #[test]
    fn an_if_without_else_is_an_empty_block_where_its_condition_fails() {
        let found = of("(func (if (i32.const 0) (then (nop))))").operators;
        assert_eq!(
            found[1],
            Price {
                always: 9,
                nonzero: 0,
                zero: 7
            }
        );
        let found = of("(func (if (i32.const 0) (then (nop)) (else (nop))))").operators;
        assert_eq!(found[1], Price::of(9));
        assert_eq!(found[3], Price::of(7), "the first arm's end");
    }
}
