//! The product of many pairings: one Miller loop for all, whose accumulator is
//! squared once a bit however many pairs there are.
//!
//! The formulas are those that arkworks uses (Aranha and others, eprint 2010/526
//! and 2013/722), without its halvings, and with what the curve's small constant
//! saves.

use super::curve::X;
use super::field::{mul2, scale, square2, times_xi, triple};
use alloc::vec::Vec;
use ark_bls12_381::{Bls12_381, Fq2, Fq6, Fq12, G1Affine, G2Affine};
use ark_ec::pairing::{MillerLoopOutput, Pairing};
use ark_ff::{AdditiveGroup, Field, One};

/// True if the pairings of `pairs` multiply to one. No point is the neutral one.
pub(super) fn product_is_one(pairs: &[(G1Affine, G2Affine)]) -> bool {
    let mut loops: Vec<Miller<'_>> = pairs.iter().map(Miller::new).collect();
    let mut f = Fq12::one();
    for bit in (0..63).rev() {
        f.square_in_place();
        for one in &mut loops {
            let line = one.double();
            one.evaluate(&line, &mut f);
        }
        if X >> bit & 1 == 1 {
            for one in &mut loops {
                let line = one.add();
                one.evaluate(&line, &mut f);
            }
        }
    }
    // The parameter is negative.
    f.conjugate_in_place();
    let product = Bls12_381::final_exponentiation(MillerLoopOutput(f));
    product.is_some_and(|product| product.0.is_one())
}

/// A pair, and the multiple of its second point that the loop is at: (x/z, y/z).
struct Miller<'p> {
    p: &'p G1Affine,
    q: &'p G2Affine,
    x: Fq2,
    y: Fq2,
    z: Fq2,
}

/// A line through two points: its coefficients at 1, and those to be multiplied
/// with the coordinates of where it is evaluated.
struct Line {
    one: Fq2,
    x: Fq2,
    y: Fq2,
}

impl<'p> Miller<'p> {
    fn new((p, q): &'p (G1Affine, G2Affine)) -> Self {
        Self {
            p,
            q,
            x: q.x,
            y: q.y,
            z: Fq2::one(),
        }
    }

    /// Doubles the multiple: the tangent.
    fn double(&mut self) -> Line {
        let xy = mul2(&self.x, &self.y);
        let b = square2(&self.y);
        let c = square2(&self.z);
        // 3·4·(1 + i)·z²
        let e = times_xi(&triple(&c.double().double()));
        let f = triple(&e);
        let h = square2(&(self.y + self.z)) - (b + c);
        let line = Line {
            one: e - b,
            x: triple(&square2(&self.x)),
            y: -h,
        };
        self.x = mul2(&xy, &(b - f)).double();
        self.y = square2(&(b + f)) - triple(&square2(&e).double().double());
        self.z = mul2(&b, &h).double().double();
        line
    }

    /// Adds the second point: the line through both.
    fn add(&mut self) -> Line {
        let (qx, qy) = (&self.q.x, &self.q.y);
        let theta = self.y - mul2(qy, &self.z);
        let lambda = self.x - mul2(qx, &self.z);
        let d = square2(&lambda);
        let e = mul2(&lambda, &d);
        let f = mul2(&self.z, &square2(&theta));
        let g = mul2(&self.x, &d);
        let h = e + f - g.double();
        self.x = mul2(&lambda, &h);
        self.y = mul2(&theta, &(g - h)) - mul2(&e, &self.y);
        self.z = mul2(&self.z, &e);
        Line {
            one: mul2(&theta, qx) - mul2(&lambda, qy),
            x: -theta,
            y: lambda,
        }
    }

    /// Multiplies `f` with the line at the first point.
    fn evaluate(&self, line: &Line, f: &mut Fq12) {
        let (x, y) = (scale(&line.x, &self.p.x), scale(&line.y, &self.p.y));
        times_line(f, &line.one, &x, &y);
    }
}

/// `f` times `c0 + c1·v + c4·v·w`.
fn times_line(f: &mut Fq12, c0: &Fq2, c1: &Fq2, c4: &Fq2) {
    let a = times_01(&f.c0, c0, c1);
    let b = times_1(&f.c1, c4);
    let sum = times_01(&(f.c0 + f.c1), c0, &(*c1 + c4));
    f.c1 = sum - a - b;
    f.c0 = a + Fq6::new(times_xi(&b.c2), b.c0, b.c1);
}

/// `a` times `c0 + c1·v`.
fn times_01(a: &Fq6, c0: &Fq2, c1: &Fq2) -> Fq6 {
    let (first, second) = (mul2(&a.c0, c0), mul2(&a.c1, c1));
    Fq6::new(
        times_xi(&(mul2(c1, &(a.c1 + a.c2)) - second)) + first,
        mul2(&(*c0 + c1), &(a.c0 + a.c1)) - first - second,
        mul2(c0, &(a.c0 + a.c2)) - first + second,
    )
}

/// `a` times `c1·v`.
fn times_1(a: &Fq6, c1: &Fq2) -> Fq6 {
    let second = mul2(&a.c1, c1);
    Fq6::new(
        times_xi(&(mul2(c1, &(a.c1 + a.c2)) - second)),
        mul2(c1, &(a.c0 + a.c1)) - second,
        second,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_bls12_381::Fr;
    use ark_ec::{AffineRepr, CurveGroup};
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

        /// arkworks' own product is the second opinion: of pairs that cancel out,
        /// and of others.
        #[test]
        fn the_product_is_arkworks(scalars in proptest::collection::vec((1..u64::MAX, 1..u64::MAX), 1..6), off in 0..2_u64) {
            let g1 = |scalar: Fr| (G1Affine::generator() * scalar).into_affine();
            let g2 = |scalar: Fr| (G2Affine::generator() * scalar).into_affine();
            let mut sum = Fr::from(off);
            let mut pairs = Vec::new();
            for (a, b) in scalars {
                let (a, b) = (Fr::from(a), Fr::from(b));
                sum += a * b;
                pairs.push((g1(a), g2(b)));
            }
            pairs.push((g1(-sum), g2(Fr::one())));
            let (keys, points): (Vec<_>, Vec<_>) = pairs.iter().copied().unzip();
            let expected = Bls12_381::multi_pairing(keys, points).0.is_one();
            prop_assert_eq!(expected, off == 0);
            prop_assert_eq!(product_is_one(&pairs), expected);
        }
    }
}
