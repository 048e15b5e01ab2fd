//! Blocks.

use super::stacks::{BLOCK, ELSE, Frame, IF, LOOP};
use super::types::{ANY, I32, cells};
use super::{Arrays, Decoder, Done, Source, Stop};
use crate::op::{self, FREE};

impl<A: Arrays, S: Source> Decoder<'_, A, S> {
    /// A block, a loop or an `if` begins.
    pub(super) fn open(&mut self, kind: u8, result: u8) -> Done<A> {
        let mut frame = Frame::new(kind, result);
        if self.state().ill != 0 {
            return self.push_frame(frame);
        }
        if kind == IF {
            self.pop(I32)?;
        }
        if self.state().dead == 0 {
            match kind {
                IF => frame.around = self.emit(op::BR_UNLESS, 0, 0)?,
                LOOP => frame.target = self.state().code,
                _ => {}
            }
        }
        self.push_frame(frame)
    }

    /// A block, in code that is not well-typed: it is noted that it is there.
    pub(super) fn open_ill(&mut self, opcode: u8) -> Done<A> {
        let kind = match opcode {
            0x02 => BLOCK,
            0x03 => LOOP,
            _ => IF,
        };
        self.push_frame(Frame::new(kind, ANY))
    }

    /// A block ends, or its first arm: the result is on the stack, and nothing else.
    fn close(&mut self, frame: &Frame) -> Done<A> {
        self.pop_result(frame.result)?;
        let state = self.state();
        match state.operands == state.base {
            true => Ok(()),
            false => Err(Stop::Ill),
        }
    }

    /// `else`.
    pub(super) fn other(&mut self) -> Done<A> {
        self.forward(1);
        let mut frame = self.top_frame()?;
        if frame.kind != IF {
            return Err(Stop::Refused);
        }
        if self.state().ill == 0 {
            match self.close(&frame) {
                Err(Stop::Ill) => self.state().ill = 1,
                closed => closed?,
            }
        }
        let number = self.state().frames.wrapping_sub(1);
        frame.kind = ELSE;
        if self.state().ill == 0 && !frame.dead {
            if self.state().dead == 0 {
                frame.chain = self.emit(op::JUMP | FREE, 0, frame.chain)?;
            }
            let here = self.state().code;
            self.lead(frame.around, here)?;
            frame.around = 0;
            let state = self.state();
            state.dead = 0;
            state.height = frame.height;
        }
        let state = self.state();
        state.operands = state.base;
        state.unreachable = 0;
        self.set_frame(number, frame)
    }

    /// `end`.
    pub(super) fn end(&mut self) -> Done<A> {
        self.forward(1);
        let frame = self.top_frame()?;
        if self.state().ill == 0 {
            let closed = self.close(&frame);
            match closed {
                Err(Stop::Ill) => self.state().ill = 1,
                closed => closed?,
            }
        }
        // Where the condition fails there is no result.
        if frame.kind == IF && frame.result != ANY {
            self.state().ill = 1;
        }
        self.pop_frame(&frame);
        match self.state().ill {
            0 => self.ended(&frame),
            _ => Ok(()),
        }
    }

    fn ended(&mut self, frame: &Frame) -> Done<A> {
        let mut reached = false;
        if !frame.dead {
            reached = self.state().dead == 0 || frame.around != 0 || frame.chain != 0;
            let here = self.state().code;
            if frame.around != 0 {
                self.lead(frame.around, here)?;
            }
            let state = self.state();
            state.patch = frame.chain;
            state.target = here;
            state.height = frame.height;
            if frame.result != ANY {
                state.height = state.height.wrapping_add(cells(frame.result));
                state.highest = state.highest.max(state.height);
            }
            // What is behind is not reached either.
            state.dead = u32::from(!reached);
        }
        if frame.result != ANY {
            self.push_type(frame.result)?;
        }
        if self.state().frames == 0 && reached {
            self.give_back()?;
        }
        Ok(())
    }
}
