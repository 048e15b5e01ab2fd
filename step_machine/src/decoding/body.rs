//! The bodies of functions: their heads, and their ends.

use super::arrays::{WINDOW, pair, reader};
use super::stacks::{BODY, Frame};
use super::state::Stage;
use super::types::{cells, kind};
use super::{Arrays, Decoder, Done, Source, Stop};
use crate::backing::Region;
use crate::op::{self, FREE, halves, high, low};

/// The limits of wasmparser.
const MAX_BODY: u32 = 7_654_321;
const MAX_LOCALS: u32 = 50_000;

/// The parameters that are read in one step.
const PARAMS: u32 = 32;

impl<A: Arrays, S: Source> Decoder<'_, A, S> {
    pub(super) fn body(&mut self) -> Done<A> {
        if self.over()? {
            return Ok(());
        }
        let end = self.state().end;
        let mut bytes = [0; 16];
        let bytes = self.window(end, &mut bytes)?;
        let mut reader = reader(bytes);
        let size = reader.read_var_u32()?;
        let head = reader.current_position();
        let groups = reader.read_var_u32()?;
        let taken = (reader.current_position() - head) as u32;
        self.forward(head);
        let state = self.state();
        let function = state.imported.wrapping_add(state.bodies);
        let long = size > MAX_BODY && state.ill == 0;
        if long || size > state.end.saturating_sub(state.pos) || taken > size {
            return Err(Stop::Refused);
        }
        state.body_end = state.pos.wrapping_add(size);
        state.pos = state.pos.wrapping_add(taken);
        state.locals_left = groups;
        let ty = low(self.get(Region::Declared, pair(function))?);
        let result = self.type_at(ty)?.ok_or(Stop::Refused)?.result;
        let state = self.state();
        state.body_type = ty;
        state.body_result = result.into();
        state.params = 0;
        state.groups = 0;
        state.declared = 0;
        state.locals = 0;
        state.local_cells = 0;
        state.operands = 0;
        state.frames = 0;
        state.base = 0;
        state.unreachable = 0;
        state.dead = 0;
        state.stage = match state.ill {
            0 => Stage::Params,
            _ => Stage::Locals,
        };
        Ok(())
    }

    /// Parameters are the first locals.
    pub(super) fn params(&mut self) -> Done<A> {
        let number = self.state().body_type;
        let ty = self.type_at(number)?.ok_or(Stop::Refused)?;
        let first = self.state().params;
        let end = ty.params.min(first.wrapping_add(PARAMS));
        for param in first..end {
            let kind = self.byte(Region::Kinds, ty.first.wrapping_add(param))?;
            self.group(1, kind)?;
        }
        let state = self.state();
        state.params = end;
        if end == ty.params {
            // The cells of the parameters stand in the code.
            state.body_begin = state.local_cells;
            state.stage = Stage::Locals;
        }
        Ok(())
    }

    fn group(&mut self, count: u32, kind: u8) -> Done<A> {
        let (group, first, cell) = {
            let state = self.state();
            (state.groups, state.locals, state.local_cells)
        };
        self.set(Region::Locals, pair(group), halves(first, cell))?;
        self.set(Region::Locals, pair(group) | 1, halves(count, kind.into()))?;
        let state = self.state();
        state.groups = group.wrapping_add(1);
        state.locals = first.wrapping_add(count);
        state.local_cells = cell.wrapping_add(count.wrapping_mul(cells(kind)));
        Ok(())
    }

    pub(super) fn locals(&mut self) -> Done<A> {
        if self.state().locals_left == 0 {
            return self.code_begins();
        }
        let end = self.state().body_end;
        let mut bytes = [0; 16];
        let bytes = self.window(end, &mut bytes)?;
        let mut reader = reader(bytes);
        let (count, kind) = (reader.read_var_u32()?, kind(reader.read()?)?);
        self.forward(reader.current_position());
        let state = self.state();
        state.locals_left = state.locals_left.wrapping_sub(1);
        state.declared = state.declared.checked_add(count).ok_or(Stop::Refused)?;
        if state.ill != 0 || count == 0 {
            return Ok(());
        }
        match state.locals.checked_add(count) {
            Some(all) if all <= MAX_LOCALS => self.group(count, kind),
            _ => Err(Stop::Ill),
        }
    }

    fn code_begins(&mut self) -> Done<A> {
        let (function, place, end) = {
            let state = self.state();
            let function = state.imported.wrapping_add(state.bodies);
            (function, state.pos, state.body_end)
        };
        self.set(Region::Bodies, function, halves(place, end))?;
        self.state().stage = Stage::Operators;
        let result = self.state().body_result as u8;
        if self.state().ill != 0 {
            return self.push_frame(Frame::new(BODY, result));
        }
        let (params, local_cells) = (self.state().body_begin, self.state().local_cells);
        let begin = self.emit(op::ENTER, params as u16, local_cells)?;
        self.emit_literal(0)?;
        let waiting = high(self.get(Region::Declared, pair(function) | 1)?);
        self.set(Region::Declared, pair(function) | 1, halves(begin, 0))?;
        let state = self.state();
        state.patch = waiting;
        state.target = begin;
        state.body_begin = begin;
        // Where it returns to stands behind the locals.
        state.height = local_cells.wrapping_add(1);
        state.highest = state.height;
        self.push_frame(Frame::new(BODY, result))
    }

    /// The next instruction, or the end.
    pub(super) fn operator(&mut self) -> Done<A> {
        let (pos, end) = (self.state().pos, self.state().body_end);
        if pos == end {
            return self.body_ends();
        }
        if self.state().frames == 0 {
            return Err(Stop::Refused);
        }
        let mut bytes = [0; WINDOW / 2];
        let bytes = self.window(end, &mut bytes)?;
        let Some(first) = bytes.first() else {
            return Err(Stop::Refused);
        };
        match first {
            0x05 => self.other(),
            0x0b => self.end(),
            0x0e => self.br_table(bytes),
            _ => self.instruction(bytes),
        }
    }

    fn body_ends(&mut self) -> Done<A> {
        let state = self.state();
        if state.frames > 0 {
            state.ill = 1;
        }
        let least = state
            .local_cells
            .wrapping_add(1)
            .wrapping_add(cells(state.body_result as u8));
        let (size, begin) = (state.highest.max(least), state.body_begin);
        state.bodies = state.bodies.wrapping_add(1);
        state.left = state.left.wrapping_sub(1);
        state.stage = Stage::Body;
        match state.ill {
            0 => self.set(Region::Code, begin.wrapping_add(1), size.into()),
            _ => Ok(()),
        }
    }

    /// The first cell of a local, and its type.
    pub(super) fn local(&mut self, index: u32) -> Done<A, (u32, u8)> {
        if index >= self.state().locals {
            return Err(Stop::Ill);
        }
        let (mut low_end, mut high_end) = (0, self.state().groups);
        while high_end.saturating_sub(low_end) > 1 {
            let middle = low_end + (high_end - low_end) / 2;
            match low(self.get(Region::Locals, pair(middle))?) <= index {
                true => low_end = middle,
                false => high_end = middle,
            }
        }
        let begin = self.get(Region::Locals, pair(low_end))?;
        let kind = high(self.get(Region::Locals, pair(low_end) | 1)?) as u8;
        let within = index.wrapping_sub(low(begin));
        let cell = high(begin).wrapping_add(within.wrapping_mul(cells(kind)));
        Ok((cell, kind))
    }

    /// Appends what gives back a function's result.
    pub(super) fn give_back(&mut self) -> Done<A> {
        let (result, cells_of_locals) = (self.state().body_result, self.state().local_cells);
        self.emit(
            op::RETURN | FREE,
            cells(result as u8) as u16,
            cells_of_locals,
        )?;
        Ok(())
    }
}
