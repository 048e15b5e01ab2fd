//! A block of transactions that nobody signed, for development nodes; never in the shipped
//! bytes.
//!
//! The steps are those of [`crate::run`]: the same executor, the same seal,
//! the same commit. Only the recovery of the sender is left out, and that a
//! contract cannot sign (EIP-3607).

use crate::block::seal::{self, Body, Parent};
use crate::environment::{Environment, source};
use crate::error::KernelError;
use crate::execute::executor::{Executed, Executor, Transacted};
use crate::execute::validate;
use crate::native::code_size;
use crate::native::simulate::Rejection;
use alloc::boxed::Box;
use alloc::vec::Vec;
use alloy_primitives::{Address, B256};
use ethereum::{Recovered, SignedTransaction};
use host::ReadStore;
use rollup::Level;
use storage::Head;
use storage::block::StoredTransaction;
use storage::commit::Block;
use storage::layout::{CONFIG, HEAD};

/// The surroundings of a block.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings {
    /// Its time, in seconds since 1970.
    pub timestamp: u64,
    /// Its PREVRANDAO, where somebody chose it.
    pub prevrandao: Option<B256>,
}

/// A block, to commit, and what became of the transactions that are not in it.
#[derive(Clone, Debug)]
pub struct Made {
    /// The block.
    pub block: Box<Block>,
    /// Those that cannot be executed, and why.
    pub rejected: Vec<(B256, Rejection)>,
    /// Those that found no room.
    pub left: Vec<B256>,
}

/// The block after the newest one in `store`, with these transactions as far as they fit,
/// each as if its sender had signed it. Its level, its queue and what waits there are those
/// of the newest block.
///
/// # Errors
/// If durable storage cannot be read, or before genesis.
pub fn block(
    store: &impl ReadStore,
    surroundings: Surroundings,
    transactions: impl IntoIterator<Item = (Address, SignedTransaction)>,
) -> Result<Made, KernelError> {
    let head = HEAD.get(store, &())?.ok_or(KernelError::MissingState)?;
    let environment = environment(store, &head, &surroundings)?;
    let parent = Parent::of(&head);
    let mut executor = Executor::new(store, &environment, parent.hash)?;
    executor.configure(|config, _| config.disable_eip3607 = true);
    code_size::heed(&mut executor, store)?;
    let (mut body, mut rejected, mut left) = (Body::default(), Vec::new(), Vec::new());
    for (sender, transaction) in transactions {
        let hash = transaction.hash;
        let signed = Recovered::of(sender, transaction);
        let gas = environment.execution_gas(&signed.transaction, signed.raw.len());
        let used = body.execution_gas();
        if !left.is_empty() || gas > environment.gas_limit.saturating_sub(used) {
            left.push(hash);
            continue;
        }
        let valid = match validate::transaction(&signed, &environment) {
            Ok(valid) => valid,
            Err(why) => {
                rejected.push((hash, why.into()));
                continue;
            }
        };
        let tx_type = valid.environment.tx_type;
        match executor.transact(valid.environment, valid.data)? {
            Transacted::Executed(result) => {
                let Recovered { sender, raw, .. } = signed;
                body.push(
                    tx_type,
                    StoredTransaction { sender, raw },
                    Executed::of(result).paying(valid.data),
                );
            }
            Transacted::Refused(why) => rejected.push((hash, Rejection::from(&why))),
        }
    }
    let diff = executor.finish();
    let sealed = seal::block(&parent, &environment, body, &diff);
    let rest = Head {
        outgoing: head.outgoing || !sealed.messages.is_empty(),
        ..head
    };
    let block = Box::new(Block {
        head: sealed.head(&environment, rest),
        header: Some(sealed.header),
        transactions: sealed.transactions,
        receipts: sealed.receipts,
        diff,
        messages: sealed.messages,
        ..Block::default()
    });
    Ok(Made {
        block,
        rejected,
        left,
    })
}

/// The environment of transactions in the block after `head`.
fn environment(
    store: &impl ReadStore,
    head: &Head,
    surroundings: &Surroundings,
) -> Result<Environment, KernelError> {
    let config = CONFIG.get(store, &())?.ok_or(KernelError::MissingState)?;
    let level = Level::load(store, &storage::layout::LAYOUT)?.ok_or(KernelError::MissingState)?;
    let timestamp = surroundings.timestamp;
    let level = Level { timestamp, ..level };
    let mut environment = source::environment(store, head, &level, &config)?;
    if let Some(prevrandao) = surroundings.prevrandao {
        environment.prevrandao = prevrandao;
    }
    Ok(environment)
}
