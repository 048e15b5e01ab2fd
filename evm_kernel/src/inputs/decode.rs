//! Input bytes → signed transaction, or the reason why not.

use crate::inputs::format::{ANNOUNCEMENT, CHUNK, MAX_TRANSACTION, SIMPLE};
use alloc::boxed::Box;
use alloy_primitives::{B256, Bytes};
use ethereum::{DecodeError, Recovered, SignedTransaction, Signer};
use rollup::inbox::{TRANSFER, Transfer};

/// An input of the queue that is no batch: the contents of an external message's frame.
#[derive(Debug)]
pub(crate) enum Input<'b> {
    /// `00 ++ hash ++ raw transaction`.
    Simple {
        /// The keccak-256 of `raw`, as the sender claims.
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

/// A signed transaction with its bytes.
#[derive(Clone, Debug)]
pub(crate) struct Decoded {
    pub(crate) transaction: Box<SignedTransaction>,
    pub(crate) raw: Bytes,
}

impl Decoded {
    /// The transaction, once its sender is known.
    pub(crate) fn signed_by(self, signer: &Signer) -> Recovered<Box<SignedTransaction>> {
        Recovered {
            transaction: self.transaction,
            sender: signer.address,
            key: Some(Box::new(signer.key)),
            raw: self.raw,
        }
    }
}

/// Why an input is dropped.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum BadInput {
    #[error("unknown tag {0:#04x}")]
    UnknownTag(u8),
    #[error("empty")]
    Empty,
    #[error("too short")]
    TooShort,
    #[error("transaction of {0} bytes, more than {MAX_TRANSACTION}")]
    TooLong(usize),
    #[error("announced hash {expected}, but the bytes hash to {actual}")]
    WrongHash { expected: B256, actual: B256 },
    #[error("{0}")]
    Transaction(DecodeError),
    /// Found out by [`rollup::quarantine`].
    #[error("it traps")]
    Traps,
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
        Some((tag, _)) => Err(BadInput::UnknownTag(*tag)),
        None => Err(BadInput::Empty),
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
    Ok(Decoded {
        transaction: Box::new(transaction),
        raw,
    })
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
        assert!(matches!(input(&[3]), Err(BadInput::UnknownTag(3))));
        assert!(matches!(input(&[]), Err(BadInput::Empty)));
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
