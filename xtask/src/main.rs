//! Builds the kernel; checks the arrows.

fn main() {}
