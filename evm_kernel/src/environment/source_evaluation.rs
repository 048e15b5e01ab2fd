//! Replaces [`crate::environment::source`] in the evaluation build: the block's
//! surroundings are what durable storage says, so that tests may ask for any.
//!
//! `/evaluation/environment` holds, numbers big-endian: number (8 bytes),
//! timestamp (8), base fee (8), gas limit (8), PREVRANDAO (32), beneficiary
//! (20), blob base fee (16). The parent's hash (32) may follow: then the block
//! begins with the system call of EIP-2935, which stores it.

use crate::environment::Environment;
use crate::environment::history;
use crate::error::KernelError;
use alloc::vec::Vec;
use alloy_primitives::{Address, B256, U256};
use host::{Path, ReadStore};
use rollup::Level;
use storage::{Config, Head};

/// Tests bring larger transactions than a rollup takes.
pub const MAX_TRANSACTION: usize = 384 * 1024;

/// A bit for each chunk of the largest transaction.
pub(crate) type ChunkSet = u128;

const ENVIRONMENT: Path<'static> = Path::literal("/evaluation/environment");

/// The environment that the test asks for.
pub(crate) fn environment(
    store: &impl ReadStore,
    _: &Head,
    _: &Level,
    config: &Config,
) -> Result<Environment, KernelError> {
    let asked = asked(store)?;
    let number = number(&asked, 0)?;
    Ok(Environment {
        timestamp: self::number(&asked, 8)?,
        base_fee: self::number(&asked, 16)?,
        gas_limit: self::number(&asked, 24)?,
        prevrandao: B256::new(field(&asked, 32)?),
        beneficiary: Address::new(field(&asked, 64)?),
        // Tests ask what Ethereum says, which knows no work.
        transaction_work: u64::MAX,
        ..Environment::of_config(number, config)
    })
}

/// The slot of the history contract that the block sets, where its system call
/// is asked for.
pub(crate) fn history_slot(
    store: &impl ReadStore,
    environment: &Environment,
    _: B256,
) -> Result<Option<(U256, U256)>, KernelError> {
    let parent = field(&asked(store)?, 100).ok().map(B256::new);
    Ok(parent.and_then(|parent| history::slot(environment, parent)))
}

/// The price of blob gas that the test asks for, in wei.
pub(crate) fn blob_base_fee(store: &impl ReadStore) -> Result<u128, KernelError> {
    Ok(u128::from_be_bytes(field(&asked(store)?, 84)?))
}

fn asked(store: &impl ReadStore) -> Result<Vec<u8>, KernelError> {
    store
        .read_all(ENVIRONMENT)?
        .ok_or(KernelError::MissingState)
}

fn number(bytes: &[u8], at: usize) -> Result<u64, KernelError> {
    Ok(u64::from_be_bytes(field(bytes, at)?))
}

fn field<const LEN: usize>(bytes: &[u8], at: usize) -> Result<[u8; LEN], KernelError> {
    let field = bytes.get(at..).and_then(|rest| rest.first_chunk());
    field.copied().ok_or(KernelError::MissingState)
}
