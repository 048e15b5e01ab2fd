//! The curve by libsecp256k1 (pure Rust).

use libsecp256k1::{Message, PublicKey, RecoveryId, Signature};

/// The key (x ++ y) that signed; none if r or s is out of range or no key fits.
pub(super) fn public_key(hash: &[u8; 32], signature: &[u8; 64], odd: bool) -> Option<[u8; 64]> {
    let id = RecoveryId::parse(u8::from(odd)).ok()?;
    let signature = Signature::parse_standard(signature).ok()?;
    let key = libsecp256k1::recover(&Message::parse(hash), &signature, &id).ok()?;
    Some(coordinates(&key))
}

/// x ++ y, without the tag byte in front.
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
