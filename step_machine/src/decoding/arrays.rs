//! Arrays that hold the state of decoding, and the module.

use super::{Decoder, Done, Lost, Stop};
use crate::backing::Region;
use crate::decoding::state::State;
use crate::op::{halves, low, word};
use kernel_module::features::features;
use wasmparser::BinaryReader;

/// A holder of the state of decoding. Words that were never written are 0.
pub trait Arrays {
    /// Why a word is not here.
    type Missing;

    /// The part of the state that is not in an array.
    fn state(&self) -> &State;

    /// The same, to change.
    fn state_mut(&mut self) -> &mut State;

    /// A word of a region.
    ///
    /// # Errors
    /// If it is not here.
    fn get(&mut self, region: Region, at: u32) -> Result<u64, Self::Missing>;

    /// Writes a word of a region.
    ///
    /// # Errors
    /// If it is not here.
    fn set(&mut self, region: Region, at: u32, word: u64) -> Result<(), Self::Missing>;
}

/// A module, or the parts of it that are here.
pub trait Source {
    /// Its bytes.
    fn len(&self) -> u32;

    /// True if it has no bytes.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads bytes that lie within it; false if they are not here.
    fn read(&mut self, at: u32, into: &mut [u8]) -> bool;
}

impl Source for &[u8] {
    fn len(&self) -> u32 {
        <[u8]>::len(self) as u32
    }

    fn read(&mut self, at: u32, into: &mut [u8]) -> bool {
        let from = self
            .get(at as usize..)
            .and_then(|from| from.get(..into.len()));
        from.map(|from| into.copy_from_slice(from)).is_some()
    }
}

/// The first of the two words about something with a number.
pub(super) const fn pair(number: u32) -> u32 {
    number << 1
}

/// Reads bytes of a module as those that kernels may be written in.
pub(super) fn reader(bytes: &[u8]) -> BinaryReader<'_> {
    BinaryReader::new_features(bytes, 0, features())
}

/// The bytes at which a step looks at most, but for types.
pub(super) const WINDOW: usize = 64;

impl<A: Arrays, S: Source> Decoder<'_, A, S> {
    /// The next bytes up to an end, as many as fit.
    pub(super) fn window<'b>(&mut self, end: u32, bytes: &'b mut [u8]) -> Done<A, &'b [u8]> {
        let at = self.state().pos;
        let len = end.min(self.source.len()).saturating_sub(at);
        let len = bytes.len().min(len as usize);
        let bytes = &mut bytes[..len];
        if len > 0 && !self.source.read(at, bytes) {
            return Err(Stop::Lost(Lost::Module));
        }
        Ok(bytes)
    }

    /// So many bytes were read.
    pub(super) fn forward(&mut self, bytes: usize) {
        let state = self.state();
        state.pos = state.pos.wrapping_add(bytes as u32);
    }

    /// A byte of an array of bytes.
    pub(super) fn byte(&mut self, region: Region, at: u32) -> Done<A, u8> {
        let word = self.get(region, at >> 3)?;
        Ok((word >> (8 * (at & 7))) as u8)
    }

    pub(super) fn set_byte(&mut self, region: Region, at: u32, byte: u8) -> Done<A> {
        let shift = 8 * (at & 7);
        let word = self.get(region, at >> 3)?;
        let word = word & !(0xff << shift) | u64::from(byte) << shift;
        self.set(region, at >> 3, word)
    }

    /// Appends an instruction; gives its place.
    pub(super) fn emit(&mut self, op: u16, short: u16, operand: u32) -> Done<A, u32> {
        self.emit_literal(word(op, short, operand))
    }

    pub(super) fn emit_literal(&mut self, literal: u64) -> Done<A, u32> {
        let place = self.state().code;
        self.state().code = place.wrapping_add(1);
        self.set(Region::Code, place, literal)?;
        Ok(place)
    }

    /// Sets the upper half of a word of code.
    pub(super) fn lead(&mut self, place: u32, target: u32) -> Done<A, u64> {
        let word = self.get(Region::Code, place)?;
        self.set(Region::Code, place, halves(low(word), target))?;
        Ok(word)
    }

    /// The last jump of a chain is told where it leads to.
    pub(super) fn patch(&mut self) -> Done<A> {
        let (place, target) = (self.state().patch, self.state().target);
        let word = self.lead(place, target)?;
        self.state().patch = crate::op::high(word);
        Ok(())
    }
}
