//! Branches.

use super::arrays::{WINDOW, pair, reader};
use super::stacks::{Frame, LOOP};
use super::state::Stage;
use super::types::{ANY, I32, cells};
use super::{Arrays, Decoder, Done, Source, Stop};
use crate::backing::Region;
use crate::op::{self, halves, low};

/// The most targets of a `br_table`, as of wasmparser.
const MAX_TARGETS: u32 = 7_654_321;

impl<A: Arrays, S: Source> Decoder<'_, A, S> {
    /// `br`.
    pub(super) fn br(&mut self, depth: u32) -> Done<A> {
        let (number, frame) = self.label(depth)?;
        self.branch([op::JUMP, op::JUMP_UNWIND], number, frame)?;
        self.pop_result(frame.label())?;
        self.unreached();
        Ok(())
    }

    pub(super) fn br_if(&mut self, depth: u32) -> Done<A> {
        self.pop(I32)?;
        let (number, frame) = self.label(depth)?;
        self.branch([op::BR_IF, op::BR_IF_UNWIND], number, frame)?;
        let label = frame.label();
        self.pop_result(label)?;
        self.push_result(label)
    }

    /// Appends a branch, where code is not left out.
    fn branch(&mut self, [straight, unwinds]: [u16; 2], number: u32, frame: Frame) -> Done<A> {
        if self.state().dead != 0 {
            return Ok(());
        }
        let keep = cells(frame.label());
        let unwind = self.state().height != frame.height.wrapping_add(keep);
        if unwind {
            self.emit(unwinds, keep as u16, 0)?;
        }
        let place = self.state().code;
        let target = self.leads(number, frame, place)?;
        match unwind {
            true => self.emit_literal(halves(frame.height, target))?,
            false => self.emit(straight, 0, target)?,
        };
        Ok(())
    }

    /// Where the word at a place leads to that leads to a block: its beginning, or the last word that
    /// waits for its end, as this does now.
    fn leads(&mut self, number: u32, mut frame: Frame, place: u32) -> Done<A, u32> {
        if frame.kind == LOOP {
            return Ok(frame.target);
        }
        let before = frame.chain;
        frame.chain = place;
        self.set_frame(number, frame)?;
        Ok(before)
    }

    /// The head of a `br_table`.
    pub(super) fn br_table(&mut self, bytes: &[u8]) -> Done<A> {
        let mut reader = reader(bytes);
        reader.read_u8()?;
        let count = reader.read_var_u32()?;
        if count > MAX_TARGETS {
            return Err(Stop::Refused);
        }
        self.forward(reader.current_position());
        let state = self.state();
        state.targets = count;
        state.arity = 0;
        state.stage = Stage::Targets;
        if state.ill != 0 {
            return Ok(());
        }
        self.pop(I32)?;
        if self.state().dead == 0 {
            let place = self.emit(op::BR_TABLE, 0, count)?;
            self.state().table_at = place;
        }
        Ok(())
    }

    /// A target of a `br_table`; the last one is that of all other numbers.
    pub(super) fn target(&mut self) -> Done<A> {
        let end = self.state().body_end;
        let mut bytes = [0; WINDOW / 8];
        let bytes = self.window(end, &mut bytes)?;
        let mut reader = reader(bytes);
        let depth = reader.read_var_u32()?;
        self.forward(reader.current_position());
        let last = self.state().targets == 0;
        let state = self.state();
        state.targets = state.targets.wrapping_sub(1);
        if last {
            state.targets = 0;
            state.stage = Stage::Operators;
        }
        if state.ill != 0 {
            return Ok(());
        }
        self.typed_target(depth, last)
    }

    fn typed_target(&mut self, depth: u32, last: bool) -> Done<A> {
        let (number, frame) = self.label(depth)?;
        let label = frame.label();
        let arity = 1 + u32::from(label != ANY);
        let known = self.state().arity;
        if known != 0 && known != arity {
            return Err(Stop::Ill);
        }
        self.state().arity = arity;
        if label != ANY {
            let found = self.peek(0)?;
            if found != ANY && found != label {
                return Err(Stop::Ill);
            }
        }
        if self.state().dead == 0 {
            let place = self.state().code;
            let target = self.leads(number, frame, place)?;
            self.emit_literal(halves(frame.height, target))?;
            if last {
                let table = self.state().table_at;
                let word = self.get(Region::Code, table)?;
                let keep = u64::from(cells(label)) << 16;
                self.set(Region::Code, table, word | keep)?;
            }
        }
        if last {
            self.pop_result(label)?;
            self.unreached();
        }
        Ok(())
    }

    pub(super) fn give_back_early(&mut self) -> Done<A> {
        let result = self.state().body_result as u8;
        if self.state().dead == 0 {
            self.give_back()?;
        }
        self.pop_result(result)?;
        self.unreached();
        Ok(())
    }

    /// `call`.
    pub(super) fn call(&mut self, function: u32) -> Done<A> {
        let ty = self.function_type(function)?.ok_or(Stop::Ill)?;
        self.pop_params(ty)?;
        if self.state().dead == 0 {
            let place = self.get(Region::Declared, pair(function) | 1)?;
            if function < self.state().imported {
                self.emit(op::HOST, cells(ty.result) as u16, op::high(place))?;
                let params = self.param_cells(ty)?;
                self.emit_literal(params.into())?;
            } else if low(place) != 0 {
                self.emit(op::CALL, 0, low(place))?;
            } else {
                // One more that waits for the function to begin.
                let call = self.emit(op::CALL, 0, op::high(place))?;
                self.set(Region::Declared, pair(function) | 1, halves(0, call))?;
            }
        }
        self.push_result(ty.result)
    }

    pub(super) fn call_indirect(&mut self, number: u32, table: u32) -> Done<A> {
        if table >= self.state().tables {
            return Err(Stop::Ill);
        }
        if self.get(Region::TableTypes, table)? != u64::from(super::types::FUNC) {
            return Err(Stop::Ill);
        }
        let ty = self.type_at(number)?.ok_or(Stop::Ill)?;
        self.pop(I32)?;
        self.pop_params(ty)?;
        if self.state().dead == 0 {
            let number = self.type_number(number)?;
            self.emit(op::CALL_INDIRECT, table as u16, number)?;
        }
        self.push_result(ty.result)
    }

    fn pop_params(&mut self, ty: super::types::Type) -> Done<A> {
        for param in (0..ty.params).rev() {
            let kind = self.byte(Region::Kinds, ty.first.wrapping_add(param))?;
            self.pop(kind)?;
        }
        Ok(())
    }
}
