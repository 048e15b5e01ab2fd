//! The tests of disputes from outside: one program, as each takes a link and disk.

mod faults;
