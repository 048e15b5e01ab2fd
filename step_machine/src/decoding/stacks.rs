//! The two stacks of a validator: of operands, and of blocks.

use super::types::{ANY, EXTERN, FUNC, cells};
use super::{Arrays, Decoder, Done, Source, Stop};
use crate::backing::Region;
use crate::op::{halves, high, low};

pub(super) const BODY: u8 = 0;
pub(super) const BLOCK: u8 = 1;
pub(super) const LOOP: u8 = 2;
pub(super) const IF: u8 = 3;
pub(super) const ELSE: u8 = 4;

/// A block that is open.
#[derive(Clone, Copy)]
pub(super) struct Frame {
    pub(super) kind: u8,
    pub(super) result: u8,
    /// It began where code is left out.
    pub(super) dead: bool,
    /// The base of the block around it.
    outer_base: u32,
    outer_unreachable: bool,
    /// Cells when it began.
    pub(super) height: u32,
    /// The branch around the first arm of an `if`, or 0.
    pub(super) around: u32,
    /// The place where a loop begins.
    pub(super) target: u32,
    /// The last jump that waits for its end, or 0.
    pub(super) chain: u32,
}

/// The words of a frame.
const FRAME: u32 = 4;

impl Frame {
    pub(super) const fn new(kind: u8, result: u8) -> Self {
        Self {
            kind,
            result,
            dead: false,
            outer_base: 0,
            outer_unreachable: false,
            height: 0,
            around: 0,
            target: 0,
            chain: 0,
        }
    }

    /// The type of the value that a branch to it takes.
    pub(super) const fn label(&self) -> u8 {
        match self.kind {
            LOOP => ANY,
            _ => self.result,
        }
    }
}

impl<A: Arrays, S: Source> Decoder<'_, A, S> {
    /// Opens a block.
    pub(super) fn push_frame(&mut self, frame: Frame) -> Done<A> {
        let state = self.state();
        let frame = Frame {
            dead: state.dead != 0,
            outer_base: state.base,
            outer_unreachable: state.unreachable != 0,
            height: state.height,
            ..frame
        };
        let number = state.frames;
        state.frames = number.wrapping_add(1);
        state.base = state.operands;
        state.unreachable = 0;
        self.set_frame(number, frame)
    }

    pub(super) fn set_frame(&mut self, number: u32, frame: Frame) -> Done<A> {
        let flags = u32::from(frame.kind)
            | u32::from(frame.result) << 8
            | u32::from(frame.dead) << 16
            | u32::from(frame.outer_unreachable) << 24;
        let first = number.wrapping_mul(FRAME);
        self.set(Region::Blocks, first, halves(flags, frame.outer_base))?;
        let place = halves(frame.height, frame.around);
        self.set(Region::Blocks, first.wrapping_add(1), place)?;
        let jumps = halves(frame.target, frame.chain);
        self.set(Region::Blocks, first.wrapping_add(2), jumps)
    }

    pub(super) fn frame(&mut self, number: u32) -> Done<A, Frame> {
        let first = number.wrapping_mul(FRAME);
        let flags = self.get(Region::Blocks, first)?;
        let place = self.get(Region::Blocks, first.wrapping_add(1))?;
        let jumps = self.get(Region::Blocks, first.wrapping_add(2))?;
        let bits = low(flags);
        Ok(Frame {
            kind: bits as u8,
            result: (bits >> 8) as u8,
            dead: bits >> 16 & 1 != 0,
            outer_unreachable: bits >> 24 & 1 != 0,
            outer_base: high(flags),
            height: low(place),
            around: high(place),
            target: low(jumps),
            chain: high(jumps),
        })
    }

    /// The innermost block.
    pub(super) fn top_frame(&mut self) -> Done<A, Frame> {
        let number = self.state().frames.wrapping_sub(1);
        self.frame(number)
    }

    /// Closes the innermost block.
    pub(super) fn pop_frame(&mut self, frame: &Frame) {
        let state = self.state();
        state.frames = state.frames.wrapping_sub(1);
        state.base = frame.outer_base;
        state.unreachable = frame.outer_unreachable.into();
    }

    /// The block that a branch leads out of, or to the beginning of, and its number.
    pub(super) fn label(&mut self, depth: u32) -> Done<A, (u32, Frame)> {
        let number = self.state().frames.checked_sub(1);
        let number = number.and_then(|last| last.checked_sub(depth));
        let number = number.ok_or(Stop::Ill)?;
        Ok((number, self.frame(number)?))
    }

    /// The type of the operand below so many others, any where it may be any.
    pub(super) fn peek(&mut self, below: u32) -> Done<A, u8> {
        let state = self.state();
        match state.operands.saturating_sub(state.base) > below {
            true => {
                let at = state.operands.wrapping_sub(1 + below);
                self.byte(Region::Operands, at)
            }
            false if state.unreachable != 0 => Ok(ANY),
            false => Err(Stop::Ill),
        }
    }

    /// Takes an operand of a type, or of any; gives its type.
    pub(super) fn pop(&mut self, expected: u8) -> Done<A, u8> {
        let found = self.peek(0)?;
        if expected != ANY && found != ANY && found != expected {
            return Err(Stop::Ill);
        }
        let state = self.state();
        if state.operands > state.base {
            state.operands -= 1;
        }
        if state.dead == 0 {
            state.height = state.height.wrapping_sub(cells(found));
        }
        Ok(found)
    }

    /// Takes operands of these types, the last one first.
    pub(super) fn pop_all(&mut self, expected: &[u8]) -> Done<A> {
        for kind in expected.iter().rev() {
            self.pop(*kind)?;
        }
        Ok(())
    }

    /// Puts an operand on the stack of the validator alone.
    pub(super) fn push_type(&mut self, kind: u8) -> Done<A> {
        let at = self.state().operands;
        self.state().operands = at.wrapping_add(1);
        self.set_byte(Region::Operands, at, kind)
    }

    /// Puts an operand on the stack.
    pub(super) fn push(&mut self, kind: u8) -> Done<A> {
        self.push_type(kind)?;
        let state = self.state();
        if state.dead == 0 {
            state.height = state.height.wrapping_add(cells(kind));
            state.highest = state.highest.max(state.height);
        }
        Ok(())
    }

    /// The same, of what may be none.
    pub(super) fn push_result(&mut self, kind: u8) -> Done<A> {
        match kind {
            ANY => Ok(()),
            kind => self.push(kind),
        }
    }

    pub(super) fn pop_result(&mut self, kind: u8) -> Done<A> {
        match kind {
            ANY => Ok(()),
            kind => self.pop(kind).map(|_| ()),
        }
    }

    /// Marks the rest of the block as unreachable.
    pub(super) fn unreached(&mut self) {
        let state = self.state();
        state.operands = state.base;
        state.unreachable = 1;
        state.dead = 1;
    }
}

/// True for references.
pub(super) const fn is_reference(kind: u8) -> bool {
    matches!(kind, FUNC | EXTERN)
}
