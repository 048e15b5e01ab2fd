//! The source of a block's environment and of its system calls. The evaluation
//! build has another module in this place, and no other difference.

use crate::environment::Environment;
use crate::environment::history;
use crate::error::KernelError;
use alloy_primitives::{B256, U256};
use ethereum::keccak::keccak256;
use host::ReadStore;
use rollup::Level;
use storage::{Config, Head};

/// The largest transaction, in bytes (geth's limit, too).
pub const MAX_TRANSACTION: usize = 128 * 1024;

/// A bit for each chunk of the largest transaction.
pub(crate) type ChunkSet = u64;

/// The environment of the block after `head`.
pub(crate) fn environment(
    _: &impl ReadStore,
    head: &Head,
    level: &Level,
    config: &Config,
) -> Result<Environment, KernelError> {
    let environment = Environment::after(head, level.timestamp, config);
    Ok(Environment {
        prevrandao: prevrandao(level.predecessor.into(), environment.number),
        ..environment
    })
}

/// The slot of the history contract that a block after `parent` sets (EIP-2935).
pub(crate) fn history_slot(
    _: &impl ReadStore,
    environment: &Environment,
    parent: B256,
) -> Result<Option<(U256, U256)>, KernelError> {
    Ok(history::slot(environment, parent))
}

/// The price of blob gas, in wei: a rollup has no blobs, so it stays at its least.
pub(crate) fn blob_base_fee(_: &impl ReadStore) -> Result<u128, KernelError> {
    Ok(1)
}

/// `keccak256(predecessor hash of the level ++ block number as 32 bytes)`.
fn prevrandao(predecessor: B256, number: u64) -> B256 {
    let number: [u8; 32] = U256::from(number).to_be_bytes();
    keccak256([predecessor.0, number].as_flattened())
}
