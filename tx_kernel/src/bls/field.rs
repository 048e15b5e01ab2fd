//! The field of coordinates: its products, each compiled once (inlined wherever
//! they stand they take 300 kB), its bytes, and hashes to it.

use super::DST;
use ark_bls12_381::{Fq, Fq2};
use ark_ff::{AdditiveGroup, BigInt, Field, MontFp, PrimeField};
use sha2::{Digest, Sha256};

#[inline(never)]
pub(super) fn mul(a: &Fq, b: &Fq) -> Fq {
    *a * b
}

#[inline(never)]
pub(super) fn square(a: &Fq) -> Fq {
    Field::square(a)
}

#[inline(never)]
pub(super) fn mul2(a: &Fq2, b: &Fq2) -> Fq2 {
    *a * b
}

#[inline(never)]
pub(super) fn square2(a: &Fq2) -> Fq2 {
    Field::square(a)
}

/// `a` times an element of the prime field.
#[inline(never)]
pub(super) fn scale(a: &Fq2, by: &Fq) -> Fq2 {
    Fq2::new(mul(&a.c0, by), mul(&a.c1, by))
}

/// `a` times 1 + i, which is no cube and no square: what the towers are built on.
#[inline(never)]
pub(super) fn times_xi(a: &Fq2) -> Fq2 {
    Fq2::new(a.c0 - a.c1, a.c0 + a.c1)
}

/// Three times `a`.
pub(super) fn triple(a: &Fq2) -> Fq2 {
    a.double() + a
}

/// Writes an element, big-endian; `place` has 48 bytes.
pub(super) fn write(element: &Fq, place: &mut [u8]) {
    let limbs = element.into_bigint().0;
    for (place, limb) in place.chunks_exact_mut(8).zip(limbs.iter().rev()) {
        place.copy_from_slice(&limb.to_be_bytes());
    }
}

/// The element of up to 48 bytes, big-endian; zero where they are beyond the
/// modulus.
pub(super) fn read(bytes: &[u8]) -> Fq {
    let mut limbs = [0; 6];
    for (limb, chunk) in limbs.iter_mut().zip(bytes.rchunks_exact(8)) {
        *limb = chunk.try_into().map_or(0, u64::from_be_bytes);
    }
    Fq::from_bigint(BigInt::new(limbs)).unwrap_or(Fq::ZERO)
}

/// Two elements that a message hashes to (RFC 9380 §5.2): two coordinates each,
/// of 64 bytes each.
pub(super) fn hash(message: &[&[u8]]) -> [Fq2; 2] {
    let mut coordinates = [Fq::ZERO; 4];
    for (coordinate, bytes) in coordinates.iter_mut().zip(expand(message)) {
        let (high, low) = bytes.split_at(32);
        *coordinate = mul(&read(high), &SHIFT) + read(low);
    }
    let [a, b, c, d] = coordinates;
    [Fq2::new(a, b), Fq2::new(c, d)]
}

/// 2^256.
const SHIFT: Fq =
    MontFp!("115792089237316195423570985008687907853269984665640564039457584007913129639936");

/// `expand_message_xmd` of RFC 9380 §5.3.1, to 256 bytes.
fn expand(message: &[&[u8]]) -> [[u8; 64]; 4] {
    let end = |hash: Sha256, number: u8| {
        let hash = hash.chain_update([number]).chain_update(DST);
        hash.chain_update([DST.len() as u8]).finalize()
    };
    let mut first = Sha256::new().chain_update([0; 64]);
    for part in message {
        first.update(part);
    }
    let first = end(first.chain_update(256_u16.to_be_bytes()), 0);
    let mut last = end(Sha256::new().chain_update(first), 1);
    let mut expanded = [[0; 64]; 4];
    let halves = expanded
        .iter_mut()
        .flat_map(|bytes| bytes.chunks_exact_mut(32));
    for (number, half) in (2..).zip(halves) {
        half.copy_from_slice(&last);
        let mut mixed = [0; 32];
        for (mixed, (a, b)) in mixed.iter_mut().zip(first.iter().zip(last)) {
            *mixed = a ^ b;
        }
        last = end(Sha256::new().chain_update(mixed), number);
    }
    expanded
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_ff::field_hashers::{DefaultFieldHasher, HashToField};
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// arkworks' own hash is the second opinion.
        #[test]
        fn the_hash_is_that_of_the_rfc(head: [u8; 48], message: Vec<u8>) {
            let hasher = <DefaultFieldHasher<Sha256> as HashToField<Fq2>>::new(DST);
            let whole = [&head[..], &message].concat();
            prop_assert_eq!(hash(&[&head, &message]), hasher.hash_to_field::<2>(&whole));
        }

        #[test]
        fn an_element_survives_a_round_trip(bytes: [u8; 48]) {
            let element = read(&bytes);
            let mut written = [0; 48];
            write(&element, &mut written);
            prop_assert!(written == bytes || written == [0; 48]);
            prop_assert_eq!(read(&written), element);
        }
    }
}
