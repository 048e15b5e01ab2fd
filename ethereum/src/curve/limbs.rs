//! Nine limbs of 29 bits: the form of numbers modulo p and modulo the order.

use core::num::Wrapping;

/// A limb; its arithmetic never traps.
pub(super) type Limb = Wrapping<u64>;

/// The bits of a limb.
pub(super) const BITS: usize = 29;

/// The bits that a limb keeps.
pub(super) const MASK: Limb = Wrapping((1 << BITS) - 1);

/// The words of a big-endian number, the lowest first.
pub(super) fn words(bytes: &[u8; 32]) -> [u64; 4] {
    let mut words = [0; 4];
    for (word, bytes) in words.iter_mut().rev().zip(bytes.as_chunks().0) {
        *word = u64::from_be_bytes(*bytes);
    }
    words
}

/// The limbs of a number of four words, the lowest first.
pub(super) const fn split(words: &[u64; 4]) -> [Limb; 9] {
    let [w0, w1, w2, w3] = *words;
    let mut limbs = [
        Wrapping(w0),
        Wrapping(w0 >> 29),
        Wrapping((w0 >> 58) | (w1 << 6)),
        Wrapping(w1 >> 23),
        Wrapping((w1 >> 52) | (w2 << 12)),
        Wrapping(w2 >> 17),
        Wrapping((w2 >> 46) | (w3 << 18)),
        Wrapping(w3 >> 11),
        Wrapping(w3 >> 40),
    ];
    let mut at = 0;
    while at < 9 {
        limbs[at].0 &= MASK.0;
        at += 1;
    }
    limbs
}

/// The four words of carried limbs that are below 2^256.
pub(super) fn join(limbs: &[Limb; 9]) -> [u64; 4] {
    let [a0, a1, a2, a3, a4, a5, a6, a7, a8] = limbs.map(|limb| limb.0);
    [
        a0 | a1 << 29 | a2 << 58,
        a2 >> 6 | a3 << 23 | a4 << 52,
        a4 >> 12 | a5 << 17 | a6 << 46,
        a6 >> 18 | a7 << 11 | a8 << 40,
    ]
}

/// Carries all limbs but the last into the next one.
pub(super) fn carried(mut limbs: [Limb; 9]) -> [Limb; 9] {
    let mut carry = Wrapping(0);
    let [lower @ .., last] = &mut limbs;
    for limb in lower {
        *limb += carry;
        carry = *limb >> BITS;
        *limb &= MASK;
    }
    *last += carry;
    limbs
}

/// `limbs`, carried, less `modulus` if they are not below it.
pub(super) fn less_once(mut limbs: [Limb; 9], modulus: &[Limb; 9]) -> [Limb; 9] {
    if below(&limbs, modulus) {
        return limbs;
    }
    let mut borrow = Wrapping(0);
    for (limb, other) in limbs.iter_mut().zip(modulus) {
        let difference = *limb - other - borrow;
        *limb = difference & MASK;
        borrow = (difference >> BITS) & Wrapping(1);
    }
    limbs
}

/// True if `limbs`, carried, are below `other`.
pub(super) fn below(limbs: &[Limb; 9], other: &[Limb; 9]) -> bool {
    limbs.iter().rev().lt(other.iter().rev())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn words_survive_a_round_trip(words: [u64; 4]) {
            prop_assert_eq!(join(&split(&words)), words);
        }
    }
}
