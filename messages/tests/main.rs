//! The tests of the formats from outside: one program, as each takes a link and disk.

mod properties;
mod vectors;
