//! Keys as path steps. Binary keys are base64url without padding: the machine
//! charges by the byte, and all of that alphabet is legal in paths.

use alloy_primitives::{Address, B256, U256};
use host::{PathBuf, PathError};

/// A path of the layout: the longest, a chunk's in staging, has 105 bytes.
pub type KeyPath = PathBuf<112>;

/// The name of an entry of a table.
pub trait Key {
    /// Appends the key's steps to `path`.
    ///
    /// # Errors
    /// If the path becomes too long.
    fn push(&self, path: &mut KeyPath) -> Result<(), PathError>;
}

impl Key for () {
    fn push(&self, _: &mut KeyPath) -> Result<(), PathError> {
        Ok(())
    }
}

impl Key for Address {
    fn push(&self, path: &mut KeyPath) -> Result<(), PathError> {
        path.push_key(self.as_slice())
    }
}

impl Key for B256 {
    fn push(&self, path: &mut KeyPath) -> Result<(), PathError> {
        path.push_key(self.as_slice())
    }
}

impl Key for U256 {
    fn push(&self, path: &mut KeyPath) -> Result<(), PathError> {
        path.push_key(&self.to_be_bytes::<32>())
    }
}

/// A slot: the account's step, then the slot's.
impl Key for (Address, U256) {
    fn push(&self, path: &mut KeyPath) -> Result<(), PathError> {
        self.0.push(path)?;
        self.1.push(path)
    }
}

/// The kept pieces of transactions that come in chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Piece {
    /// The list of all announcements that are open.
    Open,
    /// The forced transaction that comes in: how many messages are missing (1
    /// byte), and the bytes of the others.
    Delayed,
    /// All that is kept of a transaction, by its hash.
    Transaction(B256),
    /// An announcement of a transaction.
    Announcement {
        /// The hash of the transaction.
        transaction: B256,
        /// The hash of the announcement.
        id: B256,
    },
    /// A chunk of a transaction.
    Chunk {
        /// The hash of the transaction.
        transaction: B256,
        /// The hash of the chunk.
        hash: B256,
    },
}

impl Key for Piece {
    fn push(&self, path: &mut KeyPath) -> Result<(), PathError> {
        match self {
            Self::Open => path.push(b"o"),
            Self::Delayed => path.push(b"d"),
            Self::Transaction(transaction) => transaction.push(path),
            Self::Announcement { transaction, id } => {
                transaction.push(path)?;
                path.push(b"a")?;
                id.push(path)
            }
            Self::Chunk { transaction, hash } => {
                transaction.push(path)?;
                path.push(b"c")?;
                hash.push(path)
            }
        }
    }
}

/// Numbers are decimal.
/// The kept parts of known keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyPlace {
    /// Their number: 8 bytes.
    Count,
    /// The keys from this number times 1,024 on, one after the other.
    Page(u64),
}

impl Key for KeyPlace {
    fn push(&self, path: &mut KeyPath) -> Result<(), PathError> {
        match self {
            Self::Count => path.push(b"n"),
            Self::Page(number) => number.push(path),
        }
    }
}

impl Key for u64 {
    fn push(&self, path: &mut KeyPath) -> Result<(), PathError> {
        path.push_number(*self)
    }
}

impl Key for u32 {
    fn push(&self, path: &mut KeyPath) -> Result<(), PathError> {
        u64::from(*self).push(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use host::path::decode_key;
    use proptest::prelude::*;

    fn step(key: &impl Key) -> Vec<u8> {
        let mut path = KeyPath::from_path(host::Path::literal("/k"));
        key.push(&mut path).unwrap();
        path.as_path().as_bytes()[3..].to_vec()
    }

    proptest! {
        #[test]
        fn steps_decode_to_their_bytes(word: [u8; 32], address: [u8; 20]) {
            prop_assert_eq!(decode_key::<32>(&step(&B256::new(word))), Some(word));
            prop_assert_eq!(decode_key::<20>(&step(&Address::new(address))), Some(address));
        }

        #[test]
        fn any_text_is_decoded_or_refused(text: Vec<u8>) {
            let _ = decode_key::<32>(&text);
            let _ = decode_key::<20>(&text);
        }
    }
}
