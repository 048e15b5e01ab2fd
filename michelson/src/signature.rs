//! Signatures as `CHECK_SIGNATURE` judges them.

use k256::ecdsa as secp256k1;
use messages::hash::blake2b_256;
use p256::ecdsa as p256_ecdsa;
use p256::ecdsa::signature::hazmat::PrehashVerifier;

/// The tags of keys in binary, and the bytes behind them.
const ED25519: u8 = 0;
const SECP256K1: u8 = 1;
const P256: u8 = 2;

/// True if `signature` is that of `message` by `key`, all in binary. Accounts `tz1…` to
/// `tz3…` sign the BLAKE2b-256 of a message; of those with BLS keys (`tz4…`) no signature
/// is good here.
#[must_use]
pub fn is_signed(key: &[u8], signature: &[u8], message: &[u8]) -> bool {
    let hash = blake2b_256(message);
    let judged = match key.split_first() {
        Some((&ED25519, key)) => ed25519(key, signature, &hash),
        Some((&SECP256K1, key)) => {
            let key = secp256k1::VerifyingKey::from_sec1_bytes(key).ok();
            let signature = secp256k1::Signature::from_slice(signature).ok();
            // The larger of the two s that would do is refused, as on layer 1.
            key.zip(signature)
                .map(|(key, signature)| key.verify_prehash(&hash, &signature).is_ok())
        }
        Some((&P256, key)) => {
            let key = p256_ecdsa::VerifyingKey::from_sec1_bytes(key).ok();
            let signature = p256_ecdsa::Signature::from_slice(signature).ok();
            key.zip(signature)
                .map(|(key, signature)| key.verify_prehash(&hash, &signature).is_ok())
        }
        _ => None,
    };
    judged.unwrap_or(false)
}

fn ed25519(key: &[u8], signature: &[u8], hash: &[u8]) -> Option<bool> {
    let key = ed25519_compact::PublicKey::from_slice(key).ok()?;
    let signature = ed25519_compact::Signature::from_slice(signature).ok()?;
    Some(key.verify(hash, &signature).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use p256::ecdsa::signature::hazmat::PrehashSigner;

    const MESSAGE: &[u8] = b"a decision";

    /// A key of each curve, and its signature of the message.
    fn signed() -> [(Vec<u8>, Vec<u8>); 3] {
        let hash = blake2b_256(MESSAGE);
        let pair = ed25519_compact::KeyPair::from_seed(ed25519_compact::Seed::new([7; 32]));
        let edwards = pair.sk.sign(hash, None).to_vec();
        let koblitz = secp256k1::SigningKey::from_slice(&[7; 32]).unwrap();
        let of_koblitz: secp256k1::Signature = koblitz.sign_prehash(&hash).unwrap();
        let prime = p256_ecdsa::SigningKey::from_slice(&[7; 32]).unwrap();
        let of_prime: p256_ecdsa::Signature = prime.sign_prehash(&hash).unwrap();
        let compressed = |tag: u8, point: &[u8]| [&[tag], point].concat();
        [
            (compressed(ED25519, &*pair.pk), edwards),
            (
                compressed(
                    SECP256K1,
                    koblitz.verifying_key().to_encoded_point(true).as_bytes(),
                ),
                of_koblitz.to_vec(),
            ),
            (
                compressed(
                    P256,
                    prime.verifying_key().to_encoded_point(true).as_bytes(),
                ),
                of_prime.to_vec(),
            ),
        ]
    }

    #[test]
    fn keys_of_all_three_curves_sign() {
        let all = signed();
        for (index, (key, signature)) in all.iter().enumerate() {
            assert!(is_signed(key, signature, MESSAGE), "{index}");
            assert!(!is_signed(key, signature, b"another"), "{index}");
            let mut changed = signature.clone();
            changed[40] ^= 1;
            assert!(!is_signed(key, &changed, MESSAGE), "{index}");
            assert!(!is_signed(key, &signature[1..], MESSAGE), "{index}");
            assert!(!is_signed(&key[1..], signature, MESSAGE), "{index}");
            let other = &all[(index + 1) % all.len()].0;
            assert!(!is_signed(other, signature, MESSAGE), "{index}");
        }
        assert!(!is_signed(&[3; 49], &all[0].1, MESSAGE), "a BLS key");
        assert!(!is_signed(&[], &[], MESSAGE));
    }

    #[test]
    fn the_larger_s_of_secp256k1_is_refused() {
        let [_, (key, signature), _] = signed();
        let low = secp256k1::Signature::from_slice(&signature).unwrap();
        let s = -*low.s();
        let high = secp256k1::Signature::from_scalars(low.r().to_bytes(), s.to_bytes()).unwrap();
        assert!(is_signed(&key, &signature, MESSAGE));
        assert!(!is_signed(&key, &high.to_vec(), MESSAGE));
    }
}
