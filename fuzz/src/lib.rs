#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), warn(clippy::too_many_lines))]

pub mod abis;
pub mod bytes;
pub mod case;
pub mod differential;
pub mod evm_batches;
pub mod evm_crate;
pub mod inbox;
pub mod kernel;
pub mod michelson_text;
#[cfg(test)]
mod numbers;
pub mod opinion;
pub mod precompiles;
pub mod program;
pub mod proofs;
pub mod random;
pub mod steps;
pub mod targets;
mod tight;
pub mod work;
