//! Measures through the compiled kernel.

fn main() {}
