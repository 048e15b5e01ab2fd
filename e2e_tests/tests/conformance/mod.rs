//! State tests of our own through the compiled kernel. Ethereum's are in `tests/suites`.

mod own;
mod programs;

use std::path::{Path, PathBuf};

/// A folder of the checkout.
fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)
}
