//! The SDK through compiled kernels: the machines that it runs on agree, its
//! example runs, and what is installed boots.

mod echo;
mod installer;
mod machines;
mod model;
