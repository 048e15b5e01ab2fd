//! Loads, stores, the size of memory, elements of tables.

use super::calls::element;
use super::{Done, Machine, Stop};
use crate::backing::{Backing, Region};
use crate::op::low;
use crate::registers::End;

impl<B: Backing> Machine<'_, B> {
    /// The place of an access, which must be within the memory.
    #[inline(always)]
    pub(super) fn place(&self, base: u32, offset: u32, len: u64) -> Done<B, u64> {
        let at = u64::from(base) + u64::from(offset);
        if at + len > self.backing.registers().memory_len() {
            return Err(Stop::End(End::MemoryOutOfBounds));
        }
        Ok(at)
    }

    #[inline(always)]
    pub(super) fn bytes<const N: usize>(&mut self, base: u32, offset: u32) -> Done<B, [u8; N]> {
        let at = self.place(base, offset, N as u64)?;
        self.backing.load(at).map_err(Stop::Missing)
    }

    #[inline(always)]
    pub(super) fn set_bytes<const N: usize>(
        &mut self,
        base: u32,
        offset: u32,
        bytes: [u8; N],
    ) -> Done<B> {
        let at = self.place(base, offset, N as u64)?;
        self.backing.store(at, bytes).map_err(Stop::Missing)
    }

    #[inline(always)]
    pub(super) fn load(&mut self, op: u16, offset: u32) -> Done<B> {
        let base = self.top(0)? as u32;
        let signed = |number: i64| number.cast_unsigned();
        let short = |number: i32| u64::from(number.cast_unsigned());
        let word = match op {
            0x28 => u32::from_le_bytes(self.bytes(base, offset)?).into(),
            0x29 => u64::from_le_bytes(self.bytes(base, offset)?),
            0x2c => short(i8::from_le_bytes(self.bytes(base, offset)?).into()),
            0x2d | 0x31 => u8::from_le_bytes(self.bytes(base, offset)?).into(),
            0x2e => short(i16::from_le_bytes(self.bytes(base, offset)?).into()),
            0x2f | 0x33 => u16::from_le_bytes(self.bytes(base, offset)?).into(),
            0x30 => signed(i8::from_le_bytes(self.bytes(base, offset)?).into()),
            0x32 => signed(i16::from_le_bytes(self.bytes(base, offset)?).into()),
            0x34 => signed(i32::from_le_bytes(self.bytes(base, offset)?).into()),
            0x35 => u32::from_le_bytes(self.bytes(base, offset)?).into(),
            _ => return Err(Stop::End(End::NoInstruction)),
        };
        self.set_top(0, word)
    }

    #[inline(always)]
    pub(super) fn store(&mut self, op: u16, offset: u32) -> Done<B> {
        let word = self.pop()?;
        let base = self.pop_int()?;
        match op {
            0x36 | 0x3e => self.set_bytes(base, offset, (word as u32).to_le_bytes()),
            0x37 => self.set_bytes(base, offset, word.to_le_bytes()),
            0x3a | 0x3c => self.set_bytes(base, offset, [word as u8]),
            0x3b | 0x3d => self.set_bytes(base, offset, (word as u16).to_le_bytes()),
            _ => Err(Stop::End(End::NoInstruction)),
        }
    }

    pub(super) fn memory_grow(&mut self) -> Done<B> {
        let more = self.top(0)? as u32;
        let registers = self.backing.registers_mut();
        let before = registers.pages;
        let after = before
            .checked_add(more)
            .filter(|pages| *pages <= registers.max_pages);
        let answer = match after {
            Some(pages) => {
                registers.pages = pages;
                self.backing.grown();
                before
            }
            None => u32::MAX,
        };
        self.set_top(0, answer.into())
    }

    pub(super) fn table_get(&mut self, table: u32) -> Done<B> {
        let index = self.top(0)? as u32;
        let at = self.element(table, index)?;
        let word = self.get(Region::Tables, at)?;
        self.set_top(0, word)
    }

    pub(super) fn table_set(&mut self, table: u32) -> Done<B> {
        let word = self.pop()?;
        let index = self.pop_int()?;
        let at = self.element(table, index)?;
        self.set(Region::Tables, at, word)
    }

    fn element(&mut self, table: u32, index: u32) -> Done<B, u32> {
        let size = low(self.get(Region::TableSizes, table)?);
        if index >= size {
            return Err(Stop::End(End::TableOutOfBounds));
        }
        Ok(element(table, index))
    }
}
