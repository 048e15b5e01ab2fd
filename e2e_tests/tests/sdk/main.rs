//! The SDK through compiled kernels: the machines that it runs on agree, its
//! example runs, and what is installed boots.

mod echo;
mod installer;
mod machines;
mod model;

use std::path::{Path, PathBuf};

/// A module that `make test` builds before the tests.
fn module(name: &str) -> Vec<u8> {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../target/kernel")
        .join(name);
    std::fs::read(&path).unwrap_or_else(|error| {
        panic!(
            "{}: {error}; run `cargo xtask kernel --others` first",
            path.display()
        )
    })
}
