//! Keys, and batches signed with them: what wallets do. The curve is `blst`'s,
//! not the kernel's.

use crate::bls::{DST, PUBLIC_KEY, SIGNATURE};
use crate::encoding::{Tz4, put};
use blst::BLST_ERROR;
use blst::min_pk::{AggregateSignature, SecretKey, Signature};
use core::fmt;
use messages::address::{self, Kind};
use messages::hash::blake2b_160;

/// The fewest bytes that a key is made of.
pub const SEED: usize = 32;

/// A secret key.
#[derive(Clone)]
pub struct Key {
    secret: SecretKey,
    public: [u8; PUBLIC_KEY],
}

/// The secret stays out of logs.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.to_base58())
    }
}

impl Key {
    /// The key made of `seed` (KeyGen of draft-irtf-cfrg-bls-signature §2.3).
    ///
    /// # Errors
    /// If the seed has fewer than [`SEED`] bytes.
    pub fn from_seed(seed: &[u8]) -> Result<Self, BLST_ERROR> {
        let secret = SecretKey::key_gen(seed, &[])?;
        Ok(Self::from_secret(secret))
    }

    /// The key whose secret scalar is `bytes`, big-endian.
    ///
    /// # Errors
    /// If it is zero, or not below the order of the group.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, BLST_ERROR> {
        SecretKey::from_bytes(bytes).map(Self::from_secret)
    }

    fn from_secret(secret: SecretKey) -> Self {
        Self {
            public: secret.sk_to_pk().compress(),
            secret,
        }
    }

    /// The secret scalar, big-endian.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 32] {
        self.secret.to_bytes()
    }

    /// The public key, compressed.
    #[must_use]
    pub const fn public_key(&self) -> &[u8; PUBLIC_KEY] {
        &self.public
    }

    /// The hash in its address.
    #[must_use]
    pub fn address(&self) -> Tz4 {
        blake2b_160(&self.public)
    }

    /// Its address, `tz4…`.
    #[must_use]
    pub fn to_base58(&self) -> String {
        address::print(Kind::Tz4, &self.address()).unwrap_or_default()
    }

    /// Signs `message`; the key stands in front of it.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; SIGNATURE] {
        self.secret.sign(message, DST, &self.public).compress()
    }
}

/// The aggregate of `signatures`.
///
/// # Errors
/// If there is no signature, or one is invalid.
pub fn aggregate(signatures: &[[u8; SIGNATURE]]) -> Result<[u8; SIGNATURE], BLST_ERROR> {
    let parsed: Result<Vec<Signature>, _> = signatures
        .iter()
        .map(|signature| Signature::uncompress(signature))
        .collect();
    let parsed = parsed?;
    let all: Vec<&Signature> = parsed.iter().collect();
    let aggregate = AggregateSignature::aggregate(&all, true)?;
    Ok(aggregate.to_signature().compress())
}

/// A batch of transactions, each with who signs it: one key for each of its
/// operations. `prefix` is signed in front of each transaction
/// ([`crate::inbox::Framing::prefix`]).
///
/// # Errors
/// If nobody signs anything.
pub fn batch(transactions: &[(Vec<u8>, Vec<&Key>)], prefix: &[u8]) -> Result<Vec<u8>, BLST_ERROR> {
    let mut signatures = Vec::new();
    for (transaction, signers) in transactions {
        let message = [prefix, transaction].concat();
        signatures.extend(signers.iter().map(|key| key.sign(&message)));
    }
    let signature = aggregate(&signatures)?;
    let bytes: Vec<Vec<u8>> = transactions
        .iter()
        .map(|(transaction, _)| transaction.clone())
        .collect();
    Ok(put::batch(&bytes, &signature))
}
