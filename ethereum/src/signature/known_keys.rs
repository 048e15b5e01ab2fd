//! Many signatures whose keys are known, checked at once.
//!
//! [`recover`](super::recover) finds the one key that made a signature: that with
//! R = (z / s) G + (r / s) Q, where the point R is told by r and the parity. If Q is
//! known already this is an equation, and many of them can be checked by one sum: each
//! is multiplied by a coefficient of 128 bits that nobody could know when the
//! signatures were made, since it is a hash of them all. The group's order is prime:
//! if one of the equations does not hold, the sum is nothing with a probability of
//! 2^-128 for each set of signatures that is tried. If all hold it is nothing always.
//!
//! So [`check`] accepts exactly what recovery finds these keys for.

use super::{HALF_ORDER, Signature};
use crate::curve::{Point, Scalar, Terms};
use crate::keccak::{keccak256, keccak256_of};
use alloc::vec;
use alloc::vec::Vec;
use alloy_primitives::{B256, U256};

/// A public key: a point of the curve.
#[derive(Clone, Copy, Debug)]
pub struct PublicKey(Point);

impl PublicKey {
    /// The key with these coordinates (x ++ y); none if that is no point of the curve.
    #[must_use]
    pub fn new(bytes: &[u8; 64]) -> Option<Self> {
        let (x, y) = bytes.split_first_chunk()?;
        Point::from_bytes(x, y.try_into().ok()?).map(Self)
    }
}

/// A signature that a known key is said to have made.
#[derive(Clone, Copy, Debug)]
pub struct Claim {
    /// The signed hash.
    pub hash: B256,
    /// The signature.
    pub signature: Signature,
    /// y of the signature's point, if it is known: it saves a square root.
    pub y: Option<[u8; 32]>,
    /// Which of the keys is said to have signed.
    pub key: usize,
}

/// y of a signature's point, for [`Claim::y`]; none if it has no point.
#[must_use]
pub fn point(signature: &Signature) -> Option<[u8; 32]> {
    Point::lift(&signature.r.to_be_bytes(), signature.y_parity).map(|point| point.y_bytes())
}

/// True if every claim holds: [`recover`](super::recover) would find this very key.
///
/// `names` name all claims: whoever changes a hash, a signature or a key must have
/// changed them, too. They ought to start with what nobody else uses.
#[must_use]
pub fn check(names: &[u8], keys: &[PublicKey], claims: &[Claim]) -> bool {
    terms(names, keys, claims).is_some_and(|terms| terms.cancel())
}

/// The sum that is to be nothing; none if a signature or a point is invalid.
fn terms(names: &[u8], keys: &[PublicKey], claims: &[Claim]) -> Option<Terms> {
    let signatures = claims.iter().map(Numbers::of).collect::<Option<Vec<_>>>()?;
    let inverses = inverses(&signatures)?;
    let mut coefficients = Coefficients::new(names);
    let mut generator = Scalar::ZERO;
    let mut factors = vec![Scalar::ZERO; keys.len()];
    let mut short = Vec::with_capacity(claims.len());
    for ((claim, numbers), inverse) in claims.iter().zip(&signatures).zip(&inverses) {
        let coefficient = coefficients.next();
        // All products with it are lifted: times a plain number they are plain.
        let weight = Scalar::of_half(coefficient).lifted().times(inverse);
        generator = generator.plus(&weight.times(&Scalar::of_hash(&claim.hash.0)));
        let factor = factors.get_mut(claim.key)?;
        *factor = factor.plus(&weight.times(&numbers.r));
        short.push((numbers.point(claim)?.negated(), coefficient));
    }
    let long = keys.iter().map(|key| key.0).zip(factors);
    let long = long.chain([(Point::GENERATOR, generator)]).collect();
    Some(Terms { short, long })
}

/// A signature's numbers.
struct Numbers {
    r: Scalar,
    s: Scalar,
}

impl Numbers {
    /// Those of a signature that is in range, with s in the lower half.
    fn of(claim: &Claim) -> Option<Self> {
        let Signature { r, s, .. } = &claim.signature;
        if *s > HALF_ORDER {
            return None;
        }
        Some(Self {
            r: Scalar::from_bytes(&r.to_be_bytes())?,
            s: Scalar::from_bytes(&s.to_be_bytes())?,
        })
    }

    /// The signature's point. Its x is r: with r + n, which is below p for some r, the
    /// recovery id is 2 or 3, which Ethereum does not know.
    fn point(&self, claim: &Claim) -> Option<Point> {
        let Signature { r, y_parity, .. } = &claim.signature;
        let x = r.to_be_bytes();
        match &claim.y {
            None => Point::lift(&x, *y_parity),
            Some(y) => Point::from_bytes(&x, y).filter(|point| point.is_odd() == *y_parity),
        }
    }
}

/// 1 / s of each signature, lifted, by one inversion.
fn inverses(signatures: &[Numbers]) -> Option<Vec<Scalar>> {
    let one = Scalar::of_half([1, 0]).lifted();
    let mut product = one;
    let mut before = Vec::with_capacity(signatures.len());
    for Numbers { s, .. } in signatures {
        let s = s.lifted();
        before.push((product, s));
        product = product.times(&s);
    }
    let mut inverse = product.inverse_of_lifted()?;
    let mut inverses = Vec::with_capacity(before.len());
    for (before, s) in before.iter().rev() {
        inverses.push(inverse.times(before));
        inverse = inverse.times(s);
    }
    inverses.reverse();
    Some(inverses)
}

/// The factors of the equations: 1 for the first, for the others 128 bits of
/// keccak-256 of the names' keccak-256 and a counter (4 bytes), two from each hash.
struct Coefficients {
    seed: B256,
    count: u32,
    left: Option<[u64; 2]>,
}

impl Coefficients {
    fn new(names: &[u8]) -> Self {
        Self {
            seed: keccak256(names),
            count: 0,
            left: Some([1, 0]),
        }
    }

    /// The next one, the lower word first.
    fn next(&mut self) -> [u64; 2] {
        if let Some(left) = self.left.take() {
            return left;
        }
        let hash = keccak256_of(&[self.seed.as_slice(), &self.count.to_be_bytes()]);
        self.count = self.count.wrapping_add(1);
        let [a, b, c, d] = U256::from_be_bytes(hash.0).into_limbs();
        self.left = Some([a, b]);
        [c, d]
    }
}
