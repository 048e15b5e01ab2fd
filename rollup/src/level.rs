//! Facts from layer 1 about the level that the inbox is at.

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
    /// The rollup's own address; none in what was written before levels had it.
    pub rollup: Option<[u8; 20]>,
}

/// Without the rollup's address and the hash of inputs.
const FACTS: usize = 4 + 8 + 32;

const ADDRESS: usize = 20;

const HASH: usize = 32;

const LEN: usize = FACTS + ADDRESS + HASH;

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
        let (bytes, len) = self.encode();
        store.store_write(layout.level, 0, bytes.get(..len).unwrap_or(&bytes))
    }

    /// Absorbs inputs that came at this level and are durable: [`Level::key`] is
    /// another then. `names` holds at least what no sender can change without that
    /// it becomes another input. One host call.
    ///
    /// # Errors
    /// If the machine refuses.
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

    /// The bytes, and how many of them there are.
    fn encode(&self) -> ([u8; LEN], usize) {
        let mut bytes = [0; LEN];
        let (facts, rest) = bytes.split_at_mut(FACTS);
        let (number, facts) = facts.split_at_mut(4);
        let (timestamp, predecessor) = facts.split_at_mut(8);
        number.copy_from_slice(&self.number.to_be_bytes());
        timestamp.copy_from_slice(&self.timestamp.to_be_bytes());
        predecessor.copy_from_slice(&self.predecessor);
        let mut len = FACTS;
        let mut rest = rest;
        if let Some(address) = &self.rollup {
            let (place, behind) = rest.split_at_mut(ADDRESS);
            place.copy_from_slice(address);
            len += ADDRESS;
            rest = behind;
        }
        if self.inputs != [0; HASH]
            && let Some(place) = rest.first_chunk_mut()
        {
            *place = self.inputs;
            len += HASH;
        }
        (bytes, len)
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (number, rest) = bytes.split_first_chunk()?;
        let (timestamp, rest) = rest.split_first_chunk()?;
        let (predecessor, rest) = rest.split_first_chunk()?;
        // The hash of inputs is longer than the address: the length tells which of them are there.
        let (rollup, inputs) = match rest.len() {
            0 | HASH => (None, rest),
            _ => {
                let (address, inputs) = rest.split_first_chunk()?;
                (Some(*address), inputs)
            }
        };
        Some(Self {
            number: u32::from_be_bytes(*number),
            timestamp: u64::from_be_bytes(*timestamp),
            predecessor: *predecessor,
            inputs: match inputs {
                [] => [0; HASH],
                _ => inputs.try_into().ok()?,
            },
            rollup,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_survives_a_round_trip_with_and_without_address_and_inputs() {
        for (rollup, inputs, length) in [
            (None, [0; 32], FACTS),
            (Some([5; 20]), [0; 32], FACTS + ADDRESS),
            (None, [4; 32], FACTS + HASH),
            (Some([5; 20]), [4; 32], LEN),
        ] {
            let level = Level {
                number: 1,
                timestamp: 2,
                predecessor: [3; 32],
                inputs,
                rollup,
            };
            let (bytes, len) = level.encode();
            assert_eq!(len, length);
            assert_eq!(Level::decode(&bytes[..len]), Some(level));
            assert_eq!(Level::decode(&bytes[1..len]), None);
        }
    }
}
