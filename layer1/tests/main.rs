//! The tests of the model from outside: one program, as each takes a link and disk.

mod bridge;
mod properties;
