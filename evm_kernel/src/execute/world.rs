//! The world as the engine reads it: durable storage and what the block changed.

use crate::bridge::outbox::Waiting;
use crate::environment::history::HISTORY_ADDRESS;
use alloy_primitives::{Address, B256, KECCAK256_EMPTY, U256};
use host::ReadStore;
use revm::database_interface::{DBErrorMarker, Database};
use revm::state::{AccountInfo, Bytecode};
use storage::StorageError;
use storage::overlay::Overlay;

/// The world as the engine reads it.
#[derive(Debug)]
pub(crate) struct World<'s, S> {
    pub(crate) overlay: Overlay<'s, S>,
    /// The slot of the history contract that this block sets (EIP-2935).
    pub(crate) history: Option<(U256, U256)>,
}

/// Durable storage failed under the engine.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct WorldError(pub(crate) StorageError);

impl DBErrorMarker for WorldError {}

impl<S: ReadStore> World<'_, S> {
    /// Whether durable storage has an account without nonce and code, but with
    /// slots.
    pub(crate) fn has_slots_only(&mut self, address: Address) -> Result<bool, WorldError> {
        let account = self.overlay.account(address).map_err(WorldError)?;
        if account.is_none_or(|account| account.nonce > 0 || account.has_code()) {
            return Ok(false);
        }
        self.overlay.has_slots(address).map_err(WorldError)
    }
}

impl<S: ReadStore> Waiting for World<'_, S> {
    fn waiting(&self) -> Result<u64, StorageError> {
        self.overlay.waiting()
    }
}

impl<S: ReadStore> Database for World<'_, S> {
    type Error = WorldError;

    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, WorldError> {
        let account = self.overlay.account(address).map_err(WorldError)?;
        Ok(account.map(|account| AccountInfo {
            balance: account.balance,
            nonce: account.nonce,
            code_hash: account.code_hash,
            account_id: None,
            code: None,
        }))
    }

    fn code_by_hash(&mut self, hash: B256) -> Result<Bytecode, WorldError> {
        if hash == KECCAK256_EMPTY {
            return Ok(Bytecode::default());
        }
        let code = self.overlay.code(hash).map_err(WorldError)?;
        Ok(Bytecode::new_raw_checked(code.clone()).unwrap_or_else(|_| Bytecode::new_legacy(code)))
    }

    fn storage(&mut self, address: Address, slot: U256) -> Result<U256, WorldError> {
        if let Some((at, value)) = self.history
            && at == slot
            && address == HISTORY_ADDRESS
        {
            return Ok(value);
        }
        self.overlay.slot(address, slot).map_err(WorldError)
    }

    fn block_hash(&mut self, number: u64) -> Result<B256, WorldError> {
        self.overlay.block_hash(number).map_err(WorldError)
    }
}
