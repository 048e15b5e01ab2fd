//! Requests of clients as plain data: blocks, calls, overrides, logs.

use crate::chain::LogFilter;
use alloy_primitives::{Address, B256, Bytes, U256};
use ethereum::transaction::{AccessListItem, SignedAuthorization};
use std::collections::BTreeMap;

/// The id of a block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BlockId {
    /// The newest.
    #[default]
    Latest,
    /// The newest that layer 1 has finalised.
    Safe,
    /// The newest that a cemented commitment covers.
    Finalized,
    /// The newest with the transactions of the pool.
    Pending,
    /// The one with this number; `earliest` is 0.
    Number(u64),
    /// The one with this hash.
    Hash(B256),
}

/// The request of `eth_call`, `eth_estimateGas` and `eth_sendTransaction`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallRequest {
    /// The caller.
    pub from: Option<Address>,
    /// The callee; `None`: a creation.
    pub to: Option<Address>,
    /// The gas limit.
    pub gas: Option<u64>,
    /// The gas price, in wei per gas.
    pub gas_price: Option<U256>,
    /// The fee cap, in wei per gas.
    pub max_fee_per_gas: Option<U256>,
    /// The priority fee, in wei per gas.
    pub max_priority_fee_per_gas: Option<U256>,
    /// Wei sent along.
    pub value: U256,
    /// Call data, or initcode.
    pub input: Bytes,
    /// The sender's nonce.
    pub nonce: Option<u64>,
    /// The chain's number.
    pub chain_id: Option<u64>,
    /// Accounts and slots that are warm from the start.
    pub access_list: Option<Vec<AccessListItem>>,
    /// The delegations (EIP-7702).
    pub authorization_list: Option<Vec<SignedAuthorization>>,
}

/// The query of `eth_getLogs` and filters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogQuery {
    /// The blocks.
    pub blocks: BlockRange,
    /// The filter of their logs.
    pub filter: LogFilter,
}

/// The blocks of a log query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockRange {
    /// From one to another, both included.
    FromTo(BlockId, BlockId),
    /// One alone, by its hash.
    Hash(B256),
}

impl Default for BlockRange {
    fn default() -> Self {
        Self::FromTo(BlockId::Latest, BlockId::Latest)
    }
}

/// State overrides, by account.
pub type StateOverrides = BTreeMap<Address, AccountOverride>;

/// The overrides of an account; `None` leaves a field unchanged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountOverride {
    /// Its balance in wei.
    pub balance: Option<U256>,
    /// Its nonce.
    pub nonce: Option<u64>,
    /// Its code.
    pub code: Option<Bytes>,
    /// All its slots.
    pub state: Option<BTreeMap<U256, U256>>,
    /// Some of its slots.
    pub state_diff: BTreeMap<U256, U256>,
    /// The address that its precompile moves to.
    pub move_precompile_to: Option<Address>,
}

/// Block overrides; `None` leaves a field unchanged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BlockOverrides {
    /// Its number; no block has one over 64 bits, but a call may see one.
    pub number: Option<U256>,
    /// Its timestamp, in seconds since 1970.
    pub time: Option<u64>,
    /// Its gas limit.
    pub gas_limit: Option<u64>,
    /// The receiver of the priority fees.
    pub fee_recipient: Option<Address>,
    /// PREVRANDAO.
    pub prevrandao: Option<B256>,
    /// Its base fee, in wei per gas.
    pub base_fee: Option<U256>,
}

/// A transaction: signed, or to be filled in.
#[derive(Clone, Debug)]
pub enum Submission {
    /// Its bytes.
    Raw(Bytes),
    /// Its request.
    Request(Box<CallRequest>),
}
