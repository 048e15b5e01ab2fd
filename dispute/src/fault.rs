//! Faults of an operator, each of which is made somewhere in a level.

use pvm::steps::{Call, Change, Player};
use std::fmt;
use std::str::FromStr;

/// A fault in an operator's level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Another root of durable storage at the end.
    Root,
    /// Durable storage changes in the middle.
    State,
    /// A message of the outbox that was not sent, or not so.
    Outbox,
    /// A message of the inbox that is not read.
    Skipped,
    /// A message of the inbox that is read as another.
    Inbox,
    /// A bit of the kernel's code is flipped.
    Kernel,
    /// The same while the kernel is decoded.
    Decoding,
    /// Words of memory that the next load finds are others.
    Memory,
    /// The value that was computed last is another.
    Stack,
    /// A global is another.
    Global,
    /// A preimage that is revealed is another.
    Preimage,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Root,
        Self::State,
        Self::Outbox,
        Self::Skipped,
        Self::Inbox,
        Self::Kernel,
        Self::Decoding,
        Self::Memory,
        Self::Stack,
        Self::Global,
        Self::Preimage,
    ];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::State => "state",
            Self::Outbox => "outbox",
            Self::Skipped => "skipped",
            Self::Inbox => "inbox",
            Self::Kernel => "kernel",
            Self::Decoding => "decoding",
            Self::Memory => "memory",
            Self::Stack => "stack",
            Self::Global => "global",
            Self::Preimage => "preimage",
        }
    }

    /// A description of the fault.
    #[must_use]
    pub const fn about(self) -> &'static str {
        match self {
            Self::Root => "claims another root of durable storage",
            Self::State => "changes durable storage in the middle of the level",
            Self::Outbox => "claims an outbox message that the kernel did not write",
            Self::Skipped => "leaves a message of the inbox out",
            Self::Inbox => "reads a message of the inbox as another",
            Self::Kernel => "runs the kernel with a flipped bit",
            Self::Decoding => "decodes the kernel with a flipped bit",
            Self::Memory => "loads another value from memory",
            Self::Stack => "computes another value",
            Self::Global => "has another global",
            Self::Preimage => "reveals another preimage",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// There is no fault with this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no fault is called {0:?}")]
pub struct NoFault(String);

impl FromStr for Fault {
    type Err = NoFault;

    fn from_str(name: &str) -> Result<Self, NoFault> {
        let found = Self::ALL.into_iter().find(|fault| fault.name() == name);
        found.ok_or_else(|| NoFault(name.to_owned()))
    }
}

/// Numbers that follow from a seed (splitmix64).
#[derive(Clone, Copy, Debug)]
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ word >> 31
    }

    /// A number below another, or 0.
    pub(super) const fn below(&mut self, bound: u64) -> u64 {
        match bound {
            0 => 0,
            bound => self.next() % bound,
        }
    }

    const fn bit(&mut self, bits: u64) -> u64 {
        1 << self.below(bits)
    }
}

/// The possible places of a fault.
pub(super) struct Places<'p> {
    pub(super) honest: &'p Player,
    /// The messages of the level.
    pub(super) messages: usize,
    pub(super) random: Random,
}

impl Places<'_> {
    /// A place for a fault, and what is changed there. Nothing where the level has no such place.
    pub(super) fn next(&mut self, fault: Fault) -> Option<(u64, Change)> {
        Some(match fault {
            Fault::Root => (self.honest.total(), self.storage()),
            Fault::State => (self.within(), self.storage()),
            Fault::Outbox => match self.call(&["write_output"]) {
                Some(call) => (call.step + 1, Change::Outbox),
                None => (self.within(), Change::Outbox),
            },
            Fault::Skipped => (self.call(&["read_input"])?.step, Change::Skip),
            Fault::Inbox => self.answered(&["read_input"], (1, 64))?,
            Fault::Preimage => self.answered(&["reveal_preimage", "reveal"], (2, 256))?,
            // Not far from where the kernel comes along.
            Fault::Kernel => (
                self.within(),
                Change::Code {
                    behind: self.random.below(4) as u32,
                    bits: self.random.bit(48),
                },
            ),
            Fault::Decoding => self.decoding()?,
            Fault::Memory => (
                self.within(),
                Change::Load {
                    bits: self.random.bit(8),
                },
            ),
            Fault::Stack => (
                self.within(),
                Change::Stack {
                    below: 0,
                    bits: self.random.bit(16),
                },
            ),
            Fault::Global => (
                self.within(),
                // Most globals are places in the memory: one far from where it was is noticed.
                Change::Global {
                    at: self.random.next() as u32,
                    bits: self.random.bit(16) << 16,
                },
            ),
        })
    }

    /// One of the newest words of code, behind a step of decoding: every other time the last one, which
    /// makes the code with which the kernel begins.
    fn decoding(&mut self) -> Option<(u64, Change)> {
        let (before, steps) = self.honest.first_decoding();
        let made = match self.random.below(2) {
            0 => steps.saturating_sub(1),
            _ => self.random.below(steps),
        };
        let change = Change::Code {
            behind: self.random.below(4) as u32,
            bits: self.random.bit(48),
        };
        (steps > 0).then_some((before + 1 + made, change))
    }

    /// A step behind those that load the messages, and those with which the first run begins.
    fn within(&mut self) -> u64 {
        let (before, steps) = self.honest.first_decoding();
        let begun = match steps {
            0 => self.messages as u64 + 2,
            steps => before + steps + 1,
        };
        let left = self.honest.total().saturating_sub(begun + 2);
        begun + self.random.below(left)
    }

    fn storage(&mut self) -> Change {
        Change::Storage {
            path: "/not/so".to_owned(),
            value: self.random.next().to_le_bytes().to_vec(),
        }
    }

    fn call(&mut self, names: &[&str]) -> Option<Call> {
        let all = self.honest.calls().iter();
        let all: Vec<&Call> = all.filter(|call| names.contains(&call.name)).collect();
        let at = self.random.below(all.len() as u64);
        all.get(at as usize).map(|call| **call)
    }

    /// A bit of what a call wrote to the address that is this argument, within so many bytes.
    fn answered(
        &mut self,
        names: &[&str],
        (argument, within): (usize, u64),
    ) -> Option<(u64, Change)> {
        let call = self.call(names)?;
        let at = (call.args[argument] + self.random.below(within)) / 8;
        let bits = self.random.bit(64);
        let at = at as u32;
        Some((call.step + 1, Change::Memory { at, bits }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_have_names() {
        for fault in Fault::ALL {
            assert_eq!(fault.name().parse(), Ok(fault));
        }
        assert!("roots".parse::<Fault>().is_err());
    }
}
