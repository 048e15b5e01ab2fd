//! The names of states.

use std::ops::Range;

/// The purpose of a state that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateName {
    /// It is behind the block with this number.
    Block(u64),
    /// It is behind the level with this number, which layer 1 may take back.
    Level(u32),
    /// It is that of a devnet's snapshot.
    Snapshot(u64),
    /// It is what a devnet goes back to on a reset; written once.
    Origin,
    /// It is behind a block that may come back.
    Aside(u64),
}

impl StateName {
    pub(super) const fn key(self) -> u128 {
        let (kind, number) = match self {
            Self::Block(number) => (0_u128, number),
            Self::Level(level) => (1, level as u64),
            Self::Snapshot(id) => (2, id),
            Self::Origin => (3, 0),
            Self::Aside(number) => (4, number),
        };
        kind << 64 | number as u128
    }

    /// The name with this key.
    pub(super) fn of_key(key: u128) -> Option<Self> {
        let number = key as u64;
        Some(match key >> 64 {
            0 => Self::Block(number),
            1 => Self::Level(number.try_into().ok()?),
            2 => Self::Snapshot(number),
            3 if number == 0 => Self::Origin,
            4 => Self::Aside(number),
            _ => return None,
        })
    }

    /// The keys from this name on of all of its kind.
    pub(super) const fn and_later(self) -> Range<u128> {
        self.key()..((self.key() >> 64) + 1) << 64
    }

    /// The keys before this name of all of its kind.
    pub(super) const fn earlier(self) -> Range<u128> {
        (self.key() >> 64) << 64..self.key()
    }
}
