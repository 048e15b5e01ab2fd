//! Signatures over secp256k1.
//!
//! Single signatures are recovered by one of two, chosen by feature: libsecp256k1 in C
//! (`c-secp256k1`, which wins where both are on), the fastest on a machine with wide
//! products, or our own curve in Rust (`rust-secp256k1`), a sixth faster in wasm, and
//! what the kernel ships. The rules of Ethereum are here, once, for both.

pub mod known_keys;
pub mod recovery;

use crate::keccak::keccak256;
use alloy_primitives::{Address, B256, U256, uint};

#[cfg(feature = "c-secp256k1")]
#[path = "signature/c.rs"]
mod curve;

#[cfg(all(feature = "rust-secp256k1", not(feature = "c-secp256k1")))]
#[path = "signature/rust.rs"]
mod curve;

#[cfg(not(any(feature = "c-secp256k1", feature = "rust-secp256k1")))]
compile_error!("choose a curve: feature c-secp256k1 or rust-secp256k1");

/// An ECDSA signature over secp256k1 with the parity of its point.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signature {
    /// x of the signature's point, modulo the order.
    pub r: U256,
    /// The proof.
    pub s: U256,
    /// True if y of the point is odd.
    pub y_parity: bool,
}

impl Signature {
    /// v of a legacy transaction: 27 or 28, or bound to a chain (EIP-155).
    #[must_use]
    pub fn v(&self, chain_id: Option<u64>) -> U256 {
        let parity = u128::from(self.y_parity);
        U256::from(match chain_id {
            None => 27 + parity,
            Some(chain_id) => 35 + 2 * u128::from(chain_id) + parity,
        })
    }

    /// r and s, 32 bytes each.
    fn compact(&self) -> [u8; 64] {
        let mut bytes = [0; 64];
        let (r, s) = bytes.split_at_mut(32);
        r.copy_from_slice(&self.r.to_be_bytes::<32>());
        s.copy_from_slice(&self.s.to_be_bytes::<32>());
        bytes
    }
}

/// A signature that nobody can have made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// r is zero, or not below the order of the curve.
    #[error("r out of range")]
    InvalidR,
    /// s is zero, or not below the order of the curve.
    #[error("s out of range")]
    InvalidS,
    /// s is above half of the order (EIP-2).
    #[error("s in the upper half")]
    HighS,
    /// A parity other than 0 and 1.
    #[error("invalid y parity: {0}")]
    InvalidYParity(u8),
    /// No public key gives this signature.
    #[error("no public key gives this signature")]
    NoPublicKey,
    /// A secret key that is zero, or not below the order of the curve.
    #[error("secret key out of range")]
    InvalidSecret,
}

/// The order of the curve.
const ORDER: U256 = uint!(0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141_U256);

/// Half of [`ORDER`], rounded down: the largest s (EIP-2).
const HALF_ORDER: U256 =
    uint!(0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0_U256);

/// The account whose key signed `hash`.
///
/// # Errors
/// As [`recover_key`].
pub fn recover(hash: &B256, signature: &Signature) -> Result<Address, SignatureError> {
    recover_key(hash, signature).map(|key| address(&key))
}

/// The public key (x and y, 32 bytes each) that signed `hash`.
///
/// # Errors
/// If r or s is out of range, s is in the upper half (EIP-2), or no key fits.
pub fn recover_key(hash: &B256, signature: &Signature) -> Result<[u8; 64], SignatureError> {
    if signature.r.is_zero() || signature.r >= ORDER {
        return Err(SignatureError::InvalidR);
    }
    if signature.s.is_zero() || signature.s >= ORDER {
        return Err(SignatureError::InvalidS);
    }
    if signature.s > HALF_ORDER {
        return Err(SignatureError::HighS);
    }
    public_key(&hash.0, &signature.compact(), u8::from(signature.y_parity))
}

/// The public key (x and y, 32 bytes each) that signed `hash`, for the
/// `ecrecover` precompile: s may be in either half. `signature` is r ++ s;
/// `recovery_id` is the parity of the point's y (0 or 1).
///
/// # Errors
/// [`SignatureError::InvalidYParity`] for another recovery id,
/// [`SignatureError::NoPublicKey`] for everything else.
pub fn public_key(
    hash: &[u8; 32],
    signature: &[u8; 64],
    recovery_id: u8,
) -> Result<[u8; 64], SignatureError> {
    match recovery_id {
        0 | 1 => {
            curve::public_key(hash, signature, recovery_id == 1).ok_or(SignatureError::NoPublicKey)
        }
        other => Err(SignatureError::InvalidYParity(other)),
    }
}

/// The account of a public key (x ++ y): the last 20 bytes of its keccak256.
#[must_use]
pub fn address(public_key: &[u8; 64]) -> Address {
    Address::from_word(keccak256(public_key))
}

/// Signs `hash` with the 32 bytes of a secret key (RFC 6979), s in the lower half.
///
/// # Errors
/// [`SignatureError::InvalidSecret`].
#[cfg(feature = "std")]
pub fn sign(hash: &B256, secret: &[u8; 32]) -> Result<Signature, SignatureError> {
    let (compact, y_parity) = curve::sign(&hash.0, secret).ok_or(SignatureError::InvalidSecret)?;
    let (r, s) = compact.split_at(32);
    Ok(Signature {
        r: U256::from_be_slice(r),
        s: U256::from_be_slice(s),
        y_parity,
    })
}

/// The account of a secret key.
///
/// # Errors
/// [`SignatureError::InvalidSecret`].
#[cfg(feature = "std")]
pub fn address_of_secret(secret: &[u8; 32]) -> Result<Address, SignatureError> {
    curve::public_key_of(secret)
        .map(|key| address(&key))
        .ok_or(SignatureError::InvalidSecret)
}
