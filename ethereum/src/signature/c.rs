//! The curve by libsecp256k1 (C).

use secp256k1::ecdsa::{RecoverableSignature, RecoveryId};
use secp256k1::{Message, PublicKey};

/// The key (x ++ y) that signed; none if r or s is out of range or no key fits.
pub(super) fn public_key(hash: &[u8; 32], signature: &[u8; 64], odd: bool) -> Option<[u8; 64]> {
    let id = if odd {
        RecoveryId::One
    } else {
        RecoveryId::Zero
    };
    let signature = RecoverableSignature::from_compact(signature, id).ok()?;
    signature
        .recover_ecdsa(Message::from_digest(*hash))
        .ok()
        .map(|key| coordinates(&key))
}

/// x ++ y, without the tag byte in front.
fn coordinates(key: &PublicKey) -> [u8; 64] {
    let [_, coordinates @ ..] = key.serialize_uncompressed();
    coordinates
}

/// r ++ s with s in the lower half, and whether y of the point is odd.
#[cfg(feature = "std")]
pub(super) fn sign(hash: &[u8; 32], secret: &[u8; 32]) -> Option<([u8; 64], bool)> {
    let secret = secp256k1::SecretKey::from_secret_bytes(*secret).ok()?;
    let signature =
        RecoverableSignature::sign_ecdsa_recoverable(Message::from_digest(*hash), &secret);
    let (id, compact) = signature.serialize_compact();
    Some((compact, id.to_u8() & 1 == 1))
}

/// The public key (x ++ y) of a secret key.
#[cfg(feature = "std")]
pub(super) fn public_key_of(secret: &[u8; 32]) -> Option<[u8; 64]> {
    let secret = secp256k1::SecretKey::from_secret_bytes(*secret).ok()?;
    Some(coordinates(&PublicKey::from_secret_key(&secret)))
}
