//! The tests of tables and commits from outside: one program, as each takes a link and disk.

mod commit;
mod layouts;
mod overlay;
