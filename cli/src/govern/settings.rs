//! Decisions that change settings.

use crate::address::EvmAddress;
use crate::setup;
use alloy_primitives::{Address, Bytes};
use anyhow::{Context, bail, ensure};
use clap::Args;
use node::governance::{Decision, change};
use storage::Config;
use storage::settings::{FEE_RECIPIENT, InvalidSetting, changed, names};

/// The options of a change of settings.
#[derive(Args, Debug)]
pub(crate) struct ChangeSettings {
    /// A setting and its new value, such as `base_fee_floor=2000000000` or
    /// `fee_recipient=0x…`
    #[arg(required = true, value_name = "NAME=VALUE")]
    changes: Vec<String>,
}

impl ChangeSettings {
    /// The decision, and what to think about before it is made.
    pub(super) fn decision(
        &self,
        rollup: [u8; 20],
        warnings: &mut Vec<String>,
    ) -> anyhow::Result<Decision> {
        let changes = self.changes.iter().map(|text| one(text));
        let changes = changes.collect::<anyhow::Result<Vec<_>>>()?;
        for (index, (name, _)) in changes.iter().enumerate() {
            let twice = changes.iter().take(index).any(|(other, _)| other == name);
            ensure!(!twice, "{} is set twice", String::from_utf8_lossy(name));
        }
        match changed(&Config::default(), &changes) {
            Ok(config) => {
                let odd = setup::warnings(&config).into_iter();
                let of_these = |text: &String| {
                    let mut names = changes
                        .iter()
                        .map(|(name, _)| String::from_utf8_lossy(name));
                    names.any(|name| text.contains(&format!("({name})")))
                };
                warnings.extend(odd.filter(of_these));
            }
            // Whether they fit what the rollup has is not known here.
            Err(
                why @ (InvalidSetting::Run { .. }
                | InvalidSetting::Level { .. }
                | InvalidSetting::DataFee { .. }),
            ) => warnings.push(format!(
                "a rollup with the default settings refuses it: {why}"
            )),
            Err(InvalidSetting::Unknown(name)) => bail!(
                "no setting {name:?} that governance may change: there are {}",
                names().collect::<Vec<_>>().join(", ")
            ),
            Err(why) => bail!("the kernel would refuse it: {why}"),
        }
        Ok(Decision::Settings { rollup, changes })
    }
}

/// A name with its value.
fn one(text: &str) -> anyhow::Result<(Bytes, Bytes)> {
    let (name, value) = text
        .split_once('=')
        .with_context(|| format!("{text:?} is not a NAME=VALUE"))?;
    if name == FEE_RECIPIENT {
        let EvmAddress(address) = value.parse().map_err(anyhow::Error::msg)?;
        return Ok(change(name, &address));
    }
    let number: u64 = value
        .replace('_', "")
        .parse()
        .with_context(|| format!("{name}: {value:?} is not a number"))?;
    Ok(change(name, &number))
}

/// Settings for people: the names that the kernel knows, and what it makes of the values.
pub(super) fn facts(changes: &[(Bytes, Bytes)]) -> Vec<(&'static str, String)> {
    let fact = |(name, value): &(Bytes, Bytes)| {
        let text = String::from_utf8_lossy(name);
        let known = names().find(|known| *known == text);
        let shown = match known {
            Some(FEE_RECIPIENT) => Address::try_from(&value[..])
                .ok()
                .map(|one| one.to_string()),
            Some(_) if value.len() <= 8 => {
                let byte = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
                Some(value.iter().fold(0, byte).to_string())
            }
            _ => None,
        };
        match (known, shown) {
            (Some(known), Some(shown)) => (known, shown),
            _ => ("refused", format!("{text} = {value}")),
        }
    };
    changes.iter().map(fact).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decide(changes: &[&str]) -> anyhow::Result<(Decision, Vec<String>)> {
        let mut warnings = Vec::new();
        let options = ChangeSettings {
            changes: changes.iter().map(|one| (*one).to_owned()).collect(),
        };
        let decision = options.decision([7; 20], &mut warnings)?;
        Ok((decision, warnings))
    }

    #[test]
    fn settings_are_names_and_values() {
        let recipient = "0xde0B295669a9FD93d5F28D9Ec85E40f4cb697BAe";
        let (decision, warnings) = decide(&[
            "base_fee_floor=2_000_000_000",
            &format!("fee_recipient={recipient}"),
        ])
        .unwrap();
        assert_eq!(warnings, Vec::<String>::new());
        let Decision::Settings { changes, .. } = decision else {
            panic!("another decision");
        };
        assert_eq!(
            facts(&changes),
            [
                ("base_fee_floor", "2000000000".to_owned()),
                ("fee_recipient", recipient.to_owned()),
            ]
        );
        let (_, warnings) = decide(&["reassign_after=18446744073709551615"]).unwrap();
        assert!(warnings[0].contains("over ten years"), "{warnings:?}");
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        let (_, warnings) = decide(&["level_budget=90000000"]).unwrap();
        assert_eq!(warnings.len(), 1, "{warnings:?}");
    }

    #[test]
    fn what_the_kernel_would_refuse_is_refused_here() {
        for (change, reason) in [
            ("kept_blocks", "not a NAME=VALUE"),
            ("kept_blocks=many", "is not a number"),
            ("kept_blocks=511", "kept_blocks is 511"),
            ("run_budget=100000001", "run_budget is 100000001"),
            ("chain_id=7", "no setting \"chain_id\""),
            ("fee_recipient=0x11", "0x11"),
        ] {
            let error = format!("{:#}", decide(&[change]).unwrap_err());
            assert!(error.contains(reason), "{error}");
        }
        let twice = decide(&["kept_blocks=600", "kept_blocks=700"]).unwrap_err();
        assert!(twice.to_string().contains("twice"));
    }
}
