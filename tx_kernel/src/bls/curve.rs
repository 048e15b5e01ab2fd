//! Points: the map from field elements to the curve of signatures, and whether a
//! point of the curve of keys lies in its group.
//!
//! arkworks maps with an inversion, a Legendre symbol and up to four powers a
//! field element. Here it takes two powers: the square root and the test whether
//! there is one share them, and fractions stay fractions.

use super::field::{mul, mul2, square, square2};
use ark_bls12_381::{Fq, Fq2, G1Affine, G1Projective, G2Projective, g1, g2};
use ark_ec::AffineRepr;
use ark_ec::hashing::curve_maps::swu::SWUConfig;
use ark_ec::hashing::curve_maps::wb::WBConfig;
use ark_ec::short_weierstrass::SWCurveConfig;
use ark_ff::{AdditiveGroup, MontFp, One, PrimeField, Zero};

type Isogenous = <g2::Config as WBConfig>::IsogenousCurve;

/// Maps `u` to a point of the curve of signatures, which is not yet in the group:
/// the simplified SWU map and the 3-isogeny of RFC 9380 §6.6.3, §8.8.2.
#[inline(never)]
pub(super) fn map(u: Fq2) -> G2Projective {
    let (a, b) = (Isogenous::COEFF_A, Isogenous::COEFF_B);
    // x1 = n/d, and g(x1) = g/d³ (§6.6.2, without its inversion).
    let zu2 = mul2(&Isogenous::ZETA, &square2(&u));
    let sum = square2(&zu2) + zu2;
    let n1 = mul2(&b, &(sum + Fq2::one()));
    let d = mul2(&a, &if sum.is_zero() { Isogenous::ZETA } else { -sum });
    let d2 = square2(&d);
    let d3 = mul2(&d2, &d);
    let g = mul2(&(square2(&n1) + mul2(&a, &d2)), &n1) + mul2(&b, &d3);
    let root = sqrt_ratio(&g, &d3);
    let (n, y) = if root.of_ratio {
        (n1, root.root)
    } else {
        // g(x2) = (Z u²)³ g(x1), where x2 = Z u² x1.
        (mul2(&zu2, &n1), mul2(&mul2(&zu2, &u), &root.root))
    };
    let y = if is_odd(&y) == is_odd(&u) { y } else { -y };

    // The isogeny at x = n/d: all four polynomials over d³.
    let map = &g2::Config::ISOGENY_MAP;
    let n2 = square2(&n);
    let powers = [d3, mul2(&d2, &n), mul2(&d, &n2), mul2(&n2, &n)];
    let at = |polynomial: &[Fq2]| {
        let mut sum = Fq2::zero();
        for (coefficient, power) in polynomial.iter().zip(&powers) {
            sum += mul2(coefficient, power);
        }
        sum
    };
    let (x_num, x_den) = (at(map.x_map_numerator), at(map.x_map_denominator));
    let (y_num, y_den) = (at(map.y_map_numerator), at(map.y_map_denominator));
    // (X/Z², Y/Z³) with Z the product of the denominators.
    let z = mul2(&x_den, &y_den);
    let shift = mul2(&z, &y_den);
    let y = mul2(&mul2(&y, &y_num), &mul2(&shift, &square2(&x_den)));
    G2Projective::new_unchecked(mul2(&x_num, &shift), y, z)
}

/// A square root.
struct Root {
    root: Fq2,
    /// True if it is of `u/v`, and not of `Z·u/v`.
    of_ratio: bool,
}

/// A root of the norm of Z = -(2 + i), times one of -1: its square is -5.
const ROOT_OF_NORM: Fq = MontFp!(
    "248294325734266649657405162895821171812231848760181225578082735178502750823719347628762635478508544819911854747095"
);

/// The root of `u/v`, or of `Z·u/v` if `u/v` is no square; `v` is not zero.
///
/// With i² = -1 an element a₀ + a₁i is a square just where its norm is one in the
/// prime field; of r = √norm and w = (a₀ + r)/2 the root is √w + a₁/(2√w) i, or
/// the like with -r. All of it over the norm of `v`.
fn sqrt_ratio(u: &Fq2, v: &Fq2) -> Root {
    let mut a = mul2(u, &Fq2::new(v.c0, -v.c1));
    let norm = square(&a.c0) + square(&a.c1);
    let mut r = mul(&norm, &power(&norm));
    let of_ratio = square(&r) == norm;
    if !of_ratio {
        a = mul2(&a, &Isogenous::ZETA);
        r = mul(&r, &ROOT_OF_NORM);
    }
    let m = (square(&v.c0) + square(&v.c1)).double();
    let mut w = a.c0 + r;
    if w.is_zero() {
        // Then a is in the prime field, and r is -a.
        w = a.c0.double();
    }
    // √(w/m), if w·m is a square: w·m·(w·m³)^((p-3)/4).
    let m3 = mul(&square(&m), &m);
    let me = mul(&m, &power(&mul(&w, &m3)));
    let (w_root, rest) = (mul(&w, &me), mul(&a.c1, &me));
    let is_square = mul(&square(&w_root), &m) == w;
    let root = if is_square {
        Fq2::new(w_root, rest)
    } else {
        Fq2::new(-rest, w_root)
    };
    Root { root, of_ratio }
}

/// (p - 3)/4 in hexadecimal digits, the highest first.
const EXPONENT: &[u8; 95] = b"680447a8e5ff9a692c6e9ed90d2eb35d91dd2e13ce144afd9cc34a83dac3d8907aaffffac54ffffee7fbfffffffeaaa";

/// `base` to the power of (p - 3)/4: times the base, it is a square root if there
/// is one. A window of four bits.
fn power(base: &Fq) -> Fq {
    let mut powers = [Fq::one(); 16];
    let mut last = Fq::one();
    for power in powers.iter_mut().skip(1) {
        last = mul(&last, base);
        *power = last;
    }
    let mut result = Fq::one();
    for digit in EXPONENT {
        for _ in 0..4 {
            result = square(&result);
        }
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            _ => digit - b'a' + 10,
        };
        if let Some(power) = powers.get(usize::from(digit)).filter(|_| digit > 0) {
            result = mul(&result, power);
        }
    }
    result
}

/// The sign of RFC 9380 §4.1.
fn is_odd(element: &Fq2) -> bool {
    let odd = |element: &Fq| {
        element
            .into_bigint()
            .0
            .first()
            .is_some_and(|limb| limb & 1 == 1)
    };
    if element.c0.is_zero() {
        odd(&element.c1)
    } else {
        odd(&element.c0)
    }
}

/// The parameter x of the curve, which is negative: -x.
pub(super) const X: u64 = 0xd201_0000_0001_0000;

/// True if a point of the curve of keys lies in the group: just there the
/// endomorphism (βx, y) is the multiplication with -x² (Scott, eprint 2021/1130,
/// §6).
pub(super) fn is_in_group(point: &G1Affine) -> bool {
    let x2 = times_x(&times_x(&point.into_group()));
    (x2 + g1::endomorphism(point)).is_zero()
}

fn times_x(point: &G1Projective) -> G1Projective {
    let mut result = *point;
    for bit in (0..63).rev() {
        result.double_in_place();
        if X >> bit & 1 == 1 {
            result += point;
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_ec::bls12::Bls12Config;
    use ark_ec::hashing::curve_maps::wb::WBMap;
    use ark_ec::hashing::map_to_curve_hasher::MapToCurve;
    use ark_ec::{CurveGroup, PrimeGroup};
    use ark_ff::{BigInt, Field};
    use proptest::prelude::*;

    fn element() -> impl Strategy<Value = Fq> {
        // Any number below the modulus, and those around zero.
        let any = any::<[u64; 6]>().prop_map(|mut limbs| {
            limbs[5] >>= 3;
            Fq::from_bigint(BigInt::new(limbs)).unwrap_or_default()
        });
        let small = (0..3_u64).prop_map(Fq::from);
        prop_oneof![8 => any, 1 => small.clone(), 1 => small.prop_map(|small| -small)]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// arkworks' own map is the second opinion.
        #[test]
        fn the_map_is_that_of_the_rfc(c0 in element(), c1 in element()) {
            let u = Fq2::new(c0, c1);
            let expected = WBMap::<g2::Config>::map_to_curve(u).unwrap();
            prop_assert_eq!(map(u).into_affine(), expected);
        }

        #[test]
        fn roots_are_roots(a in (element(), element()), v in (element(), element())) {
            let (a, v) = (Fq2::new(a.0, a.1), Fq2::new(v.0, v.1));
            prop_assume!(!v.is_zero());
            let root = sqrt_ratio(&a, &v);
            let square = if root.of_ratio { a } else { Isogenous::ZETA * a };
            prop_assert_eq!(root.root.square() * v, square);
            prop_assert_eq!(root.of_ratio, (a / v).sqrt().is_some());
        }

        #[test]
        fn the_group_is_told_from_the_curve(x in element(), scalar: u64) {
            let inside = (G1Affine::generator() * ark_bls12_381::Fr::from(scalar)).into_affine();
            prop_assert!(is_in_group(&inside));
            if let Some(point) = G1Affine::get_point_from_x_unchecked(x, true) {
                let expected = point.is_in_correct_subgroup_assuming_on_curve();
                prop_assert_eq!(is_in_group(&point), expected);
            }
        }
    }

    #[test]
    fn x_is_the_curves() {
        let doubled = times_x(&G1Projective::generator());
        assert_eq!(doubled, G1Projective::generator().mul_bigint([X]));
        assert!(ark_bls12_381::Config::X == [X]);
    }
}
