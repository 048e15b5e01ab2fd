//! Numbers modulo p = 2^256 - 2^32 - 977, made for a machine whose widest product
//! is 64 bits.
//!
//! A number is nine limbs, the lowest first, limb i worth 2^29i. Limbs may hold more
//! than 29 bits, so that sums need no carries. *Magnitude* m means that each limb is
//! at most m · [`TIGHT`]; products have magnitude 1.
//!
//! # Bounds
//!
//! - A column of a product is at most nine products of limbs. With magnitudes m and n
//!   that is 9 · m · n · TIGHT² < 10.2 · 2^58 · m · n, so that m · n <= 6 stays below
//!   61.2 · 2^58; 2.8 · 2^58 are left of 64 bits.
//! - The upper columns (weight 2^261 and more) are carried first: a carry is below
//!   2^35, and so each high limb is below 2^29 and the last one below 2^35.
//! - 2^261 = 2^37 + 31,264 modulo p. So a high limb h adds 31,264 h (below 2^50) to
//!   its column and 2^8 h (below 2^43) to the next: with the carry that is below
//!   2^51, less than what is left above.
//! - What comes out above limb 8 is e < 2^36 + 2^43. Once more, 31,264 e (below 2^59)
//!   goes to limb 0 and 2^8 e (below 2^52) to limb 1; carried to limb 2 it leaves
//!   less than 2^24 there. So limbs are below 2^29 + 2^24 < TIGHT.

use super::inverse::{Modulus, inverse};
use super::limbs::{BITS, Limb, MASK, below, carried, join, less_once, split, words};
use core::num::Wrapping;

/// The most that a limb holds at magnitude 1.
#[cfg(any(test, debug_assertions))]
const TIGHT: u64 = (1 << 29) + (1 << 25);

/// 2^261 modulo p is 2^37 + this.
const FOLD: Limb = Wrapping(31_264);

/// 64 p, with limbs that are above those of any number of magnitude 1.
const ABOVE: [Limb; 9] = {
    let even = Wrapping((1 << 30) - 2);
    [
        Wrapping((1 << 30) - 62_528),
        Wrapping((1 << 30) - 2 - 512),
        even,
        even,
        even,
        even,
        even,
        even,
        even,
    ]
};

/// p in words, the lowest first.
const WORDS: [u64; 4] = [0xffff_fffe_ffff_fc2f, u64::MAX, u64::MAX, u64::MAX];

/// p, as the limbs of a number that is fully reduced.
const P: [Limb; 9] = split(&WORDS);

/// A number modulo p.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field([Limb; 9]);

impl Field {
    /// One.
    pub(super) const ONE: Self = Self::small(1);

    /// A small number.
    pub(super) const fn small(number: u32) -> Self {
        let mut limbs = [Wrapping(0); 9];
        limbs[0] = Wrapping(number as u64);
        assert!(number < 1 << BITS);
        Self(limbs)
    }

    /// The number of these 32 bytes, big-endian; none if it is not below p.
    pub(super) fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        let number = Self::from_words(&words(bytes));
        below(&number.0, &P).then_some(number)
    }

    /// The number of four words, the lowest first.
    pub(super) const fn from_words(words: &[u64; 4]) -> Self {
        Self(split(words))
    }

    /// The 32 bytes of the number below p that this is, big-endian.
    pub(super) fn to_bytes(self) -> [u8; 32] {
        let mut bytes = [0; 32];
        let words = join(&self.reduced().0);
        for (place, word) in bytes.as_chunks_mut().0.iter_mut().rev().zip(words) {
            *place = word.to_be_bytes();
        }
        bytes
    }

    /// The words of the number below p that this is, the lowest first.
    #[cfg(test)]
    pub(super) fn to_words(self) -> [u64; 4] {
        join(&self.reduced().0)
    }

    /// A number of any limbs.
    #[cfg(test)]
    pub(super) fn of_limbs(limbs: [u64; 9]) -> Self {
        Self(limbs.map(Wrapping))
    }

    /// True if this has magnitude 1.
    #[cfg(test)]
    pub(super) fn is_tight(&self) -> bool {
        self.0.iter().all(|limb| limb.0 <= TIGHT)
    }

    /// The one form that has every limb below 2^29 and is below p. Any limbs below
    /// 2^62.
    fn reduced(self) -> Self {
        let mut limbs = carried(self.0);
        // Bits from 2^256 on: 2^256 = 2^32 + 977 modulo p. There are below 2^38 of
        // them at first; the second time at most one, and then hardly anything else.
        for _ in 0..2 {
            let above = limbs[8] >> 24;
            limbs[8] &= Wrapping((1 << 24) - 1);
            limbs[0] += above * Wrapping(977);
            limbs[1] += above << 3;
            limbs = carried(limbs);
        }
        Self(less_once(limbs, &P))
    }

    /// The inverse; none of zero. Any limbs below 2^62.
    pub(super) fn inverse(self) -> Option<Self> {
        const MODULUS: Modulus = Modulus::new(&WORDS, 0x2dda_cacf);
        inverse(&join(&self.reduced().0), &MODULUS).map(|words| Self::from_words(&words))
    }

    /// True if this is zero modulo p; magnitude 6 at most.
    ///
    /// Such a number is below 256 p. If it is k p, its lowest 29 bits are those of
    /// -977 k, which hardly any other number has.
    pub(super) fn is_zero(&self) -> bool {
        let low = (self.0[0] & MASK).0;
        let may_be = low == 0 || low > MASK.0 - 977 * 256;
        may_be && self.reduced().0.iter().all(|limb| limb.0 == 0)
    }

    /// True if the number, fully reduced, is odd.
    pub(super) fn is_odd(self) -> bool {
        self.reduced().0[0].0 & 1 == 1
    }

    /// The product; magnitudes m and n with m · n <= 6.
    #[inline(never)]
    pub(super) fn times(&self, other: &Self) -> Self {
        self.times_inline(other)
    }

    /// The same, for the few loops in which most of the time goes: the numbers stay
    /// in locals.
    #[inline(always)]
    pub(super) fn times_inline(&self, other: &Self) -> Self {
        self.debug_bounds(other);
        let [a0, a1, a2, a3, a4, a5, a6, a7, a8] = self.0;
        let [b0, b1, b2, b3, b4, b5, b6, b7, b8] = other.0;
        fold([
            a0 * b0,
            a0 * b1 + a1 * b0,
            a0 * b2 + a1 * b1 + a2 * b0,
            a0 * b3 + a1 * b2 + a2 * b1 + a3 * b0,
            a0 * b4 + a1 * b3 + a2 * b2 + a3 * b1 + a4 * b0,
            a0 * b5 + a1 * b4 + a2 * b3 + a3 * b2 + a4 * b1 + a5 * b0,
            a0 * b6 + a1 * b5 + a2 * b4 + a3 * b3 + a4 * b2 + a5 * b1 + a6 * b0,
            a0 * b7 + a1 * b6 + a2 * b5 + a3 * b4 + a4 * b3 + a5 * b2 + a6 * b1 + a7 * b0,
            a0 * b8 + a1 * b7 + a2 * b6 + a3 * b5 + a4 * b4 + a5 * b3 + a6 * b2 + a7 * b1 + a8 * b0,
            a1 * b8 + a2 * b7 + a3 * b6 + a4 * b5 + a5 * b4 + a6 * b3 + a7 * b2 + a8 * b1,
            a2 * b8 + a3 * b7 + a4 * b6 + a5 * b5 + a6 * b4 + a7 * b3 + a8 * b2,
            a3 * b8 + a4 * b7 + a5 * b6 + a6 * b5 + a7 * b4 + a8 * b3,
            a4 * b8 + a5 * b7 + a6 * b6 + a7 * b5 + a8 * b4,
            a5 * b8 + a6 * b7 + a7 * b6 + a8 * b5,
            a6 * b8 + a7 * b7 + a8 * b6,
            a7 * b8 + a8 * b7,
            a8 * b8,
        ])
    }

    /// The square; at most magnitude 2.
    #[inline(never)]
    pub(super) fn square(&self) -> Self {
        self.square_inline()
    }

    /// The same, as [`Field::times_inline`].
    #[inline(always)]
    pub(super) fn square_inline(&self) -> Self {
        self.debug_bounds(self);
        let [a0, a1, a2, a3, a4, a5, a6, a7, a8] = self.0;
        let [d0, d1, d2, d3, d4, d5, d6, d7, _] = self.0.map(|limb| limb + limb);
        fold([
            a0 * a0,
            d0 * a1,
            d0 * a2 + a1 * a1,
            d0 * a3 + d1 * a2,
            d0 * a4 + d1 * a3 + a2 * a2,
            d0 * a5 + d1 * a4 + d2 * a3,
            d0 * a6 + d1 * a5 + d2 * a4 + a3 * a3,
            d0 * a7 + d1 * a6 + d2 * a5 + d3 * a4,
            d0 * a8 + d1 * a7 + d2 * a6 + d3 * a5 + a4 * a4,
            d1 * a8 + d2 * a7 + d3 * a6 + d4 * a5,
            d2 * a8 + d3 * a7 + d4 * a6 + a5 * a5,
            d3 * a8 + d4 * a7 + d5 * a6,
            d4 * a8 + d5 * a7 + a6 * a6,
            d5 * a8 + d6 * a7,
            d6 * a8 + a7 * a7,
            d7 * a8,
            a8 * a8,
        ])
    }

    /// Squared `times` times, without a way through memory.
    #[inline(never)]
    pub(super) fn squared(&self, times: u32) -> Self {
        let mut number = *self;
        for _ in 0..times {
            number = number.square_inline();
        }
        number
    }

    /// The sum; magnitudes add up.
    #[inline(always)]
    pub(super) fn plus(mut self, other: &Self) -> Self {
        for (limb, other) in self.0.iter_mut().zip(other.0) {
            *limb += other;
        }
        self
    }

    /// The difference; `other` has magnitude 1, and 2 is added to that of `self`.
    #[inline(always)]
    pub(super) fn minus(mut self, other: &Self) -> Self {
        for ((limb, other), above) in self.0.iter_mut().zip(other.0).zip(ABOVE) {
            *limb += above - other;
        }
        self
    }

    /// The number less twice `other`, which has magnitude 1; 4 is added to that of
    /// `self`.
    #[inline(always)]
    pub(super) fn minus_twice(mut self, other: &Self) -> Self {
        for ((limb, other), above) in self.0.iter_mut().zip(other.0).zip(ABOVE) {
            *limb += (above - other) << 1;
        }
        self
    }

    /// The negation of a number of magnitude 1; it has magnitude 2.
    #[inline(always)]
    pub(super) fn negated(&self) -> Self {
        Self::small(0).minus(self)
    }

    /// The same number with magnitude 1. Limbs below 2^38.
    ///
    /// The part above limb 8 is below 2^9 + 1: it adds less than 2^25 to limb 0
    /// and 2^18 to limb 1, which need not be carried again.
    #[inline(always)]
    pub(super) fn tight(self) -> Self {
        let mut limbs = self.0;
        let mut carry = Wrapping(0);
        for limb in &mut limbs {
            *limb += carry;
            carry = *limb >> BITS;
            *limb &= MASK;
        }
        limbs[0] += carry * FOLD;
        limbs[1] += carry << 8;
        Self(limbs)
    }

    /// A square root of a number of magnitude 1, if it has one: its power
    /// (p + 1) / 4, by an addition chain over the runs of ones in the exponent
    /// (223, 22 and 2 of them).
    pub(super) fn root(&self) -> Option<Self> {
        let x2 = self.square().times(self);
        let x3 = x2.square().times(self);
        let x6 = x3.squared(3).times(&x3);
        let x9 = x6.squared(3).times(&x3);
        let x11 = x9.squared(2).times(&x2);
        let x22 = x11.squared(11).times(&x11);
        let x44 = x22.squared(22).times(&x22);
        let x88 = x44.squared(44).times(&x44);
        let x176 = x88.squared(88).times(&x88);
        let x220 = x176.squared(44).times(&x44);
        let x223 = x220.squared(3).times(&x3);
        let root = x223
            .squared(23)
            .times(&x22)
            .squared(6)
            .times(&x2)
            .squared(2);
        root.square().minus(self).is_zero().then_some(root)
    }

    /// Bounds of a product, checked where debug assertions are on.
    #[inline(always)]
    fn debug_bounds(&self, other: &Self) {
        #[cfg(any(test, debug_assertions))]
        {
            let most = |limbs: &[Limb; 9]| limbs.iter().map(|limb| limb.0).max().unwrap_or(0);
            let product = u128::from(most(&self.0)) * u128::from(most(&other.0));
            assert!(product <= 6 * u128::from(TIGHT) * u128::from(TIGHT));
        }
        let _ = other;
    }
}

/// The columns of a product, modulo p: see "Bounds".
#[inline(always)]
fn fold(columns: [Limb; 17]) -> Field {
    let [low @ .., c9, c10, c11, c12, c13, c14, c15, c16] = columns;
    let mut high = [c9, c10, c11, c12, c13, c14, c15, c16, Wrapping(0)];
    let mut carry = Wrapping(0);
    for limb in &mut high {
        *limb += carry;
        carry = *limb >> BITS;
        *limb &= MASK;
    }
    // The last one keeps all its bits.
    high[8] += carry << BITS;

    let mut limbs = low;
    let mut carry = Wrapping(0);
    let mut before = Wrapping(0);
    for (limb, high) in limbs.iter_mut().zip(high) {
        let column = *limb + high * FOLD + (before << 8) + carry;
        *limb = column & MASK;
        carry = column >> BITS;
        before = high;
    }
    let above = carry + (before << 8);
    let first = limbs[0] + above * FOLD;
    limbs[0] = first & MASK;
    let second = limbs[1] + (above << 8) + (first >> BITS);
    limbs[1] = second & MASK;
    limbs[2] += second >> BITS;
    Field(limbs)
}
