//! The sections of a module.

use super::arrays::reader;
use super::state::Stage;
use super::types::ANY;
use super::{Arrays, Decoder, Done, Source, Stop};
use crate::op;

/// The limits of wasmparser.
const MAX_ENTRIES: u32 = 1_000_000;
pub(super) const MAX_TABLES: u32 = 100;
pub(super) const MAX_SEGMENTS: u32 = 100_000;

/// The ranks of the sections 1 to 12.
const RANKS: [u32; 13] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 10];

impl<A: Arrays, S: Source> Decoder<'_, A, S> {
    pub(super) fn head(&mut self) -> Done<A> {
        let mut bytes = [0; 8];
        let bytes = self.window(8, &mut bytes)?;
        if bytes != b"\0asm\x01\0\0\0" {
            return Err(Stop::Refused);
        }
        self.forward(8);
        self.emit(op::HALT | op::FREE, 0, 0)?;
        let state = self.state();
        state.type_size = 1;
        state.stage = Stage::Section;
        Ok(())
    }

    pub(super) fn section(&mut self) -> Done<A> {
        let len = self.source.len();
        if self.state().pos == len {
            return self.end_of_module();
        }
        let mut bytes = [0; 16];
        let bytes = self.window(len, &mut bytes)?;
        let mut head = reader(bytes);
        let id = head.read_u8()?;
        let size = head.read_var_u32()?;
        self.forward(head.current_position());
        if size > len.saturating_sub(self.state().pos) {
            return Err(Stop::Refused);
        }
        let state = self.state();
        state.end = state.pos.wrapping_add(size);
        if id == 0 {
            return self.name(Stage::CustomName);
        }
        let rank = RANKS.get(usize::from(id)).copied().ok_or(Stop::Refused)?;
        if rank <= state.order {
            return Err(Stop::Refused);
        }
        state.order = rank;
        let end = state.end;
        let mut bytes = [0; 8];
        let bytes = self.window(end, &mut bytes)?;
        let mut content = reader(bytes);
        let number = content.read_var_u32()?;
        self.forward(content.current_position());
        match id {
            8 => self.start(number),
            12 => self.data_count(number),
            _ => self.entries(id, number),
        }
    }

    /// The entries of a section follow.
    fn entries(&mut self, id: u8, count: u32) -> Done<A> {
        let state = self.state();
        let functions = state.functions;
        let (stage, most) = match id {
            1 => (Stage::Type, MAX_ENTRIES),
            2 => (Stage::Import, MAX_ENTRIES),
            3 => (Stage::Function, MAX_ENTRIES.saturating_sub(functions)),
            4 => (Stage::Table, MAX_TABLES),
            5 => (Stage::Memory, 1),
            6 => (Stage::Global, MAX_ENTRIES),
            7 => (Stage::Export, MAX_ENTRIES),
            9 => (Stage::Element, MAX_SEGMENTS),
            10 => (Stage::Body, functions.wrapping_sub(state.imported)),
            _ => (Stage::Data, MAX_SEGMENTS),
        };
        let other = match id {
            10 => count != most,
            11 => state.data_count != 0 && state.data_count != count.wrapping_add(1),
            _ => false,
        };
        // Where code is not well-typed, no other limit is looked at.
        if other || count > most && state.ill == 0 {
            return Err(Stop::Refused);
        }
        state.left = count;
        state.stage = stage;
        Ok(())
    }

    /// True if a section has no more entries: it must end here then.
    pub(super) fn over(&mut self) -> Done<A, bool> {
        let state = self.state();
        if state.left > 0 {
            return Ok(false);
        }
        if state.pos != state.end {
            return Err(Stop::Refused);
        }
        state.stage = Stage::Section;
        Ok(true)
    }

    /// An entry was read, of so many bytes.
    pub(super) fn entry_read(&mut self, bytes: usize) {
        self.forward(bytes);
        let state = self.state();
        state.left = state.left.wrapping_sub(1);
    }

    fn single(&mut self) -> Done<A> {
        let state = self.state();
        if state.pos != state.end {
            return Err(Stop::Refused);
        }
        state.stage = Stage::Section;
        Ok(())
    }

    fn start(&mut self, function: u32) -> Done<A> {
        self.single()?;
        match self.function_type(function)? {
            Some(ty) if ty.params == 0 && ty.result == ANY => {
                self.state().start = function.wrapping_add(1);
                Ok(())
            }
            _ => Err(Stop::Refused),
        }
    }

    fn data_count(&mut self, count: u32) -> Done<A> {
        self.single()?;
        if count > MAX_SEGMENTS {
            return Err(Stop::Refused);
        }
        self.state().data_count = count + 1;
        Ok(())
    }

    fn end_of_module(&mut self) -> Done<A> {
        let state = self.state();
        let bodies = state.functions.wrapping_sub(state.imported);
        let datas = state.data_count;
        if state.bodies != bodies
            || datas != 0 && datas != state.datas.wrapping_add(1)
            || state.memories != 1
            || state.memory_exported == 0
        {
            return Err(Stop::Refused);
        }
        match state.start {
            0 => state.stage = Stage::Entry,
            start => self.reach_first(start.wrapping_sub(1))?,
        }
        Ok(())
    }
}
