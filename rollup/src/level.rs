//! What layer 1 says of the level that the inbox is at.

use crate::Layout;
use host::{HostError, ReadStore, Store};
use messages::hash::blake2b_256;

/// The facts of `Info_per_level`, and what came with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Level {
    /// The layer 1 level.
    pub number: u32,
    /// The predecessor block's timestamp, in seconds since 1970.
    pub timestamp: u64,
    /// The predecessor block's hash.
    pub predecessor: [u8; 32],
    /// A hash of all inputs that were absorbed until now.
    pub inputs: [u8; 32],
}

const LEN: usize = 4 + 8 + 32 + 32;

/// Without the hash of inputs, before there is one.
const FACTS: usize = 4 + 8 + 32;

impl Level {
    /// Reads the level's facts; `None` before the first level.
    ///
    /// # Errors
    /// If the machine refuses a host call.
    pub fn load(store: &impl ReadStore, layout: &Layout) -> Result<Option<Self>, HostError> {
        let mut bytes = [0; LEN];
        let len = store.read_small(layout.level, &mut bytes)?;
        Ok(len.and_then(|len| Self::decode(bytes.get(..len)?)))
    }

    /// Makes the level's facts durable. One host call.
    ///
    /// # Errors
    /// If the machine refuses a host call.
    pub fn save(&self, store: &mut impl Store, layout: &Layout) -> Result<(), HostError> {
        let bytes = self.encode();
        let absorbed = self.inputs != [0; 32];
        let len = if absorbed { LEN } else { FACTS };
        store.store_write(layout.level, 0, bytes.get(..len).unwrap_or(&bytes))
    }

    /// Absorbs inputs that came at this level and are durable: [`Level::key`] is
    /// another then. `names` holds at least what no sender can change without that
    /// it becomes another input. One host call.
    ///
    /// # Errors
    /// Where the machine refuses.
    pub fn absorb(
        &mut self,
        store: &mut impl Store,
        layout: &Layout,
        names: &[u8],
    ) -> Result<(), HostError> {
        self.inputs = blake2b_256([self.inputs, blake2b_256(names)].as_flattened());
        self.save(store, layout)
    }

    /// A key for hash maps, which nobody knew when an input was made that is taken
    /// under it; the same in all runs of the level.
    ///
    /// An input of this level was absorbed: whoever changes it gets another key, and
    /// which one is a question to a hash that nobody can invert. An input of an
    /// earlier level was made before the predecessor block. So keys in it that
    /// collide under one key meet that key with a chance of 2^-128, and whoever may
    /// try 2^n inputs or blocks, with 2^(n-128).
    #[must_use]
    pub fn key(&self) -> [u8; 16] {
        let mut key = [0; 16];
        let bytes = self.inputs.iter().zip(&self.predecessor);
        for (key, (input, predecessor)) in key.iter_mut().zip(bytes) {
            *key = input ^ predecessor;
        }
        key
    }

    fn encode(&self) -> [u8; LEN] {
        let mut bytes = [0; LEN];
        let (number, rest) = bytes.split_at_mut(4);
        let (timestamp, rest) = rest.split_at_mut(8);
        let (predecessor, inputs) = rest.split_at_mut(32);
        number.copy_from_slice(&self.number.to_be_bytes());
        timestamp.copy_from_slice(&self.timestamp.to_be_bytes());
        predecessor.copy_from_slice(&self.predecessor);
        inputs.copy_from_slice(&self.inputs);
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (number, rest) = bytes.split_first_chunk()?;
        let (timestamp, rest) = rest.split_first_chunk()?;
        let (predecessor, inputs) = rest.split_first_chunk()?;
        Some(Self {
            number: u32::from_be_bytes(*number),
            timestamp: u64::from_be_bytes(*timestamp),
            predecessor: *predecessor,
            inputs: match bytes.len() {
                FACTS => [0; 32],
                _ => inputs.try_into().ok()?,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_survives_a_round_trip() {
        let level = Level {
            number: 1,
            timestamp: 2,
            predecessor: [3; 32],
            inputs: [4; 32],
        };
        assert_eq!(Level::decode(&level.encode()), Some(level));
        assert_eq!(Level::decode(&level.encode()[1..]), None);
    }

    #[test]
    fn facts_alone_are_a_level_without_inputs() {
        let level = Level {
            number: 1,
            timestamp: 2,
            predecessor: [3; 32],
            inputs: [0; 32],
        };
        assert_eq!(Level::decode(&level.encode()[..FACTS]), Some(level));
    }
}
