//! The targets on fixed seeds: one program, as each takes a link and disk.

mod numbers;
mod steps;
