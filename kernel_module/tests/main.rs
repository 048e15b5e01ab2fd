//! The tests of the rules from outside: one program, as each takes a link and disk.

mod rules;
