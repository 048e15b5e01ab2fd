//! Results of transactions: receipts and logs.

use alloc::borrow::Cow;
use alloc::vec::Vec;
use alloy_primitives::Bloom;

use crate::rlp::{Encode, List};
use crate::transaction::tx_type;

pub use alloy_primitives::Log;

/// The outcome of a transaction, as the receipts root covers it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt<'l> {
    /// The transaction's EIP-2718 type.
    pub tx_type: u8,
    /// False if it was reverted or halted (EIP-658).
    pub status: bool,
    /// Gas used in the block up to and with this transaction.
    pub cumulative_gas_used: u64,
    /// Its logs in order; none if it failed.
    pub logs: Cow<'l, [Log]>,
}

impl Receipt<'_> {
    /// The filter of its logs. For a whole block, [`crate::bloom::LogsBloom`]
    /// hashes less.
    #[must_use]
    pub fn bloom(&self) -> Bloom {
        crate::bloom::logs_bloom(&self.logs)
    }

    /// The bytes under the receipts root (EIP-2718): `type ++ rlp([status,
    /// cumulative gas, bloom, logs])`, without type for legacy transactions.
    /// `bloom` is the filter of the logs.
    #[must_use]
    pub fn encode_2718(&self, bloom: &Bloom) -> Vec<u8> {
        let logs = &&*self.logs;
        let list = List(&[&self.status, &self.cumulative_gas_used, bloom, logs]);
        let mut out = Vec::with_capacity(1 + list.length());
        if self.tx_type != tx_type::LEGACY {
            out.push(self.tx_type);
        }
        list.encode(&mut out);
        out
    }
}

impl Encode for Log {
    fn length(&self) -> usize {
        List(&[&self.address, &self.topics(), &self.data.data]).length()
    }

    fn encode(&self, out: &mut Vec<u8>) {
        List(&[&self.address, &self.topics(), &self.data.data]).encode(out);
    }
}
