//! The block to come, as far as it is known: the transactions that wait, executed by the
//! kernel's code on a copy of the newest state.

use crate::chain::Block;
use crate::error::NodeError;
use crate::node::Node;
use evm_kernel::native::simulate::{Environment, Interrupt};
use evm_kernel::native::trace::TraceError;
use evm_kernel::native::trial::Trial;
use pvm::Durable;
use revm::inspector::NoOpInspector;
use std::sync::{Arc, Mutex, PoisonError};
use storage::commit;

/// The block to come.
#[derive(Clone, Debug)]
pub struct Pending {
    /// The block; the newest one where nothing waits.
    pub block: Arc<Block>,
    /// What calls in it see.
    pub environment: Environment,
    /// Nothing waits.
    pub is_empty: bool,
}

/// The last one, kept until the pool or the newest block changes.
#[derive(Debug, Default)]
pub(crate) struct Kept(Mutex<Option<(Key, Pending)>>);

/// What a pending block is made of.
#[derive(Clone, Debug)]
struct Key {
    pool: u64,
    state: Durable,
}

impl Kept {
    /// The one that was made last, if it is still that of `newest`.
    pub(crate) fn last(&self, newest: &Block) -> Option<Pending> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (key, pending) = kept.as_ref()?;
        let state = newest.state().ok()?;
        key.state.ptr_eq(state).then(|| pending.clone())
    }
}

impl Node {
    /// The block to come, with the transactions that wait as far as they fit.
    ///
    /// # Errors
    /// If durable storage cannot be read.
    pub fn pending(&self, interrupt: &Interrupt) -> Result<Pending, NodeError> {
        let latest = self.latest()?;
        let state = latest.state()?;
        let environment = self.next_environment(&latest)?;
        let (version, waiting) = {
            let pool = self.pool();
            let waiting: Vec<_> = pool.pending().cloned().collect();
            (pool.version(), waiting)
        };
        if waiting.is_empty() {
            return Ok(Pending {
                block: latest,
                environment,
                is_empty: true,
            });
        }
        {
            let kept = self.kept.0.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((key, pending)) = kept.as_ref()
                && key.pool == version
                && key.state.ptr_eq(state)
            {
                return Ok(pending.clone());
            }
        }
        let mut trial = Trial::new(state, &environment, NoOpInspector)?;
        trial.interrupt_by(interrupt.clone());
        for candidate in waiting {
            let transaction = &candidate.transaction;
            if transaction.transaction.gas_limit() > trial.gas_left() {
                continue;
            }
            match trial.include(candidate.sender, transaction) {
                // It will not be in the block.
                Ok(_) | Err(TraceError::Rejected(_)) => {}
                Err(TraceError::Kernel(error)) => return Err(error.into()),
            }
            if interrupt.is_set() {
                return Err(NodeError::Interrupted);
            }
        }
        let mut after = state.clone();
        commit::block(&mut after, &trial.finish())?;
        let pending = Pending {
            block: Arc::new(Block::read(after)?),
            environment,
            is_empty: false,
        };
        let key = Key {
            pool: version,
            state: state.clone(),
        };
        let mut kept = self.kept.0.lock().unwrap_or_else(PoisonError::into_inner);
        *kept = Some((key, pending.clone()));
        Ok(pending)
    }
}
