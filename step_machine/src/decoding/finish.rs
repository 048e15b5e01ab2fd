//! What is looked at when a module is read: which functions the start function calls, where each begins,
//! and the code that calls the first.

use super::arrays::{WINDOW, pair, reader};
use super::sections::MAX_TABLES;
use super::state::Stage;
use super::{Arrays, Decoder, Done, Source, Stop, Verdict};
use crate::backing::{MAX_TABLE, Region};
use crate::op::{self, halves, high, low};
use wasmparser::{Operator, OperatorsReader};

/// A function was seen to be called.
const SEEN: u32 = 2;

impl<A: Arrays, S: Source> Decoder<'_, A, S> {
    /// The start function must not reach a function of the host.
    pub(super) fn reach_first(&mut self, function: u32) -> Done<A> {
        self.state().stage = Stage::Reach;
        self.called(function)
    }

    /// A function is called; those that are no functions are let pass.
    fn called(&mut self, function: u32) -> Done<A> {
        if function >= self.state().functions {
            return Ok(());
        }
        if function < self.state().imported {
            return Err(Stop::Refused);
        }
        let word = self.get(Region::Declared, pair(function))?;
        if high(word) & SEEN != 0 {
            return Ok(());
        }
        let seen = halves(low(word), high(word) | SEEN);
        self.set(Region::Declared, pair(function), seen)?;
        let last = self.state().waiting;
        self.state().waiting = last.wrapping_add(1);
        self.set(Region::Waiting, last, function.into())
    }

    /// The next function that waits.
    pub(super) fn reach(&mut self) -> Done<A> {
        let (next, waiting) = (self.state().reached, self.state().waiting);
        if next == waiting {
            self.state().stage = Stage::Entry;
            return Ok(());
        }
        let function = self.get(Region::Waiting, next)? as u32;
        let body = self.get(Region::Bodies, function)?;
        let state = self.state();
        state.reached = next.wrapping_add(1);
        state.pos = low(body);
        state.body_end = high(body);
        state.stage = Stage::ReachCode;
        Ok(())
    }

    /// An instruction of it, of which only calls are looked at.
    pub(super) fn reach_code(&mut self) -> Done<A> {
        let (pos, end) = (self.state().pos, self.state().body_end);
        if pos == end {
            self.state().stage = Stage::Reach;
            return Ok(());
        }
        let mut bytes = [0; WINDOW / 2];
        let bytes = self.window(end, &mut bytes)?;
        match bytes.first() {
            // What it belongs to was seen before.
            Some(0x05 | 0x0b) => self.forward(1),
            Some(0x0e) => {
                let mut reader = reader(&bytes[1..]);
                let count = reader.read_var_u32()?;
                self.forward(1 + reader.current_position());
                let state = self.state();
                state.targets = count.wrapping_add(1);
                state.stage = Stage::ReachTargets;
            }
            _ => {
                let mut operators = OperatorsReader::new(reader(bytes));
                let operator = operators.read()?;
                self.forward(operators.get_binary_reader().current_position());
                if let Operator::Call { function_index } = operator {
                    self.called(function_index)?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn reach_targets(&mut self) -> Done<A> {
        let end = self.state().body_end;
        let mut bytes = [0; WINDOW / 8];
        let bytes = self.window(end, &mut bytes)?;
        let mut reader = reader(bytes);
        reader.read_var_u32()?;
        self.forward(reader.current_position());
        let state = self.state();
        state.targets = state.targets.wrapping_sub(1);
        if state.targets == 0 {
            state.stage = Stage::ReachCode;
        }
        Ok(())
    }

    /// The function that the machine calls.
    pub(super) fn entry(&mut self) -> Done<A> {
        let legacy = self.terms.legacy;
        let state = self.state();
        if state.entry == 0 && legacy {
            state.entry = state.legacy_entry;
        }
        let Some(function) = state.entry.checked_sub(1) else {
            state.finish(Verdict::NoEntry);
            return Ok(());
        };
        let ty = self.function_type(function)?.ok_or(Stop::Refused)?;
        let state = self.state();
        if state.ill != 0 || ty.params != 0 {
            state.finish(Verdict::CannotRun);
            return Ok(());
        }
        state.reached = 0;
        state.stage = Stage::Functions;
        self.tables_have_room()
    }

    /// That there is no room for a table is seen of a module that could run otherwise.
    fn tables_have_room(&mut self) -> Done<A> {
        for table in 0..self.state().tables.min(MAX_TABLES) {
            if low(self.get(Region::TableSizes, table)?) > MAX_TABLE {
                return Err(Stop::Refused);
            }
        }
        Ok(())
    }

    /// A function's place, and its type.
    pub(super) fn functions(&mut self) -> Done<A> {
        let function = self.state().reached;
        if function == self.state().functions {
            return self.begin();
        }
        let ty = low(self.get(Region::Declared, pair(function))?);
        let begin = low(self.get(Region::Declared, pair(function) | 1)?);
        let number = self.type_number(ty)?;
        self.set(Region::Functions, function, halves(begin, number))?;
        self.state().reached = function.wrapping_add(1);
        Ok(())
    }

    /// The code that calls the start function, and then the entry point.
    fn begin(&mut self) -> Done<A> {
        let begin = self.state().code;
        let (start, entry) = (self.state().start, self.state().entry);
        if let Some(start) = start.checked_sub(1) {
            self.call_first(start)?;
        }
        self.emit(op::STARTED | op::FREE, 0, 0)?;
        if let Some(entry) = entry.checked_sub(1) {
            self.call_first(entry)?;
        }
        self.emit(op::HALT | op::FREE, 0, 0)?;
        let state = self.state();
        state.body_begin = begin;
        state.finish(Verdict::Valid);
        Ok(())
    }

    fn call_first(&mut self, function: u32) -> Done<A> {
        let begin = low(self.get(Region::Declared, pair(function) | 1)?);
        self.emit(op::CALL | op::FREE, 0, begin)?;
        Ok(())
    }
}
