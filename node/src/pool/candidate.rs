//! A transaction that may go into a block.

use alloy_primitives::{Address, Bytes, U256};
use ethereum::SignedTransaction;
use evm_kernel::inputs::format;

/// By how much a replacement must pay more, in percent.
pub(super) const PRICE_BUMP: u64 = 10;

/// A transaction that may go in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The transaction.
    pub transaction: SignedTransaction,
    /// The signer.
    pub sender: Address,
    /// Its bytes.
    pub raw: Bytes,
    /// Nobody signed it: it cannot pass the inbox.
    pub unsigned: bool,
}

impl Candidate {
    /// Upper bound on the wei that it can spend.
    #[must_use]
    pub fn cost(&self) -> U256 {
        let transaction = &self.transaction.transaction;
        transaction
            .max_fee_per_gas()
            .saturating_mul(U256::from(transaction.gas_limit()))
            .saturating_add(transaction.value())
    }

    /// The most wei per gas that it pays.
    pub(super) fn fee(&self) -> U256 {
        self.transaction.transaction.max_fee_per_gas()
    }

    pub(crate) fn nonce(&self) -> u64 {
        self.transaction.transaction.nonce()
    }

    pub(super) fn work(&self) -> u64 {
        let gas = self.transaction.transaction.gas_limit();
        gas.saturating_add(format::overhead(self.raw.len()))
    }

    /// Checks if it pays enough more than `other` to take its place.
    pub(super) fn outbids(&self, other: &Self) -> bool {
        let enough = |new: U256, old: U256| {
            let least = old
                .saturating_mul(U256::from(100 + PRICE_BUMP))
                .div_ceil(U256::from(100));
            new > old && new >= least
        };
        let (new, old) = (
            &self.transaction.transaction,
            &other.transaction.transaction,
        );
        let tip = |transaction: &ethereum::Transaction| {
            transaction
                .max_priority_fee_per_gas()
                .unwrap_or(transaction.max_fee_per_gas())
        };
        enough(new.max_fee_per_gas(), old.max_fee_per_gas())
            && (tip(old).is_zero() || enough(tip(new), tip(old)))
    }
}
