//! Decodes an input, and checks its signatures.

use crate::bls::{self, BlsError, PUBLIC_KEY, PublicKey, Signature, Signed};
use crate::encoding::{Batch, Signer, Tz4};
use crate::memory::Memory;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use host::{HostError, ReadStore};
use messages::address::{Kind, print};
use messages::error::DecodeError;
use messages::hash::blake2b_160;

/// The way in which batches are told apart from those of other rollups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// A batch may stand in the frame that names the rollup, or without it, as
    /// the format has it. Signatures say nothing of the rollup: where tickets of
    /// one ticketer are in two such rollups, a batch for one can be posted to
    /// the other.
    Optional,
    /// A batch stands in the frame, and who signs a transaction signs the
    /// rollup's address (20 bytes) in front of it, so that nobody else can take
    /// it out of one frame and put it into another.
    Required,
}

impl Framing {
    /// Decodes the setting; `None` if it is invalid.
    #[must_use]
    pub const fn decode(value: Option<&[u8]>) -> Option<Self> {
        match value {
            None | Some([1]) => Some(Self::Required),
            Some([0]) => Some(Self::Optional),
            Some(_) => None,
        }
    }

    /// The bytes that are signed in front of each transaction.
    #[must_use]
    pub fn prefix(self, rollup: &[u8; 20]) -> &[u8] {
        match self {
            Self::Optional => &[],
            Self::Required => rollup,
        }
    }
}

/// Why a batch is dropped whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BatchError {
    /// The bytes are not a batch.
    #[error("{0}")]
    Decode(DecodeError),
    /// It has no operations.
    #[error("no operations")]
    Empty,
    /// The key of an address was never seen.
    #[error("the key of {} is unknown", print(Kind::Tz4, .0).unwrap_or_default())]
    UnknownKey(Tz4),
    /// Every transaction has a counter that is used up.
    #[error("all counters are used up")]
    Replayed,
    /// The signature.
    #[error("{0}")]
    Signature(BlsError),
    /// It traps.
    #[error("it traps")]
    Traps,
}

/// The work of looking up an operation's signer, in units of the budget: a read of durable
/// storage, and the hash of a key.
pub const LOOKUP: u64 = 5_000;

/// The work of reading a signature, in units of the budget: a square root, and
/// whether the point is in its group.
pub const SIGNATURE_WORK: u64 = 300_000;
/// The work of verifying any batch whose signature is read: a Miller loop and
/// the final exponentiation.
const BATCH: u64 = 1_700_000;
/// The price of a signer: its key, a Miller loop.
const SIGNER: u64 = 1_000_000;
/// The price of an operation: its hash to the curve.
const OPERATION: u64 = 200_000;

/// The kinds of inputs.
#[derive(Debug)]
pub enum Input<'b> {
    /// A batch whose signers are known.
    Batch(Verifiable<'b>),
    /// It is dropped.
    Dropped(BatchError),
}

/// A batch whose signers are known.
#[derive(Debug)]
pub struct Verifiable<'b> {
    batch: Batch<'b>,
    /// For each operation, in order: its key, compressed, and as its account has
    /// it.
    keys: Vec<([u8; PUBLIC_KEY], Option<PublicKey>)>,
    signers: usize,
}

impl<'b> Verifiable<'b> {
    /// Finds the keys of a batch's signers. It costs [`LOOKUP`] for each of its
    /// operations.
    ///
    /// # Errors
    /// If the machine refuses a host call.
    pub fn read(
        memory: &mut Memory,
        store: &impl ReadStore,
        batch: Batch<'b>,
    ) -> Result<Input<'b>, HostError> {
        let mut revealed: BTreeMap<Tz4, [u8; PUBLIC_KEY]> = BTreeMap::new();
        let mut keys = Vec::new();
        let mut replayed = true;
        for transaction in &batch.transactions {
            let mut used = false;
            for operation in &transaction.operations {
                let address = address(&operation.signer);
                let account = memory.account(store, &address)?;
                used |= account.is_some_and(|account| operation.counter < account.counter);
                let known = account.and_then(|account| account.public_key);
                let key = match operation.signer {
                    Signer::PublicKey(key) => {
                        revealed.insert(address, *key);
                        *key
                    }
                    Signer::Address(_) => match known
                        .map(|known| known.compress())
                        .or(revealed.get(&address).copied())
                    {
                        Some(key) => key,
                        None => return Ok(Input::Dropped(BatchError::UnknownKey(address))),
                    },
                };
                keys.push((key, known));
            }
            replayed &= used;
        }
        if keys.is_empty() {
            return Ok(Input::Dropped(BatchError::Empty));
        }
        if replayed {
            return Ok(Input::Dropped(BatchError::Replayed));
        }
        let mut signers = BTreeSet::new();
        for (key, _) in &keys {
            signers.insert(*key);
        }
        Ok(Input::Batch(Self {
            signers: signers.len(),
            batch,
            keys,
        }))
    }

    /// The aggregate signature of the batch. It costs [`SIGNATURE_WORK`],
    /// whether it can be read or not.
    ///
    /// # Errors
    /// [`BatchError::Signature`] if the bytes are not a point of the group.
    pub fn signature(&self) -> Result<Signature, BatchError> {
        Signature::decompress(self.batch.signature).map_err(BatchError::Signature)
    }

    /// The work of [`Verifiable::verify`], in units of the budget.
    #[must_use]
    pub fn work(&self) -> u64 {
        BATCH + SIGNER * self.signers as u64 + OPERATION * self.keys.len() as u64
    }

    /// The batch, if `signature` is that of all of its signers; `prefix` is
    /// signed in front of each transaction.
    ///
    /// # Errors
    /// [`BatchError::Signature`] if it is not.
    pub fn verify(self, signature: &Signature, prefix: &[u8]) -> Result<Batch<'b>, BatchError> {
        let messages: Vec<Vec<u8>> = self
            .batch
            .transactions
            .iter()
            .map(|transaction| [prefix, transaction.bytes].concat())
            .collect();
        let signed = self
            .batch
            .transactions
            .iter()
            .zip(&messages)
            .flat_map(|(transaction, message)| transaction.operations.iter().map(move |_| message));
        let signed = signed
            .zip(&self.keys)
            .map(|(message, (key, known))| Signed {
                public_key: key,
                known: known.as_ref(),
                message,
            });
        bls::verify(signature, signed).map_err(BatchError::Signature)?;
        Ok(self.batch)
    }
}

/// The address of a signer.
#[must_use]
pub fn address(signer: &Signer<'_>) -> Tz4 {
    match signer {
        Signer::PublicKey(key) => blake2b_160(*key),
        Signer::Address(address) => **address,
    }
}
