//! Names and types that are there once: trees of hashes, in which each step compares one.

use super::arrays::WINDOW;
use super::state::Stage;
use super::{Arrays, Decoder, Done, Source, Stop};
use crate::backing::Region;
use crate::op::{halves, high, low};
use blake2::{Blake2b, Digest, digest::consts::U32};

/// The outcome of a search in a tree.
pub(super) enum Tree {
    /// The next node follows.
    On,
    /// It is there, with this number.
    Known(u32),
    /// It was not there, and is now.
    New,
}

/// The hash of a name, or of a type: blake2b-256 of `14` and these.
pub(super) fn hash(parts: &[&[u8]]) -> [u64; 4] {
    let mut hasher = Blake2b::<U32>::new();
    hasher.update([0x14]);
    for part in parts {
        hasher.update(part);
    }
    let bytes: [u8; 32] = hasher.finalize().into();
    let mut words = [0; 4];
    for (word, bytes) in words.iter_mut().zip(bytes.as_chunks().0) {
        *word = u64::from_le_bytes(*bytes);
    }
    words
}

/// The most bytes of a name, as of wasmparser.
const MAX_NAME: u32 = 100_000;

impl<A: Arrays, S: Source> Decoder<'_, A, S> {
    /// Compares a hash with a node: a tree of the numbers so far, in which the bits of the hashes lead
    /// to the left or to the right. So it is 256 deep at most.
    pub(super) fn tree(&mut self, region: Region, number: u32) -> Done<A, Tree> {
        let (hash, node, depth) = {
            let state = self.state();
            (state.hash, state.node, state.depth)
        };
        if number == 0 {
            self.put(region, number, hash)?;
            return Ok(Tree::New);
        }
        let first = node << 3;
        let mut known = [0; 4];
        for (place, word) in known.iter_mut().enumerate() {
            *word = self.get(region, first + place as u32)?;
        }
        if known == hash {
            return Ok(Tree::Known(node));
        }
        let right = hash[(depth / 64) as usize % 4] >> (depth % 64) & 1 == 1;
        let sides = self.get(region, first + 4)?;
        let side = if right { high(sides) } else { low(sides) };
        if let Some(next) = side.checked_sub(1) {
            let state = self.state();
            state.node = next;
            state.depth = depth.wrapping_add(1);
            return Ok(Tree::On);
        }
        let new = number.wrapping_add(1);
        let sides = match right {
            true => halves(low(sides), new),
            false => halves(new, high(sides)),
        };
        self.set(region, first + 4, sides)?;
        self.put(region, number, hash)?;
        Ok(Tree::New)
    }

    fn put(&mut self, region: Region, number: u32, hash: [u64; 4]) -> Done<A> {
        for (place, word) in hash.into_iter().enumerate() {
            self.set(region, (number << 3) + place as u32, word)?;
        }
        Ok(())
    }

    /// A name begins.
    pub(super) fn name(&mut self, stage: Stage) -> Done<A> {
        let end = self.state().end;
        let mut bytes = [0; 8];
        let bytes = self.window(end, &mut bytes)?;
        let mut reader = super::arrays::reader(bytes);
        let len = reader.read_var_u32()?;
        self.forward(reader.current_position());
        let state = self.state();
        if len > MAX_NAME || len > state.end.saturating_sub(state.pos) {
            return Err(Stop::Refused);
        }
        state.name_len = len;
        state.name_left = len;
        state.hash = [0; 4];
        state.name_is = 0;
        state.stage = stage;
        Ok(())
    }

    /// The next bytes of a name, of which there are some: whole characters.
    pub(super) fn characters(&mut self, take: impl FnOnce(&mut Self, &[u8])) -> Done<A> {
        let left = self.state().name_left;
        let end = self.state().pos.wrapping_add(left);
        let mut bytes = [0; WINDOW];
        let mut bytes = self.window(end, &mut bytes)?;
        if let Err(error) = std::str::from_utf8(bytes) {
            if error.error_len().is_some() || bytes.len() == left as usize {
                return Err(Stop::Refused);
            }
            bytes = &bytes[..error.valid_up_to()];
        }
        if bytes.is_empty() {
            return Err(Stop::Refused);
        }
        take(self, bytes);
        self.forward(bytes.len());
        self.state().name_left = left.wrapping_sub(bytes.len() as u32);
        Ok(())
    }

    /// The name of a custom section, behind which nothing is looked at.
    pub(super) fn custom_name(&mut self) -> Done<A> {
        if self.state().name_left > 0 {
            return self.characters(|_, _| ());
        }
        let state = self.state();
        state.pos = state.end;
        state.stage = Stage::Section;
        Ok(())
    }
}
