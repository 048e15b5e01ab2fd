//! Whole-system tests, through the compiled kernel.
