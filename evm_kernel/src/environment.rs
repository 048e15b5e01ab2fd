//! The block as its transactions see it.

pub(crate) mod history;
#[cfg(not(feature = "evaluation"))]
pub(crate) mod source;
#[cfg(feature = "evaluation")]
#[path = "environment/source_evaluation.rs"]
pub(crate) mod source;

use crate::execute::{data_fee, work};
use alloy_primitives::{Address, B256, U256};
use ethereum::SignedTransaction;
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
    /// The lowest base fee of any block, in wei for a unit of gas.
    pub base_fee_floor: u64,
    /// The gas that it may use.
    pub gas_limit: u64,
    /// PREVRANDAO (EIP-4399).
    pub prevrandao: B256,
    /// The receiver of the priority fees.
    pub beneficiary: Address,
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// The rules in force.
    pub revision: Revision,
    /// The layer 1 contract whose tickets are the native token; none: no bridge.
    pub ticketer: Option<[u8; 20]>,
    /// The price of a raw transaction's byte, in wei.
    pub data_fee: u64,
    /// The most work of a transaction besides its gas, in units of the budget;
    /// [`u64::MAX`]: without bound.
    pub transaction_work: u64,
}

/// The base fee follows a level's work beyond this part of its budget.
const TARGET: u64 = 5;

/// The base fee of the block after `head`, in wei for a unit of gas: by EIP-1559,
/// from the block's gas or from the work that the level's transactions were so
/// far, whichever is further above its target.
pub(crate) fn base_fee(head: &Head, config: &Config) -> u64 {
    // As gas: twice the target is a full block.
    let full = (config.level_budget / TARGET).saturating_mul(2).max(1);
    let work = u128::from(head.paid_work.min(full)) * u128::from(head.gas_limit);
    let work = u64::try_from(work / u128::from(full)).unwrap_or(head.gas_limit);
    let fee = next_base_fee(head.gas_used.max(work), head.gas_limit, head.base_fee);
    fee.max(config.base_fee_floor)
}

impl Environment {
    /// Block `number` as the configuration has it, with the lowest base fee; its
    /// time and its PREVRANDAO are zero.
    pub(crate) fn of_config(number: u64, config: &Config) -> Self {
        Self {
            number,
            timestamp: 0,
            base_fee: config.base_fee_floor,
            base_fee_floor: config.base_fee_floor,
            gas_limit: config.block_gas_limit,
            prevrandao: B256::ZERO,
            beneficiary: config.fee_recipient,
            chain_id: config.chain_id,
            revision: config.revision(number),
            ticketer: config.ticketer,
            data_fee: config.data_fee,
            transaction_work: work::most(config.run_budget),
        }
    }

    /// The block after `head`, at `timestamp` or at the head's own if that is
    /// later; its PREVRANDAO is zero.
    #[cfg_attr(
        all(feature = "evaluation", not(feature = "simulate")),
        expect(dead_code, reason = "tests say what a block's environment is")
    )]
    pub(crate) fn after(head: &Head, timestamp: u64, config: &Config) -> Self {
        Self {
            timestamp: timestamp.max(head.timestamp),
            base_fee: base_fee(head, config),
            ..Self::of_config(head.number + 1, config)
        }
    }
}

impl Environment {
    /// The gas that a transaction of `bytes` bytes pays for them, at `gas_price` wei for
    /// a unit: [`u64::MAX`] where no gas is enough.
    #[cfg_attr(
        not(feature = "simulate"),
        expect(unreachable_pub, reason = "public for nodes only")
    )]
    pub fn data_gas(&self, bytes: usize, gas_price: U256) -> u64 {
        data_fee::gas(self.data_fee, bytes, gas_price)
    }

    /// The gas that a transaction of `bytes` bytes may use besides that.
    pub(crate) fn execution_gas(&self, signed: &SignedTransaction, bytes: usize) -> u64 {
        let transaction = &signed.transaction;
        let gas_limit = transaction.gas_limit();
        if self.data_fee == 0 {
            return gas_limit;
        }
        let price = transaction.effective_gas_price(self.base_fee);
        gas_limit.saturating_sub(self.data_gas(bytes, price))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gas_or_work_raises_the_base_fee_by_an_eighth_at_most() {
        let config = Config {
            base_fee_floor: 1,
            level_budget: 1_000,
            ..Config::default()
        };
        let head = Head {
            gas_limit: 1_000,
            gas_used: 500,
            base_fee: 8_000,
            ..Head::default()
        };
        let with = |gas_used: u64, paid_work: u64| {
            let head = Head {
                gas_used,
                paid_work,
                ..head
            };
            base_fee(&head, &config)
        };
        // Both at the target.
        assert_eq!(with(500, 200), 8_000);
        assert_eq!(with(500, 0), 8_000);
        assert_eq!(with(0, 200), 8_000);
        assert_eq!(with(0, 0), 7_000);
        assert_eq!(with(1_000, 0), 9_000);
        assert_eq!(with(0, 300), 8_500);
        assert_eq!(with(0, 400), 9_000);
        assert_eq!(with(1_000, 1_000), 9_000);
    }
}
