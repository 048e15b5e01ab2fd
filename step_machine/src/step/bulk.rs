//! Instructions that move many bytes or elements, a piece a step. Their operands stay on the stack
//! until all is moved.

use super::calls::element;
use super::{Done, Instruction, Machine, Stop};
use crate::backing::{Backing, MAX_TABLE, Region};
use crate::op::{self, halves, high, low};
use crate::registers::End;

/// The bytes of a piece.
const BYTES: u32 = 64;
/// The elements of a piece.
const ELEMENTS: u32 = 8;

/// The three operands, of which the last says how much is moved.
#[derive(Clone, Copy)]
struct Move {
    to: u32,
    from: u32,
    len: u32,
}

impl<B: Backing> Machine<'_, B> {
    pub(super) fn bulk(&mut self, instruction: Instruction) -> Done<B> {
        let Instruction { op, short, operand } = instruction;
        match op {
            op::DATA_DROP | op::ELEM_DROP => self.set(Region::Segments, operand, 0)?,
            op::TABLE_SIZE => {
                let size = low(self.get(Region::TableSizes, operand)?);
                self.push(size.into())?;
            }
            op::TABLE_GROW => return self.table_grow(operand),
            op::MEMORY_INIT | op::MEMORY_COPY | op::MEMORY_FILL => {
                return self.move_bytes(instruction);
            }
            op::TABLE_INIT => return self.table_init(short.into(), operand),
            op::TABLE_COPY => return self.table_copy(short.into(), operand),
            op::TABLE_FILL => return self.table_fill(operand),
            _ => return Err(Stop::End(End::NoInstruction)),
        }
        self.next(1);
        Ok(())
    }

    fn operands(&mut self) -> Done<B, Move> {
        Ok(Move {
            len: self.top(0)? as u32,
            from: self.top(1)? as u32,
            to: self.top(2)? as u32,
        })
    }

    /// Counts what is moved, before its first piece; gives whether that is next.
    fn begin(&mut self, units: u32) -> bool {
        let registers = self.backing.registers_mut();
        let begins = registers.progress == 0;
        if begins {
            registers.instructions = registers.instructions.wrapping_add(units.into());
        }
        begins
    }

    /// Behind a piece: once all of `len` is done the operands go, and the next instruction follows.
    fn piece_done(&mut self, piece: u32, len: u32, operands: u32) -> bool {
        let registers = self.backing.registers_mut();
        registers.progress = registers.progress.wrapping_add(piece);
        if registers.progress < len {
            return false;
        }
        registers.progress = 0;
        registers.sp = registers.sp.wrapping_sub(operands);
        registers.pc = registers.pc.wrapping_add(1);
        true
    }

    /// The part of `len` that is done, and the size of the next piece.
    fn piece(&self, len: u32, most: u32) -> (u32, u32) {
        let done = self.backing.registers().progress.min(len);
        (done, most.min(len - done))
    }

    fn move_bytes(&mut self, instruction: Instruction) -> Done<B> {
        let Move { to, from, len } = self.operands()?;
        let begins = self.begin(len);
        let segment = match instruction.op {
            op::MEMORY_INIT => self.get(Region::Segments, instruction.operand)?,
            _ => 0,
        };
        if begins {
            let limit = self.backing.registers().memory_len();
            let from_limit = match instruction.op {
                op::MEMORY_COPY => limit,
                op::MEMORY_INIT => high(segment).into(),
                _ => u64::MAX,
            };
            let end = |start: u32| u64::from(start) + u64::from(len);
            if end(to) > limit || end(from) > from_limit {
                return Err(Stop::End(End::MemoryOutOfBounds));
            }
        }
        let (done, piece) = self.piece(len, BYTES);
        let mut bytes = [from as u8; BYTES as usize];
        let bytes = &mut bytes[..piece as usize];
        // From the end, where the target would overwrite what is still to be read.
        let at = match instruction.op == op::MEMORY_COPY && to > from {
            true => len - done - piece,
            false => done,
        };
        match instruction.op {
            op::MEMORY_COPY => {
                let from = u64::from(from) + u64::from(at);
                let loaded = self.backing.load_slice(from, bytes);
                loaded.map_err(Stop::Missing)?;
            }
            op::MEMORY_INIT => self.data(low(segment), from.wrapping_add(at), bytes)?,
            _ => {}
        }
        let to = u64::from(to) + u64::from(at);
        self.backing.store_slice(to, bytes).map_err(Stop::Missing)?;
        self.piece_done(piece, len, 3);
        Ok(())
    }

    /// Bytes of a segment that begins at a word.
    fn data(&mut self, first: u32, from: u32, bytes: &mut [u8]) -> Done<B> {
        for (at, byte) in bytes.iter_mut().enumerate() {
            let at = from.wrapping_add(at as u32);
            let word = self.get(Region::Data, first.wrapping_add(at / 8))?;
            *byte = word.to_le_bytes()[at as usize % 8];
        }
        Ok(())
    }

    /// So many elements must fit into a table.
    fn check_table(&mut self, table: u32, start: u32, len: u32) -> Done<B> {
        let size = low(self.get(Region::TableSizes, table)?);
        if u64::from(start) + u64::from(len) > size.into() {
            return Err(Stop::End(End::TableOutOfBounds));
        }
        Ok(())
    }

    fn table_init(&mut self, table: u32, segment: u32) -> Done<B> {
        let Move { to, from, len } = self.operands()?;
        let segment = self.get(Region::Segments, segment)?;
        if self.begin(len) {
            if u64::from(from) + u64::from(len) > high(segment).into() {
                return Err(Stop::End(End::TableOutOfBounds));
            }
            self.check_table(table, to, len)?;
        }
        let (done, piece) = self.piece(len, ELEMENTS);
        for at in done..done + piece {
            let from = low(segment).wrapping_add(from).wrapping_add(at);
            let word = self.get(Region::Elements, from)?;
            self.set(Region::Tables, element(table, to.wrapping_add(at)), word)?;
        }
        self.piece_done(piece, len, 3);
        Ok(())
    }

    fn table_copy(&mut self, to_table: u32, from_table: u32) -> Done<B> {
        let Move { to, from, len } = self.operands()?;
        if self.begin(len) {
            self.check_table(from_table, from, len)?;
            self.check_table(to_table, to, len)?;
        }
        let (done, piece) = self.piece(len, ELEMENTS);
        for at in done..done + piece {
            let at = match to > from {
                true => len - 1 - at,
                false => at,
            };
            let from = element(from_table, from.wrapping_add(at));
            let word = self.get(Region::Tables, from)?;
            let to = element(to_table, to.wrapping_add(at));
            self.set(Region::Tables, to, word)?;
        }
        self.piece_done(piece, len, 3);
        Ok(())
    }

    fn table_fill(&mut self, table: u32) -> Done<B> {
        let len = self.top(0)? as u32;
        let word = self.top(1)?;
        let to = self.top(2)? as u32;
        if self.begin(len) {
            self.check_table(table, to, len)?;
        }
        let (done, piece) = self.piece(len, ELEMENTS);
        for at in done..done + piece {
            self.set(Region::Tables, element(table, to.wrapping_add(at)), word)?;
        }
        self.piece_done(piece, len, 3);
        Ok(())
    }

    /// The new elements are written first; then the table is larger.
    fn table_grow(&mut self, table: u32) -> Done<B> {
        let len = self.top(0)? as u32;
        let word = self.top(1)?;
        let sizes = self.get(Region::TableSizes, table)?;
        let (size, most) = (low(sizes), high(sizes));
        self.begin(len);
        let after = size.checked_add(len);
        let after = after.filter(|after| *after <= most.min(MAX_TABLE));
        let Some(after) = after else {
            self.piece_done(0, 0, 1);
            return self.set_top(0, u32::MAX.into());
        };
        let (done, piece) = self.piece(len, ELEMENTS);
        for at in done..done + piece {
            self.set(Region::Tables, element(table, size.wrapping_add(at)), word)?;
        }
        if self.piece_done(piece, len, 1) {
            self.set(Region::TableSizes, table, halves(after, most))?;
            self.set_top(0, size.into())?;
        }
        Ok(())
    }
}
