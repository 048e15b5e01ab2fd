//! The block as its transactions see it.

pub(crate) mod history;
#[cfg(not(feature = "evaluation"))]
pub(crate) mod source;
#[cfg(feature = "evaluation")]
#[path = "environment/source_evaluation.rs"]
pub(crate) mod source;

use alloy_primitives::{Address, B256};
use ethereum::header::next_base_fee;
use storage::config::Revision;
use storage::{Config, Head};

/// The block as its transactions see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    not(feature = "simulate"),
    expect(unreachable_pub, reason = "public for nodes only")
)]
pub struct Environment {
    /// The block's number.
    pub number: u64,
    /// Its timestamp, in seconds since 1970.
    pub timestamp: u64,
    /// Its base fee, in wei for a unit of gas.
    pub base_fee: u64,
    /// The gas that it may use.
    pub gas_limit: u64,
    /// PREVRANDAO (EIP-4399).
    pub prevrandao: B256,
    /// Who gets the priority fees.
    pub beneficiary: Address,
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// The rules in force.
    pub revision: Revision,
    /// The layer 1 contract whose tickets are the native token; none: no bridge.
    pub ticketer: Option<[u8; 20]>,
}

impl Environment {
    /// Block `number` as the configuration has it, with the lowest base fee; its
    /// time and its PREVRANDAO are zero.
    pub(crate) fn of_config(number: u64, config: &Config) -> Self {
        Self {
            number,
            timestamp: 0,
            base_fee: config.base_fee_floor,
            gas_limit: config.block_gas_limit,
            prevrandao: B256::ZERO,
            beneficiary: config.fee_recipient,
            chain_id: config.chain_id,
            revision: config.revision(number),
            ticketer: config.ticketer,
        }
    }

    /// The block after `head`, at `timestamp` or at the head's own if that is
    /// later; its PREVRANDAO is zero.
    pub(crate) fn after(head: &Head, timestamp: u64, config: &Config) -> Self {
        let base_fee = next_base_fee(head.gas_used, head.gas_limit, head.base_fee);
        Self {
            timestamp: timestamp.max(head.timestamp),
            base_fee: base_fee.max(config.base_fee_floor),
            ..Self::of_config(head.number + 1, config)
        }
    }
}
