//! Decisions of options, and in words.

use crate::address::{EvmAddress, Sr1};
use crate::setup::Target;
use alloy_primitives::Address;
use anyhow::{Context, bail, ensure};
use clap::Args;
use jiff::Timestamp;
use node::governance::{Assignment, Decision};
use pvm::report::report;
use pvm::{Purpose, Version};
use serde_json::{Value, json};
use std::path::PathBuf;

/// A decision whose time is further away is how one is called off.
const FAR: i64 = 10 * 365 * 24 * 3600;

/// The time of an upgrade at once: any that is past is.
const NOW: i64 = 0;

/// The options of an upgrade.
#[derive(Args, Debug)]
pub(crate) struct Upgrade {
    /// The root hash of the new kernel's pages, as `installer` prints it
    #[arg(long, value_name = "HASH")]
    root: String,
    /// The activation time, such as 2026-12-24T12:00Z; `now`: at once
    #[arg(long, value_name = "TIME|now")]
    at: String,
    /// The folder with the pages: what they hold is checked to be a kernel
    #[arg(long, value_name = "DIR")]
    preimages: Option<PathBuf>,
}

/// Common options of assignments.
#[derive(Args, Debug)]
pub(crate) struct Assign {
    /// The number of deposits that the bridge has assigned (`assigned()` of its contract)
    #[arg(long)]
    counter: u64,
    /// The new receiver of the deposit
    #[arg(long, value_name = "0x…")]
    receiver: EvmAddress,
}

impl Upgrade {
    /// The decision, and what to think about before it is made.
    pub(super) fn decision(&self, warnings: &mut Vec<String>) -> anyhow::Result<Decision> {
        let bytes = hex::decode(self.root.trim_start_matches("0x")).ok();
        let root: Option<[u8; 33]> = bytes.and_then(|bytes| bytes.try_into().ok());
        let root = root.filter(|root| root[0] == 0).with_context(|| {
            format!(
                "{:?} is not a root hash: expected 66 hex digits, the first two 00",
                self.root
            )
        })?;
        let time = self.time(warnings)?;
        match &self.preimages {
            None => warnings.push(
                "what the pages hold is not checked: give their folder (--preimages)".to_owned(),
            ),
            Some(folder) => {
                let kernel = pvm::setup::pages(&root, Some(folder))?;
                let report = report(&kernel, Version::default());
                ensure!(
                    report.is_valid(),
                    "the pages hold no kernel that the machine accepts: see `evm-rollup verify`"
                );
                if let Some(why) = Purpose::of(&kernel).warning() {
                    bail!("the pages hold {why}");
                }
                if Target::of(&kernel) != Target::Evm {
                    warnings.push(
                        "the pages hold another kernel than the EVM kernel: with it the rollup has \
                         no bridge and no governance, for good"
                            .to_owned(),
                    );
                }
            }
        }
        Ok(Decision::Upgrade(storage::Upgrade {
            root,
            time,
            pending: true,
        }))
    }

    fn time(&self, warnings: &mut Vec<String>) -> anyhow::Result<i64> {
        if self.at == "now" {
            return Ok(NOW);
        }
        let time = time(&self.at)?;
        let now = Timestamp::now().as_second();
        ensure!(
            time > now,
            "{} is past: `--at now` has the upgrade made at once",
            self.at
        );
        if time > now + FAR {
            warnings.push(format!(
                "{} is far away: this calls off an upgrade that is pending",
                self.at
            ));
        }
        Ok(time)
    }
}

/// A time, in seconds since 1970.
pub(super) fn time(text: &str) -> anyhow::Result<i64> {
    let time: Timestamp = text.parse().map_err(|error| {
        anyhow::anyhow!("{text:?} is not a time, such as 2026-12-24T12:00Z: {error}")
    })?;
    Ok(time.as_second())
}

/// A proxy; `none` is the zero address.
pub(super) fn proxy(text: &str) -> anyhow::Result<Address> {
    if text == "none" {
        return Ok(Address::ZERO);
    }
    let EvmAddress(address) = text.parse().map_err(anyhow::Error::msg)?;
    Ok(address)
}

impl Assign {
    /// The assignment of a deposit.
    pub(super) fn assignment<const LEN: usize>(
        &self,
        rollup: [u8; 20],
        place: [u64; LEN],
        proxy: Option<Address>,
    ) -> anyhow::Result<Assignment<[u64; LEN]>> {
        let EvmAddress(receiver) = self.receiver;
        if receiver == Address::ZERO {
            bail!("nobody has the zero address: the deposit would be lost");
        }
        Ok(Assignment {
            rollup,
            counter: self.counter,
            place,
            receiver,
            proxy,
        })
    }
}

/// The rollup that a decision names.
pub(super) const fn rollup(decision: &Decision) -> Option<[u8; 20]> {
    match decision {
        Decision::Upgrade(_) => None,
        Decision::AssignDeposit(assignment) => Some(assignment.rollup),
        Decision::AssignTickets(assignment) => Some(assignment.rollup),
        Decision::Requeue { rollup, .. } | Decision::Settings { rollup, .. } => Some(*rollup),
    }
}

/// A decision for people, a line for each thing, and as JSON.
pub(super) fn describe(decision: &Decision) -> (String, Value) {
    let facts = facts(decision);
    let lines: Vec<String> = facts
        .iter()
        .map(|(name, value)| format!("{name:<10} {value}"))
        .collect();
    let object = facts
        .into_iter()
        .map(|(name, value)| (name.replace(' ', "_"), Value::from(value)));
    (
        lines.join("\n"),
        json!({ "decision": Value::from_iter(object) }),
    )
}

fn facts(decision: &Decision) -> Vec<(&'static str, String)> {
    let assigned = |what: &str, rollup: [u8; 20], counter: u64, receiver: Address| {
        vec![
            ("decides", what.to_owned()),
            ("rollup", Sr1(rollup).to_string()),
            ("counter", counter.to_string()),
            ("receiver", receiver.to_string()),
        ]
    };
    match decision {
        Decision::Upgrade(upgrade) => {
            let at = match upgrade.time {
                NOW => "now".to_owned(),
                time => Timestamp::from_second(time)
                    .map_or_else(|_| time.to_string(), |time| time.to_string()),
            };
            vec![
                ("decides", "the kernel is replaced".to_owned()),
                ("root", hex::encode(upgrade.root)),
                ("at", at),
            ]
        }
        Decision::AssignDeposit(one) => {
            let mut facts = assigned(
                "a native deposit gets another receiver",
                one.rollup,
                one.counter,
                one.receiver,
            );
            let [level, message] = one.place;
            facts.push(("level", level.to_string()));
            facts.push(("message", message.to_string()));
            facts
        }
        Decision::AssignTickets(one) => {
            let mut facts = assigned(
                "a deposit of tickets gets another receiver",
                one.rollup,
                one.counter,
                one.receiver,
            );
            let [deposit] = one.place;
            facts.push(("deposit", deposit.to_string()));
            facts.extend(one.proxy.map(|proxy| ("proxy", proxy.to_string())));
            facts
        }
        Decision::Settings { rollup, changes } => {
            let mut facts = vec![
                ("decides", "settings change with the next level".to_owned()),
                ("rollup", Sr1(*rollup).to_string()),
            ];
            facts.extend(super::settings::facts(changes));
            facts
        }
        Decision::Requeue { rollup, number } => vec![
            ("decides", "a message in doubt is sent again".to_owned()),
            ("rollup", Sr1(*rollup).to_string()),
            ("number", number.to_string()),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_rfc_3339_without_seconds_too() {
        assert_eq!(time("2026-12-24T12:00Z").unwrap(), 1_798_113_600);
        assert_eq!(time("1970-01-01T01:00:01+01:00").unwrap(), 1);
        for text in ["", "tomorrow", "2026-12-24", "2026-13-01T00:00Z", "12:00"] {
            assert!(time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_decision_is_told_in_lines() {
        let requeue = Decision::Requeue {
            rollup: [4; 20],
            number: 5,
        };
        let (text, json) = describe(&requeue);
        assert!(text.contains("number     5"), "{text}");
        assert_eq!(json["decision"]["number"], "5");
        assert_eq!(rollup(&requeue), Some([4; 20]));
        let upgrade = |time| {
            Decision::Upgrade(storage::Upgrade {
                root: [0; 33],
                time,
                pending: true,
            })
        };
        for (time, at) in [(NOW, "now"), (1_798_113_600, "2026-12-24T12:00:00Z")] {
            let (text, json) = describe(&upgrade(time));
            assert!(text.ends_with(&format!("at         {at}")), "{text}");
            assert_eq!(json["decision"]["at"], at);
        }
    }
}
