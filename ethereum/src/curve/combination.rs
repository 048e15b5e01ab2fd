//! A multiple of a point and one of the generator, added up: what recovery asks for.
//!
//! Both factors are split in halves by the curve's endomorphism, so that 128 doublings
//! serve four of them (Straus's method).

use super::field::Field;
use super::generator::MULTIPLES;
use super::point::{Point, Sum};
use super::scalar::Scalar;
use super::sum::invert;
use super::wnaf::{POSITIONS, digits};

/// Digits of the point's factor: below 16, so that it has 8 odd multiples.
const WIDTH: u32 = 5;

/// Digits of the generator's factor: below 256, for as many odd multiples as there are.
const GENERATOR_WIDTH: u32 = 9;
const _: () = assert!(MULTIPLES.len() == 1 << (GENERATOR_WIDTH - 2));

/// The digits of a half of a factor, by bit position; 0 if there is none.
type Row = [i16; POSITIONS];

/// `factor` times `point` and `generator` times the generator; none at infinity.
pub(crate) fn combination(point: &Point, factor: &Scalar, generator: &Scalar) -> Option<Point> {
    let multiples = multiples(point)?;
    let turned = multiples.map(|multiple| multiple.turned());
    let rows = rows(factor, WIDTH);
    let generator_rows = self::rows(generator, GENERATOR_WIDTH);
    let mut sum = Sum::INFINITY;
    for position in (0..POSITIONS).rev() {
        sum.double();
        for (row, multiples) in rows.iter().zip([&multiples, &turned]) {
            add(&mut sum, row[position], |at| multiples.get(at).copied());
        }
        for (row, turned) in generator_rows.iter().zip([false, true]) {
            add(&mut sum, row[position], |at| {
                let [x, y] = MULTIPLES.get(at)?;
                let point = Point {
                    x: Field::from_words(x),
                    y: Field::from_words(y),
                };
                Some(if turned { point.turned() } else { point })
            });
        }
    }
    sum.point(&sum.z()?.inverse()?)
}

/// Adds the multiple that a digit stands for.
#[inline(always)]
fn add(sum: &mut Sum, digit: i16, multiple: impl Fn(usize) -> Option<Point>) {
    if digit == 0 {
        return;
    }
    let at = usize::from(digit.unsigned_abs() >> 1);
    if let Some(point) = multiple(at) {
        sum.add(&if digit < 0 { point.negated() } else { point });
    }
}

/// The digits of both halves of a factor.
fn rows(factor: &Scalar, width: u32) -> [Row; 2] {
    factor.halves().map(|half| {
        let mut row = [0; POSITIONS];
        digits(half.words, width, |digit| {
            if let Some(place) = row.get_mut(digit.position) {
                let odd = 2 * digit.multiple as i16 + 1;
                *place = if digit.negative == half.negative {
                    odd
                } else {
                    -odd
                };
            }
        });
        row
    })
}

/// 1, 3, 5 … 15 times the point.
fn multiples(point: &Point) -> Option<[Point; 8]> {
    // No y is zero, and no multiple here is at infinity: the order is a large prime.
    let double = point.doubled(&point.y.plus(&point.y).inverse()?);
    let mut sum = Sum::INFINITY;
    sum.add(point);
    let mut sums = [sum; 8];
    for place in sums.iter_mut().skip(1) {
        sum.add(&double);
        *place = sum;
    }
    let mut inverses = sums.map(|sum| sum.z().unwrap_or(Field::ONE));
    invert(&mut inverses);
    let mut multiples = [*point; 8];
    for ((place, sum), inverse) in multiples.iter_mut().zip(&sums).zip(&inverses) {
        *place = sum.point(inverse)?;
    }
    Some(multiples)
}
