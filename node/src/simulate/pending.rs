//! Makes the block to come.

use crate::chain::Block;
use crate::error::NodeError;
use crate::node::Node;
use crate::pending::{Key, Pending};
use evm_kernel::native::simulate::Interrupt;
use evm_kernel::native::trace::TraceError;
use evm_kernel::native::trial::Trial;
use revm::inspector::NoOpInspector;
use std::sync::Arc;
use storage::commit;

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
        let key = Key {
            pool: version,
            state: state.clone(),
        };
        if let Some(pending) = self.kept.of(&key) {
            return Ok(pending);
        }
        let mut trial = Trial::new(state, &environment, NoOpInspector)?;
        trial.interrupt_by(interrupt.clone());
        for candidate in waiting {
            let transaction = &candidate.transaction;
            if trial.gas_limit(transaction) > trial.gas_left() {
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
        self.kept.keep(key, pending.clone());
        Ok(pending)
    }
}
