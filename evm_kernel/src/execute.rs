//! Signed transaction → receipt, on the block's view of the world.

pub(crate) mod data_fee;
pub(crate) mod engine;
pub(crate) mod executor;
pub(crate) mod instructions;
pub(crate) mod interpreter;
pub(crate) mod precompiles;
pub(crate) mod price;
pub(crate) mod validate;
pub(crate) mod words;
pub(crate) mod work;
pub(crate) mod world;
