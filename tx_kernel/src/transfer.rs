//! A transaction of a batch whose signature is good: all of it happens, or
//! nothing.

use crate::bls::PublicKey;
use crate::encoding::{Content, Operation, Signer, StringTicket, Transaction, Tz4};
use crate::inbox::address;
use crate::memory::Memory;
use crate::outbox::{self, Withdrawal};
use alloc::vec::Vec;
use host::{HostError, ReadStore};

/// Why a transaction does nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TransferError {
    /// A signer has no account, or names itself by an address whose key is not
    /// known.
    #[error("unknown account")]
    UnknownAccount,
    /// A counter is not its account's.
    #[error("counter {actual}, where {expected} is next")]
    Counter {
        /// The account's.
        expected: i64,
        /// The operation's.
        actual: i64,
    },
    /// An amount is not in 1 to 2⁶⁴ - 1.
    #[error("an amount is not in 1 to 2^64 - 1")]
    Amount,
    /// Somebody gives more than it has.
    #[error("insufficient balance")]
    Balance,
    /// Somebody would have more than 64 bits can say.
    #[error("the receiver cannot hold so many")]
    Overflow,
    /// Somebody gives to itself.
    #[error("a transfer to oneself")]
    SelfTransfer,
    /// The withdrawals make a message that layer 1 does not take.
    #[error("too many withdrawals for one message")]
    TooManyWithdrawals,
    /// It is signed by nobody.
    #[error("it is empty")]
    Empty,
}

/// The outcome of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied {
    /// All of it happened; its message to layer 1, if it withdraws.
    Done(Option<Vec<u8>>),
    /// Nothing happened.
    Refused(TransferError),
}

/// Why a transaction stops on its way.
#[derive(Debug)]
enum Stop {
    Refused(TransferError),
    Host(HostError),
}

impl From<TransferError> for Stop {
    fn from(error: TransferError) -> Self {
        Self::Refused(error)
    }
}

impl From<HostError> for Stop {
    fn from(error: HostError) -> Self {
        Self::Host(error)
    }
}

/// Applies a transaction.
///
/// # Errors
/// If the machine refuses a host call.
pub fn apply(
    memory: &mut Memory,
    store: &impl ReadStore,
    transaction: &Transaction<'_>,
) -> Result<Applied, HostError> {
    memory.begin();
    match all(memory, store, transaction) {
        Ok(message) => Ok(Applied::Done(message)),
        Err(Stop::Refused(error)) => {
            memory.roll_back();
            Ok(Applied::Refused(error))
        }
        Err(Stop::Host(error)) => Err(error),
    }
}

fn all(
    memory: &mut Memory,
    store: &impl ReadStore,
    transaction: &Transaction<'_>,
) -> Result<Option<Vec<u8>>, Stop> {
    let mut withdrawals = Vec::new();
    if transaction.operations.is_empty() {
        return Err(TransferError::Empty.into());
    }
    for operation in &transaction.operations {
        one(memory, store, operation, &mut withdrawals)?;
    }
    if withdrawals.is_empty() {
        return Ok(None);
    }
    let message = outbox::message(&withdrawals);
    Ok(Some(message.ok_or(TransferError::TooManyWithdrawals)?))
}

fn one<'b>(
    memory: &mut Memory,
    store: &impl ReadStore,
    operation: &Operation<'b>,
    withdrawals: &mut Vec<Withdrawal<'b>>,
) -> Result<(), Stop> {
    let signer = address(&operation.signer);
    let account = memory.account(store, &signer)?;
    let mut account = account.ok_or(TransferError::UnknownAccount)?;
    if account.public_key.is_none() {
        account.public_key = match operation.signer {
            Signer::PublicKey(key) => PublicKey::decompress(key).ok(),
            Signer::Address(_) => return Err(TransferError::UnknownAccount.into()),
        };
    }
    let (expected, actual) = (account.counter, operation.counter);
    let next = account.counter.checked_add(1);
    account.counter = next
        .filter(|_| expected == actual)
        .ok_or(TransferError::Counter { expected, actual })?;
    memory.set_account(store, &signer, account)?;
    for content in &operation.contents {
        match *content {
            Content::Withdrawal {
                destination,
                ticket,
                entrypoint,
            } => {
                withdrawals.push(Withdrawal {
                    destination,
                    ticket,
                    entrypoint,
                });
                take(memory, store, &signer, &ticket)?;
            }
            Content::Transfer {
                destination,
                ticket,
            } => give(memory, store, (&signer, destination), &ticket)?,
        }
    }
    Ok(())
}

/// Debits `from`; gives the amount.
fn take(
    memory: &mut Memory,
    store: &impl ReadStore,
    from: &Tz4,
    ticket: &StringTicket<'_>,
) -> Result<u64, Stop> {
    let amount = ticket.amount.filter(|amount| *amount > 0);
    let amount = amount.ok_or(TransferError::Amount)?;
    let hash = ticket.hash();
    let balance = memory.balance(store, from, &hash)?;
    let rest = balance.checked_sub(amount);
    memory.set_balance(store, from, &hash, rest.ok_or(TransferError::Balance)?)?;
    Ok(amount)
}

fn give(
    memory: &mut Memory,
    store: &impl ReadStore,
    (from, to): (&Tz4, &Tz4),
    ticket: &StringTicket<'_>,
) -> Result<(), Stop> {
    if from == to {
        return Err(TransferError::SelfTransfer.into());
    }
    let amount = take(memory, store, from, ticket)?;
    let hash = ticket.hash();
    let balance = memory.balance(store, to, &hash)?;
    let sum = balance.checked_add(amount);
    memory.set_balance(store, to, &hash, sum.ok_or(TransferError::Overflow)?)?;
    Ok(())
}
