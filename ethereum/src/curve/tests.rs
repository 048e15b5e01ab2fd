//! The curve's numbers against big integers, its points against libsecp256k1.

use super::field::Field;
use super::point::{Point, Sum};
use super::scalar::{Half, Scalar};
use super::sum::Terms;
use alloc::vec::Vec;
use alloy_primitives::{U256, U512, uint};
use proptest::prelude::*;

const P: U256 = uint!(0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f_U256);
const N: U256 = uint!(0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141_U256);
const LAMBDA: U256 = uint!(0x5363ad4cc05c30e0a5261c028812645a122e22ea20816678df02967c1b23bd72_U256);

/// Numbers at the edges of limbs, words and moduli, and any others.
fn number() -> impl Strategy<Value = U256> {
    let power = (0_u32..256, -3_i8..=3).prop_map(|(bit, off)| {
        let power = U256::from(1) << bit;
        shifted(power, off)
    });
    let edges = (
        prop::sample::select(alloc::vec![P, N, U256::ZERO]),
        -3_i8..=3,
    );
    let runs = (0_usize..256, 0_usize..256)
        .prop_map(|(from, len)| (U256::MAX >> (255 - len)).wrapping_shl(from));
    prop_oneof![
        any::<[u64; 4]>().prop_map(U256::from_limbs),
        power,
        edges.prop_map(|(edge, off)| shifted(edge, off)),
        runs,
    ]
}

fn shifted(number: U256, off: i8) -> U256 {
    let by = U256::from(off.unsigned_abs());
    if off < 0 {
        number.wrapping_sub(by)
    } else {
        number.wrapping_add(by)
    }
}

/// A field element of any number of 256 bits, p and above included.
fn field(number: &U256) -> Field {
    Field::from_words(number.as_limbs())
}

fn number_of(field: Field) -> U256 {
    U256::from_limbs(field.to_words())
}

fn minus(number: U256, modulus: U256) -> U256 {
    let number = number.reduce_mod(modulus);
    if number.is_zero() {
        number
    } else {
        modulus - number
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn field_arithmetic_is_that_of_big_integers(a in number(), b in number()) {
        let (x, y) = (field(&a), field(&b));
        prop_assert_eq!(number_of(x), a.reduce_mod(P));
        prop_assert_eq!(number_of(x.times(&y)), a.mul_mod(b, P));
        prop_assert_eq!(number_of(x.square()), a.mul_mod(a, P));
        prop_assert_eq!(number_of(x.plus(&y)), a.add_mod(b, P));
        prop_assert_eq!(number_of(x.minus(&y)), a.add_mod(minus(b, P), P));
        prop_assert_eq!(number_of(x.minus(&y).tight()), a.add_mod(minus(b, P), P));
        prop_assert_eq!(number_of(x.negated()), minus(a, P));
        prop_assert_eq!(x.minus(&y).is_zero(), a.reduce_mod(P) == b.reduce_mod(P));
        prop_assert_eq!(x.is_odd(), a.reduce_mod(P).bit(0));
        let product = x.minus(&y).times(&y.plus(&x));
        let (difference, sum) = (a.add_mod(minus(b, P), P), a.add_mod(b, P));
        prop_assert_eq!(number_of(product), difference.mul_mod(sum, P));
        let inverse = x.minus(&y).inverse().map(number_of);
        prop_assert_eq!(inverse, difference.inv_mod(P).filter(|_| !difference.is_zero()));
    }

    #[test]
    fn limbs_at_their_bounds_multiply(
        first in limbs(), second in limbs(), m in 1_u64..=6,
    ) {
        let n = 6 / m;
        let (a, b) = (scaled(&first, m), scaled(&second, n));
        let (x, y) = (Field::of_limbs(a), Field::of_limbs(b));
        let product = value(&a).mul_mod(value(&b), P);
        prop_assert_eq!(number_of(x.times(&y)), product);
        prop_assert!(x.times(&y).is_tight());
        if m <= 2 {
            prop_assert_eq!(number_of(x.square()), value(&a).mul_mod(value(&a), P));
            prop_assert!(x.square().is_tight());
        }
        prop_assert_eq!(number_of(x), value(&a));
        prop_assert!(x.tight().is_tight());
        prop_assert_eq!(number_of(x.tight()), value(&a));
    }

    #[test]
    fn roots_are_those_of_squares(a in number()) {
        let square = field(&a).square();
        let root = square.root().map(number_of);
        let a = a.reduce_mod(P);
        prop_assert!(root == Some(a) || root == Some(minus(a, P)));
        // -1 is no square modulo p.
        prop_assert!(a.is_zero() || square.negated().tight().root().is_none());
    }

    #[test]
    fn scalar_arithmetic_is_that_of_big_integers(a in number(), b in number()) {
        let (x, y) = (scalar(a), scalar(b));
        prop_assert_eq!(of_scalar(x), a.reduce_mod(N));
        prop_assert_eq!(of_scalar(x.lifted().times(&y)), a.mul_mod(b, N));
        prop_assert_eq!(of_scalar(x.plus(&y)), a.add_mod(b, N));
        prop_assert_eq!(of_scalar(x.lifted().lifted().times(&y.lifted()).times(&y)),
            a.mul_mod(b, N).mul_mod(b, N).mul_mod(U256::from(1) << 255, N)
                .mul_mod(U256::from(64), N));
        let inverse = x.lifted().inverse_of_lifted();
        let one = inverse.map(|inverse| of_scalar(inverse.times(&x)));
        prop_assert_eq!(one, (!a.reduce_mod(N).is_zero()).then_some(U256::from(1)));
        let bytes = a.to_be_bytes();
        prop_assert_eq!(Scalar::from_bytes(&bytes).is_some(), !a.is_zero() && a < N);
    }

    #[test]
    fn halves_make_the_whole(a in number()) {
        let [plain, turned] = scalar(a).halves().map(|half: Half| {
            let [low, high] = half.words;
            let number = U256::from_limbs([low, high, 0, 0]);
            if half.negative { minus(number, N) } else { number }
        });
        prop_assert_eq!(plain.add_mod(turned.mul_mod(LAMBDA, N), N), a.reduce_mod(N));
    }

    #[test]
    fn sums_that_are_nothing_are_told_from_others(
        secrets in prop::collection::vec(secret(), 1..6),
        factors in prop::collection::vec(number(), 6),
        halves in prop::collection::vec(any::<[u64; 2]>(), 6),
        off in 0_u8..3,
    ) {
        let points: Vec<Point> = secrets.iter().map(multiple).collect();
        let mut terms = Terms::default();
        let mut sum = U256::ZERO;
        for ((point, secret), (factor, [low, high])) in
            points.iter().zip(&secrets).zip(factors.iter().zip(&halves))
        {
            terms.long.push((*point, scalar(*factor)));
            terms.short.push((*point, [*low, *high]));
            let half = U256::from_limbs([*low, *high, 0, 0]);
            sum = sum.add_mod(secret.mul_mod(factor.add_mod(half, N), N), N);
        }
        let rest = minus(sum.add_mod(U256::from(off), N), N);
        terms.long.push((Point::GENERATOR, scalar(rest)));
        prop_assert_eq!(terms.cancel(), off == 0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn combinations_are_those_of_secrets(
        secret in secret(), factor in number(), generator in number(), meet in 0_u8..4,
    ) {
        let product = secret.mul_mod(factor, N);
        // Also those that are at infinity, or where both parts are the same.
        let generator = match meet {
            0 => minus(product, N),
            1 => product,
            _ => generator.reduce_mod(N),
        };
        let sum = super::combination(&multiple(&secret), &scalar(factor), &scalar(generator));
        let expected = product.add_mod(generator, N);
        let expected = (!expected.is_zero()).then(|| multiple(&expected).to_bytes());
        prop_assert_eq!(sum.map(Point::to_bytes), expected);
    }
}

/// Limbs of which each is nothing, or as large as magnitude 1 allows, or anything.
fn limbs() -> impl Strategy<Value = [u64; 9]> {
    const TIGHT: u64 = (1 << 29) + (1 << 25);
    prop::array::uniform9(prop_oneof![Just(0), Just(TIGHT), 0..=TIGHT])
}

fn scaled(limbs: &[u64; 9], by: u64) -> [u64; 9] {
    limbs.map(|limb| limb * by)
}

/// The value of limbs, modulo p.
fn value(limbs: &[u64; 9]) -> U256 {
    let number = limbs.iter().rev().fold(U512::ZERO, |number, limb| {
        (number << 29_usize) + U512::from(*limb)
    });
    U256::from(number % U512::from(P))
}

fn scalar(number: U256) -> Scalar {
    Scalar::of_hash(&number.to_be_bytes())
}

fn of_scalar(scalar: Scalar) -> U256 {
    U256::from_limbs(scalar.words())
}

/// Secrets whose points meet: small ones, those of λ, their negations, and others.
fn secret() -> impl Strategy<Value = U256> {
    let few = prop::sample::select(alloc::vec![
        U256::from(1),
        U256::from(2),
        U256::from(3),
        LAMBDA,
        LAMBDA.mul_mod(LAMBDA, N),
    ]);
    let signed =
        (few, any::<bool>()).prop_map(|(few, sign)| if sign { few } else { minus(few, N) });
    prop_oneof![
        3 => signed,
        1 => number().prop_filter("a secret", |number| !number.reduce_mod(N).is_zero())
            .prop_map(|number| number.reduce_mod(N)),
    ]
}

/// The generator times a secret, by libsecp256k1.
fn multiple(secret: &U256) -> Point {
    let secret = libsecp256k1::SecretKey::parse(&secret.to_be_bytes()).unwrap();
    let bytes = libsecp256k1::PublicKey::from_secret_key(&secret).serialize();
    let (x, y) = (bytes[1..33].try_into(), bytes[33..].try_into());
    Point::from_bytes(&x.unwrap(), &y.unwrap()).unwrap()
}

/// The generator times a small number, by additions.
fn repeated(times: u32) -> Sum {
    (0..times).fold(Sum::INFINITY, |sum, _| plus(sum, &Point::GENERATOR))
}

fn plus(mut sum: Sum, point: &Point) -> Sum {
    sum.add(point);
    sum
}

fn doubled(mut sum: Sum) -> Sum {
    sum.double();
    sum
}

#[test]
fn additions_of_the_same_and_of_opposite_points() {
    let two = multiple(&U256::from(2));
    assert!(plus(repeated(2), &two.negated()).is_infinity());
    assert!(plus(doubled(repeated(1)), &two.negated()).is_infinity());
    let minus_eight = multiple(&(N - U256::from(8)));
    assert!(plus(doubled(repeated(4)), &minus_eight).is_infinity());
    assert!(!plus(repeated(3), &two.negated()).is_infinity());
    assert!(doubled(Sum::INFINITY).is_infinity());
}

#[test]
fn the_table_has_the_odd_multiples_of_the_generator() {
    for (at, [x, y]) in super::generator::MULTIPLES.iter().enumerate() {
        let point = multiple(&U256::from(2 * at + 1));
        assert_eq!([point.x.to_words(), point.y.to_words()], [*x, *y], "{at}");
    }
}

#[test]
fn points_are_lifted_to_the_right_side() {
    for secret in 1..50_u64 {
        let point = multiple(&U256::from(secret));
        let x = U256::from_limbs(point.x.to_words()).to_be_bytes();
        let lifted = Point::lift(&x, point.is_odd()).unwrap();
        assert_eq!(lifted.y.to_words(), point.y.to_words());
        let other = Point::lift(&x, !point.is_odd()).unwrap();
        assert_eq!(other.y.to_words(), point.negated().y.to_words());
    }
    // No point has x = 5, and none x = p.
    assert!(Point::lift(&U256::from(5).to_be_bytes(), false).is_none());
    assert!(Point::lift(&P.to_be_bytes(), false).is_none());
    assert!(Point::from_bytes(&[0; 32], &[0; 32]).is_none());
    assert!(Point::from_bytes(&[0xff; 32], &[1; 32]).is_none());
}
