//! `cargo xtask features`: every crate compiles with no feature, with each one alone, and with all.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::kernel;

/// The folder of these builds: other features would make the usual one build everything again.
const TARGET: &str = "target/features";

/// Features that a crate cannot do without: it takes one of them with any set. Senders are
/// recovered by the library in C or by our own curve.
const ONE_OF: [(&str, &str); 3] = [
    ("ethereum", "rust-secp256k1"),
    ("storage", "ethereum/rust-secp256k1"),
    ("evm_kernel", "rust-secp256k1"),
];

/// Checks all sets of these packages, or of all if none is named; prints each.
///
/// # Errors
/// The sets that do not compile, or a name that no package with features has.
pub(crate) fn check(named: &[&str]) -> Result<()> {
    let mut failed = Vec::new();
    let mut packages = packages()?;
    for name in named {
        let known = packages.iter().any(|(package, _)| package == name);
        ensure!(known, "no package {name} has features");
    }
    packages.retain(|(package, _)| named.is_empty() || named.contains(&package.as_str()));
    for (package, features) in packages {
        for set in sets(&package, &features) {
            println!("{package} [{}]", set.join(", "));
            if !compiles(&package, &set)? {
                failed.push(format!("{package} [{}]", set.join(", ")));
            }
        }
    }
    ensure!(failed.is_empty(), "do not compile: {}", failed.join("; "));
    Ok(())
}

/// The packages of the workspace that have features, with their names.
fn packages() -> Result<Vec<(String, Vec<String>)>> {
    let output = Command::new(kernel::cargo())
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(kernel::workspace())
        .output()
        .context("cannot start cargo")?;
    ensure!(output.status.success(), "cargo metadata failed");
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let packages = metadata["packages"].as_array().context("no packages")?;
    let packages = packages.iter().filter_map(|package| {
        let features = package["features"].as_object()?;
        let names = features.keys().filter(|name| *name != "default");
        let names: Vec<String> = names.cloned().collect();
        (!names.is_empty()).then(|| (package["name"].as_str().map(str::to_owned), names))
    });
    packages
        .map(|(name, features)| Ok((name.context("a package without a name")?, features)))
        .collect()
}

/// The sets of features to check: none, each alone, all; each with what the crate needs.
fn sets(package: &str, features: &[String]) -> Vec<Vec<String>> {
    let none = Vec::new();
    let alone = features.iter().map(|feature| vec![feature.clone()]);
    let mut sets: Vec<Vec<String>> = [none].into_iter().chain(alone).collect();
    if features.len() > 1 {
        sets.push(features.to_vec());
    }
    let needed = ONE_OF.iter().find(|(name, _)| *name == package);
    for set in &mut sets {
        let recovers = set.iter().any(|feature| feature.ends_with("secp256k1"));
        if let (Some((_, feature)), false) = (needed, recovers) {
            set.push((*feature).to_owned());
        }
    }
    sets
}

fn compiles(package: &str, set: &[String]) -> Result<bool> {
    let status = Command::new(kernel::cargo())
        .args(["check", "--quiet", "--package", package])
        .args(["--target-dir", TARGET, "--no-default-features"])
        .args(["--features", &set.join(",")])
        .env("RUSTFLAGS", "-Dwarnings")
        .current_dir(kernel::workspace())
        .status()
        .context("cannot start cargo")?;
    Ok(status.success())
}

#[cfg(test)]
mod tests {
    use super::sets;

    #[test]
    fn sets_are_none_each_and_all() {
        let features = ["a", "b"].map(str::to_owned);
        assert_eq!(
            sets("host", &features),
            [vec![], vec!["a"], vec!["b"], vec!["a", "b"]]
        );
        assert_eq!(sets("tx_kernel", &features[..1]).len(), 2);
    }

    #[test]
    fn a_crate_that_recovers_senders_has_code_for_it_in_each_set() {
        let features = ["c-secp256k1", "std"].map(str::to_owned);
        assert_eq!(
            sets("ethereum", &features),
            [
                vec!["rust-secp256k1"],
                vec!["c-secp256k1"],
                vec!["std", "rust-secp256k1"],
                vec!["c-secp256k1", "std"],
            ]
        );
    }
}
