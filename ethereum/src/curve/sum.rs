//! True if a sum of multiples of points is the point at infinity: Straus's method in affine
//! coordinates.
//!
//! Each factor is written in signed odd digits below 16 at least five bits apart
//! (wNAF), factors of 256 bits in two halves by the curve's endomorphism. The digits
//! of all factors at one bit position are points, summed as a tree; one inversion
//! serves a level of the trees of all positions, so that an addition costs six
//! products instead of eleven. The positions' sums are then added up from the top,
//! each time doubled.

use super::field::Field;
use super::point::{Point, Sum};
use super::scalar::{Half, Scalar};
use super::wnaf::{POSITIONS, digits};
use alloc::vec;
use alloc::vec::Vec;

/// The bits of a digit and its sign.
const WIDTH: u32 = 5;

/// The odd multiples 1, 3 … 15 of a point.
const MULTIPLES: usize = 1 << (WIDTH - 2);

/// The number of additions from which on a shared inversion pays: it takes as long
/// as some 14 additions of [`Sum::plus`] take longer than affine ones.
const WORTHWHILE: usize = 14;

/// Points and their factors.
#[derive(Debug, Default)]
pub(crate) struct Terms {
    /// Points with factors of at most 128 bits, the lower word first.
    pub(crate) short: Vec<(Point, [u64; 2])>,
    /// Points with factors of any size.
    pub(crate) long: Vec<(Point, Scalar)>,
}

impl Terms {
    /// True if the multiples add up to the point at infinity.
    pub(crate) fn cancel(&self) -> bool {
        let mut digits = Digits::new(self.short.len(), self.long.len());
        for (at, (_, factor)) in self.short.iter().enumerate() {
            let half = Half {
                negative: false,
                words: *factor,
            };
            digits.push(half, at, false);
        }
        for (at, (_, factor)) in (self.short.len()..).zip(&self.long) {
            let [plain, turned] = factor.halves();
            digits.push(plain, at, false);
            digits.push(turned, at, true);
        }
        let mut trees = digits.sorted(&self.multiples());
        while trees.pairs() >= WORTHWHILE {
            trees.level();
        }
        trees.total().is_infinity()
    }

    /// The odd multiples of all points, all of the first multiple first; behind them
    /// those of the long terms once more, times λ.
    fn multiples(&self) -> Vec<Point> {
        let short = self.short.iter().map(|(point, _)| *point);
        let long = self.long.iter().map(|(point, _)| *point);
        let mut newest: Vec<Point> = short.chain(long).collect();
        // An odd multiple below 16 is neither twice the point nor minus that, and no
        // y is zero: nothing that is inverted here is.
        let mut inverses: Vec<Field> = newest.iter().map(|point| point.y.plus(&point.y)).collect();
        invert(&mut inverses);
        let doubles: Vec<Point> = newest
            .iter()
            .zip(&inverses)
            .map(|(point, inverse)| point.doubled(inverse))
            .collect();
        let turned = self.long.len() * MULTIPLES;
        let mut all = Vec::with_capacity(newest.len() * MULTIPLES + turned);
        all.extend_from_slice(&newest);
        for _ in 1..MULTIPLES {
            for ((inverse, point), double) in inverses.iter_mut().zip(&newest).zip(&doubles) {
                *inverse = double.x.minus(&point.x);
            }
            invert(&mut inverses);
            for ((point, double), inverse) in newest.iter_mut().zip(&doubles).zip(&inverses) {
                *point = point.plus(double, inverse);
            }
            all.extend_from_slice(&newest);
        }
        for multiple in 0..MULTIPLES {
            let first = multiple * newest.len() + self.short.len();
            for at in first..first + self.long.len() {
                if let Some(point) = all.get(at) {
                    all.push(point.turned());
                }
            }
        }
        all
    }
}

/// The digits of all factors.
struct Digits {
    short: usize,
    long: usize,
    digits: Vec<Placed>,
    counts: [usize; POSITIONS],
}

/// A point to add or subtract at a bit position.
struct Placed {
    position: usize,
    /// The point's index in [`Terms::multiples`].
    entry: usize,
    negative: bool,
}

impl Digits {
    /// None yet, of `short` and `long` terms.
    fn new(short: usize, long: usize) -> Self {
        Self {
            short,
            long,
            digits: Vec::with_capacity((short + 2 * long) * (128 / 6 + 1)),
            counts: [0; POSITIONS],
        }
    }

    /// The digits of a factor of the term `at`, or of the part of it that is
    /// multiplied by λ.
    fn push(&mut self, factor: Half, at: usize, turned: bool) {
        let points = self.short + self.long;
        let (first, step) = if turned {
            (points * MULTIPLES + at - self.short, self.long)
        } else {
            (at, points)
        };
        digits(factor.words, WIDTH, |digit| {
            if let Some(count) = self.counts.get_mut(digit.position) {
                *count += 1;
                self.digits.push(Placed {
                    position: digit.position,
                    entry: first + digit.multiple * step,
                    negative: digit.negative != factor.negative,
                });
            }
        });
    }

    /// The points of each position, together.
    fn sorted(self, multiples: &[Point]) -> Trees {
        let mut next = [0; POSITIONS];
        let mut sum = 0;
        for (next, count) in next.iter_mut().zip(&self.counts) {
            *next = sum;
            sum += count;
        }
        let mut order = vec![0; sum];
        for (at, digit) in self.digits.iter().enumerate() {
            if let Some(next) = next.get_mut(digit.position) {
                if let Some(place) = order.get_mut(*next) {
                    *place = at;
                }
                *next += 1;
            }
        }
        let ordered = order.iter().filter_map(|at| self.digits.get(*at));
        let points = ordered.filter_map(|digit| {
            let point = multiples.get(digit.entry)?;
            Some(if digit.negative {
                point.negated()
            } else {
                *point
            })
        });
        Trees {
            points: points.collect(),
            counts: self.counts,
        }
    }
}

/// The points that are added up at each position, one position after the other.
struct Trees {
    points: Vec<Point>,
    counts: [usize; POSITIONS],
}

impl Trees {
    /// The additions that the next level makes.
    fn pairs(&self) -> usize {
        self.counts.iter().map(|count| count / 2).sum()
    }

    /// The points of each position.
    fn lists(&self) -> impl Iterator<Item = &[Point]> {
        let mut rest = self.points.as_slice();
        self.counts.iter().map(move |count| {
            let (list, others) = rest.split_at_checked(*count).unwrap_or_default();
            rest = others;
            list
        })
    }

    /// Adds up pairs of points of one position.
    fn level(&mut self) {
        let each = || self.lists().flat_map(|list| list.as_chunks::<2>().0);
        let mut inverses: Vec<Field> = each().map(|[a, b]| b.x.minus(&a.x)).collect();
        let special = !invert(&mut inverses);
        if special {
            inverses = each().map(|[a, b]| denominator(a, b)).collect();
            invert(&mut inverses);
        }
        let mut points = Vec::with_capacity(self.points.len() / 2 + POSITIONS);
        let mut counts = [0; POSITIONS];
        let mut inverses = inverses.iter();
        for (list, count) in self.lists().zip(&mut counts) {
            let before = points.len();
            let (pairs, left) = list.as_chunks::<2>();
            for ([a, b], inverse) in pairs.iter().zip(&mut inverses) {
                if special && b.x.minus(&a.x).is_zero() {
                    if !a.y.plus(&b.y).is_zero() {
                        points.push(a.doubled(inverse));
                    }
                } else {
                    points.push(a.plus(b, inverse));
                }
            }
            points.extend_from_slice(left);
            *count = points.len() - before;
        }
        self.points = points;
        self.counts = counts;
    }

    /// The sum of all, each position worth twice the one before it.
    fn total(&self) -> Sum {
        let mut sum = Sum::INFINITY;
        let mut points = self.points.iter().rev();
        for count in self.counts.iter().rev() {
            sum.double();
            for point in (&mut points).take(*count) {
                sum.add(point);
            }
        }
        sum
    }
}

/// The divisor of the slope through two points, even if they are the same; one
/// for opposite points, which have no slope.
fn denominator(a: &Point, b: &Point) -> Field {
    let run = b.x.minus(&a.x);
    if !run.is_zero() {
        return run;
    }
    let both = a.y.plus(&b.y);
    if both.is_zero() { Field::ONE } else { both }
}

/// Inverts all numbers (of magnitude 3 at most), with one inversion (Montgomery's trick). If one
/// is zero, gives false and leaves them.
pub(super) fn invert(numbers: &mut [Field]) -> bool {
    let mut product = Field::ONE;
    let mut before = Vec::with_capacity(numbers.len());
    for number in numbers.iter() {
        before.push(product);
        product = product.times_inline(number);
    }
    let Some(mut inverse) = product.inverse() else {
        return false;
    };
    for (number, before) in numbers.iter_mut().zip(&before).rev() {
        let inverted = inverse.times_inline(before);
        inverse = inverse.times_inline(number);
        *number = inverted;
    }
    true
}
