//! The EVM rollup kernel.
