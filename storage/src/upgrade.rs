//! The decision of governance about the kernel.

use crate::codec::Reader;
use crate::table::{Size, Value};

/// An upgrade of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Upgrade {
    /// The root hash of the new kernel's pages: `00` and 32 bytes of blake2b.
    pub root: [u8; 33],
    /// From when on, in seconds since 1970.
    pub time: i64,
    /// True if it is still to come: one that is settled stays known, so that
    /// the same decision again does nothing.
    pub pending: bool,
}

impl Upgrade {
    /// True if both are the same decision, settled or not.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        (self.root, self.time) == (other.root, other.time)
    }

    /// True if its time has come in a block with this timestamp.
    #[must_use]
    pub fn is_due(&self, timestamp: u64) -> bool {
        self.pending && u64::try_from(self.time).unwrap_or(0) <= timestamp
    }
}

const LEN: usize = 33 + 8 + 1;

impl Value for Upgrade {
    type Bytes = [u8; LEN];
    const SIZE: Size = Size::Short;
    const SHRINKS: bool = false;

    fn encode(&self) -> [u8; LEN] {
        let mut bytes = [u8::from(self.pending); LEN];
        let (root, rest) = bytes.split_at_mut(self.root.len());
        root.copy_from_slice(&self.root);
        let (time, _) = rest.split_at_mut(8);
        time.copy_from_slice(&self.time.to_be_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let upgrade = Self {
            root: reader.array()?,
            time: i64::from_be_bytes(reader.array()?),
            pending: reader.byte()? == 1,
        };
        reader.is_empty().then_some(upgrade)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UPGRADE: Upgrade = Upgrade {
        root: [1; 33],
        time: 1_700_000_000,
        pending: true,
    };

    #[test]
    fn an_upgrade_survives_a_round_trip() {
        for (time, pending) in [(1_700_000_000, true), (i64::MIN, false)] {
            let upgrade = Upgrade {
                time,
                pending,
                ..UPGRADE
            };
            assert_eq!(Upgrade::decode(&upgrade.encode()), Some(upgrade));
        }
        assert_eq!(Upgrade::decode(&UPGRADE.encode()[1..]), None);
    }

    #[test]
    fn an_upgrade_is_due_from_its_time_on_until_it_is_settled() {
        assert!(!UPGRADE.is_due(1_699_999_999));
        assert!(UPGRADE.is_due(1_700_000_000));
        let settled = Upgrade {
            pending: false,
            ..UPGRADE
        };
        assert!(!settled.is_due(1_700_000_000));
        assert!(settled.is_same(&UPGRADE));
        // A time before 1970 is in the past.
        let old = Upgrade {
            time: i64::MIN,
            ..UPGRADE
        };
        assert!(old.is_due(0));
    }
}
