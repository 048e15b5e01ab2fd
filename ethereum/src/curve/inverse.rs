//! Inverses modulo an odd number of 256 bits, by Bernstein and Yang's division steps
//! ("Fast constant-time gcd computation and modular inversion", 2019), in the form
//! for numbers that are no secrets: 30 steps at once on the lowest bits alone, then
//! one multiplication of the whole numbers by the matrix of these steps.
//!
//! f and g hold a pair whose greatest common divisor is sought; d and e hold what
//! multiplied by the number gives f and g modulo the modulus.

use core::num::Wrapping;

/// A limb; all sums of products here fit, so nothing needs to be checked.
type Limb = Wrapping<i64>;

/// Nine limbs of 30 bits, the lowest first; the last one has the sign.
type Signed = [Limb; 9];

const BITS: usize = 30;
const MASK: Limb = Wrapping((1 << BITS) - 1);

const ZERO: Signed = [Wrapping(0); 9];

/// A modulus with the constants for inversion.
pub(super) struct Modulus {
    limbs: Signed,
    /// The inverse of the modulus modulo 2^30.
    inverse: Limb,
}

impl Modulus {
    /// The odd number of four words, the lowest first, and its inverse modulo 2^30.
    pub(super) const fn new(words: &[u64; 4], inverse: u32) -> Self {
        Self {
            limbs: split(words),
            inverse: Wrapping(inverse as i64),
        }
    }
}

/// 30 division steps: [u, v] and [q, r] times the pair is 2^30 times the next pair.
struct Steps {
    u: Limb,
    v: Limb,
    q: Limb,
    r: Limb,
}

/// The inverse of a number below the modulus, which is a prime; none of zero.
pub(super) fn inverse(number: &[u64; 4], modulus: &Modulus) -> Option<[u64; 4]> {
    let mut d = ZERO;
    let mut e = ZERO;
    e[0] = Wrapping(1);
    let mut f = modulus.limbs;
    let mut g = split(number);
    if g == ZERO {
        return None;
    }
    let mut eta = -1;
    // 25 rounds are enough for any number of 256 bits (590 steps).
    for _ in 0..25 {
        let steps = Steps::of(&mut eta, f[0], g[0]);
        steps.coefficients(&mut d, &mut e, modulus);
        steps.pair(&mut f, &mut g);
        if g == ZERO {
            break;
        }
    }
    // f is 1 or -1 now.
    let negative = f[8].0 < 0;
    Some(join(&normalized(d, negative, modulus)))
}

impl Steps {
    /// The next 30 steps for a pair with these lowest limbs.
    fn of(eta: &mut i32, f: Limb, g: Limb) -> Self {
        let mut f = Wrapping(f.0 as u32);
        let mut g = Wrapping(g.0 as u32);
        let (mut u, mut v) = (Wrapping(1_u32), Wrapping(0_u32));
        let (mut q, mut r) = (Wrapping(0_u32), Wrapping(1_u32));
        let mut left = BITS as u32;
        loop {
            // Zeros at the end of g are steps that halve it.
            let zeros = (g.0 | u32::MAX << left).trailing_zeros();
            g >>= zeros as usize;
            u <<= zeros as usize;
            v <<= zeros as usize;
            *eta -= zeros.cast_signed();
            left -= zeros;
            if left == 0 {
                break;
            }
            if *eta < 0 {
                *eta = -*eta;
                (f, g) = (g, -f);
                (u, q) = (q, -u);
                (v, r) = (r, -v);
            }
            // Both are odd: a multiple of f makes as many low bits of g zero as the
            // steps may take before f and g change roles; 6 at most, since
            // f (f² - 2) is -1 / f modulo 64.
            let limit = (eta.unsigned_abs() + 1).min(left).min(6);
            let mask = Wrapping(u32::MAX >> (32 - limit));
            let multiple = (g * f * (f * f - Wrapping(2))) & mask;
            g += f * multiple;
            q += u * multiple;
            r += v * multiple;
        }
        let signed = |number: Wrapping<u32>| Wrapping(i64::from(number.0.cast_signed()));
        Self {
            u: signed(u),
            v: signed(v),
            q: signed(q),
            r: signed(r),
        }
    }

    /// Applies the steps to f and g, whose lowest 30 bits become zero and go.
    fn pair(&self, f: &mut Signed, g: &mut Signed) {
        let mut up = self.u * f[0] + self.v * g[0];
        let mut down = self.q * f[0] + self.r * g[0];
        for at in 1..9 {
            up = (up >> BITS) + self.u * f[at] + self.v * g[at];
            down = (down >> BITS) + self.q * f[at] + self.r * g[at];
            f[at - 1] = up & MASK;
            g[at - 1] = down & MASK;
        }
        f[8] = up >> BITS;
        g[8] = down >> BITS;
    }

    /// Applies the steps to d and e modulo the modulus; both stay between -2 and 1
    /// times it.
    fn coefficients(&self, d: &mut Signed, e: &mut Signed, modulus: &Modulus) {
        // -1 where negative: the modulus is added once for each such number.
        let (below_d, below_e) = (d[8] >> 63, e[8] >> 63);
        let mut times_d = (self.u & below_d) + (self.v & below_e);
        let mut times_e = (self.q & below_d) + (self.r & below_e);
        let mut up = self.u * d[0] + self.v * e[0];
        let mut down = self.q * d[0] + self.r * e[0];
        // Multiples of the modulus that make the lowest 30 bits zero.
        times_d -= (modulus.inverse * (up & MASK) + times_d) & MASK;
        times_e -= (modulus.inverse * (down & MASK) + times_e) & MASK;
        up += modulus.limbs[0] * times_d;
        down += modulus.limbs[0] * times_e;
        for (at, limb) in modulus.limbs.iter().enumerate().skip(1) {
            up = (up >> BITS) + self.u * d[at] + self.v * e[at] + limb * times_d;
            down = (down >> BITS) + self.q * d[at] + self.r * e[at] + limb * times_e;
            d[at - 1] = up & MASK;
            e[at - 1] = down & MASK;
        }
        d[8] = up >> BITS;
        e[8] = down >> BITS;
    }
}

/// The number between -2 and 1 times the modulus, negated or not, from 0 on and
/// below the modulus.
fn normalized(number: Signed, negative: bool, modulus: &Modulus) -> Signed {
    let mut number = carried(number);
    if number[8].0 < 0 {
        number = sum(&number, &modulus.limbs);
    }
    if negative {
        number = carried(number.map(|limb| -limb));
    }
    if number[8].0 < 0 {
        number = sum(&number, &modulus.limbs);
    }
    number
}

fn sum(one: &Signed, other: &Signed) -> Signed {
    let mut sum = *one;
    for (limb, other) in sum.iter_mut().zip(other) {
        *limb += other;
    }
    carried(sum)
}

/// All limbs but the last between 0 and 2^30.
fn carried(mut limbs: Signed) -> Signed {
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

const fn split(words: &[u64; 4]) -> Signed {
    let [w0, w1, w2, w3] = *words;
    let limbs = [
        w0,
        w0 >> 30,
        w0 >> 60 | w1 << 4,
        w1 >> 26,
        w1 >> 56 | w2 << 8,
        w2 >> 22,
        w2 >> 52 | w3 << 12,
        w3 >> 18,
        w3 >> 48,
    ];
    let mut signed = ZERO;
    let mut at = 0;
    while at < 9 {
        signed[at].0 = limbs[at].cast_signed() & MASK.0;
        at += 1;
    }
    signed
}

fn join(limbs: &Signed) -> [u64; 4] {
    let [a0, a1, a2, a3, a4, a5, a6, a7, a8] = limbs.map(|limb| limb.0.cast_unsigned());
    [
        a0 | a1 << 30 | a2 << 60,
        a2 >> 4 | a3 << 26 | a4 << 56,
        a4 >> 8 | a5 << 22 | a6 << 52,
        a6 >> 12 | a7 << 18 | a8 << 48,
    ]
}
