//! The world as the engine reads it: durable storage and what the block changed.

use crate::bridge::outbox::Waiting;
use crate::environment::history::HISTORY_ADDRESS;
use crate::execute::work::{Counts, Work};
use alloy_primitives::map::HashMap;
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
    /// The transaction's work besides gas.
    pub(crate) work: Work,
    /// Ends what runs, where somebody waits for it.
    #[cfg(feature = "simulate")]
    pub(crate) interrupt: Option<crate::native::interrupt::Interrupt>,
    /// Code that was looked at, with its jump destinations.
    code: HashMap<B256, Bytecode>,
}

/// Durable storage failed under the engine.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct WorldError(pub(crate) StorageError);

impl DBErrorMarker for WorldError {}

impl<'s, S: ReadStore> World<'s, S> {
    /// The contents of `store`, but for the slot of the history contract that the block
    /// sets.
    pub(crate) fn new(store: &'s S, history: Option<(U256, U256)>) -> Self {
        Self {
            overlay: Overlay::new(store),
            history,
            work: Work::default(),
            #[cfg(feature = "simulate")]
            interrupt: None,
            code: HashMap::default(),
        }
    }

    /// True if nothing of the transaction goes on.
    pub(crate) fn must_end(&self) -> bool {
        #[cfg(feature = "simulate")]
        if self.interrupted() {
            return true;
        }
        self.work.is_exhausted()
    }

    #[cfg(feature = "simulate")]
    fn interrupted(&self) -> bool {
        self.interrupt
            .as_ref()
            .is_some_and(crate::native::interrupt::Interrupt::is_set)
    }

    /// Looks something up, and counts the host calls that it took.
    fn counted<T>(
        &mut self,
        look: impl FnOnce(&mut Overlay<'s, S>) -> Result<T, StorageError>,
    ) -> Result<T, WorldError> {
        let before = self.overlay.reads();
        let found = look(&mut self.overlay);
        self.work.reads(self.overlay.reads() - before);
        found.map_err(WorldError)
    }

    /// True if durable storage has an account without nonce and code, but with
    /// slots.
    pub(crate) fn has_slots_only(&mut self, address: Address) -> Result<bool, WorldError> {
        let account = self.counted(|overlay| overlay.account(address))?;
        if account.is_none_or(|account| account.nonce > 0 || account.has_code()) {
            return Ok(false);
        }
        self.counted(|overlay| overlay.has_slots(address))
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
        let account = self.counted(|overlay| overlay.account(address))?;
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
        if let Some(code) = self.code.get(&hash) {
            return Ok(code.clone());
        }
        let code = self.counted(|overlay| overlay.code(hash))?;
        let code =
            Bytecode::new_raw_checked(code.clone()).unwrap_or_else(|_| Bytecode::new_legacy(code));
        self.code.insert(hash, code.clone());
        Ok(code)
    }

    fn storage(&mut self, address: Address, slot: U256) -> Result<U256, WorldError> {
        if let Some((at, value)) = self.history
            && at == slot
            && address == HISTORY_ADDRESS
        {
            return Ok(value);
        }
        self.counted(|overlay| overlay.slot(address, slot))
    }

    fn block_hash(&mut self, number: u64) -> Result<B256, WorldError> {
        self.counted(|overlay| overlay.block_hash(number))
    }
}

impl<S: ReadStore> Counts for World<'_, S> {
    fn work(&mut self) -> &mut Work {
        &mut self.work
    }

    #[cfg(feature = "simulate")]
    fn interrupted(&self) -> bool {
        Self::interrupted(self)
    }
}
