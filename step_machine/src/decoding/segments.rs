//! Segments of elements and of data.

use super::arrays::WINDOW;
use super::arrays::reader;
use super::entries::constant;
use super::state::Stage;
use super::types::{FUNC, I32, kind};
use super::{Arrays, Decoder, Done, Source, Stop};
use crate::backing::{Region, TABLE_BITS};
use crate::op::{halves, low};
use crate::registers::PAGE;
use wasmparser::{BinaryReader, ValType};

/// The most elements of a segment, as of wasmparser.
const MAX_ELEMENTS: u32 = 10_000_000;

const ACTIVE: u32 = 0;
const PASSIVE: u32 = 1;
const DECLARED: u32 = 2;

impl<A: Arrays, S: Source> Decoder<'_, A, S> {
    pub(super) fn element(&mut self) -> Done<A> {
        if self.over()? {
            return Ok(());
        }
        let end = self.state().end;
        let mut bytes = [0; WINDOW];
        let bytes = self.window(end, &mut bytes)?;
        let mut reader = reader(bytes);
        let flags = reader.read_var_u32()?;
        if flags > 7 {
            return Err(Stop::Refused);
        }
        let segment_kind = match flags & 3 {
            1 => PASSIVE,
            3 => DECLARED,
            _ => ACTIVE,
        };
        let (mut table, mut at) = (0, 0);
        if segment_kind == ACTIVE {
            if flags & 2 != 0 {
                table = reader.read_var_u32()?;
            }
            at = self.typed(&mut reader, I32)? as u32;
        }
        let exprs = flags & 4 != 0;
        let mut ty = FUNC;
        if flags & 3 != 0 {
            if exprs {
                ty = kind(ValType::Ref(reader.read()?))?;
            } else if reader.read_u8()? != 0 {
                return Err(Stop::Refused);
            }
        }
        let count = reader.read_var_u32()?;
        if count > MAX_ELEMENTS {
            return Err(Stop::Refused);
        }
        if segment_kind == ACTIVE {
            self.table_takes(table, ty, u64::from(at) + u64::from(count))?;
        }
        self.forward(reader.current_position());
        let state = self.state();
        state.segment_kind = segment_kind;
        state.segment_type = ty.into();
        state.segment_exprs = exprs.into();
        state.segment_table = table;
        state.segment_at = at;
        state.segment_first = state.element_words;
        state.segment_left = count;
        state.stage = Stage::ElementItem;
        Ok(())
    }

    /// A table has such elements, as far as this.
    fn table_takes(&mut self, table: u32, ty: u8, end: u64) -> Done<A> {
        if table >= self.state().tables {
            return Err(Stop::Refused);
        }
        let known = self.get(Region::TableTypes, table)?;
        let size = low(self.get(Region::TableSizes, table)?);
        match known == u64::from(ty) && end <= u64::from(size) {
            true => Ok(()),
            false => Err(Stop::Refused),
        }
    }

    pub(super) fn element_item(&mut self) -> Done<A> {
        if self.state().segment_left == 0 {
            return self.element_end();
        }
        let end = self.state().end;
        let mut bytes = [0; WINDOW];
        let bytes = self.window(end, &mut bytes)?;
        let mut reader = reader(bytes);
        let value = match self.state().segment_exprs {
            0 => {
                let function = reader.read_var_u32()?;
                self.refer(function)?;
                u64::from(function) + 1
            }
            _ => {
                let ty = self.state().segment_type as u8;
                self.typed(&mut reader, ty)? as u64
            }
        };
        let (word, table, at) = {
            let state = self.state();
            (state.element_words, state.segment_table, state.segment_at)
        };
        self.set(Region::Elements, word, value)?;
        if self.state().segment_kind == ACTIVE {
            let element = at & ((1 << TABLE_BITS) - 1);
            self.set(Region::Tables, table << TABLE_BITS | element, value)?;
        }
        self.forward(reader.current_position());
        let state = self.state();
        state.element_words = word.wrapping_add(1);
        state.segment_at = at.wrapping_add(1);
        state.segment_left = state.segment_left.wrapping_sub(1);
        Ok(())
    }

    fn element_end(&mut self) -> Done<A> {
        let (first, len, ty, number, segment) = {
            let state = self.state();
            (
                state.segment_first,
                state.element_words.wrapping_sub(state.segment_first),
                state.segment_type,
                state.elements,
                state.segments,
            )
        };
        if self.state().segment_kind == PASSIVE {
            self.set(Region::Segments, segment, halves(first, len))?;
        }
        self.set(Region::ElementTypes, number, ty.into())?;
        let state = self.state();
        state.elements = number.wrapping_add(1);
        state.segments = segment.wrapping_add(1);
        state.left = state.left.wrapping_sub(1);
        state.stage = Stage::Element;
        Ok(())
    }

    pub(super) fn data(&mut self) -> Done<A> {
        if self.over()? {
            return Ok(());
        }
        let end = self.state().end;
        let mut bytes = [0; WINDOW];
        let bytes = self.window(end, &mut bytes)?;
        let mut reader = reader(bytes);
        let flags = reader.read_var_u32()?;
        let (kind, at) = match flags {
            0 | 2 => (ACTIVE, self.place(&mut reader, flags)?),
            1 => (PASSIVE, None),
            _ => return Err(Stop::Refused),
        };
        let len = reader.read_var_u32()?;
        self.forward(reader.current_position());
        let state = self.state();
        if len > state.end.saturating_sub(state.pos) {
            return Err(Stop::Refused);
        }
        if let Some(at) = at
            && u64::from(at) + u64::from(len) > u64::from(state.pages) * PAGE
        {
            return Err(Stop::Refused);
        }
        if state.ill != 0 {
            state.pos = state.pos.wrapping_add(len);
            return self.data_end();
        }
        state.segment_kind = kind;
        state.segment_at = at.unwrap_or_default();
        state.segment_first = state.data_words;
        state.segment_left = len;
        let first = state.data_words;
        if kind == PASSIVE {
            let segment = state.segments;
            state.data_words = first.wrapping_add(len.div_ceil(8));
            self.set(Region::Segments, segment, halves(first, len))?;
        }
        self.state().stage = Stage::DataBytes;
        Ok(())
    }

    /// The place in memory of a segment, if it is one in the module's memory. Where code is not
    /// well-typed, it need be none.
    fn place(&mut self, reader: &mut BinaryReader<'_>, flags: u32) -> Done<A, Option<u32>> {
        let memory = match flags {
            2 => reader.read_var_u32()?,
            _ => 0,
        };
        let constant = constant(reader)?;
        let known = memory < self.state().memories;
        match known && constant.kind == I32 {
            true => Ok(Some(constant.value as u32)),
            false if self.state().ill != 0 => Ok(None),
            false => Err(Stop::Refused),
        }
    }

    /// The next 64 bytes of a segment.
    pub(super) fn data_bytes(&mut self) -> Done<A> {
        let (kind, at, first, left, pos) = {
            let state = self.state();
            (
                state.segment_kind,
                state.segment_at,
                state.segment_first,
                state.segment_left,
                state.pos,
            )
        };
        if left == 0 {
            return self.data_end();
        }
        let mut bytes = [0; WINDOW];
        let bytes = self.window(pos.wrapping_add(left), &mut bytes)?;
        if bytes.is_empty() {
            return Err(Stop::Refused);
        }
        match kind {
            PASSIVE => {
                for (place, bytes) in bytes.chunks(8).enumerate() {
                    let mut word = [0; 8];
                    word[..bytes.len()].copy_from_slice(bytes);
                    let at = first.wrapping_add(place as u32);
                    self.set(Region::Data, at, u64::from_le_bytes(word))?;
                }
            }
            _ => self.store(at, bytes)?,
        }
        let len = bytes.len() as u32;
        self.forward(bytes.len());
        let state = self.state();
        state.segment_at = at.wrapping_add(len);
        state.segment_first = first.wrapping_add(len.div_ceil(8));
        state.segment_left = left.wrapping_sub(len);
        Ok(())
    }

    /// Writes bytes of the memory.
    fn store(&mut self, at: u32, bytes: &[u8]) -> Done<A> {
        let mut done = 0;
        while done < bytes.len() {
            let byte = u64::from(at) + done as u64;
            let (place, within) = ((byte >> 3) as u32, (byte & 7) as usize);
            let count = (8 - within).min(bytes.len() - done);
            let mut word = self.get(Region::Memory, place)?.to_le_bytes();
            word[within..within + count].copy_from_slice(&bytes[done..done + count]);
            self.set(Region::Memory, place, u64::from_le_bytes(word))?;
            done += count;
        }
        Ok(())
    }

    fn data_end(&mut self) -> Done<A> {
        let state = self.state();
        state.datas = state.datas.wrapping_add(1);
        state.segments = state.segments.wrapping_add(1);
        state.left = state.left.wrapping_sub(1);
        state.stage = Stage::Data;
        Ok(())
    }
}
