//! The transactions kernel, through the compiled module.

mod batches;
mod bounds;
mod deposits;
mod tools;
mod traps;
mod withdrawals;
