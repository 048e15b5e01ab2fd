//! BLAKE2b without a key, as Tezos hashes.

use blake2::digest::consts::{U20, U32};
use blake2::{Blake2b, Digest};

/// 32 bytes: pages, tickets, blocks.
#[must_use]
pub fn blake2b_256(bytes: &[u8]) -> [u8; 32] {
    Blake2b::<U32>::digest(bytes).into()
}

/// 20 bytes: the hash in the address of a public key.
#[must_use]
pub fn blake2b_160(bytes: &[u8]) -> [u8; 20] {
    Blake2b::<U20>::digest(bytes).into()
}
