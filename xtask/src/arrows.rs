//! `cargo xtask arrows`: dependencies point one way (ARCHITECTURE.md, "Arrows").

use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::files;
use crate::kernel::{cargo, workspace};

/// The packages that a package may depend on.
struct Rule {
    package: &'static str,
    /// Packages of the workspace that it may depend on.
    may: May,
    /// Crates from outside that it must not depend on: a name, or `prefix*`.
    never: &'static [&'static str],
    /// The things that it must not know, for the advice.
    knows_not: &'static str,
}

enum May {
    Only(&'static [&'static str]),
    Everything,
}

const ETHEREUM: &[&str] = &[
    "alloy-*",
    "revm*",
    "secp256k1*",
    "libsecp256k1*",
    "k256*",
    "arkworks*",
    "rlp*",
];

/// The table of ARCHITECTURE.md, "Arrows". `node` also names `host` and `messages`, which come with `evm_kernel` and
/// `pvm`: it frames inbox messages and reads durable storage through `host::ReadStore`.
const RULES: &[Rule] = &[
    Rule {
        package: "host",
        may: May::Only(&[]),
        never: ETHEREUM,
        knows_not: "Ethereum and messages",
    },
    Rule {
        package: "installer_kernel",
        may: May::Only(&["host"]),
        never: ETHEREUM,
        knows_not: "which kernel it installs",
    },
    Rule {
        package: "messages",
        may: May::Only(&[]),
        never: ETHEREUM,
        knows_not: "the host and Ethereum",
    },
    Rule {
        package: "michelson",
        may: May::Only(&["messages"]),
        // Its keys of tz2 are of the same curve as Ethereum's.
        never: &["alloy-*", "revm*", "rlp*"],
        knows_not: "which contracts there are",
    },
    Rule {
        package: "layer1",
        may: May::Only(&["messages", "michelson"]),
        never: ETHEREUM,
        knows_not: "what the rollup does with its inbox",
    },
    Rule {
        package: "dispute",
        may: May::Only(&["pvm", "messages", "layer1"]),
        never: ETHEREUM,
        knows_not: "Ethereum and who asks for it",
    },
    Rule {
        package: "double",
        may: May::Only(&["pvm", "messages", "michelson", "layer1"]),
        never: ETHEREUM,
        knows_not: "Ethereum and who asks it",
    },
    Rule {
        package: "ethereum",
        may: May::Only(&[]),
        never: &["revm*", "tezos*", "serde_json", "tokio"],
        knows_not: "rollups and storage",
    },
    Rule {
        package: "foldhash",
        may: May::Only(&[]),
        never: &["*"],
        knows_not: "what is hashed",
    },
    Rule {
        package: "rollup",
        may: May::Only(&["host", "messages"]),
        never: ETHEREUM,
        knows_not: "what inputs mean",
    },
    Rule {
        package: "storage",
        may: May::Only(&["host", "rollup", "ethereum"]),
        never: &[
            "revm*",
            "secp256k1*",
            "libsecp256k1*",
            "serde_json",
            "tokio",
        ],
        knows_not: "how values are computed",
    },
    Rule {
        package: "evm_kernel",
        may: May::Only(&[
            "foldhash", "host", "messages", "rollup", "ethereum", "storage",
        ]),
        never: &["serde_json", "tokio", "chrono", "time", "wasmtime", "axum"],
        knows_not: "JSON, clocks and the node",
    },
    Rule {
        package: "tx_kernel",
        may: May::Only(&["host", "messages", "rollup"]),
        never: ETHEREUM,
        knows_not: "Ethereum",
    },
    Rule {
        package: "kernel_module",
        may: May::Only(&[]),
        never: ETHEREUM,
        knows_not: "what runs a module",
    },
    Rule {
        package: "step_machine",
        may: May::Only(&["kernel_module"]),
        never: &["wasmtime", "wasmi"],
        knows_not: "the host, durable storage and other engines",
    },
    Rule {
        package: "pvm",
        may: May::Only(&["host", "kernel_module", "messages", "step_machine"]),
        never: ETHEREUM,
        knows_not: "Ethereum: the kernel is bytes to it",
    },
    Rule {
        package: "node",
        may: May::Only(&[
            "pvm",
            "ethereum",
            "storage",
            "evm_kernel",
            "host",
            "messages",
            "layer1",
            "dispute",
        ]),
        never: &["clap"],
        knows_not: "the command line",
    },
    Rule {
        package: "conformance",
        may: May::Only(&["host", "rollup", "pvm", "node", "ethereum", "storage"]),
        never: &["clap"],
        knows_not: "the command line and the kernel's code",
    },
    Rule {
        package: "page",
        may: May::Only(&["node"]),
        never: &["evm_kernel", "tokio", "redb"],
        knows_not: "how the node answers",
    },
    Rule {
        package: "cli",
        may: May::Only(&[
            "node",
            "page",
            "pvm",
            "conformance",
            "dispute",
            "double",
            "layer1",
            "host",
            "messages",
            "michelson",
            "storage",
            "tx_kernel",
        ]),
        never: &["revm*"],
        knows_not: "how blocks are made",
    },
    Rule {
        package: "solidity_fixtures",
        may: May::Only(&[]),
        never: &[],
        knows_not: "our crates",
    },
    Rule {
        package: "e2e_tests",
        may: May::Everything,
        never: &[],
        knows_not: "",
    },
    Rule {
        package: "benches",
        may: May::Everything,
        never: &[],
        knows_not: "",
    },
    Rule {
        package: "fuzz",
        may: May::Everything,
        never: &[],
        knows_not: "",
    },
    Rule {
        package: "xtask",
        may: May::Everything,
        never: &[],
        knows_not: "",
    },
];

/// One dependency as a manifest states it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Arrow {
    from: String,
    to: String,
    /// Between two packages of the workspace.
    inside: bool,
    /// For tests only.
    dev: bool,
}

/// Prints the arrows that point the wrong way, each with advice.
///
/// # Errors
/// When there is one, or when cargo's metadata cannot be read.
pub(crate) fn check() -> Result<()> {
    let output = Command::new(cargo())
        .current_dir(workspace())
        .args(["metadata", "--format-version", "1", "--no-deps"])
        .output()
        .context("cannot start cargo")?;
    ensure!(
        output.status.success(),
        "cargo metadata: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let (packages, arrows) = arrows(&metadata)?;

    let dev = dev_only(&arrows);
    if !dev.is_empty() {
        println!(
            "in tests only (allowed, not in the table): {}",
            dev.join(", ")
        );
    }
    let mut wrong: Vec<String> = arrows.iter().filter_map(advice).collect();
    for package in &packages {
        if rule(package).is_none() {
            wrong.push(format!(
                "{package} has no line in the table: say in xtask/src/arrows.rs what it may know"
            ));
        }
    }
    if !wrong.is_empty() {
        bail!("arrows that point the wrong way\n  {}", wrong.join("\n  "));
    }
    let inside = arrows
        .iter()
        .filter(|arrow| arrow.inside && !arrow.dev)
        .count();
    println!(
        "arrows: {} packages, {inside} arrows between them, all allowed",
        packages.len()
    );
    files::check(&metadata)
}

fn rule(package: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.package == package)
}

/// Workspace packages and what they depend on, from `cargo metadata`.
fn arrows(metadata: &Value) -> Result<(Vec<String>, Vec<Arrow>)> {
    let packages = metadata["packages"]
        .as_array()
        .context("metadata without packages")?;
    let mut names = Vec::new();
    let mut arrows = Vec::new();
    for package in packages {
        let from = package["name"].as_str().context("package without a name")?;
        names.push(from.to_owned());
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            arrows.push(Arrow {
                from: from.to_owned(),
                to: dependency["name"]
                    .as_str()
                    .context("dependency without a name")?
                    .to_owned(),
                inside: !dependency["path"].is_null(),
                dev: dependency["kind"] == "dev",
            });
        }
    }
    Ok((names, arrows))
}

/// Why an arrow is wrong and what to do instead; `None` if it is allowed.
fn advice(arrow: &Arrow) -> Option<String> {
    let rule = rule(&arrow.from)?;
    if arrow.dev {
        return None;
    }
    let Arrow { from, to, .. } = arrow;
    if arrow.inside {
        let May::Only(allowed) = rule.may else {
            return None;
        };
        if allowed.contains(&to.as_str()) {
            return None;
        }
        let allowed = if allowed.is_empty() {
            "nothing here".to_owned()
        } else {
            allowed.join(", ")
        };
        Some(format!(
            "{from} -> {to}: {from} must not know {}, it may use {allowed}. Pass the value in from the caller, \
             or move the code to the crate that may know both.",
            rule.knows_not
        ))
    } else {
        rule.never.iter().find(|pattern| matches(pattern, to)).map(|_| {
            format!(
                "{from} -> {to}: {from} must not know {}. Put what needs {to} where it is known already.",
                rule.knows_not
            )
        })
    }
}

fn matches(pattern: &str, name: &str) -> bool {
    pattern
        .strip_suffix('*')
        .map_or(pattern == name, |prefix| name.starts_with(prefix))
}

/// Arrows inside the workspace that only tests have and that the table would not allow.
fn dev_only(arrows: &[Arrow]) -> Vec<String> {
    arrows
        .iter()
        .filter(|arrow| arrow.dev && arrow.inside)
        .filter(|arrow| {
            advice(&Arrow {
                dev: false,
                ..(*arrow).clone()
            })
            .is_some()
        })
        .map(|arrow| format!("{} -> {}", arrow.from, arrow.to))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn inside(from: &str, to: &str) -> Arrow {
        Arrow {
            from: from.into(),
            to: to.into(),
            inside: true,
            dev: false,
        }
    }

    fn outside(from: &str, to: &str) -> Arrow {
        Arrow {
            inside: false,
            ..inside(from, to)
        }
    }

    #[test]
    fn the_pipeline_may_use_what_it_is_made_of() {
        for to in ["host", "messages", "ethereum", "storage"] {
            assert_eq!(advice(&inside("evm_kernel", to)), None);
        }
        assert_eq!(advice(&outside("evm_kernel", "revm")), None);
    }

    #[test]
    fn arrows_that_point_back_are_named_with_advice() {
        for (from, to) in [
            ("host", "messages"),
            ("messages", "host"),
            ("ethereum", "storage"),
            ("storage", "messages"),
            ("pvm", "ethereum"),
            ("pvm", "evm_kernel"),
            ("evm_kernel", "node"),
            ("cli", "evm_kernel"),
            ("solidity_fixtures", "ethereum"),
        ] {
            let advice =
                advice(&inside(from, to)).unwrap_or_else(|| panic!("{from} -> {to} passed"));
            assert!(
                advice.starts_with(&format!("{from} -> {to}: {from} must not know ")),
                "{advice}"
            );
        }
    }

    #[test]
    fn ethereum_does_not_come_in_from_outside() {
        for (from, to) in [
            ("host", "alloy-primitives"),
            ("messages", "revm"),
            ("pvm", "alloy-rlp"),
        ] {
            assert!(
                advice(&outside(from, to)).is_some(),
                "{from} -> {to} passed"
            );
        }
        assert_eq!(advice(&outside("ethereum", "alloy-primitives")), None);
        assert_eq!(advice(&outside("messages", "bs58")), None);
    }

    #[test]
    fn tests_may_look_further_and_are_reported_apart() {
        let arrow = Arrow {
            dev: true,
            ..inside("pvm", "evm_kernel")
        };
        assert_eq!(advice(&arrow), None);
        assert_eq!(
            dev_only(&[arrow, inside("cli", "node")]),
            ["pvm -> evm_kernel"]
        );
    }

    #[test]
    fn metadata_is_read_as_arrows() {
        let metadata = json!({"packages": [{"name": "host", "dependencies": [
            {"name": "messages", "path": "/x/messages", "kind": null},
            {"name": "proptest", "kind": "dev"},
        ]}]});
        let (packages, arrows) = arrows(&metadata).unwrap();
        assert_eq!(packages, ["host"]);
        assert_eq!(
            arrows,
            [
                inside("host", "messages"),
                Arrow {
                    dev: true,
                    ..outside("host", "proptest")
                }
            ]
        );
    }
}
