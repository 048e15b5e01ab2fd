//! Receipts and changes → header, roots, the block to commit.

use crate::environment::Environment;
use crate::execute::executor::Executed;
use alloc::borrow::Cow;
use alloc::vec::Vec;
use alloy_primitives::{B64, B256, Bloom, Bytes, U256};
use ethereum::bloom::LogsBloom;
use ethereum::header::{EMPTY_OMMERS, EMPTY_REQUESTS_HASH, EMPTY_ROOT, Header};
use ethereum::keccak::keccak256;
use ethereum::receipt::Receipt;
use ethereum::trie::ordered_root;
use rollup::budget::BYTE;
use storage::block::{Receipts, StoredHeader, StoredReceipt, StoredTransaction, Transactions};
use storage::{Diff, Head};

/// The transactions that a block includes so far, with their receipts.
#[derive(Debug, Default)]
pub(crate) struct Body {
    transactions: Vec<StoredTransaction>,
    receipts: Vec<StoredReceipt>,
    types: Vec<u8>,
    gas_used: u64,
    data_gas: u64,
    messages: Vec<Bytes>,
    paid_work: u64,
}

impl Body {
    /// The work of the transactions that somebody signed: their bytes as they
    /// are in the block, however they were posted, and what running them took.
    pub(crate) const fn paid_work(&self) -> u64 {
        self.paid_work
    }

    /// Counts what the last transaction's sender pays for.
    pub(crate) fn pay(&mut self, work: u64) {
        let bytes = self.transactions.last().map_or(0, |last| last.raw.len());
        let work = work.saturating_add(BYTE * bytes as u64);
        self.paid_work = self.paid_work.saturating_add(work);
    }

    /// The gas used so far, without what was paid for bytes.
    pub(crate) const fn execution_gas(&self) -> u64 {
        self.gas_used.saturating_sub(self.data_gas)
    }

    /// True if there is no transaction yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.transactions.is_empty()
    }

    /// Adds a transaction and what it did.
    pub(crate) fn push(&mut self, tx_type: u8, signed: StoredTransaction, executed: Executed) {
        self.gas_used = self.gas_used.saturating_add(executed.gas_used);
        self.data_gas = self.data_gas.saturating_add(executed.data_gas);
        self.types.push(tx_type);
        self.messages.extend(executed.messages);
        self.transactions.push(signed);
        self.receipts.push(StoredReceipt {
            success: executed.success,
            gas_used: executed.gas_used,
            data_gas: executed.data_gas,
            logs: executed.logs,
        });
    }

    /// The root of the receipts; adds their logs to the filter `all`.
    fn receipts_root(&self, all: &mut Bloom) -> B256 {
        let mut blooms = LogsBloom::new();
        let mut cumulative_gas_used = 0_u64;
        let encoded: Vec<Vec<u8>> = self
            .receipts
            .iter()
            .zip(&self.types)
            .map(|(stored, tx_type)| {
                cumulative_gas_used = cumulative_gas_used.saturating_add(stored.gas_used);
                let receipt = Receipt {
                    tx_type: *tx_type,
                    status: stored.success,
                    cumulative_gas_used,
                    logs: Cow::Borrowed(&stored.logs),
                };
                let bloom = blooms.of(&receipt.logs);
                if !receipt.logs.is_empty() {
                    *all |= bloom;
                }
                receipt.encode_2718(&bloom)
            })
            .collect();
        ordered_root(&encoded)
    }
}

/// A sealed block, ready to commit.
#[derive(Debug)]
pub(crate) struct Sealed {
    pub(crate) header: StoredHeader,
    pub(crate) state_root: B256,
    execution_gas: u64,
    pub(crate) transactions: Transactions,
    pub(crate) receipts: Receipts,
    /// Messages to layer 1.
    pub(crate) messages: Vec<Bytes>,
}

impl Sealed {
    /// The head that the block makes; what is not of the block itself stays as in
    /// `rest`.
    pub(crate) const fn head(&self, environment: &Environment, rest: Head) -> Head {
        Head {
            number: environment.number,
            hash: self.header.hash,
            state_root: self.state_root,
            timestamp: environment.timestamp,
            gas_limit: environment.gas_limit,
            gas_used: self.execution_gas,
            base_fee: environment.base_fee,
            ..rest
        }
    }
}

/// The parent's part in a block.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Parent {
    pub(crate) hash: B256,
    pub(crate) state_root: B256,
}

impl Parent {
    /// The block after `head`.
    pub(crate) const fn of(head: &Head) -> Self {
        Self {
            hash: head.hash,
            state_root: head.state_root,
        }
    }
}

/// Makes the header of the block that changes `diff`.
pub(crate) fn block(parent: &Parent, environment: &Environment, body: Body, diff: &Diff) -> Sealed {
    let state_root = storage::commitment::state_root(&parent.state_root, diff);
    with_state_root(parent, environment, body, state_root)
}

/// Makes the header of a block whose state root is known.
pub(crate) fn with_state_root(
    parent: &Parent,
    environment: &Environment,
    body: Body,
    state_root: B256,
) -> Sealed {
    #[cfg(feature = "traps")]
    crate::traps::sealing(&body.receipts);
    let raws: Vec<&Bytes> = body
        .transactions
        .iter()
        .map(|transaction| &transaction.raw)
        .collect();
    let mut header = Header {
        parent_hash: parent.hash,
        ommers_hash: EMPTY_OMMERS,
        beneficiary: environment.beneficiary,
        state_root,
        transactions_root: ordered_root(&raws),
        receipts_root: EMPTY_ROOT,
        logs_bloom: Bloom::ZERO,
        difficulty: U256::ZERO,
        number: environment.number,
        gas_limit: environment.gas_limit,
        gas_used: body.gas_used,
        timestamp: environment.timestamp,
        extra_data: Bytes::new(),
        mix_hash: environment.prevrandao,
        nonce: B64::ZERO,
        base_fee_per_gas: environment.base_fee,
        withdrawals_root: EMPTY_ROOT,
        blob_gas_used: 0,
        excess_blob_gas: 0,
        parent_beacon_block_root: B256::ZERO,
        requests_hash: EMPTY_REQUESTS_HASH,
    };
    if !body.is_empty() {
        header.receipts_root = body.receipts_root(&mut header.logs_bloom);
    }
    let rlp = header.encode();
    Sealed {
        header: StoredHeader {
            hash: keccak256(&rlp),
            rlp: rlp.into(),
        },
        state_root,
        execution_gas: body.execution_gas(),
        transactions: Transactions(body.transactions),
        receipts: Receipts(body.receipts),
        messages: body.messages,
    }
}
