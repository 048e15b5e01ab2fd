//! The transactions kernel, through the compiled module.

mod batches;
mod bounds;
mod deposits;
mod rollup;
mod traps;
mod withdrawals;
