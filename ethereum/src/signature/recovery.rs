//! Recovery on our own curve: what the kernel ships.

use crate::curve::{Point, Scalar, combination};

/// The key (x ++ y, 32 bytes each) that signed `hash`; none if r or s (`signature` is
/// r ++ s) is out of range or no key fits. `odd` says which y the signature's point has.
///
/// That is Q = (s / r) R - (z / r) G (SEC 1, 4.1.6), with the point R whose x is r.
#[must_use]
pub fn key(hash: &[u8; 32], signature: &[u8; 64], odd: bool) -> Option<[u8; 64]> {
    let (r_bytes, s_bytes) = signature.split_first_chunk()?;
    let r = Scalar::from_bytes(r_bytes)?;
    let s = Scalar::from_bytes(s_bytes.first_chunk()?)?;
    let inverse = r.lifted().inverse_of_lifted()?;
    let point = Point::lift(r_bytes, odd)?.negated();
    let generator = inverse.times(&Scalar::of_hash(hash));
    let minus = combination(&point, &inverse.times(&s), &generator)?;
    Some(minus.negated().to_bytes())
}
