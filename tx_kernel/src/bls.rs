//! BLS signatures on BLS12-381: public keys in G1 (48 bytes), signatures in G2
//! (96 bytes), both compressed; each message is hashed behind its signer's key
//! (the scheme "message augmentation" of draft-irtf-cfrg-bls-signature §3.2).
//!
//! One aggregate stands for all signatures of a batch. What costs is done once
//! where it can be: hashes of one signer are added up before their cofactor is
//! cleared, so that a signer costs one Miller loop however much it signs, and
//! all share one final exponentiation.

mod curve;

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use ark_bls12_381::{Bls12_381, Fq2, G1Affine, G2Affine, G2Projective, g2};
use ark_ec::pairing::Pairing;
use ark_ec::short_weierstrass::SWCurveConfig;
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::field_hashers::{DefaultFieldHasher, HashToField};
use ark_ff::{One, Zero};
use ark_serialize::CanonicalDeserialize;
use core::fmt;
use core::ops::Neg;
use sha2::Sha256;

/// The bytes of a public key.
pub const PUBLIC_KEY: usize = 48;

/// The bytes of a signature.
pub const SIGNATURE: usize = 96;

/// The scheme's domain separation tag.
pub const DST: &[u8] = b"BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_AUG_";

/// Why an aggregate is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlsError {
    /// The signature is no point of its group.
    Signature,
    /// A key is no point of its group, or is the neutral one.
    PublicKey,
    /// The signature is another's, or of something else.
    Mismatch,
}

impl fmt::Display for BlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Signature => "the signature is no point of its group",
            Self::PublicKey => "a public key is no point of its group",
            Self::Mismatch => "the aggregate is not the signature of these keys",
        })
    }
}

impl core::error::Error for BlsError {}

/// What somebody signed.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'m> {
    /// Who.
    pub public_key: &'m [u8; PUBLIC_KEY],
    /// Whether the key is known to be a point of its group.
    pub known: bool,
    /// What, without the key in front.
    pub message: &'m [u8],
}

/// Checks that `signature` is the aggregate of signatures of all of `signed`.
///
/// # Errors
/// [`BlsError`] where it is not.
pub fn verify<'m>(
    signature: &[u8; SIGNATURE],
    signed: impl IntoIterator<Item = Signed<'m>>,
) -> Result<(), BlsError> {
    let signature = G2Affine::deserialize_compressed(&signature[..]);
    let signature = signature.map_err(|_| BlsError::Signature)?;
    let hasher = hasher();
    let mut hashes: BTreeMap<&[u8; PUBLIC_KEY], (bool, G2Projective)> = BTreeMap::new();
    let mut message = Vec::new();
    for one in signed {
        message.clear();
        message.extend_from_slice(one.public_key);
        message.extend_from_slice(one.message);
        let (known, sum) = hashes
            .entry(one.public_key)
            .or_insert((one.known, G2Projective::zero()));
        *known |= one.known;
        for element in hasher.hash_to_field::<2>(&message) {
            *sum += curve::map(element);
        }
    }
    let mut keys: Vec<G1Affine> = Vec::with_capacity(hashes.len() + 1);
    let mut points: Vec<G2Affine> = Vec::with_capacity(hashes.len() + 1);
    for (bytes, (known, _)) in &hashes {
        keys.push(public_key(bytes, *known)?);
    }
    let sums: Vec<G2Projective> = hashes.into_values().map(|(_, sum)| sum).collect();
    for sum in G2Projective::normalize_batch(&sums) {
        points.push(g2::Config::clear_cofactor(&sum));
    }
    keys.push(G1Affine::generator().neg());
    points.push(signature);
    if Bls12_381::multi_pairing(keys, points).0.is_one() {
        Ok(())
    } else {
        Err(BlsError::Mismatch)
    }
}

/// The point that `bytes` are; `known` where they were looked at before.
fn public_key(bytes: &[u8; PUBLIC_KEY], known: bool) -> Result<G1Affine, BlsError> {
    let key = G1Affine::deserialize_compressed_unchecked(&bytes[..]);
    let key = key.map_err(|_| BlsError::PublicKey)?;
    if key.is_zero() || !known && !curve::is_in_group(&key) {
        return Err(BlsError::PublicKey);
    }
    Ok(key)
}

fn hasher() -> impl HashToField<Fq2> {
    <DefaultFieldHasher<Sha256> as HashToField<Fq2>>::new(DST)
}
