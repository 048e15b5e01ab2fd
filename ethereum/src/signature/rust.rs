//! The curve by our own code for recovery, by libsecp256k1 (pure Rust) for signing.

pub(super) use super::recovery::key as public_key;
#[cfg(feature = "std")]
use libsecp256k1::{Message, PublicKey};

/// x ++ y, without the tag byte in front.
#[cfg(feature = "std")]
fn coordinates(key: &PublicKey) -> [u8; 64] {
    let [_, coordinates @ ..] = key.serialize();
    coordinates
}

/// r ++ s with s in the lower half, and whether y of the point is odd.
#[cfg(feature = "std")]
pub(super) fn sign(hash: &[u8; 32], secret: &[u8; 32]) -> Option<([u8; 64], bool)> {
    let secret = libsecp256k1::SecretKey::parse(secret).ok()?;
    let (signature, id) = libsecp256k1::sign(&Message::parse(hash), &secret);
    Some((signature.serialize(), id.serialize() & 1 == 1))
}

/// The public key (x ++ y) of a secret key.
#[cfg(feature = "std")]
pub(super) fn public_key_of(secret: &[u8; 32]) -> Option<[u8; 64]> {
    let secret = libsecp256k1::SecretKey::parse(secret).ok()?;
    Some(coordinates(&PublicKey::from_secret_key(&secret)))
}
