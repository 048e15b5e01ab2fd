//! The tests of the queue from outside: one program, as each takes a link and disk.

mod lanes;
mod level;
mod queue;
