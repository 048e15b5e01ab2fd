#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), warn(clippy::too_many_lines))]

pub mod amm;
pub mod bench;
pub mod bridge;
pub mod child;
pub mod counter;
pub mod erc20;
pub mod erc721;
pub mod errors;
pub mod events;
pub mod factory;
pub mod known;
pub mod ledger;
pub mod memory;
pub mod multisig;
pub mod precompiles;
pub mod recursion;
pub mod self_destruct;
pub mod transient;
pub mod traveller;
mod typed;
pub mod uups;
pub mod wallet;

pub use alloy_sol_types::{Panic, Revert, SolCall, SolError, SolEvent, SolValue};

#[cfg(test)]
mod tests {
    use serde_json::Value;

    fn json(text: &str) -> Value {
        serde_json::from_str(text).expect("JSON")
    }

    #[test]
    fn every_artefact_is_by_the_pinned_compiler() {
        let lock = json(include_str!("../package-lock.json"));
        let pinned = &lock["packages"]["node_modules/solc"]["version"];
        let pinned = format!("{}+", pinned.as_str().expect("a version"));
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/artifacts");
        let mut read = 0;
        for file in std::fs::read_dir(folder).expect("a folder") {
            let path = file.expect("a file").path();
            let artifact = json(&std::fs::read_to_string(&path).expect("a text"));
            let compiler = artifact["compiler"].as_str().expect("a version");
            assert!(compiler.starts_with(&pinned), "{path:?}: {compiler}");
            read += 1;
        }
        assert!(read > 20, "{read} artefacts");
    }
}
