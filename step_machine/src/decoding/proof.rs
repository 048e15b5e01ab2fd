//! The state of decoding, as far as a proof has it.
//!
//! | bytes | what |
//! | --- | --- |
//! | as many as there are | the state that is not in an array, numbers of 4 bytes (`state.rs`) |
//! | each of the 23 regions in turn | its part, as in `step_machine::proof` |

use super::state::{LEN, State};
use super::{Arrays, Verdict};
use crate::backing::Region;
use crate::plain::Bounds;
use crate::proof::{Parts, ProofError, Reader};
use crate::registers::Registers;
use crate::tree::{Hash, draft, state};

/// The state of decoding, as far as a proof has it.
#[derive(Clone, Debug)]
pub struct PartialDraft {
    state: State,
    regions: Parts,
}

impl PartialDraft {
    /// Decodes a proof; whatever follows is given back.
    ///
    /// # Errors
    /// If it is malformed.
    pub fn decode(proof: &[u8]) -> Result<(Self, &[u8]), ProofError> {
        let mut from = Reader(proof);
        let state = State::decode(&from.array::<LEN>()?);
        let state = state.ok_or(ProofError::Malformed("no such state of decoding"))?;
        let regions = from.parts(Region::DECODING.len())?;
        Ok((Self { state, regions }, from.0))
    }

    /// The verdict, if it is there.
    #[must_use]
    pub const fn verdict(&self) -> Option<Verdict> {
        self.state.verdict()
    }

    /// The hash of the state.
    #[must_use]
    pub fn root(&self) -> Hash {
        let roots: [Hash; Region::DECODING.len()] = self.regions.roots();
        draft(&self.state.encode(), &roots)
    }

    /// The hash of the first state of a machine, of a module that is valid.
    #[must_use]
    pub fn finish(&self, bounds: Bounds) -> Hash {
        let registers = Registers {
            pc: self.state.body_begin,
            pages: self.state.pages,
            max_pages: self.state.max_pages,
            stack: bounds.stack,
            frames: bounds.frames,
            ..Registers::default()
        };
        state(&registers, &self.regions.roots())
    }
}

impl Arrays for PartialDraft {
    type Missing = ProofError;

    fn state(&self) -> &State {
        &self.state
    }

    fn state_mut(&mut self) -> &mut State {
        &mut self.state
    }

    fn get(&mut self, region: Region, at: u32) -> Result<u64, ProofError> {
        self.regions.get(region, at)
    }

    fn set(&mut self, region: Region, at: u32, word: u64) -> Result<(), ProofError> {
        self.regions.set(region, at, word)
    }
}
