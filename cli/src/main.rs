//! The evm-rollup command.

fn main() {}
