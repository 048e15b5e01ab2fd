//! A batch that blocks took a part of.

use crate::codec::Reader;
use crate::table::{Size, Value};
use rollup::Cursor;

/// The consumed part of the batch at a cursor. It says nothing of inputs that stand
/// elsewhere: no other ever stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partly {
    /// The position of the batch.
    pub cursor: Cursor,
    /// The number of its first transactions that blocks took.
    pub taken: u32,
}

/// The cursor, and the number in 4 bytes.
impl Value for Partly {
    type Bytes = [u8; 12];
    const SIZE: Size = Size::Short;
    const SHRINKS: bool = false;

    fn encode(&self) -> [u8; 12] {
        let mut bytes = [0; 12];
        let (cursor, taken) = bytes.split_at_mut(8);
        cursor.copy_from_slice(&self.cursor.encode());
        taken.copy_from_slice(&self.taken.to_be_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        Some(Self {
            cursor: Cursor::decode(&reader.array()?),
            taken: reader.u32()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_survives_a_round_trip() {
        let partly = Partly {
            cursor: Cursor {
                level: 1,
                offset: 2,
            },
            taken: 3,
        };
        assert_eq!(Partly::decode(&partly.encode()), Some(partly));
        assert_eq!(Partly::decode(&[0; 11]), None);
    }
}
