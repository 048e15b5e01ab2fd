//! A block of one transaction that nobody signed, for development nodes; never
//! in the shipped bytes.
//!
//! The steps are those of [`crate::run`]: the same executor, the same seal,
//! the same commit. Only the recovery of the sender is left out, and that a
//! contract cannot sign (EIP-3607).

use crate::block::seal::{self, Body, Parent};
use crate::environment::source;
use crate::error::KernelError;
use crate::execute::executor::{Executed, Executor, Transacted};
use crate::execute::validate;
use crate::native::simulate::Rejection;
use alloc::boxed::Box;
use alloy_primitives::Address;
use ethereum::{Recovered, SignedTransaction};
use host::ReadStore;
use rollup::Level;
use storage::Head;
use storage::block::StoredTransaction;
use storage::commit::Block;
use storage::layout::{CONFIG, HEAD};

/// The block of an impersonated transaction.
#[derive(Clone, Debug)]
pub enum Impersonated {
    /// The block, to commit.
    Block(Box<Block>),
    /// The transaction cannot be executed.
    Rejected(Rejection),
}

/// The block after the newest one in `store`, at `timestamp` (seconds since
/// 1970), with `transaction` alone, as if `sender` had signed it. Its level, its
/// queue and what waits there are those of the newest block.
///
/// # Errors
/// Where durable storage cannot be read, or before genesis.
pub fn block(
    store: &impl ReadStore,
    timestamp: u64,
    transaction: SignedTransaction,
    sender: Address,
) -> Result<Impersonated, KernelError> {
    let head = HEAD.get(store, &())?.ok_or(KernelError::MissingState)?;
    let config = CONFIG.get(store, &())?.ok_or(KernelError::MissingState)?;
    let level = Level::load(store, &storage::layout::LAYOUT)?.ok_or(KernelError::MissingState)?;
    let level = Level { timestamp, ..level };
    let environment = source::environment(store, &head, &level, &config)?;
    let parent = Parent::of(&head);
    let mut executor = Executor::new(store, &environment, parent.hash)?;
    executor.configure(|config, _| config.disable_eip3607 = true);
    let signed = Recovered::of(sender, transaction);
    let valid = match validate::transaction(&signed, &environment) {
        Ok(valid) => valid,
        Err(why) => return Ok(Impersonated::Rejected(why.into())),
    };
    let tx_type = valid.environment.tx_type;
    let mut body = Body::default();
    match executor.transact(valid.environment, valid.data)? {
        Transacted::Executed(result) => {
            let Recovered { sender, raw, .. } = signed;
            body.push(
                tx_type,
                StoredTransaction { sender, raw },
                Executed::of(result).paying(valid.data),
            );
        }
        Transacted::Refused(why) => return Ok(Impersonated::Rejected(Rejection::from(&why))),
    }
    let diff = executor.finish();
    let sealed = seal::block(&parent, &environment, body, &diff);
    Ok(Impersonated::Block(Box::new(Block {
        head: sealed.head(
            &environment,
            Head {
                outgoing: head.outgoing || !sealed.messages.is_empty(),
                ..head
            },
        ),
        header: Some(sealed.header),
        transactions: sealed.transactions,
        receipts: sealed.receipts,
        diff,
        messages: sealed.messages,
        ..Block::default()
    })))
}
