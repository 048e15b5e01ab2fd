//! Settings that governance may change, with their bounds.

use crate::config::{Config, MIN_KEPT_BLOCKS};
use alloc::string::String;
use alloy_primitives::{Address, Bytes};
use ethereum::transaction::MAX_TRANSACTION_GAS;

/// The most work of a run: 8 G wasm instructions, of which a unit is at most 80.
const MAX_RUN_BUDGET: u64 = 100_000_000;

/// The most work of a level: 12 G wasm instructions.
const MAX_LEVEL_BUDGET: u64 = 150_000_000;

/// The least work of a run: a block for the largest transaction of Ethereum.
const MIN_RUN_BUDGET: u64 = MAX_TRANSACTION_GAS * 5 / 2;

/// Levels of a day, 6 seconds each: a deposit's receiver has that long at least.
const DAY: u64 = 14_400;

/// A setting that is a number.
#[derive(Debug)]
struct Number {
    /// Its name in a setup file.
    name: &'static str,
    /// The least and the most that it may become.
    bounds: (u64, u64),
    place: fn(&mut Config) -> &mut u64,
}

/// All of them but the fee recipient.
const NUMBERS: [Number; 8] = [
    Number {
        name: "block_gas_limit",
        bounds: (MAX_TRANSACTION_GAS, MAX_RUN_BUDGET / 5 * 2),
        place: |config| &mut config.block_gas_limit,
    },
    Number {
        name: "run_budget",
        bounds: (MIN_RUN_BUDGET, MAX_RUN_BUDGET),
        place: |config| &mut config.run_budget,
    },
    Number {
        name: "level_budget",
        bounds: (MIN_RUN_BUDGET, MAX_LEVEL_BUDGET),
        place: |config| &mut config.level_budget,
    },
    Number {
        name: "queue_bytes",
        bounds: (1 << 20, 1 << 30),
        place: |config| &mut config.queue_bytes,
    },
    Number {
        name: "base_fee_floor",
        // A transfer for 0.21 tez at most.
        bounds: (1, 10_000_000_000_000),
        place: |config| &mut config.base_fee_floor,
    },
    Number {
        name: "reassign_after",
        bounds: (DAY, u64::MAX),
        place: |config| &mut config.reassign_after,
    },
    Number {
        name: "kept_blocks",
        bounds: (MIN_KEPT_BLOCKS, u64::MAX),
        place: |config| &mut config.kept_blocks,
    },
    Number {
        name: "data_fee",
        // A hundred mutez.
        bounds: (0, 100_000_000_000_000),
        place: |config| &mut config.data_fee,
    },
];

/// The setting that is an address.
pub const FEE_RECIPIENT: &str = "fee_recipient";

/// The names of all settings that governance may change.
pub fn names() -> impl Iterator<Item = &'static str> {
    let numbers = NUMBERS.iter().map(|number| number.name);
    numbers.chain([FEE_RECIPIENT])
}

/// Why a change is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSetting {
    /// No setting is named.
    #[error("no setting is named")]
    Empty,
    /// A name that is no setting, or one that stays as it is for good.
    #[error("no setting \"{0}\" that may change")]
    Unknown(String),
    /// The value is no big-endian number of up to 8 bytes without leading zeros, or
    /// no address.
    #[error("the value of {0} is of another form")]
    Form(&'static str),
    /// The number is out of its bounds.
    #[error("{name} is {value}, not {least} to {most}")]
    Bounds {
        /// The setting.
        name: &'static str,
        /// The least that it may be.
        least: u64,
        /// The most.
        most: u64,
        /// The refused value.
        value: u64,
    },
    /// A run has no room for a block.
    #[error("run_budget is {run}, under 2.5 times block_gas_limit, {gas}")]
    Run {
        /// The run's budget, in units of work.
        run: u64,
        /// The gas of a block.
        gas: u64,
    },
    /// A byte costs too much gas.
    #[error("data_fee is {fee}, over a million times base_fee_floor, {floor}")]
    DataFee {
        /// The price of a byte, in wei.
        fee: u64,
        /// The lowest base fee, in wei for a unit of gas.
        floor: u64,
    },
    /// A level has no room for a run.
    #[error("level_budget is {level}, under run_budget, {run}")]
    Level {
        /// The level's budget, in units of work.
        level: u64,
        /// The run's.
        run: u64,
    },
}

/// The configuration with these settings changed, each a name and its value as RLP
/// has numbers and addresses: all of them or none.
///
/// # Errors
/// [`InvalidSetting`]: the first that is refused.
pub fn changed(config: &Config, changes: &[(Bytes, Bytes)]) -> Result<Config, InvalidSetting> {
    let mut changed = config.clone();
    for (name, value) in changes {
        if name[..] == *FEE_RECIPIENT.as_bytes() {
            let recipient = Address::try_from(&value[..]);
            changed.fee_recipient = recipient.map_err(|_| InvalidSetting::Form(FEE_RECIPIENT))?;
            continue;
        }
        let Some(setting) = NUMBERS
            .iter()
            .find(|known| *known.name.as_bytes() == name[..])
        else {
            let shown = name.get(..32).unwrap_or(&name[..]);
            return Err(InvalidSetting::Unknown(
                String::from_utf8_lossy(shown).into_owned(),
            ));
        };
        let (name, (least, most)) = (setting.name, setting.bounds);
        let value = number(value).ok_or(InvalidSetting::Form(name))?;
        if value < least || value > most {
            return Err(InvalidSetting::Bounds {
                name,
                least,
                most,
                value,
            });
        }
        *(setting.place)(&mut changed) = value;
    }
    if changes.is_empty() {
        return Err(InvalidSetting::Empty);
    }
    together(&changed)?;
    Ok(changed)
}

/// Checks that settings that need each other fit.
fn together(config: &Config) -> Result<(), InvalidSetting> {
    let (run, level, gas) = (
        config.run_budget,
        config.level_budget,
        config.block_gas_limit,
    );
    if run < config.least_run_budget() {
        return Err(InvalidSetting::Run { run, gas });
    }
    if level < run {
        return Err(InvalidSetting::Level { level, run });
    }
    let (fee, floor) = (config.data_fee, config.base_fee_floor);
    if fee > config.most_data_fee() {
        return Err(InvalidSetting::DataFee { fee, floor });
    }
    Ok(())
}

/// A number as RLP has it.
fn number(bytes: &[u8]) -> Option<u64> {
    if bytes.first() == Some(&0) || bytes.len() > 8 {
        return None;
    }
    let byte = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
    Some(bytes.iter().fold(0, byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn change(changes: &[(&str, u64)]) -> Result<Config, InvalidSetting> {
        let pairs = changes.iter().map(|(name, value)| {
            let bytes = value.to_be_bytes();
            let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
            (bytes_of(name), Bytes::copy_from_slice(&bytes[zeros..]))
        });
        changed(&Config::default(), &pairs.collect::<Vec<_>>())
    }

    fn bytes_of(text: &str) -> Bytes {
        Bytes::copy_from_slice(text.as_bytes())
    }

    #[test]
    fn every_number_has_its_place_and_its_bounds() {
        for Number {
            name,
            bounds: (least, most),
            place,
        } in &NUMBERS
        {
            let mut expected = Config::default();
            *place(&mut expected) = *most;
            // Both budgets, where one needs the other.
            let changes = [(*name, *most), ("level_budget", MAX_LEVEL_BUDGET)];
            assert_eq!(change(&changes), Ok(expected));
            for outside in [least.checked_sub(1), most.checked_add(1)] {
                let Some(outside) = outside else { continue };
                let refused = InvalidSetting::Bounds {
                    name,
                    least: *least,
                    most: *most,
                    value: outside,
                };
                assert_eq!(change(&[(name, outside)]), Err(refused));
            }
        }
    }

    #[test]
    fn the_names_are_those_of_a_setup_file() {
        let setup = Config {
            data_fee: 600,
            ..Config::default()
        }
        .to_setup();
        for name in names() {
            assert!(setup.iter().any(|(known, _)| *known == name), "{name}");
        }
    }

    #[test]
    fn settings_that_need_each_other_fit() {
        let least = 30_000_000 / 2 * 5;
        assert_eq!(
            change(&[("run_budget", least)]).map(|config| config.run_budget),
            Ok(least)
        );
        assert_eq!(
            change(&[("run_budget", least - 1)]),
            Err(InvalidSetting::Run {
                run: least - 1,
                gas: 30_000_000
            })
        );
        assert_eq!(
            change(&[("level_budget", 99_999_999)]),
            Err(InvalidSetting::Level {
                level: 99_999_999,
                run: 100_000_000
            })
        );
        assert_eq!(
            change(&[("data_fee", 1_000_001), ("base_fee_floor", 1)]),
            Err(InvalidSetting::DataFee {
                fee: 1_000_001,
                floor: 1
            })
        );
        // Together they do, in any order.
        assert!(change(&[("level_budget", 80_000_000), ("run_budget", 80_000_000)]).is_ok());
    }

    #[test]
    fn what_is_no_setting_is_refused() {
        let config = Config::default();
        let recipient = Address::repeat_byte(7);
        assert_eq!(
            changed(
                &config,
                &[(bytes_of("fee_recipient"), recipient.to_vec().into())]
            ),
            Ok(Config {
                fee_recipient: recipient,
                ..Config::default()
            })
        );
        for (name, value, refused) in [
            (
                "fee_recipient",
                &[7; 19][..],
                InvalidSetting::Form("fee_recipient"),
            ),
            (
                "kept_blocks",
                &[0, 4, 0],
                InvalidSetting::Form("kept_blocks"),
            ),
            ("kept_blocks", &[1; 9], InvalidSetting::Form("kept_blocks")),
            ("chain_id", &[1], InvalidSetting::Unknown("chain_id".into())),
            (
                "ticketer",
                &[1; 20],
                InvalidSetting::Unknown("ticketer".into()),
            ),
            ("", &[], InvalidSetting::Unknown(String::new())),
        ] {
            let change = (bytes_of(name), Bytes::copy_from_slice(value));
            assert_eq!(changed(&config, &[change]), Err(refused));
        }
        assert_eq!(changed(&config, &[]), Err(InvalidSetting::Empty));
    }

    proptest! {
        #[test]
        fn whatever_governance_says_the_rollup_goes_on(
            changes in proptest::collection::vec((0..NUMBERS.len(), any::<u64>()), 0..5)
        ) {
            let changes: Vec<_> = changes
                .into_iter()
                .map(|(index, value)| {
                    let Number { name, bounds: (least, most), .. } = NUMBERS[index];
                    // Half of them within bounds.
                    let inside = least + value / 2 % (most - least);
                    (name, if value % 2 == 0 { inside } else { value })
                })
                .collect();
            if let Ok(config) = change(&changes) {
                prop_assert!(config.run_budget >= config.least_run_budget());
                prop_assert!(config.level_budget >= config.run_budget);
                prop_assert!(config.run_budget <= MAX_RUN_BUDGET);
                prop_assert!(config.level_budget <= MAX_LEVEL_BUDGET);
                prop_assert!(config.kept_blocks >= MIN_KEPT_BLOCKS);
            }
        }
    }
}
