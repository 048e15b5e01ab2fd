//! Numbers modulo the order of the curve, n.
//!
//! Products are Montgomery's: [`Scalar::times`] gives a · b / 2^261, so a number in
//! [`Scalar::lifted`] form (times 2^261) multiplies one in plain form to a plain
//! product.
//!
//! # Bounds
//!
//! Limbs are carried (29 bits, nine of them), numbers below 2^257. A column of the
//! product is at most nine products of limbs, and nine more of the multiples of n:
//! 18 · 2^58 with carries below 2^35 is less than 2^63. The result is at most
//! 2^514 / 2^261 + n < 2^257.

use super::inverse::{Modulus, inverse};
use super::limbs::{BITS, Limb, MASK, below, carried, join, less_once, split, words};
use core::num::Wrapping;

/// n in words, the lowest first.
const WORDS: [u64; 4] = [
    0xbfd2_5e8c_d036_4141,
    0xbaae_dce6_af48_a03b,
    0xffff_ffff_ffff_fffe,
    0xffff_ffff_ffff_ffff,
];

const ORDER: [Limb; 9] = split(&WORDS);

/// -1 / n modulo 2^29.
const INVERSE: Limb = Wrapping(0x1588_b13f);

/// 2^522 modulo n: multiplied by it, a number is lifted.
const SQUARE: Scalar = Scalar(split(&[
    0x63e6_01a3_c9f6_ab4b,
    0xa2b6_456d_4670_2f57,
    0x5fd7_916f_341f_1cef,
    0x9c73_5607_1a6f_179a,
]));

/// A number modulo n, below 2^257.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scalar([Limb; 9]);

impl Scalar {
    /// Zero.
    pub(crate) const ZERO: Self = Self([Wrapping(0); 9]);

    /// The number of these 32 bytes, big-endian, if it is from 1 on and below n.
    pub(crate) fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        let limbs = split(&words(bytes));
        let zero = limbs.iter().all(|limb| limb.0 == 0);
        (!zero && below(&limbs, &ORDER)).then_some(Self(limbs))
    }

    /// The number of these 32 bytes, big-endian, modulo n.
    pub(crate) fn of_hash(bytes: &[u8; 32]) -> Self {
        Self(split(&words(bytes)))
    }

    /// The number of 128 bits in two words, the lower one first.
    pub(crate) fn of_half([low, high]: [u64; 2]) -> Self {
        Self(split(&[low, high, 0, 0]))
    }

    /// The words of the number below n that this is, the lowest first.
    pub(crate) fn words(self) -> [u64; 4] {
        // Below 2^257, so that it is below 3 n.
        let once = less_once(self.0, &ORDER);
        join(&less_once(once, &ORDER))
    }

    /// The number times 2^261.
    pub(crate) fn lifted(&self) -> Self {
        self.times(&SQUARE)
    }

    /// The sum, below n.
    pub(crate) fn plus(&self, other: &Self) -> Self {
        let mut sum = self.0;
        for (limb, other) in sum.iter_mut().zip(other.0) {
            *limb += other;
        }
        // Below 2^258 < 5 n.
        let mut sum = carried(sum);
        for _ in 0..4 {
            sum = less_once(sum, &ORDER);
        }
        Self(sum)
    }

    /// The inverse of a lifted number, lifted; none of zero.
    pub(crate) fn inverse_of_lifted(&self) -> Option<Self> {
        const MODULUS: Modulus = Modulus::new(&WORDS, 0x2a77_4ec1);
        // 1 / (a 2^261), lifted once: 1 / a; and once more.
        let words = inverse(&self.words(), &MODULUS)?;
        Some(Self(split(&words)).lifted().lifted())
    }

    /// The product divided by 2^261.
    #[inline(never)]
    pub(crate) fn times(&self, other: &Self) -> Self {
        let mut columns = [Wrapping(0); 18];
        for (at, a) in self.0.iter().enumerate() {
            for (other_at, b) in other.0.iter().enumerate() {
                columns[at + other_at] += a * b;
            }
        }
        for at in 0..9 {
            let multiple = (columns[at] * INVERSE) & MASK;
            for (order_at, limb) in ORDER.iter().enumerate() {
                columns[at + order_at] += multiple * limb;
            }
            let carry = columns[at] >> BITS;
            columns[at + 1] += carry;
        }
        let [.., a0, a1, a2, a3, a4, a5, a6, a7, a8] = columns;
        Self(carried([a0, a1, a2, a3, a4, a5, a6, a7, a8]))
    }

    /// Two numbers of at most 128 bits, a and b with a + λ b = this: λ times a point
    /// of the curve is the point with β times its x.
    ///
    /// c1 and c2 are this times b2 / n and -b1 / n, rounded, where (a1, b1) and
    /// (a2, b2) are short vectors with a + λ b = 0; what is left is
    /// (k - c1 a1 - c2 a2, -c1 b1 - c2 b2), less than half a vector in each
    /// direction: |a| < 2^127.4, |b| < 2^127.2 ("Guide to Elliptic Curve
    /// Cryptography", algorithm 3.74; b2 = a1).
    pub(crate) fn halves(self) -> [Half; 2] {
        const A1: [u32; 4] = [0x9284_eb15, 0xe86c_90e4, 0xa7d4_6bcd, 0x3086_d221];
        const MINUS_B1: [u32; 4] = [0x0abf_e4c3, 0x6f54_7fa9, 0x010e_8828, 0xe443_7ed6];
        const A2: [u32; 5] = [0x9d44_cfd8, 0x57c1_108d, 0xa8e2_f3f6, 0x14ca_50f7, 1];
        // 2^384 b2 / n and -2^384 b1 / n, rounded.
        const G1: [u32; 8] = [
            0x45db_b031,
            0xe893_209a,
            0x71e8_ca7f,
            0x3daa_8a14,
            0x9284_eb15,
            0xe86c_90e4,
            0xa7d4_6bcd,
            0x3086_d221,
        ];
        const G2: [u32; 8] = [
            0x8ac4_7f71,
            0x1571_b4ae,
            0x9df5_06c6,
            0x2212_08ac,
            0x0abf_e4c4,
            0x6f54_7fa9,
            0x010e_8828,
            0xe443_7ed6,
        ];
        let mut number = [0; 8];
        for (pair, word) in number.as_chunks_mut::<2>().0.iter_mut().zip(self.words()) {
            *pair = [word as u32, (word >> 32) as u32];
        }
        let c1 = rounded(&product(&number, &G1));
        let c2 = rounded(&product(&number, &G2));
        let mut first = [0; FEW];
        for (limb, number) in first.iter_mut().zip(number) {
            *limb = number;
        }
        subtract(&mut first, &product(&c1, &A1));
        subtract(&mut first, &product(&c2, &A2));
        let mut second = [0; FEW];
        for (limb, number) in second.iter_mut().zip(product(&c1, &MINUS_B1)) {
            *limb = number;
        }
        subtract(&mut second, &product(&c2, &A1));
        [Half::of(first), Half::of(second)]
    }
}

/// A number of at most 128 bits and a sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Half {
    /// True if it is negative.
    pub(crate) negative: bool,
    /// Its absolute value, the lower word first.
    pub(crate) words: [u64; 2],
}

/// Limbs of 32 bits that hold a number of 128 bits and its sign.
const FEW: usize = 5;

impl Half {
    /// The number in two's complement.
    fn of(mut limbs: [u32; FEW]) -> Self {
        let negative = limbs.last().is_some_and(|limb| limb >> 31 == 1);
        if negative {
            let number = limbs;
            limbs = [0; FEW];
            subtract(&mut limbs, &number);
        }
        let [a, b, c, d, _] = limbs.map(u64::from);
        Self {
            negative,
            words: [a | b << 32, c | d << 32],
        }
    }
}

/// The product of two numbers in limbs of 32 bits, the lowest first.
fn product(a: &[u32], b: &[u32]) -> [u32; 16] {
    let mut product = [0; 16];
    for (at, a) in a.iter().enumerate() {
        let mut carry = 0;
        let mut limbs = product.iter_mut().skip(at);
        for (b, limb) in b.iter().zip(&mut limbs) {
            let sum = u64::from(*limb) + u64::from(*a) * u64::from(*b) + carry;
            *limb = sum as u32;
            carry = sum >> 32;
        }
        if let Some(limb) = limbs.next() {
            *limb = carry as u32;
        }
    }
    product
}

/// The number divided by 2^384, rounded: below 2^128.
fn rounded(number: &[u32; 16]) -> [u32; 4] {
    let [.., half, a, b, c, d] = *number;
    let mut limbs = [a, b, c, d];
    let mut carry = half >> 31;
    for limb in &mut limbs {
        let (sum, over) = limb.overflowing_add(carry);
        *limb = sum;
        carry = u32::from(over);
    }
    limbs
}

/// Subtracts modulo 2^160.
fn subtract(limbs: &mut [u32; FEW], other: &[u32]) {
    let mut borrow = 0;
    for (limb, other) in limbs.iter_mut().zip(other) {
        let difference = i64::from(*limb) - i64::from(*other) + borrow;
        *limb = difference as u32;
        borrow = difference >> 32;
    }
}
