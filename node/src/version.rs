//! The node's name.

use alloy_primitives::B256;

/// Name and version of this node.
#[must_use]
pub fn client_version() -> String {
    format!(
        "evm-rollup/v{}/{}-{}/rust",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::OS,
        std::env::consts::ARCH
    )
}

/// A number that no other start has.
pub(crate) fn instance() -> B256 {
    let mut bytes = [0; 32];
    // Without random numbers all starts are one.
    let _ = getrandom::fill(&mut bytes);
    bytes.into()
}
