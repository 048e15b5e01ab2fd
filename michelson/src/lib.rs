#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), warn(clippy::too_many_lines))]

pub mod check;
pub mod contract;
pub mod encoding;
pub mod run;
pub mod signature;
pub mod syntax;
pub mod ty;
pub mod value;

mod error;

pub use contract::Contract;
pub use error::Error;
pub use syntax::Node;
pub use ty::Type;
pub use value::Value;
