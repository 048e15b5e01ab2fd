//! What layer 1 says of the level that the inbox is at.

use crate::codec::Reader;
use crate::error::StorageError;
use crate::layout::LEVEL;
use crate::table::{Value, load, save};
use alloy_primitives::B256;
use host::{ReadStore, Store};

/// The facts of `Info_per_level`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// The layer 1 level.
    pub number: u32,
    /// The predecessor block's timestamp, in seconds since 1970.
    pub timestamp: u64,
    /// The predecessor block's hash.
    pub predecessor: B256,
}

impl Level {
    /// Reads the level's facts; `None` before the first level.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`] where the bytes are none.
    pub fn load(store: &impl ReadStore) -> Result<Option<Self>, StorageError> {
        load(store, LEVEL)
    }

    /// Makes the level's facts durable. One host call.
    ///
    /// # Errors
    /// Where the machine refuses.
    pub fn save(&self, store: &mut impl Store) -> Result<(), StorageError> {
        save(store, LEVEL, self)
    }
}

impl Value for Level {
    type Bytes = [u8; 44];
    const SMALL: bool = true;
    const SHRINKS: bool = false;

    fn encode(&self) -> [u8; 44] {
        let mut bytes = [0; 44];
        let (number, rest) = bytes.split_at_mut(4);
        let (timestamp, predecessor) = rest.split_at_mut(8);
        number.copy_from_slice(&self.number.to_be_bytes());
        timestamp.copy_from_slice(&self.timestamp.to_be_bytes());
        predecessor.copy_from_slice(self.predecessor.as_slice());
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let level = Self {
            number: reader.u32()?,
            timestamp: reader.u64()?,
            predecessor: reader.hash()?,
        };
        reader.is_empty().then_some(level)
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
            predecessor: B256::repeat_byte(3),
        };
        assert_eq!(Level::decode(&level.encode()), Some(level));
        assert_eq!(Level::decode(&level.encode()[1..]), None);
    }
}
