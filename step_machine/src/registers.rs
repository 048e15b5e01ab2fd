//! The part of the state that is not in an array.

use crate::op::{halves, high, low};

/// The words of the registers.
pub(crate) const WORDS: usize = 8;

/// The part of the state that is not in an array. Places and sizes are in words, but for memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Registers {
    /// The next instruction.
    pub pc: u32,
    /// The first free cell of the stack.
    pub sp: u32,
    /// The first cell of the function that runs: its locals, and behind them where it returns to.
    pub fp: u32,
    /// The place that the called function returns to.
    pub link: u32,
    /// The number of calls that are open.
    pub depth: u32,
    /// The most that were.
    pub max_depth: u32,
    /// The memory's size in pages of 65,536 bytes.
    pub pages: u32,
    /// The most that it may have.
    pub max_pages: u32,
    /// The cells of the stack.
    pub stack: u32,
    /// The number of calls that may be open.
    pub frames: u32,
    /// Instructions as [`kernel_module::metering`] counts them.
    pub instructions: u64,
    /// Steps.
    pub steps: u64,
    /// The progress of an instruction that takes several steps.
    pub progress: u32,
    /// True if the start function is over, so that the host may be called.
    pub started: bool,
    /// The end of the run.
    pub end: Option<End>,
}

/// An end of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The entry point returned.
    Returned,
    /// `unreachable`.
    Unreachable,
    /// An address beyond the memory.
    MemoryOutOfBounds,
    /// An index beyond a table.
    TableOutOfBounds,
    /// A call through a table to a function of another type.
    BadSignature,
    /// The quotient of the smallest integer and −1.
    IntegerOverflow,
    /// A division by zero.
    IntegerDivisionByZero,
    /// A call through a table beyond its end.
    UndefinedElement,
    /// A call through an empty place of a table.
    UninitializedElement,
    /// No room on the stack.
    StackExhausted,
    /// Too many open calls.
    CallsExhausted,
    /// No instruction: not the code of a module.
    NoInstruction,
    /// The host ended it.
    Stopped,
}

impl End {
    const ALL: [Self; 13] = [
        Self::Returned,
        Self::Unreachable,
        Self::MemoryOutOfBounds,
        Self::TableOutOfBounds,
        Self::BadSignature,
        Self::IntegerOverflow,
        Self::IntegerDivisionByZero,
        Self::UndefinedElement,
        Self::UninitializedElement,
        Self::StackExhausted,
        Self::CallsExhausted,
        Self::NoInstruction,
        Self::Stopped,
    ];
}

impl Registers {
    /// As words, which are hashed.
    pub(crate) fn words(&self) -> [u64; WORDS] {
        [
            halves(self.pc, self.sp),
            halves(self.fp, self.link),
            halves(self.depth, self.max_depth),
            halves(self.pages, self.max_pages),
            halves(self.stack, self.frames),
            self.instructions,
            self.steps,
            halves(self.progress, self.state()),
        ]
    }

    /// Back from the words; `None` where they are none.
    pub(crate) fn of(words: [u64; WORDS]) -> Option<Self> {
        let [
            pc_sp,
            fp_link,
            depth,
            pages,
            bounds,
            instructions,
            steps,
            state,
        ] = words;
        Some(Self {
            pc: low(pc_sp),
            sp: high(pc_sp),
            fp: low(fp_link),
            link: high(fp_link),
            depth: low(depth),
            max_depth: high(depth),
            pages: low(pages),
            max_pages: high(pages),
            stack: low(bounds),
            frames: high(bounds),
            instructions,
            steps,
            progress: low(state),
            started: high(state) & 1 == 1,
            end: match high(state) as usize >> 1 {
                0 => None,
                end => Some(*End::ALL.get(end - 1)?),
            },
        })
    }

    /// The start and the end of the run, as a number.
    fn state(&self) -> u32 {
        let end = self.end.map_or(0, |end| 1 + end as u32);
        end << 1 | u32::from(self.started)
    }

    /// The memory's size in bytes.
    #[must_use]
    pub const fn memory_len(&self) -> u64 {
        self.pages as u64 * PAGE
    }
}

/// The bytes of a page of memory.
pub(crate) const PAGE: u64 = 65_536;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_come_back_from_their_words() {
        for end in End::ALL {
            let registers = Registers {
                pc: 1,
                sp: 2,
                fp: 3,
                link: 4,
                depth: 5,
                max_depth: 6,
                pages: 7,
                max_pages: 8,
                stack: 9,
                frames: 10,
                instructions: 11,
                steps: 12,
                progress: 13,
                started: true,
                end: Some(end),
            };
            assert_eq!(Registers::of(registers.words()), Some(registers));
        }
        let mut words = Registers::default().words();
        assert_eq!(Registers::of(words), Some(Registers::default()));
        words[7] = halves(0, 28);
        assert_eq!(Registers::of(words), None);
    }
}
