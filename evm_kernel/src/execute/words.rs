//! Arithmetic on the EVM's words in few wasm instructions: limbs of 64 bits, no products of 128,
//! and short ways where the upper limbs are zero, as they mostly are.
//!
//! Everything is modulo 2^256, as the yellow paper has it.

use revm::primitives::U256;

/// True if a word fits its lowest limb.
#[inline(always)]
pub(crate) const fn is_small(word: U256) -> bool {
    let [_, b, c, d] = *word.as_limbs();
    b | c | d == 0
}

/// A word as an index, where it fits 32 bits.
#[inline(always)]
pub(crate) const fn index(word: U256) -> Option<usize> {
    let [a, b, c, d] = *word.as_limbs();
    if (a >> 32) | b | c | d == 0 {
        Some(a as usize)
    } else {
        None
    }
}

/// A small word.
#[inline(always)]
pub(crate) const fn small(limb: u64) -> U256 {
    U256::from_limbs([limb, 0, 0, 0])
}

/// 1 or 0.
#[inline(always)]
pub(crate) const fn flag(flag: bool) -> U256 {
    small(flag as u64)
}

/// True if a word is zero.
#[inline(always)]
pub(crate) const fn is_zero(word: U256) -> bool {
    let [a, b, c, d] = *word.as_limbs();
    a | b | c | d == 0
}

/// a + b.
#[inline(always)]
pub(crate) const fn add(a: U256, b: U256) -> U256 {
    let ([a0, a1, a2, a3], [b0, b1, b2, b3]) = (*a.as_limbs(), *b.as_limbs());
    let (r0, carry) = a0.overflowing_add(b0);
    if !carry {
        if b1 | b2 | b3 == 0 {
            return U256::from_limbs([r0, a1, a2, a3]);
        }
        if a1 | a2 | a3 == 0 {
            return U256::from_limbs([r0, b1, b2, b3]);
        }
    }
    let (r1, carry) = add_carry(a1, b1, carry);
    let (r2, carry) = add_carry(a2, b2, carry);
    let r3 = a3.wrapping_add(b3).wrapping_add(carry as u64);
    U256::from_limbs([r0, r1, r2, r3])
}

/// a − b.
#[inline(always)]
pub(crate) const fn sub(a: U256, b: U256) -> U256 {
    let ([a0, a1, a2, a3], [b0, b1, b2, b3]) = (*a.as_limbs(), *b.as_limbs());
    let (r0, borrow) = a0.overflowing_sub(b0);
    if !borrow && b1 | b2 | b3 == 0 {
        return U256::from_limbs([r0, a1, a2, a3]);
    }
    let (r1, borrow) = sub_borrow(a1, b1, borrow);
    let (r2, borrow) = sub_borrow(a2, b2, borrow);
    let r3 = a3.wrapping_sub(b3).wrapping_sub(borrow as u64);
    U256::from_limbs([r0, r1, r2, r3])
}

#[inline(always)]
const fn add_carry(a: u64, b: u64, carry: bool) -> (u64, bool) {
    let (sum, first) = a.overflowing_add(b);
    let (sum, second) = sum.overflowing_add(carry as u64);
    (sum, first | second)
}

#[inline(always)]
const fn sub_borrow(a: u64, b: u64, borrow: bool) -> (u64, bool) {
    let (rest, first) = a.overflowing_sub(b);
    let (rest, second) = rest.overflowing_sub(borrow as u64);
    (rest, first | second)
}

/// a · b.
#[inline(always)]
pub(crate) const fn mul(a: U256, b: U256) -> U256 {
    let (a0, b0) = (a.as_limbs()[0], b.as_limbs()[0]);
    match (is_small(a), is_small(b)) {
        (true, true) => {
            let (low, high) = widening_mul(a0, b0);
            U256::from_limbs([low, high, 0, 0])
        }
        (true, false) => mul_small(b, a0),
        (false, true) => mul_small(a, b0),
        (false, false) => mul_large(a, b),
    }
}

/// The product of two limbs, its lower limb first, of four products of halves: the sum
/// of one of these and two halves is below 2^64.
#[inline(always)]
const fn widening_mul(a: u64, b: u64) -> (u64, u64) {
    const LOW: u64 = u32::MAX as u64;
    let (a0, a1) = (a & LOW, a >> 32);
    let (b0, b1) = (b & LOW, b >> 32);
    let low = a0.wrapping_mul(b0);
    let first = a1.wrapping_mul(b0).wrapping_add(low >> 32);
    let second = a0.wrapping_mul(b1).wrapping_add(first & LOW);
    let high = a1
        .wrapping_mul(b1)
        .wrapping_add(first >> 32)
        .wrapping_add(second >> 32);
    ((second << 32) | (low & LOW), high)
}

/// a · b + c, which fits two limbs.
#[inline(always)]
const fn mul_add(a: u64, b: u64, c: u64) -> (u64, u64) {
    let (low, high) = widening_mul(a, b);
    let (low, carry) = low.overflowing_add(c);
    (low, high.wrapping_add(carry as u64))
}

#[inline(always)]
const fn mul_small(a: U256, b: u64) -> U256 {
    let [a0, a1, a2, a3] = *a.as_limbs();
    let (r0, carry) = widening_mul(a0, b);
    let (r1, carry) = mul_add(a1, b, carry);
    let (r2, carry) = mul_add(a2, b, carry);
    let r3 = a3.wrapping_mul(b).wrapping_add(carry);
    U256::from_limbs([r0, r1, r2, r3])
}

#[inline(always)]
const fn mul_large(a: U256, b: U256) -> U256 {
    let ([a0, a1, a2, a3], [b0, b1, b2, b3]) = (*a.as_limbs(), *b.as_limbs());
    let (r0, carry) = widening_mul(a0, b0);
    let (r1, carry) = mul_add(a1, b0, carry);
    let (r2, carry) = mul_add(a2, b0, carry);
    let r3 = a3.wrapping_mul(b0).wrapping_add(carry);
    // a · b + c + d fits two limbs, too.
    let (r1, carry) = mul_add(a0, b1, r1);
    let (low, high) = mul_add(a1, b1, carry);
    let (r2, over) = r2.overflowing_add(low);
    let r3 = r3
        .wrapping_add(high)
        .wrapping_add(over as u64)
        .wrapping_add(a2.wrapping_mul(b1));
    let (r2, carry) = mul_add(a0, b2, r2);
    let r3 = r3
        .wrapping_add(carry)
        .wrapping_add(a1.wrapping_mul(b2))
        .wrapping_add(a0.wrapping_mul(b3));
    U256::from_limbs([r0, r1, r2, r3])
}

/// a < b.
#[inline(always)]
pub(crate) const fn less(a: U256, b: U256) -> bool {
    let ([a0, a1, a2, a3], [b0, b1, b2, b3]) = (*a.as_limbs(), *b.as_limbs());
    if a3 != b3 {
        a3 < b3
    } else if a2 != b2 {
        a2 < b2
    } else if a1 != b1 {
        a1 < b1
    } else {
        a0 < b0
    }
}

/// a < b, both with a sign.
#[inline(always)]
pub(crate) const fn signed_less(a: U256, b: U256) -> bool {
    let (a3, b3) = (a.as_limbs()[3], b.as_limbs()[3]);
    if a3 == b3 {
        less(a, b)
    } else {
        a3.cast_signed() < b3.cast_signed()
    }
}

/// a = b.
#[inline(always)]
pub(crate) const fn equal(a: U256, b: U256) -> bool {
    let ([a0, a1, a2, a3], [b0, b1, b2, b3]) = (*a.as_limbs(), *b.as_limbs());
    (a0 ^ b0) | (a1 ^ b1) | (a2 ^ b2) | (a3 ^ b3) == 0
}

/// Combines two words limb by limb.
#[inline(always)]
pub(crate) fn zip(a: U256, b: U256, each: impl Fn(u64, u64) -> u64) -> U256 {
    let ([a0, a1, a2, a3], [b0, b1, b2, b3]) = (*a.as_limbs(), *b.as_limbs());
    U256::from_limbs([each(a0, b0), each(a1, b1), each(a2, b2), each(a3, b3)])
}

/// The complement.
#[inline(always)]
pub(crate) const fn not(a: U256) -> U256 {
    let [a, b, c, d] = *a.as_limbs();
    U256::from_limbs([!a, !b, !c, !d])
}

/// The word shifted to the left.
#[inline(always)]
pub(crate) fn shl(word: U256, by: U256) -> U256 {
    let [a, b, c, d] = *word.as_limbs();
    let Some(by @ 0..256) = index(by) else {
        return U256::ZERO;
    };
    let n = by as u32;
    // The upper bits of a limb; a shift by 64 is not one.
    let spill = |limb: u64| (limb >> 1).wrapping_shr(!n);
    let up = |limb: u64| limb.wrapping_shl(n);
    U256::from_limbs(match by >> 6 {
        0 => [up(a), up(b) | spill(a), up(c) | spill(b), up(d) | spill(c)],
        1 => [0, up(a), up(b) | spill(a), up(c) | spill(b)],
        2 => [0, 0, up(a), up(b) | spill(a)],
        _ => [0, 0, 0, up(a)],
    })
}

/// The word shifted to the right.
#[inline(always)]
pub(crate) fn shr(word: U256, by: U256) -> U256 {
    let [a, b, c, d] = *word.as_limbs();
    let Some(by @ 0..256) = index(by) else {
        return U256::ZERO;
    };
    let n = by as u32;
    let spill = |limb: u64| (limb << 1).wrapping_shl(!n);
    let down = |limb: u64| limb.wrapping_shr(n);
    U256::from_limbs(match by >> 6 {
        0 => [
            down(a) | spill(b),
            down(b) | spill(c),
            down(c) | spill(d),
            down(d),
        ],
        1 => [down(b) | spill(c), down(c) | spill(d), down(d), 0],
        2 => [down(c) | spill(d), down(d), 0, 0],
        _ => [down(d), 0, 0, 0],
    })
}

/// Up to 32 bytes as a word, the most significant first.
#[inline(always)]
pub(crate) fn from_bytes<const N: usize>(bytes: &[u8; N]) -> U256 {
    let limb = |place: usize| {
        let end = N.saturating_sub(8 * place);
        let limb = bytes.get(end.saturating_sub(8)..end).unwrap_or_default();
        match limb.first_chunk::<8>() {
            Some(whole) => from_big_endian(*whole),
            None => limb
                .iter()
                .fold(0, |limb, byte| (limb << 8) | u64::from(*byte)),
        }
    };
    U256::from_limbs([limb(0), limb(1), limb(2), limb(3)])
}

/// The 32 bytes of `data` from `at` on as a word; behind its end are zeros.
#[inline(always)]
pub(crate) fn padded(data: &[u8], at: Option<usize>) -> U256 {
    let rest = at.and_then(|at| data.get(at..)).unwrap_or_default();
    if let Some(word) = rest.first_chunk::<32>() {
        return from_bytes(word);
    }
    let mut bytes = [0; 32];
    for (place, byte) in bytes.iter_mut().zip(rest) {
        *place = *byte;
    }
    from_bytes(&bytes)
}

/// The bytes of a word, the most significant first, into their place.
#[inline(always)]
pub(crate) fn to_bytes(word: U256, place: &mut [u8; 32]) {
    for (limb, place) in word
        .into_limbs()
        .into_iter()
        .rev()
        .zip(place.as_chunks_mut().0)
    {
        *place = to_big_endian(limb);
    }
}

/// wasm has no instruction for the order of bytes: zeros, which are frequent, do without.
#[inline(always)]
const fn from_big_endian(bytes: [u8; 8]) -> u64 {
    match u64::from_le_bytes(bytes) {
        0 => 0,
        limb => limb.swap_bytes(),
    }
}

#[inline(always)]
const fn to_big_endian(limb: u64) -> [u8; 8] {
    match limb {
        0 => [0; 8],
        limb => limb.swap_bytes().to_le_bytes(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Words whose limbs are often zero, full, or small.
    fn words() -> impl Strategy<Value = U256> {
        let limb = prop_oneof![
            3 => Just(0),
            1 => Just(u64::MAX),
            1 => Just(1 << 63),
            1 => Just(u64::from(u32::MAX)),
            2 => 0..300u64,
            2 => any::<u64>(),
        ];
        proptest::array::uniform4(limb).prop_map(U256::from_limbs)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn arithmetic_is_that_of_the_numbers(a in words(), b in words()) {
            prop_assert_eq!(add(a, b), a.wrapping_add(b));
            prop_assert_eq!(sub(a, b), a.wrapping_sub(b));
            prop_assert_eq!(mul(a, b), a.wrapping_mul(b));
            prop_assert_eq!(mul_large(a, b), a.wrapping_mul(b));
            prop_assert_eq!(less(a, b), a < b);
            prop_assert_eq!(equal(a, b), a == b);
            prop_assert!(equal(a, a));
            prop_assert_eq!(is_zero(a), a.is_zero());
            prop_assert_eq!(not(a), !a);
            prop_assert_eq!(zip(a, b, |a, b| a ^ b), a ^ b);
            let positive = |word: U256| !word.bit(255);
            let signed = match (positive(a), positive(b)) {
                (true, false) => false,
                (false, true) => true,
                _ => a < b,
            };
            prop_assert_eq!(signed_less(a, b), signed);
        }

        #[test]
        fn shifts_are_those_of_the_numbers(a in words(), b in words(), by in 0..300usize) {
            let (left, right) = if by < 256 { (a << by, a >> by) } else { (U256::ZERO, U256::ZERO) };
            prop_assert_eq!(shl(a, small(by as u64)), left);
            prop_assert_eq!(shr(a, small(by as u64)), right);
            if b >= U256::from(256) {
                prop_assert_eq!(shl(a, b), U256::ZERO);
                prop_assert_eq!(shr(a, b), U256::ZERO);
            }
        }

        #[test]
        fn bytes_come_back(a in words()) {
            let mut bytes = [7; 32];
            to_bytes(a, &mut bytes);
            prop_assert_eq!(bytes, a.to_be_bytes());
            prop_assert_eq!(from_bytes(&bytes), a);
            let index = usize::try_from(a).ok().filter(|index| u32::try_from(*index).is_ok());
            prop_assert_eq!(super::index(a), index);
        }

        #[test]
        fn a_few_bytes_are_a_word(bytes: [u8; 32]) {
            macro_rules! each {
                ($($n:literal)*) => {$(
                    let some = bytes.first_chunk::<$n>().unwrap();
                    prop_assert_eq!(from_bytes(some), U256::from_be_slice(some));
                )*};
            }
            each!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32);
        }
    }
}
