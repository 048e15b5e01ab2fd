//! Input bytes → signed transaction, or the reason why not.

use crate::inputs::format::{ANNOUNCEMENT, CHUNK, MAX_TRANSACTION, SIMPLE};
use alloy_primitives::{B256, Bytes};
use core::fmt;
use ethereum::{DecodeError, SignedTransaction};
use rollup::inbox::{TRANSFER, Transfer};

/// An input of the queue: the contents of an external message's frame.
#[derive(Debug)]
pub(crate) enum Input<'b> {
    /// `00 ++ hash ++ raw transaction`.
    Simple {
        /// What the sender says the keccak-256 of `raw` is.
        hash: B256,
        /// The transaction's bytes.
        raw: &'b [u8],
    },
    /// `01 …`: a transaction will come in chunks.
    Announcement(&'b [u8]),
    /// `02 …`: a chunk.
    Chunk(&'b [u8]),
    /// A call from layer 1.
    Transfer(Transfer<'b>),
}

/// A transaction with its bytes.
#[derive(Clone, Debug)]
pub(crate) struct Decoded {
    pub(crate) transaction: SignedTransaction,
    pub(crate) raw: Bytes,
}

/// Why an input is dropped.
#[derive(Clone, Debug)]
pub(crate) enum BadInput {
    UnknownTag(Option<u8>),
    TooShort,
    TooLong(usize),
    WrongHash {
        expected: B256,
        actual: B256,
    },
    Transaction(DecodeError),
    /// Found out by [`rollup::quarantine`].
    Traps,
}

impl fmt::Display for BadInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownTag(Some(tag)) => write!(f, "unknown tag {tag:#04x}"),
            Self::UnknownTag(None) => f.write_str("empty"),
            Self::TooShort => f.write_str("too short"),
            Self::TooLong(len) => {
                write!(f, "transaction of {len} bytes, more than {MAX_TRANSACTION}")
            }
            Self::WrongHash { expected, actual } => {
                write!(
                    f,
                    "announced hash {expected}, but the bytes hash to {actual}"
                )
            }
            Self::Transaction(error) => write!(f, "{error}"),
            Self::Traps => f.write_str("it traps"),
        }
    }
}

/// Tells the inputs apart.
pub(crate) fn input(bytes: &[u8]) -> Result<Input<'_>, BadInput> {
    match bytes.split_first() {
        Some((&SIMPLE, rest)) => {
            let (hash, raw) = rest.split_first_chunk().ok_or(BadInput::TooShort)?;
            Ok(Input::Simple {
                hash: B256::new(*hash),
                raw,
            })
        }
        Some((&ANNOUNCEMENT, rest)) => Ok(Input::Announcement(rest)),
        Some((&CHUNK, rest)) => Ok(Input::Chunk(rest)),
        Some((&TRANSFER, rest)) => Transfer::parse(rest)
            .map(Input::Transfer)
            .ok_or(BadInput::TooShort),
        Some((tag, _)) => Err(BadInput::UnknownTag(Some(*tag))),
        None => Err(BadInput::UnknownTag(None)),
    }
}

/// Decodes `raw`, which must hash to `hash`.
pub(crate) fn transaction(hash: B256, raw: &[u8]) -> Result<Decoded, BadInput> {
    let actual = ethereum::keccak256(raw);
    if actual != hash {
        return Err(BadInput::WrongHash {
            expected: hash,
            actual,
        });
    }
    hashed(hash, Bytes::copy_from_slice(raw))
}

/// Decodes `raw`, which is known to hash to `hash`.
pub(crate) fn hashed(hash: B256, raw: Bytes) -> Result<Decoded, BadInput> {
    #[cfg(feature = "traps")]
    crate::traps::decoding(&raw);
    if raw.len() > MAX_TRANSACTION {
        return Err(BadInput::TooLong(raw.len()));
    }
    let transaction =
        ethereum::transaction::decode_with_hash(&raw, hash).map_err(BadInput::Transaction)?;
    Ok(Decoded { transaction, raw })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn inputs_are_told_apart_by_their_tag() {
        assert!(matches!(
            input(&[0; 34]),
            Ok(Input::Simple { raw: [0], .. })
        ));
        assert!(matches!(input(&[1, 2]), Ok(Input::Announcement([2]))));
        assert!(matches!(input(&[2, 3]), Ok(Input::Chunk([3]))));
        assert!(matches!(input(&[3]), Err(BadInput::UnknownTag(Some(3)))));
        assert!(matches!(input(&[]), Err(BadInput::UnknownTag(None))));
        assert!(matches!(input(&[0; 32]), Err(BadInput::TooShort)));
    }

    #[test]
    fn a_transaction_must_hash_to_what_was_announced() {
        assert!(matches!(
            transaction(B256::ZERO, &[1]),
            Err(BadInput::WrongHash { .. })
        ));
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_input_or_not(bytes: Vec<u8>) {
            if let Ok(Input::Simple { raw, .. }) = input(&bytes) {
                let _ = transaction(ethereum::keccak256(raw), raw);
            }
        }
    }
}
