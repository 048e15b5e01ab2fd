//! Calls and returns.

use super::{Done, Event, HostCall, Instruction, Machine, Stop};
use crate::backing::{Backing, Region, TABLE_BITS};
use crate::op::{self, halves, high, low};
use crate::registers::End;

/// The number of locals that are set to 0 in one step.
const ZEROED: u32 = 16;

impl<B: Backing> Machine<'_, B> {
    /// Goes to a function, which returns behind this instruction of so many words.
    #[inline(always)]
    pub(super) fn call(&mut self, begin: u32, words: u32) -> Done<B> {
        let registers = self.backing.registers_mut();
        registers.link = registers.pc.wrapping_add(words);
        registers.pc = begin;
        Ok(())
    }

    pub(super) fn call_indirect(&mut self, table: u16, ty: u32) -> Done<B> {
        let index = self.pop_int()?;
        let size = low(self.get(Region::TableSizes, table.into())?);
        if index >= size {
            return Err(Stop::End(End::UndefinedElement));
        }
        let element = self.get(Region::Tables, element(table.into(), index))?;
        let Some(function) = element.checked_sub(1) else {
            return Err(Stop::End(End::UninitializedElement));
        };
        let function = self.get(Region::Functions, function as u32)?;
        if high(function) != ty {
            return Err(Stop::End(End::BadSignature));
        }
        self.call(low(function), 1)
    }

    /// A function begins: its locals are set to 0, and behind them stands where it returns to.
    #[inline(always)]
    pub(super) fn enter(&mut self, params: u16, locals: u32) -> Done<B> {
        let size = self.literal(1)? as u32;
        let registers = self.backing.registers_mut();
        let fp = registers.sp.wrapping_sub(params.into());
        if registers.progress == 0 {
            if registers.depth >= registers.frames {
                registers.max_depth = registers.max_depth.max(registers.depth.wrapping_add(1));
                return Err(Stop::End(End::CallsExhausted));
            }
            if u64::from(fp) + u64::from(size) > registers.stack.into() {
                return Err(Stop::End(End::StackExhausted));
            }
        }
        let done = u32::from(params).wrapping_add(registers.progress);
        let end = locals.min(done.wrapping_add(ZEROED));
        if end < locals {
            registers.progress = registers.progress.wrapping_add(ZEROED);
        }
        for cell in done..end {
            self.set(Region::Stack, fp.wrapping_add(cell), 0)?;
        }
        if end < locals {
            return Ok(());
        }
        let registers = self.backing.registers_mut();
        registers.progress = 0;
        let saved = halves(registers.link, registers.fp);
        let at = fp.wrapping_add(locals);
        registers.fp = fp;
        registers.sp = at.wrapping_add(1);
        registers.depth = registers.depth.wrapping_add(1);
        registers.max_depth = registers.max_depth.max(registers.depth);
        registers.pc = registers.pc.wrapping_add(2);
        self.set(Region::Stack, at, saved)
    }

    #[inline(always)]
    pub(super) fn give_back(&mut self, results: u16, locals: u32) -> Done<B> {
        let fp = self.backing.registers().fp;
        let saved = self.get(Region::Stack, fp.wrapping_add(locals))?;
        self.keep(results.into(), fp)?;
        let registers = self.backing.registers_mut();
        registers.sp = fp.wrapping_add(results.into());
        registers.depth = registers.depth.wrapping_sub(1);
        registers.fp = high(saved);
        registers.pc = low(saved);
        Ok(())
    }

    /// A call of the host, which is not made yet.
    pub(super) fn host(&mut self, instruction: Instruction) -> Done<B, Event> {
        let cells = self.literal(1)? as u32;
        Ok(Event::Call(HostCall {
            import: instruction.operand,
            first: self.backing.registers().sp.wrapping_sub(cells),
            cells,
        }))
    }

    /// The call is made: its arguments go, its result comes.
    pub(super) fn answered(&mut self, call: HostCall, answer: u64) -> Done<B> {
        let word = self.literal(0)?;
        let registers = self.backing.registers_mut();
        registers.steps = registers.steps.wrapping_add(1);
        registers.sp = call.first;
        if word as u16 & !op::FREE == op::THUNK {
            registers.pc = registers.link;
        } else {
            registers.instructions = registers.instructions.wrapping_add(1);
            registers.pc = registers.pc.wrapping_add(2);
        }
        if word >> 16 & 0xffff > 0 {
            self.push(answer)?;
        }
        Ok(())
    }

    /// One more call is open through a table, if of a function of the host: this must be allowed.
    pub(super) fn open_thunk(&mut self) -> Done<B> {
        let registers = self.backing.registers_mut();
        let open = registers.depth.wrapping_add(1);
        registers.max_depth = registers.max_depth.max(open);
        if open > registers.frames {
            return Err(Stop::End(End::CallsExhausted));
        }
        Ok(())
    }
}

/// The place of an element of a table.
pub(super) const fn element(table: u32, index: u32) -> u32 {
    table << TABLE_BITS | index & ((1 << TABLE_BITS) - 1)
}
