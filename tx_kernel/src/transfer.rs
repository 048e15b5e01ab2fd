//! A transaction of a batch whose signature is good: all of it happens, or
//! nothing.

use crate::bls::PublicKey;
use crate::encoding::{Content, Operation, Signer, StringTicket, Transaction, Tz4};
use crate::inbox::address;
use crate::memory::Memory;
use crate::outbox::{self, Withdrawal};
use alloc::vec::Vec;
use core::fmt;
use host::{HostError, ReadStore};

/// Why a transaction does nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// A signer has no account, or names itself by an address whose key is not
    /// known.
    UnknownAccount,
    /// A counter is not its account's.
    Counter {
        /// The account's.
        expected: i64,
        /// The operation's.
        actual: i64,
    },
    /// An amount is not in 1 to 2⁶⁴ - 1.
    Amount,
    /// Somebody gives more than it has.
    Balance,
    /// Somebody would have more than 64 bits can say.
    Overflow,
    /// Somebody gives to itself.
    SelfTransfer,
    /// The withdrawals make a message that layer 1 does not take.
    TooManyWithdrawals,
    /// It is signed by nobody.
    Empty,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownAccount => f.write_str("unknown account"),
            Self::Counter { expected, actual } => {
                write!(f, "counter {actual}, where {expected} is next")
            }
            Self::Amount => f.write_str("an amount is not in 1 to 2^64 - 1"),
            Self::Balance => f.write_str("insufficient balance"),
            Self::Overflow => f.write_str("the receiver cannot hold so many"),
            Self::SelfTransfer => f.write_str("a transfer to oneself"),
            Self::TooManyWithdrawals => f.write_str("too many withdrawals for one message"),
            Self::Empty => f.write_str("it is empty"),
        }
    }
}

impl core::error::Error for Refused {}

/// Applies a transaction; gives its message to layer 1, if it withdraws.
///
/// # Errors
/// Where the machine refuses; within, why nothing happened.
pub fn apply(
    memory: &mut Memory,
    store: &impl ReadStore,
    transaction: &Transaction<'_>,
) -> Result<Result<Option<Vec<u8>>, Refused>, HostError> {
    memory.begin();
    let outcome = all(memory, store, transaction)?;
    if outcome.is_err() {
        memory.roll_back();
    }
    Ok(outcome)
}

fn all(
    memory: &mut Memory,
    store: &impl ReadStore,
    transaction: &Transaction<'_>,
) -> Result<Result<Option<Vec<u8>>, Refused>, HostError> {
    let mut withdrawals = Vec::new();
    if transaction.operations.is_empty() {
        return Ok(Err(Refused::Empty));
    }
    for operation in &transaction.operations {
        if let Err(refused) = one(memory, store, operation, &mut withdrawals)? {
            return Ok(Err(refused));
        }
    }
    if withdrawals.is_empty() {
        return Ok(Ok(None));
    }
    let message = outbox::message(&withdrawals);
    Ok(message.map(Some).ok_or(Refused::TooManyWithdrawals))
}

fn one<'b>(
    memory: &mut Memory,
    store: &impl ReadStore,
    operation: &Operation<'b>,
    withdrawals: &mut Vec<Withdrawal<'b>>,
) -> Result<Result<(), Refused>, HostError> {
    let signer = address(&operation.signer);
    let Some(mut account) = memory.account(store, &signer)? else {
        return Ok(Err(Refused::UnknownAccount));
    };
    if account.public_key.is_none() {
        account.public_key = match operation.signer {
            Signer::PublicKey(key) => PublicKey::decompress(key).ok(),
            Signer::Address(_) => return Ok(Err(Refused::UnknownAccount)),
        };
    }
    let (expected, actual) = (account.counter, operation.counter);
    let next = account.counter.checked_add(1);
    let Some(next) = next.filter(|_| expected == actual) else {
        return Ok(Err(Refused::Counter { expected, actual }));
    };
    account.counter = next;
    memory.set_account(store, &signer, account)?;
    for content in &operation.contents {
        let done = match *content {
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
                take(memory, store, &signer, &ticket)?.map(drop)
            }
            Content::Transfer {
                destination,
                ticket,
            } => give(memory, store, &signer, destination, &ticket)?,
        };
        if let Err(refused) = done {
            return Ok(Err(refused));
        }
    }
    Ok(Ok(()))
}

/// Debits `from`; gives the amount.
fn take(
    memory: &mut Memory,
    store: &impl ReadStore,
    from: &Tz4,
    ticket: &StringTicket<'_>,
) -> Result<Result<u64, Refused>, HostError> {
    let Some(amount) = ticket.amount.filter(|amount| *amount > 0) else {
        return Ok(Err(Refused::Amount));
    };
    let hash = ticket.hash();
    let balance = memory.balance(store, from, &hash)?;
    let Some(rest) = balance.checked_sub(amount) else {
        return Ok(Err(Refused::Balance));
    };
    memory.set_balance(store, from, &hash, rest)?;
    Ok(Ok(amount))
}

fn give(
    memory: &mut Memory,
    store: &impl ReadStore,
    from: &Tz4,
    to: &Tz4,
    ticket: &StringTicket<'_>,
) -> Result<Result<(), Refused>, HostError> {
    if from == to {
        return Ok(Err(Refused::SelfTransfer));
    }
    let amount = match take(memory, store, from, ticket)? {
        Ok(amount) => amount,
        Err(refused) => return Ok(Err(refused)),
    };
    let hash = ticket.hash();
    let balance = memory.balance(store, to, &hash)?;
    let Some(sum) = balance.checked_add(amount) else {
        return Ok(Err(Refused::Overflow));
    };
    memory.set_balance(store, to, &hash, sum)?;
    Ok(Ok(()))
}
