//! A block after another that is made and not kept.

use crate::chain::Block;
use crate::error::NodeError;
use crate::node::Node;
use crate::pool::{self, AdmissionError, BlockRules, Candidate};
use alloy_primitives::{Address, B256, Bytes, U256};
use evm_kernel::native::code_size;
use evm_kernel::native::simulate::{Environment, Interrupt, Rejection};
use evm_kernel::native::trace::TraceError;
use evm_kernel::native::trial::Trial;
use revm::inspector::NoOpInspector;
use std::sync::Arc;
use storage::commit;

/// The attributes of a block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    /// Its timestamp, in seconds since 1970.
    pub timestamp: u64,
    /// PREVRANDAO.
    pub prevrandao: B256,
    /// The receiver of the priority fees.
    pub fee_recipient: Address,
}

/// The transactions of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// These raw ones, all of them, in this order.
    Exactly(Vec<Bytes>),
    /// Transactions of the pool, as far as they fit.
    Pool,
}

/// A block that was made.
#[derive(Clone, Debug)]
pub struct Built {
    /// The block, with the state after it.
    pub block: Block,
    /// The fee recipient's gain, in wei.
    pub value: U256,
}

/// Why a block is not made.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// It would be earlier than the one before.
    #[error("invalid timestamp, parent {before} given {timestamp}")]
    Time {
        /// Its timestamp, in seconds since 1970.
        timestamp: u64,
        /// That of the block before.
        before: u64,
    },
    /// A transaction asks for more gas than the block has left.
    #[error("gas limit reached: {limit} of {left} units that are left")]
    BlockGas {
        /// The gas that is left.
        left: u64,
        /// The transaction's gas limit.
        limit: u64,
    },
    /// A transaction cannot be in the block.
    #[error("{rejection}")]
    Rejected {
        /// Why.
        rejection: Box<Rejection>,
        /// The signer.
        sender: Address,
        /// The transaction's fee cap, in wei per gas.
        max_fee: U256,
        /// The base fee of the block, in wei per gas.
        base_fee: u64,
    },
    /// The node failed, or takes no such transaction.
    #[error(transparent)]
    Node(#[from] NodeError),
}

/// Transactions that may go into a block, each checked when it is its turn.
type Candidates = Box<dyn Iterator<Item = Result<Arc<Candidate>, AdmissionError>>>;

impl Node {
    /// Makes a block after `parent`; the chain stays as it is.
    ///
    /// # Errors
    /// [`BuildError`].
    pub fn build(
        &self,
        parent: &Block,
        attributes: &Attributes,
        content: Content,
        interrupt: &Interrupt,
    ) -> Result<Built, BuildError> {
        let Attributes {
            timestamp,
            prevrandao,
            fee_recipient: beneficiary,
        } = *attributes;
        let before = parent.header.timestamp;
        if timestamp < before {
            return Err(BuildError::Time { timestamp, before });
        }
        let state = parent.state().map_err(NodeError::from)?;
        let environment = Environment {
            prevrandao,
            beneficiary,
            ..Environment::next(state, timestamp).map_err(NodeError::from)?
        };
        let rules = BlockRules {
            code_size_limit: code_size::limit(state).map_err(NodeError::from)?,
            ..BlockRules::of(&environment)
        };
        let all = matches!(content, Content::Exactly(_));
        let candidates: Candidates = match content {
            Content::Exactly(raw) => {
                let admit = move |raw| pool::admit(raw, &rules).map(Arc::new);
                Box::new(raw.into_iter().map(admit))
            }
            Content::Pool => {
                // Bytes do not tell who is impersonated.
                let signed = |candidate: &&Arc<Candidate>| !candidate.unsigned;
                let waiting: Vec<_> = self.pool().pending().filter(signed).cloned().collect();
                Box::new(waiting.into_iter().map(Ok))
            }
        };
        let mut trial = Trial::new(state, &environment, NoOpInspector).map_err(NodeError::from)?;
        trial.interrupt_by(interrupt.clone());
        for candidate in candidates {
            let candidate = candidate.map_err(NodeError::from)?;
            let tried = try_one(&mut trial, &candidate, environment.base_fee);
            if interrupt.is_set() {
                return Err(NodeError::Interrupted.into());
            }
            match tried {
                Err(error @ BuildError::Node(_)) => return Err(error),
                Err(error) if all => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        let mut after = state.clone();
        commit::block(&mut after, &trial.finish()).map_err(NodeError::from)?;
        let block = Block::read(after).map_err(NodeError::from)?;
        let value = value(&block);
        Ok(Built { block, value })
    }
}

/// Puts a transaction into the block, if it can be there.
fn try_one(
    trial: &mut Trial<'_, pvm::Durable, NoOpInspector>,
    candidate: &Candidate,
    base_fee: u64,
) -> Result<(), BuildError> {
    let transaction = &candidate.transaction;
    let (limit, left) = (trial.gas_limit(transaction), trial.gas_left());
    if limit > left {
        return Err(BuildError::BlockGas { left, limit });
    }
    match trial.include(candidate.sender, transaction) {
        Ok(_) => Ok(()),
        Err(TraceError::Kernel(error)) => Err(NodeError::from(error).into()),
        Err(TraceError::Rejected(rejection)) => Err(BuildError::Rejected {
            rejection: Box::new(rejection),
            sender: candidate.sender,
            max_fee: transaction.transaction.max_fee_per_gas(),
            base_fee,
        }),
    }
}

/// The wei that a block's fee recipient gets: what is paid above the base fee, and all that
/// is paid for bytes on layer 1.
fn value(block: &Block) -> U256 {
    let base_fee = block.header.base_fee_per_gas;
    let fees = block.transactions.iter().map(|included| {
        let (price, receipt) = (included.gas_price(base_fee), &included.receipt);
        let rest = U256::from(receipt.gas_used.saturating_sub(receipt.data_gas));
        let tip = price.saturating_sub(U256::from(base_fee));
        let data = price.saturating_mul(U256::from(receipt.data_gas));
        tip.saturating_mul(rest).saturating_add(data)
    });
    fees.fold(U256::ZERO, U256::saturating_add)
}
