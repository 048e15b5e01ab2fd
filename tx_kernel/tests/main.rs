//! The tests of the kernel from outside: one program, as each takes a link and disk.

mod vectors;
