//! The curve secp256k1 (SEC 2) for sums of many multiples of points, in as few steps
//! as the machine allows: libsecp256k1 has limbs and formulas for one at a time.
//!
//! Nothing here is a secret, and nothing takes constant time.

mod combination;
mod field;
mod generator;
mod inverse;
mod limbs;
mod point;
mod scalar;
mod sum;
#[cfg(test)]
mod tests;
mod wnaf;

pub(crate) use combination::combination;
pub(crate) use point::Point;
pub(crate) use scalar::Scalar;
pub(crate) use sum::Terms;
