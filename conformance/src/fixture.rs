//! State tests as the files have them.

use crate::Revision;
use crate::world::World;
use alloy_primitives::{Address, B256, Bytes, U256};
use revm::context_interface::block::calc_blob_gasprice;
use revm::primitives::eip4844::{
    BLOB_BASE_FEE_UPDATE_FRACTION_CANCUN, BLOB_BASE_FEE_UPDATE_FRACTION_PRAGUE,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A file: tests by name.
pub type File = BTreeMap<String, Test>;

/// A state test: one state before, many transactions.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Test {
    /// The block's environment.
    pub env: Env,
    /// The accounts before the transaction.
    pub pre: World,
    /// The transaction's fields with their variants; here the signed bytes of
    /// each case are used instead.
    pub transaction: serde_json::Value,
    /// Expectations by fork.
    pub post: BTreeMap<String, Vec<Post>>,
    /// The chain's configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<serde_json::Value>,
}

/// A block's environment.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Env {
    /// The receiver of the priority fees.
    pub current_coinbase: Address,
    /// The block's gas limit.
    pub current_gas_limit: U256,
    /// The block's number.
    pub current_number: U256,
    /// Its timestamp, in seconds since 1970.
    pub current_timestamp: U256,
    /// PREVRANDAO.
    #[serde(default)]
    pub current_random: U256,
    /// Before the merge; not used since.
    #[serde(default)]
    pub current_difficulty: U256,
    /// Its base fee, in wei for a unit of gas.
    pub current_base_fee: Option<U256>,
    /// The excess blob gas, which makes the blob base fee.
    #[serde(default)]
    pub current_excess_blob_gas: U256,
}

/// The expectation of a case.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Post {
    /// Which variant of the transaction it is.
    pub indexes: Indexes,
    /// The state root.
    pub hash: B256,
    /// The keccak-256 hash of the logs in RLP.
    pub logs: B256,
    /// The signed transaction.
    pub txbytes: Bytes,
    /// Why the transaction must be refused, alternatives split by `|`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect_exception: Option<String>,
    /// All accounts after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<World>,
}

/// A variant of a transaction.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Indexes {
    /// Of the data (and access list).
    pub data: usize,
    /// Of the gas limit.
    pub gas: usize,
    /// Of the value.
    pub value: usize,
}

/// The revision that a fork's name stands for; `None` for one that the kernel
/// does not have.
#[must_use]
pub fn revision(fork: &str) -> Option<Revision> {
    match fork {
        "Cancun" => Some(Revision::Cancun),
        "Prague" => Some(Revision::Prague),
        "Osaka" => Some(Revision::Osaka),
        "Amsterdam" => Some(Revision::Amsterdam),
        _ => None,
    }
}

/// The price of blob gas that an excess makes, in wei.
#[must_use]
pub fn blob_base_fee(revision: Revision, excess: u64) -> u128 {
    let fraction = match revision {
        Revision::Cancun => BLOB_BASE_FEE_UPDATE_FRACTION_CANCUN,
        _ => BLOB_BASE_FEE_UPDATE_FRACTION_PRAGUE,
    };
    calc_blob_gasprice(excess, fraction)
}
