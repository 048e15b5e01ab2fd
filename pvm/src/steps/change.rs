//! Faults: what a machine that errs, or an operator who lies, makes of a state.

use super::state::{self, Phase};
use super::{Steps, Stuck};
use step_machine::{Backing, Event, Plain, Recording, Region, step};

/// The most steps in which it is sought where the machine looks next.
const MOST_LOOKED_AT: u32 = 10_000;

/// A change of a state that no step makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Bits of a word of the memory are flipped.
    Memory {
        /// Which word.
        at: u32,
        /// Which bits.
        bits: u64,
    },
    /// Bits of the memory are flipped where the machine looks next: in each word of 64 bytes there.
    Load {
        /// Which bits.
        bits: u64,
    },
    /// Bits of a cell of the stack are flipped.
    Stack {
        /// The number of cells below its top.
        below: u32,
        /// Which bits.
        bits: u64,
    },
    /// Bits of a word of the globals are flipped.
    Global {
        /// Which word.
        at: u32,
        /// Which bits.
        bits: u64,
    },
    /// Bits of a word of the code are flipped.
    Code {
        /// The number of words behind the next instruction; while the kernel is decoded, before the newest.
        behind: u32,
        /// Which bits.
        bits: u64,
    },
    /// A value of durable storage is another.
    Storage {
        /// Its path.
        path: String,
        /// The other value.
        value: Vec<u8>,
    },
    /// The newest message of the outbox is another; where there is none, one that was not sent is there.
    Outbox,
    /// The next message of the inbox is left out.
    Skip,
    /// It is said that the level is over.
    Finish,
}

impl Steps {
    /// Changes the state.
    ///
    /// # Errors
    /// If a part of the storage is not to be had.
    pub fn change(&mut self, change: &Change) -> Result<(), Stuck> {
        match change {
            Change::Memory { at, bits } => self.flip(Region::Memory, *bits, |plain| {
                let words = plain.state().memory_len() / 8;
                (u64::from(*at) % words.max(1)) as u32
            }),
            Change::Load { bits } => {
                let first = self.next_load();
                for at in first.into_iter().flat_map(|first| first..first + 8) {
                    self.flip(Region::Memory, *bits, |_| at);
                }
            }
            Change::Stack { below, bits } => self.flip(Region::Stack, *bits, |plain| {
                plain.state().sp.saturating_sub(1 + below)
            }),
            Change::Global { at, bits } => self.flip(Region::Globals, *bits, |plain| {
                at % plain.image().globals_len().max(1)
            }),
            Change::Code { behind, bits } => {
                if let Some(draft) = &mut self.draft {
                    draft.flip(*behind, *bits);
                }
                if let Some(plain) = &mut self.run {
                    let len = plain.image().code_len() as u32;
                    let at = plain.state().pc.wrapping_add(*behind) % len.max(1);
                    let Ok(word) = plain.get(Region::Code, at);
                    plain.change_code(at, word ^ bits);
                }
            }
            Change::Storage { path, value } => {
                self.module = None;
                self.context.durable.write(&**path, value)?;
            }
            Change::Outbox => self.change_outbox(),
            Change::Skip => {
                self.context.next += 1;
                self.outside.next = self.context.next as u32;
            }
            Change::Finish => {
                self.run = None;
                self.draft = None;
                self.walk = None;
                self.outside.finish(Phase::Waiting);
            }
        }
        Ok(())
    }

    /// The first word of the 64 bytes of memory at which the machine looks next.
    fn next_load(&mut self) -> Option<u32> {
        let saved = self.save();
        let mut found = None;
        for _ in 0..MOST_LOOKED_AT {
            let Some(plain) = &mut self.run else { break };
            let mut recording = Recording::new(plain);
            let Ok(event) = step(&mut recording);
            found = recording.finish().first_touched(Region::Memory);
            if found.is_some() || event != Event::Stepped {
                break;
            }
            plain.stretch(1);
        }
        self.restore(&saved);
        found
    }

    fn flip(&mut self, region: Region, bits: u64, place: impl FnOnce(&Plain) -> u32) {
        if let Some(plain) = &mut self.run {
            let at = place(plain);
            let Ok(word) = plain.get(region, at);
            let Ok(()) = plain.set(region, at, word ^ bits);
        }
    }

    fn change_outbox(&mut self) {
        let outbox = &mut self.context.outbox;
        match outbox.last_mut() {
            Some(message) => match message.last_mut() {
                Some(byte) => *byte ^= 1,
                None => message.push(0),
            },
            None => outbox.push(b"never sent".to_vec()),
        }
        self.outside.sent = self.context.outbox.len() as u32;
        self.outside.outbox = state::outbox(&self.context.outbox);
    }
}
