//! One step, over whatever holds the state.

mod bulk;
mod calls;
mod memory;
mod numeric;
mod simd;

use crate::backing::{Backing, Region};
use crate::op::{self, FREE, high, low};
use crate::registers::End;

/// The event of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The next step follows.
    Stepped,
    /// The host is called: [`answer`] makes the step.
    Call(HostCall),
    /// The run is over, by this step or before.
    Ended(End),
}

/// A call of the host that waits for its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostCall {
    /// The number of the imported function, among all of them or as it was linked.
    pub import: u32,
    /// The first cell of its arguments on the stack.
    pub first: u32,
    /// The cells of its arguments.
    pub cells: u32,
}

/// Why a step does not go on as usual.
enum Stop<M> {
    Missing(M),
    End(End),
}

type Done<B, T = ()> = Result<T, Stop<<B as Backing>::Missing>>;

/// Makes one step. A call of the host is left to [`answer`], the state being as before it.
///
/// # Errors
/// If something of the state is not here; the state is then of no use.
#[inline]
pub fn step<B: Backing>(backing: &mut B) -> Result<Event, B::Missing> {
    if let Some(end) = backing.registers().end {
        return Ok(Event::Ended(end));
    }
    let mut machine = Machine { backing };
    match machine.instruction() {
        Ok(event) => Ok(event),
        Err(Stop::Missing(missing)) => Err(missing),
        Err(Stop::End(end)) => {
            backing.registers_mut().end = Some(end);
            Ok(Event::Ended(end))
        }
    }
}

/// Makes the step of a call of the host, with its answer (0 where it gives none).
///
/// # Errors
/// If something of the state is not here.
pub fn answer<B: Backing>(
    backing: &mut B,
    call: HostCall,
    answer: u64,
) -> Result<Event, B::Missing> {
    let mut machine = Machine { backing };
    match machine.answered(call, answer) {
        Ok(()) => Ok(Event::Stepped),
        Err(Stop::Missing(missing)) => Err(missing),
        Err(Stop::End(end)) => {
            backing.registers_mut().end = Some(end);
            Ok(Event::Ended(end))
        }
    }
}

/// Makes the step of a call with which the host ends the run.
pub fn stop<B: Backing>(backing: &mut B) {
    let registers = backing.registers_mut();
    registers.steps = registers.steps.wrapping_add(1);
    registers.end = Some(End::Stopped);
}

struct Machine<'b, B> {
    backing: &'b mut B,
}

/// An instruction's first word, taken apart.
#[derive(Clone, Copy)]
struct Instruction {
    op: u16,
    short: u16,
    operand: u32,
}

impl<B: Backing> Machine<'_, B> {
    #[inline(always)]
    fn get(&mut self, region: Region, at: u32) -> Done<B, u64> {
        self.backing.get(region, at).map_err(Stop::Missing)
    }

    #[inline(always)]
    fn set(&mut self, region: Region, at: u32, word: u64) -> Done<B> {
        self.backing.set(region, at, word).map_err(Stop::Missing)
    }

    #[inline(always)]
    fn pop(&mut self) -> Done<B, u64> {
        let registers = self.backing.registers_mut();
        registers.sp = registers.sp.wrapping_sub(1);
        let at = registers.sp;
        self.get(Region::Stack, at)
    }

    #[inline(always)]
    fn pop_int(&mut self) -> Done<B, u32> {
        Ok(self.pop()? as u32)
    }

    #[inline(always)]
    fn push(&mut self, word: u64) -> Done<B> {
        let registers = self.backing.registers_mut();
        let at = registers.sp;
        registers.sp = at.wrapping_add(1);
        self.set(Region::Stack, at, word)
    }

    fn pop_pair(&mut self) -> Done<B, u128> {
        let upper = self.pop()?;
        Ok(u128::from(upper) << 64 | u128::from(self.pop()?))
    }

    fn push_pair(&mut self, value: u128) -> Done<B> {
        self.push(value as u64)?;
        self.push((value >> 64) as u64)
    }

    /// The cell at the top of the stack, or below it.
    #[inline(always)]
    fn top(&mut self, below: u32) -> Done<B, u64> {
        let at = self.backing.registers().sp.wrapping_sub(1 + below);
        self.get(Region::Stack, at)
    }

    #[inline(always)]
    fn set_top(&mut self, below: u32, word: u64) -> Done<B> {
        let at = self.backing.registers().sp.wrapping_sub(1 + below);
        self.set(Region::Stack, at, word)
    }

    /// A further word of the instruction at `pc`.
    #[inline(always)]
    fn literal(&mut self, place: u32) -> Done<B, u64> {
        let at = self.backing.registers().pc.wrapping_add(place);
        self.get(Region::Code, at)
    }

    #[inline(always)]
    fn next(&mut self, words: u32) {
        let registers = self.backing.registers_mut();
        registers.pc = registers.pc.wrapping_add(words);
    }

    #[inline(always)]
    fn instruction(&mut self) -> Done<B, Event> {
        let word = self.literal(0)?;
        let instruction = Instruction {
            op: word as u16 & !FREE,
            short: (word >> 16) as u16,
            operand: high(word),
        };
        if let op::HOST | op::THUNK = instruction.op {
            if instruction.op == op::THUNK {
                self.open_thunk()?;
            }
            return self.host(instruction);
        }
        let registers = self.backing.registers_mut();
        registers.steps = registers.steps.wrapping_add(1);
        if word as u16 & FREE == 0 && registers.progress == 0 {
            registers.instructions = registers.instructions.wrapping_add(1);
        }
        self.execute(instruction)?;
        Ok(Event::Stepped)
    }

    #[inline(always)]
    #[expect(clippy::too_many_lines, reason = "a flat table of opcodes")]
    fn execute(&mut self, instruction: Instruction) -> Done<B> {
        let Instruction { op, short, operand } = instruction;
        match op {
            op::LOCAL_GET => {
                let at = self.local(operand);
                let word = self.get(Region::Stack, at)?;
                self.push(word)?;
            }
            op::LOCAL_SET => {
                let (at, word) = (self.local(operand), self.pop()?);
                self.set(Region::Stack, at, word)?;
            }
            op::LOCAL_TEE => {
                let (at, word) = (self.local(operand), self.top(0)?);
                self.set(Region::Stack, at, word)?;
            }
            op::I32_CONST => self.push(operand.into())?,
            op::I64_CONST_SHORT => self.push(i64::from(operand.cast_signed()).cast_unsigned())?,
            op::I64_CONST => {
                let word = self.literal(1)?;
                self.push(word)?;
                self.next(1);
            }
            0x28..=0x35 => self.load(op, operand)?,
            0x36..=0x3e => self.store(op, operand)?,
            0x45 | 0x50 | 0x67..=0x69 | 0x79..=0x7b | 0xa7 | 0xac | 0xad | 0xc0..=0xc4 => {
                let word = self.top(0)?;
                self.set_top(0, numeric::unary(op, word))?;
            }
            0x46..=0x4f | 0x51..=0x5a | 0x6a..=0x78 | 0x7c..=0x8a => {
                let right = self.pop()?;
                let left = self.top(0)?;
                let word = numeric::binary(op, left, right).map_err(Stop::End)?;
                self.set_top(0, word)?;
            }
            op::JUMP => return self.jump(operand),
            op::BR_IF => {
                if self.pop_int()? != 0 {
                    return self.jump(operand);
                }
            }
            op::BR_UNLESS => {
                if self.pop_int()? == 0 {
                    return self.jump(operand);
                }
            }
            op::JUMP_UNWIND => {
                let target = self.literal(1)?;
                return self.unwind(short, target);
            }
            op::BR_IF_UNWIND => {
                if self.pop_int()? != 0 {
                    let target = self.literal(1)?;
                    return self.unwind(short, target);
                }
                self.next(1);
            }
            op::BR_TABLE => {
                let index = self.pop_int()?.min(operand);
                let target = self.literal(index.wrapping_add(1))?;
                return self.unwind(short, target);
            }
            op::CALL => return self.call(operand, 1),
            op::ENTER => return self.enter(short, operand),
            op::RETURN => return self.give_back(short, operand),
            op::GLOBAL_GET => {
                let word = self.get(Region::Globals, operand)?;
                self.push(word)?;
            }
            op::GLOBAL_SET => {
                let word = self.pop()?;
                self.set(Region::Globals, operand, word)?;
            }
            op::DROP => self.drop_cells(short.into()),
            op::SELECT => self.select(short)?,
            op::UNREACHABLE => return Err(Stop::End(End::Unreachable)),
            _ => return self.rare(instruction),
        }
        self.next(1);
        Ok(())
    }

    fn rare(&mut self, instruction: Instruction) -> Done<B> {
        let Instruction { op, short, operand } = instruction;
        match op {
            op::CALL_INDIRECT => return self.call_indirect(short, operand),
            op::LOCAL_GET_PAIR..=op::GLOBAL_SET_PAIR => self.pair(op, operand)?,
            op::TABLE_GET => self.table_get(operand)?,
            op::TABLE_SET => self.table_set(operand)?,
            op::MEMORY_SIZE => {
                let pages = self.backing.registers().pages;
                self.push(pages.into())?;
            }
            op::MEMORY_GROW => self.memory_grow()?,
            op::REF_IS_NULL => {
                let word = self.top(0)?;
                self.set_top(0, u64::from(word == 0))?;
            }
            op::MEMORY_INIT..=op::TABLE_FILL => return self.bulk(instruction),
            op::V128_CONST => {
                for place in 1..3 {
                    let word = self.literal(place)?;
                    self.push(word)?;
                }
                self.next(2);
            }
            op::SIMD.. => self.simd(instruction)?,
            op::STARTED => self.backing.registers_mut().started = true,
            op::HALT => return Err(Stop::End(End::Returned)),
            _ => return Err(Stop::End(End::NoInstruction)),
        }
        self.next(1);
        Ok(())
    }

    #[inline(always)]
    fn local(&self, cell: u32) -> u32 {
        self.backing.registers().fp.wrapping_add(cell)
    }

    #[inline(always)]
    fn jump(&mut self, target: u32) -> Done<B> {
        self.backing.registers_mut().pc = target;
        Ok(())
    }

    /// A branch that leaves values on the stack: the topmost are kept.
    fn unwind(&mut self, keep: u16, target: u64) -> Done<B> {
        let keep = u32::from(keep);
        let to = self.local(low(target));
        self.keep(keep, to)?;
        self.jump(high(target))
    }

    /// Moves the topmost cells down, and the top of the stack with them.
    fn keep(&mut self, cells: u32, to: u32) -> Done<B> {
        let from = self.backing.registers().sp.wrapping_sub(cells);
        if from != to {
            for cell in 0..cells {
                let word = self.get(Region::Stack, from.wrapping_add(cell))?;
                self.set(Region::Stack, to.wrapping_add(cell), word)?;
            }
            self.backing.registers_mut().sp = to.wrapping_add(cells);
        }
        Ok(())
    }

    #[inline(always)]
    fn drop_cells(&mut self, cells: u32) {
        let registers = self.backing.registers_mut();
        registers.sp = registers.sp.wrapping_sub(cells);
    }

    fn select(&mut self, cells: u16) -> Done<B> {
        let first = self.pop_int()? != 0;
        let cells = u32::from(cells);
        if !first {
            for cell in 0..cells {
                let word = self.top(cell)?;
                self.set_top(cell + cells, word)?;
            }
        }
        self.drop_cells(cells);
        Ok(())
    }

    /// Locals and globals of two cells.
    fn pair(&mut self, op: u16, operand: u32) -> Done<B> {
        let (region, first) = match op {
            op::GLOBAL_GET_PAIR | op::GLOBAL_SET_PAIR => (Region::Globals, operand),
            _ => (Region::Stack, self.local(operand)),
        };
        match op {
            op::LOCAL_GET_PAIR | op::GLOBAL_GET_PAIR => {
                for cell in 0..2 {
                    let word = self.get(region, first.wrapping_add(cell))?;
                    self.push(word)?;
                }
            }
            _ => {
                for cell in 0..2 {
                    let word = self.top(1 - cell)?;
                    self.set(region, first.wrapping_add(cell), word)?;
                }
                if op != op::LOCAL_TEE_PAIR {
                    self.drop_cells(2);
                }
            }
        }
        Ok(())
    }
}
