//! The block as its transactions see it.

pub(crate) mod history;
#[cfg(not(feature = "evaluation"))]
pub(crate) mod source;
#[cfg(feature = "evaluation")]
#[path = "environment/source_evaluation.rs"]
pub(crate) mod source;

use alloy_primitives::{Address, B256};
use storage::config::Revision;

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
