//! The curve by libsecp256k1 (C).

use secp256k1::ecdsa::{RecoverableSignature, RecoveryId};
use secp256k1::{PublicKey, ffi};

/// The key (x ++ y) that signed; none if r or s is out of range or no key fits.
pub(super) fn public_key(hash: &[u8; 32], signature: &[u8; 64], odd: bool) -> Option<[u8; 64]> {
    let id = if odd {
        RecoveryId::One
    } else {
        RecoveryId::Zero
    };
    let signature = RecoverableSignature::from_compact(signature, id).ok()?;
    recover(hash, &signature).map(|key| coordinates(&key))
}

/// Does the same as [`RecoverableSignature::recover_ecdsa`], but with the library's
/// constant context: the safe function builds a new context for every recovery,
/// which costs 90,000 wasm instructions (5 % of a transfer).
#[expect(
    unsafe_code,
    reason = "the crate has no safe way to the constant context"
)]
fn recover(hash: &[u8; 32], signature: &RecoverableSignature) -> Option<PublicKey> {
    use ffi::CPtr;
    // SAFETY: all four pointers are to live values of the types that the C function
    // declares, 32 bytes for the hash; recovery takes any context, the constant one
    // included (secp256k1_recovery.h); `key` is used only if it was written.
    let (done, key) = unsafe {
        let mut key = ffi::PublicKey::new();
        let done = ffi::recovery::secp256k1_ecdsa_recover(
            ffi::secp256k1_context_static,
            &mut key,
            signature.as_c_ptr(),
            hash.as_ptr(),
        );
        (done, key)
    };
    (done == 1).then(|| PublicKey::from(key))
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
    let signature = RecoverableSignature::sign_ecdsa_recoverable(
        secp256k1::Message::from_digest(*hash),
        &secret,
    );
    let (id, compact) = signature.serialize_compact();
    Some((compact, id.to_u8() & 1 == 1))
}

/// The public key (x ++ y) of a secret key.
#[cfg(feature = "std")]
pub(super) fn public_key_of(secret: &[u8; 32]) -> Option<[u8; 64]> {
    let secret = secp256k1::SecretKey::from_secret_bytes(*secret).ok()?;
    Some(coordinates(&PublicKey::from_secret_key(&secret)))
}
