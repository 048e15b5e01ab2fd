//! The pages over HTTP: one program, as each takes a link and disk.

mod large;
mod lists;
mod support;
mod views;
