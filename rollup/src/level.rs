//! What layer 1 says of the level that the inbox is at.

use crate::Layout;
use host::{HostError, ReadStore, Store};

/// The facts of `Info_per_level`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Level {
    /// The layer 1 level.
    pub number: u32,
    /// The predecessor block's timestamp, in seconds since 1970.
    pub timestamp: u64,
    /// The predecessor block's hash.
    pub predecessor: [u8; 32],
}

const LEN: usize = 4 + 8 + 32;

impl Level {
    /// Reads the level's facts; `None` before the first level.
    ///
    /// # Errors
    /// Where the machine refuses.
    pub fn load(store: &impl ReadStore, layout: &Layout) -> Result<Option<Self>, HostError> {
        let mut bytes = [0; LEN];
        let len = store.read_small(layout.level, &mut bytes)?;
        Ok(len.and_then(|len| Self::decode(bytes.get(..len)?)))
    }

    /// Makes the level's facts durable. One host call.
    ///
    /// # Errors
    /// Where the machine refuses.
    pub fn save(&self, store: &mut impl Store, layout: &Layout) -> Result<(), HostError> {
        store.store_write(layout.level, 0, &self.encode())
    }

    fn encode(&self) -> [u8; LEN] {
        let mut bytes = [0; LEN];
        let (number, rest) = bytes.split_at_mut(4);
        let (timestamp, predecessor) = rest.split_at_mut(8);
        number.copy_from_slice(&self.number.to_be_bytes());
        timestamp.copy_from_slice(&self.timestamp.to_be_bytes());
        predecessor.copy_from_slice(&self.predecessor);
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (number, rest) = bytes.split_first_chunk()?;
        let (timestamp, rest) = rest.split_first_chunk()?;
        Some(Self {
            number: u32::from_be_bytes(*number),
            timestamp: u64::from_be_bytes(*timestamp),
            predecessor: rest.try_into().ok()?,
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
        };
        assert_eq!(Level::decode(&level.encode()), Some(level));
        assert_eq!(Level::decode(&level.encode()[1..]), None);
    }
}
