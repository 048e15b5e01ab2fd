//! An operator's decisions, as options or as a TOML file.

use crate::address::{EvmAddress, Kt1};
use crate::files;
use anyhow::{Context, bail};
use clap::Args;
use serde::{Deserialize, Serialize};
use std::path::Path;
use storage::Config;

/// The settings of a rollup; one that is absent has its default.
#[derive(Args, Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// The EIP-155 chain id
    #[arg(long, value_name = "NUMBER")]
    chain_id: Option<u64>,
    /// The contract whose tickets are the native token (the exchanger)
    #[arg(long, value_name = "KT1…")]
    pub(crate) ticketer: Option<Kt1>,
    /// The contract that may force transactions in (the delayed inbox)
    #[arg(long, value_name = "KT1…")]
    pub(crate) delayed_bridge: Option<Kt1>,
    /// The contract that may upgrade the kernel and assign deposits
    #[arg(long, value_name = "KT1…")]
    pub(crate) kernel_governance: Option<Kt1>,
    /// The receiver of the priority fees
    #[arg(long, value_name = "0x…")]
    fee_recipient: Option<EvmAddress>,
    /// The lowest base fee, in wei for a unit of gas
    #[arg(long, value_name = "WEI")]
    base_fee_floor: Option<u64>,
    /// The gas of a block
    #[arg(long, value_name = "GAS")]
    block_gas_limit: Option<u64>,
    /// The bytes that may wait in the queue
    #[arg(long, value_name = "BYTES")]
    queue_bytes: Option<u64>,
    /// The number of levels after which governance may give a kept deposit to another receiver
    #[arg(long, value_name = "LEVELS")]
    reassign_after: Option<u64>,
    /// The number of newest blocks to keep in durable storage
    #[arg(long, value_name = "BLOCKS")]
    kept_blocks: Option<u64>,
    /// The price of a transaction's byte for its way through layer 1, in wei
    #[arg(long, visible_alias = "l1-fee", value_name = "WEI")]
    data_fee: Option<u64>,
}

/// A file with all settings, each explained.
pub(crate) const TEMPLATE: &str = include_str!("settings.toml");

impl Settings {
    /// The settings in a file.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = files::text(path)?;
        toml::from_str(&text).with_context(|| path.display().to_string())
    }

    /// These settings, and of `others` what these do not say.
    pub(crate) fn or(self, others: Self) -> Self {
        Self {
            chain_id: self.chain_id.or(others.chain_id),
            ticketer: self.ticketer.or(others.ticketer),
            delayed_bridge: self.delayed_bridge.or(others.delayed_bridge),
            kernel_governance: self.kernel_governance.or(others.kernel_governance),
            fee_recipient: self.fee_recipient.or(others.fee_recipient),
            base_fee_floor: self.base_fee_floor.or(others.base_fee_floor),
            block_gas_limit: self.block_gas_limit.or(others.block_gas_limit),
            queue_bytes: self.queue_bytes.or(others.queue_bytes),
            reassign_after: self.reassign_after.or(others.reassign_after),
            kept_blocks: self.kept_blocks.or(others.kept_blocks),
            data_fee: self.data_fee.or(others.data_fee),
        }
    }

    /// Puts them into a configuration.
    pub(crate) fn apply(&self, config: &mut Config) -> anyhow::Result<()> {
        let contract = |setting: Option<Kt1>, default| setting.map(|Kt1(hash)| hash).or(default);
        config.chain_id = self.chain_id.unwrap_or(config.chain_id);
        config.ticketer = contract(self.ticketer, config.ticketer);
        config.delayed_bridge = contract(self.delayed_bridge, config.delayed_bridge);
        config.kernel_governance = contract(self.kernel_governance, config.kernel_governance);
        if let Some(EvmAddress(recipient)) = self.fee_recipient {
            config.fee_recipient = recipient;
        }
        config.base_fee_floor = self.base_fee_floor.unwrap_or(config.base_fee_floor);
        config.block_gas_limit = self.block_gas_limit.unwrap_or(config.block_gas_limit);
        config.queue_bytes = self.queue_bytes.unwrap_or(config.queue_bytes);
        config.reassign_after = self.reassign_after.unwrap_or(config.reassign_after);
        config.kept_blocks = self.kept_blocks.unwrap_or(config.kept_blocks);
        config.data_fee = self.data_fee.unwrap_or(config.data_fee);
        if config.block_gas_limit > MAX_BLOCK_GAS {
            bail!(
                "a block of {} units of gas does not fit a run of the machine: at most \
                 {MAX_BLOCK_GAS}",
                config.block_gas_limit
            );
        }
        Ok(())
    }
}

/// Above, a block could take more instructions than the machine gives a run: 11 G, at
/// 80 for a unit of work and 2.5 units of work for a unit of gas.
pub(crate) const MAX_BLOCK_GAS: u64 = 11_000_000_000 / 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_is_a_file_of_settings_that_sets_nothing() {
        let settings: Settings = toml::from_str(TEMPLATE).unwrap();
        assert_eq!(settings, Settings::default());
    }

    /// Each line that is commented out is an example that works.
    #[test]
    fn the_template_has_every_setting() {
        let lines = TEMPLATE.lines().filter_map(|line| {
            let rest = line.strip_prefix("# ")?;
            let (name, _) = rest.split_once(" = ")?;
            let is_name = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
            name.bytes().all(is_name).then(|| format!("{rest}\n"))
        });
        let settings: Settings = toml::from_str(&lines.collect::<String>()).unwrap();
        let Settings {
            chain_id: Some(_),
            ticketer: Some(_),
            delayed_bridge: Some(_),
            kernel_governance: Some(_),
            fee_recipient: Some(_),
            base_fee_floor: Some(_),
            block_gas_limit: Some(_),
            queue_bytes: Some(_),
            reassign_after: Some(_),
            kept_blocks: Some(_),
            data_fee: Some(_),
        } = settings
        else {
            panic!("{settings:?}");
        };
    }

    #[test]
    fn options_come_before_the_file() {
        let of = |text: &str| toml::from_str::<Settings>(text).unwrap();
        let both = of("chain_id = 7").or(of("chain_id = 8\nbase_fee_floor = 9"));
        assert_eq!(both, of("chain_id = 7\nbase_fee_floor = 9"));
    }

    #[test]
    fn what_is_no_setting_is_named() {
        for (text, word) in [
            ("chain = 7", "chain"),
            ("chain_id = 'x'", "chain_id"),
            ("chain_id = -1", "chain_id"),
            (
                "ticketer = 'tz1KqTpEZ7Yob7QbPE4Hy4Wo8fHG8LhKxZSx'",
                "ticketer",
            ),
        ] {
            let error = toml::from_str::<Settings>(text).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
    }
}
