//! A block of the chain executed again.

use super::watched::{Overdrawn, Watched};
use crate::chain::{Block, ChainError, Included};
use alloy_primitives::map::HashMap;
use alloy_primitives::{Address, B256, KECCAK256_EMPTY, U256};
use evm_kernel::KernelError;
use evm_kernel::native::simulate::{Interrupt, Rejection};
use evm_kernel::native::trace::{Observer, Replay, TraceError, Traced};
use host::ReadStore;
use pvm::Durable;
use revm::DatabaseRef;
use revm::database_interface::DBErrorMarker;
use revm::state::{AccountInfo, Bytecode};
use std::ops::Range;
use storage::StorageError;
use storage::layout::{ACCOUNTS, CODE, SLOTS};

/// Why a transaction cannot be traced.
#[derive(Debug, thiserror::Error)]
pub enum TraceFailure {
    /// The genesis block has no transactions that could be executed again.
    #[error("genesis is not traceable")]
    Genesis,
    /// The state before it is not kept, or cannot be read.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// Durable storage cannot be read.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The kernel cannot read its state.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// It is not executed.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// It did something else in its block: a trap, or another kernel.
    #[error("transaction {hash}, executed again, has another result than its receipt")]
    Differs {
        /// Its hash.
        hash: B256,
    },
    /// The tracer keeps too much of it.
    #[error(transparent)]
    Overdrawn(#[from] Overdrawn),
    /// Somebody ended it.
    #[error("the trace was interrupted")]
    Interrupted,
}

impl From<TraceError> for TraceFailure {
    fn from(error: TraceError) -> Self {
        match error {
            TraceError::Kernel(error) => error.into(),
            TraceError::Rejected(error) => error.into(),
        }
    }
}

/// A transaction of a block, and what it did when it was executed again.
pub struct Looked<'l, 's, I> {
    /// Its place in the block.
    pub index: usize,
    /// The transaction.
    pub included: &'l Included,
    /// Its trace.
    pub traced: Traced,
    /// The block, and who looked on.
    pub replay: &'l mut Replay<'s, Durable, I>,
    /// The state before the block.
    pub state: &'s Durable,
}

impl<I> std::fmt::Debug for Looked<'_, '_, I> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Looked")
            .field("index", &self.index)
            .finish_non_exhaustive()
    }
}

impl<I> Looked<'_, '_, I> {
    /// The state before the transaction, as far as it looked at it.
    #[must_use]
    pub const fn before(&self) -> Before<'_, Durable> {
        Before {
            state: self.state,
            accounts: &self.traced.before,
        }
    }
}

/// Executes `block` again on the state after `parent`, up to the transactions at
/// `wanted`, at which `inspector` looks; each of these is given to `each`.
///
/// # Errors
/// [`TraceFailure`], and those of `each`.
pub fn replay<'s, I: Observer<'s, Durable> + Watched, E: From<TraceFailure>>(
    (block, parent): (&Block, &'s Block),
    wanted: Range<usize>,
    inspector: I,
    interrupt: &Interrupt,
    mut each: impl FnMut(Looked<'_, 's, I>) -> Result<(), E>,
) -> Result<(), E> {
    let state = parent.state().map_err(TraceFailure::from)?;
    let mut replay = Replay::new(state, &block.header, inspector).map_err(TraceFailure::from)?;
    replay.interrupt_by(interrupt.clone());
    let until = wanted.end.min(block.transactions.len());
    for (index, included) in block.transactions.iter().enumerate().take(until) {
        let run = if wanted.contains(&index) {
            Replay::inspect
        } else {
            Replay::run
        };
        let traced = run(&mut replay, included.sender, &included.transaction);
        if let Some(over) = replay.inspector().overdrawn() {
            return Err(TraceFailure::Overdrawn(over).into());
        }
        if interrupt.is_set() {
            return Err(TraceFailure::Interrupted.into());
        }
        let traced = traced.map_err(TraceFailure::from)?;
        let receipt = &included.receipt;
        if (traced.success, traced.gas_used) != (receipt.success, receipt.gas_used)
            || traced.logs != receipt.logs
        {
            let hash = included.transaction.hash;
            return Err(TraceFailure::Differs { hash }.into());
        }
        if wanted.contains(&index) {
            each(Looked {
                index,
                included,
                traced,
                replay: &mut replay,
                state,
            })?;
        }
    }
    Ok(())
}

/// The state before a transaction: that before its block, but for the accounts that the
/// block had read before it.
#[derive(Clone, Copy, Debug)]
pub struct Before<'b, S> {
    pub(crate) state: &'b S,
    pub(crate) accounts: &'b HashMap<Address, AccountInfo>,
}

/// Durable storage cannot be read.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct BeforeError(#[from] StorageError);

impl DBErrorMarker for BeforeError {}

impl<S: ReadStore> DatabaseRef for Before<'_, S> {
    type Error = BeforeError;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, BeforeError> {
        if let Some(info) = self.accounts.get(&address) {
            return Ok(Some(AccountInfo {
                code: None,
                ..info.clone()
            }));
        }
        let account = ACCOUNTS.get(self.state, &address)?;
        Ok(account.map(|account| AccountInfo {
            balance: account.balance,
            nonce: account.nonce,
            code_hash: account.code_hash,
            account_id: None,
            code: None,
        }))
    }

    fn code_by_hash_ref(&self, hash: B256) -> Result<Bytecode, BeforeError> {
        if hash == KECCAK256_EMPTY {
            return Ok(Bytecode::default());
        }
        let made = self.accounts.values().find(|info| info.code_hash == hash);
        if let Some(code) = made.and_then(|info| info.code.clone()) {
            return Ok(code);
        }
        let code = CODE.get(self.state, &hash)?.unwrap_or_default();
        Ok(Bytecode::new_raw_checked(code.clone()).unwrap_or_else(|_| Bytecode::new_legacy(code)))
    }

    fn storage_ref(&self, address: Address, slot: U256) -> Result<U256, BeforeError> {
        Ok(SLOTS.get(self.state, &(address, slot))?.unwrap_or_default())
    }

    fn block_hash_ref(&self, _: u64) -> Result<B256, BeforeError> {
        // No tracer asks for it.
        Ok(B256::ZERO)
    }
}
