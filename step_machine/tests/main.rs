//! The tests of the machine from outside: one program, as each takes a link and disk.

mod alike;
mod behind;
mod decoded;
mod decoding;
mod edges;
mod kernels;
mod proofs;
mod random;
mod shaped;
mod specification;
