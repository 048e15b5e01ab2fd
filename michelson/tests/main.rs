//! The tests of scripts and values from outside: one program, as each takes a link and disk.

mod contracts;
mod properties;
mod support;
