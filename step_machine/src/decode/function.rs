//! The code of a function.

mod plain;

pub(crate) use plain::{lane, memarg, small};

use super::{DecodeError, Decoder, Result, cells, cells_of};
use crate::op::{self, FREE, halves};
use wasmparser::{
    BlockType, BrTable, FuncValidator, FuncValidatorAllocations, FunctionBody, Operator,
    OperatorsReader, ValidatorResources,
};

/// Appends a function's code.
pub(super) fn decode(
    decoder: &mut Decoder<'_>,
    validator: FuncValidator<ValidatorResources>,
    body: &FunctionBody<'_>,
) -> Result<FuncValidatorAllocations> {
    let mut code = Code {
        decoder,
        validator,
        locals: Vec::new(),
        local_cells: 0,
        result_cells: 0,
        values: Vec::new(),
        height: 0,
        highest: 0,
        blocks: Vec::new(),
        dead: None,
    };
    code.function(body)?;
    Ok(code.validator.into_allocations())
}

struct Code<'d, 'w> {
    decoder: &'d mut Decoder<'w>,
    validator: FuncValidator<ValidatorResources>,
    /// The first cell of each local, and how many it has.
    locals: Vec<(u32, u32)>,
    local_cells: u32,
    result_cells: u32,
    /// The cells of each value on the stack.
    values: Vec<u32>,
    /// The number of cells that the function has on the stack, locals included.
    height: u32,
    highest: u32,
    blocks: Vec<Block>,
    /// Of code that is never reached, how many blocks are open within.
    dead: Option<u32>,
}

struct Block {
    /// The target of a branch: into a loop, or behind the block, at these instructions when it is
    /// known.
    loops: Option<u32>,
    forward: Vec<usize>,
    /// The branch around the first arm of an `if`.
    around: Option<usize>,
    height: u32,
    values: usize,
    results: u32,
}

impl Code<'_, '_> {
    fn function(&mut self, body: &FunctionBody<'_>) -> Result<()> {
        let index = self.decoder.begins.len() as u32;
        let ty = self.decoder.outline.function_type(index);
        let ty = ty.ok_or(DecodeError::Unknown("functions without a type"))?;
        let (params, results) = (cells_of(ty.params()), cells_of(ty.results()));
        if ty.results().len() > 1 {
            return Err(DecodeError::Unknown("functions with several results"));
        }
        let mut reader = body.get_binary_reader();
        self.validator.read_locals(&mut reader)?;
        for local in 0..self.validator.len_locals() {
            let ty = self.validator.get_local_type(local);
            let cells = ty.map_or(1, cells);
            self.locals.push((self.local_cells, cells));
            self.local_cells += cells;
        }
        self.result_cells = results;
        let begin = self
            .decoder
            .emit(op::ENTER, params as u16, self.local_cells);
        let size = self.decoder.emit_literal(0) as usize;
        self.decoder.begins.push(begin);
        // Where it returns to stands behind the locals.
        self.height = self.local_cells + 1;
        self.highest = self.height;
        self.blocks.push(self.block(None, results));
        let mut operators = OperatorsReader::new(reader);
        while !operators.eof() {
            let (operator, offset) = operators.read_with_offset()?;
            self.operator(&operator, offset)?;
        }
        self.decoder.image.code[size] = self.highest.max(self.local_cells + 1 + results).into();
        Ok(())
    }

    fn block(&self, loops: Option<u32>, results: u32) -> Block {
        Block {
            loops,
            forward: Vec::new(),
            around: None,
            height: self.height,
            values: self.values.len(),
            results,
        }
    }

    fn operator(&mut self, operator: &Operator<'_>, offset: usize) -> Result<()> {
        if self.dead.is_some() {
            self.unreached(operator);
            return Ok(self.validator.op(offset, operator)?);
        }
        let (pops, pushes) = operator.operator_arity(&self.validator).unwrap_or_default();
        match operator {
            Operator::Block { .. }
            | Operator::Loop { .. }
            | Operator::If { .. }
            | Operator::Else
            | Operator::End
            | Operator::Br { .. }
            | Operator::BrIf { .. }
            | Operator::BrTable { .. }
            | Operator::Return
            | Operator::Unreachable => {
                self.control(operator)?;
                Ok(self.validator.op(offset, operator)?)
            }
            _ => {
                self.plain(operator, offset)?;
                self.validator.op(offset, operator)?;
                self.pop(pops);
                for value in (0..pushes).rev() {
                    let ty = self.validator.get_operand_type(value as usize);
                    self.push(ty.flatten().map_or(1, cells));
                }
                Ok(())
            }
        }
    }

    fn pop(&mut self, values: u32) {
        for _ in 0..values {
            self.height -= self.values.pop().unwrap_or_default();
        }
    }

    fn push(&mut self, cells: u32) {
        self.values.push(cells);
        self.height += cells;
        self.highest = self.highest.max(self.height);
    }

    /// The cells of a value below the top of the stack.
    fn cells_at(&self, depth: usize) -> u16 {
        self.values
            .iter()
            .rev()
            .nth(depth)
            .map_or(1, |cells| *cells as u16)
    }

    /// Code that is never reached is left out.
    fn unreached(&mut self, operator: &Operator<'_>) {
        let Some(open) = self.dead else { return };
        match operator {
            Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => {
                self.dead = Some(open + 1);
            }
            Operator::End if open > 0 => self.dead = Some(open - 1),
            Operator::Else if open == 0 => self.other_arm(),
            Operator::End => self.end(),
            _ => {}
        }
    }

    fn control(&mut self, operator: &Operator<'_>) -> Result<()> {
        match operator {
            Operator::Block { blockty } => {
                let results = self.results(*blockty)?;
                self.blocks.push(self.block(None, results));
            }
            Operator::Loop { blockty } => {
                let results = self.results(*blockty)?;
                let here = self.decoder.here();
                self.blocks.push(self.block(Some(here), results));
            }
            Operator::If { blockty } => {
                let results = self.results(*blockty)?;
                self.pop(1);
                let mut block = self.block(None, results);
                block.around = Some(self.decoder.emit(op::BR_UNLESS, 0, 0) as usize);
                self.blocks.push(block);
            }
            Operator::Else => {
                let jump = self.decoder.emit(op::JUMP | FREE, 0, 0) as usize;
                if let Some(block) = self.blocks.last_mut() {
                    block.forward.push(jump);
                }
                self.other_arm();
            }
            Operator::End => self.end(),
            Operator::Br { relative_depth } => {
                self.branch([op::JUMP, op::JUMP_UNWIND], *relative_depth);
                self.dead = Some(0);
            }
            Operator::BrIf { relative_depth } => {
                self.pop(1);
                self.branch([op::BR_IF, op::BR_IF_UNWIND], *relative_depth);
            }
            Operator::BrTable { targets } => {
                self.pop(1);
                self.branches(targets)?;
                self.dead = Some(0);
            }
            Operator::Return => {
                self.give_back();
                self.dead = Some(0);
            }
            _ => {
                self.decoder.emit(op::UNREACHABLE | FREE, 0, 0);
                self.dead = Some(0);
            }
        }
        Ok(())
    }

    fn give_back(&mut self) {
        let (results, locals) = (self.result_cells as u16, self.local_cells);
        self.decoder.emit(op::RETURN | FREE, results, locals);
    }

    fn results(&self, ty: BlockType) -> Result<u32> {
        match ty {
            BlockType::Empty => Ok(0),
            BlockType::Type(ty) => Ok(cells(ty)),
            BlockType::FuncType(ty) => match self.decoder.outline.type_at(ty) {
                Some(ty) if ty.params().is_empty() && ty.results().len() < 2 => {
                    Ok(cells_of(ty.results()))
                }
                _ => Err(DecodeError::Unknown(
                    "blocks that take values or give several",
                )),
            },
        }
    }

    /// The block that a branch leads out of, the cells that it keeps, and whether it unwinds.
    fn target(&self, depth: u32) -> (usize, u32, bool) {
        let place = self.blocks.len().saturating_sub(1 + depth as usize);
        let block = &self.blocks[place];
        let keep = if block.loops.is_some() {
            0
        } else {
            block.results
        };
        (place, keep, self.height != block.height + keep)
    }

    fn branch(&mut self, [straight, unwinds]: [u16; 2], depth: u32) {
        let (place, keep, unwind) = self.target(depth);
        let at = if unwind {
            self.decoder.emit(unwinds, keep as u16, 0);
            let height = self.blocks[place].height;
            self.decoder.emit_literal(halves(height, 0))
        } else {
            self.decoder.emit(straight, 0, 0)
        };
        self.lead(place, at as usize);
    }

    fn branches(&mut self, targets: &BrTable<'_>) -> Result<()> {
        let (_, keep, _) = self.target(targets.default());
        self.decoder.emit(op::BR_TABLE, keep as u16, targets.len());
        for depth in targets.targets().chain([Ok(targets.default())]) {
            let (place, ..) = self.target(depth?);
            let height = self.blocks[place].height;
            let at = self.decoder.emit_literal(halves(height, 0));
            self.lead(place, at as usize);
        }
        Ok(())
    }

    /// The upper half of this word leads to the block's target.
    fn lead(&mut self, place: usize, at: usize) {
        let block = &mut self.blocks[place];
        match block.loops {
            Some(target) => lead(&mut self.decoder.image.code[at], target),
            None => block.forward.push(at),
        }
    }

    /// The second arm of an `if` begins.
    fn other_arm(&mut self) {
        let here = self.decoder.here();
        self.dead = None;
        if let Some(block) = self.blocks.last_mut() {
            if let Some(around) = block.around.take() {
                lead(&mut self.decoder.image.code[around], here);
            }
            self.height = block.height;
            self.values.truncate(block.values);
        }
    }

    fn end(&mut self) {
        let Some(block) = self.blocks.pop() else {
            return;
        };
        let here = self.decoder.here();
        let reached = self.dead.is_none() || block.around.is_some() || !block.forward.is_empty();
        for at in block.forward.into_iter().chain(block.around) {
            lead(&mut self.decoder.image.code[at], here);
        }
        self.height = block.height;
        self.values.truncate(block.values);
        if !reached {
            // What is behind is not reached either.
            self.dead = Some(0);
        } else {
            self.dead = None;
        }
        if block.results > 0 {
            self.push(block.results);
        }
        if self.blocks.is_empty() && reached {
            self.give_back();
        }
    }
}

/// Sets the upper half of a word.
fn lead(word: &mut u64, target: u32) {
    *word = halves(op::low(*word), target);
}
