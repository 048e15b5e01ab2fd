//! BLS signatures on BLS12-381: public keys in G1 (48 bytes), signatures in G2
//! (96 bytes), both compressed; each message is hashed behind its signer's key
//! (the scheme "message augmentation" of draft-irtf-cfrg-bls-signature §3.2).
//!
//! One aggregate stands for all signatures of a batch. What costs is done once
//! where it can be: hashes of one signer are added up before their cofactor is
//! cleared, so that a signer costs one Miller loop however much it signs, and
//! all share one final exponentiation.

mod curve;
mod field;
mod pairing;

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use ark_bls12_381::{G1Affine, G2Affine, G2Projective, g2};
use ark_ec::short_weierstrass::SWCurveConfig;
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::Zero;
use ark_serialize::CanonicalDeserialize;
use core::ops::Neg;

/// The bytes of a public key.
pub const PUBLIC_KEY: usize = 48;

/// The bytes of a signature.
pub const SIGNATURE: usize = 96;

/// The scheme's domain separation tag.
pub const DST: &[u8] = b"BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_AUG_";

/// Why an aggregate is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BlsError {
    /// The signature is no point of its group.
    #[error("the signature is no point of its group")]
    Signature,
    /// A key is no point of its group, or is the neutral one.
    #[error("a public key is no point of its group")]
    PublicKey,
    /// The signature is another's, or of something else.
    #[error("the aggregate is not the signature of these keys")]
    Mismatch,
}

/// A public key that is known to be a point of its group: its coordinates, 48
/// bytes each, big-endian. So it need not be decompressed again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey([u8; POINT]);

/// The bytes of [`PublicKey`].
pub const POINT: usize = 2 * PUBLIC_KEY;

impl PublicKey {
    /// The key behind its compressed form.
    ///
    /// # Errors
    /// [`BlsError::PublicKey`] if there is none.
    pub fn decompress(bytes: &[u8; PUBLIC_KEY]) -> Result<Self, BlsError> {
        let point = point(bytes)?;
        let mut bytes = [0; POINT];
        for (place, coordinate) in bytes.chunks_exact_mut(PUBLIC_KEY).zip([point.x, point.y]) {
            field::write(&coordinate, place);
        }
        Ok(Self(bytes))
    }

    /// The key in the bytes of [`PublicKey::to_bytes`], which are trusted;
    /// `None` if they are zeros.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; POINT]) -> Option<Self> {
        (*bytes != [0; POINT]).then_some(Self(*bytes))
    }

    /// The coordinates.
    #[must_use]
    pub const fn to_bytes(&self) -> &[u8; POINT] {
        &self.0
    }

    /// The compressed form: the first coordinate, and whether the second is the
    /// larger of the two that there are.
    #[must_use]
    pub fn compress(&self) -> [u8; PUBLIC_KEY] {
        let mut bytes = [0; PUBLIC_KEY];
        let (x, y) = self.0.split_at(PUBLIC_KEY);
        bytes.copy_from_slice(x);
        bytes[0] |= if y > &HALF[..] { 0xa0 } else { 0x80 };
        bytes
    }

    fn point(&self) -> G1Affine {
        let (x, y) = self.0.split_at(PUBLIC_KEY);
        G1Affine::new_unchecked(field::read(x), field::read(y))
    }
}

/// Half of the field's modulus, rounded down.
const HALF: [u8; PUBLIC_KEY] = [
    0x0d, 0x00, 0x88, 0xf5, 0x1c, 0xbf, 0xf3, 0x4d, 0x25, 0x8d, 0xd3, 0xdb, 0x21, 0xa5, 0xd6, 0x6b,
    0xb2, 0x3b, 0xa5, 0xc2, 0x79, 0xc2, 0x89, 0x5f, 0xb3, 0x98, 0x69, 0x50, 0x7b, 0x58, 0x7b, 0x12,
    0x0f, 0x55, 0xff, 0xff, 0x58, 0xa9, 0xff, 0xff, 0xdc, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xd5, 0x55,
];

/// A signature that is known to be a point of its group.
#[derive(Clone, Copy, Debug)]
pub struct Signature(G2Affine);

impl Signature {
    /// The signature behind its compressed form.
    ///
    /// # Errors
    /// [`BlsError::Signature`] if it is not a point of the group.
    pub fn decompress(bytes: &[u8; SIGNATURE]) -> Result<Self, BlsError> {
        let point = G2Affine::deserialize_compressed(&bytes[..]);
        point.map(Self).map_err(|_| BlsError::Signature)
    }
}

/// A signed message.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'m> {
    /// The signer's key, compressed.
    pub public_key: &'m [u8; PUBLIC_KEY],
    /// The same key, where it is known.
    pub known: Option<&'m PublicKey>,
    /// The message, without the key in front.
    pub message: &'m [u8],
}

/// Checks that `signature` is the aggregate of signatures of all of `signed`.
///
/// # Errors
/// [`BlsError`] if it is not.
pub fn verify<'m>(
    signature: &Signature,
    signed: impl IntoIterator<Item = Signed<'m>>,
) -> Result<(), BlsError> {
    let mut signers: BTreeMap<&[u8; PUBLIC_KEY], (Option<&PublicKey>, G2Projective)> =
        BTreeMap::new();
    for one in signed {
        let (known, sum) = signers
            .entry(one.public_key)
            .or_insert((None, G2Projective::zero()));
        *known = known.or(one.known);
        for element in field::hash(&[one.public_key, one.message]) {
            *sum += curve::map(element);
        }
    }
    let mut keys = Vec::with_capacity(signers.len());
    let mut sums = Vec::with_capacity(signers.len());
    for (bytes, (known, sum)) in &signers {
        keys.push(match known {
            Some(known) => known.point(),
            None => point(bytes)?,
        });
        sums.push(*sum);
    }
    let hashes = G2Projective::normalize_batch(&sums);
    let hashes = hashes.iter().map(g2::Config::clear_cofactor);
    let mut pairs: Vec<(G1Affine, G2Affine)> = keys.into_iter().zip(hashes).collect();
    pairs.push((G1Affine::generator().neg(), signature.0));
    // What is paired with the neutral point is one.
    pairs.retain(|(_, point)| !point.is_zero());
    if pairing::product_is_one(&pairs) {
        Ok(())
    } else {
        Err(BlsError::Mismatch)
    }
}

/// The point that a compressed key is.
fn point(bytes: &[u8; PUBLIC_KEY]) -> Result<G1Affine, BlsError> {
    let point = G1Affine::deserialize_compressed_unchecked(&bytes[..]);
    let point = point.map_err(|_| BlsError::PublicKey)?;
    if point.is_zero() || !curve::is_in_group(&point) {
        return Err(BlsError::PublicKey);
    }
    Ok(point)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wallet::Key;
    use blst::min_pk::{PublicKey as Other, Signature as OtherSignature};
    use proptest::prelude::*;

    fn accepted(key: &[u8; PUBLIC_KEY]) -> bool {
        Other::uncompress(key).is_ok_and(|key| key.validate().is_ok())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_blst_signs_is_verified(seed: [u8; 32], message: Vec<u8>, flip: usize) {
            let key = Key::from_seed(&seed).unwrap();
            let signature = key.sign(&message);
            let known = PublicKey::decompress(key.public_key()).unwrap();
            prop_assert_eq!(&known.compress(), key.public_key());
            prop_assert_eq!(PublicKey::from_bytes(known.to_bytes()), Some(known));
            for known in [None, Some(&known)] {
                let signed = Signed { public_key: key.public_key(), known, message: &message };
                let signature = Signature::decompress(&signature).unwrap();
                prop_assert_eq!(verify(&signature, [signed]), Ok(()));
                // One bit away nothing is signed.
                let mut other = message.clone();
                if let Some(byte) = other.get_mut(flip % message.len().max(1)) {
                    *byte ^= 1;
                    let signed = Signed { message: &other, ..signed };
                    prop_assert_eq!(verify(&signature, [signed]), Err(BlsError::Mismatch));
                }
            }
        }

        /// The second opinion on what is a key, and what a signature: of bytes
        /// that are nearly one.
        #[test]
        fn keys_and_signatures_are_what_blst_takes(seed: [u8; 32], at in 0..48_usize, byte: u8, flags in 0..8_u8) {
            let key = Key::from_seed(&seed).unwrap();
            let mut bytes = *key.public_key();
            bytes[at] = byte;
            bytes[0] = bytes[0] & 0x1f | flags << 5;
            prop_assert_eq!(PublicKey::decompress(&bytes).is_ok(), accepted(&bytes));
            let mut bytes = key.sign(b"");
            bytes[2 * at] = byte;
            bytes[0] = bytes[0] & 0x1f | flags << 5;
            let ours = Signature::decompress(&bytes).is_ok();
            let theirs = OtherSignature::uncompress(&bytes).is_ok_and(|one| one.validate(false).is_ok());
            prop_assert_eq!(ours, theirs);
        }
    }

    #[test]
    fn the_neutral_key_is_nobodys() {
        let mut neutral = [0; PUBLIC_KEY];
        neutral[0] = 0xc0;
        assert_eq!(PublicKey::decompress(&neutral), Err(BlsError::PublicKey));
        assert!(!accepted(&neutral));
    }

    /// One key signs much: still one Miller loop, and all of it counts.
    #[test]
    fn an_aggregate_holds_several_messages_of_one_key() {
        let key = Key::from_seed(&[1; 32]).unwrap();
        let messages = [&b"one"[..], b"two", b"two"];
        let signatures: Vec<_> = messages.iter().map(|message| key.sign(message)).collect();
        let aggregate = crate::wallet::aggregate(&signatures).unwrap();
        let aggregate = Signature::decompress(&aggregate).unwrap();
        let signed = |messages: &[&'static [u8]]| {
            let public_key = key.public_key();
            let signed = messages.iter().map(|message| Signed {
                public_key,
                known: None,
                message,
            });
            verify(&aggregate, signed)
        };
        assert_eq!(signed(&messages), Ok(()));
        assert_eq!(signed(&messages[..2]), Err(BlsError::Mismatch));
    }
}
