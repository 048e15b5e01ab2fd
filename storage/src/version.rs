//! The writer of the storage.

use crate::codec::Reader;
use crate::table::{Size, Value};

/// The writer of the storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    /// The layout of everything below `/evm`: 1 and up.
    pub layout: u32,
    /// A mark of the contracts that the kernel brings along: it differs where
    /// they do.
    pub contracts: u64,
}

impl Version {
    /// The version of storage that says none.
    pub const FIRST: Self = Self {
        layout: 1,
        contracts: 0,
    };

    /// Bytes of one.
    pub(crate) const LEN: usize = 4 + 8;
}

impl Value for Version {
    type Bytes = [u8; Self::LEN];
    const SIZE: Size = Size::Short;
    const SHRINKS: bool = false;

    fn encode(&self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        let (layout, contracts) = bytes.split_at_mut(4);
        layout.copy_from_slice(&self.layout.to_be_bytes());
        contracts.copy_from_slice(&self.contracts.to_be_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let version = Self {
            layout: reader.u32()?,
            contracts: reader.u64()?,
        };
        reader.is_empty().then_some(version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_survives_a_round_trip() {
        let version = Version {
            layout: 1,
            contracts: 7,
        };
        assert_eq!(Version::decode(&version.encode()), Some(version));
        assert_eq!(Version::decode(&version.encode()[1..]), None);
    }
}
