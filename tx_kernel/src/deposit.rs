//! Tickets that come in: a contract of layer 1 calls the rollup, whose type is
//! `pair string (ticket string)`, with the address of who gets them.
//!
//! Whoever calls may, for a ticket is its ticketer and its content, and layer 1
//! makes nobody else's. What cannot be credited stays in the rollup, locked.

use crate::encoding::{StringTicket, Tz4};
use crate::memory::Memory;
use alloc::vec::Vec;
use host::{HostError, ReadStore};
use messages::address::{self, AddressError, Kind};
use messages::error::DecodeError;
use messages::micheline::Node;

/// Why tickets are not credited.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DepositError {
    /// The call brings no string ticket.
    #[error("no string ticket: {0}")]
    NoTicket(DecodeError),
    /// Not of the rollup's type.
    #[error("not of type pair string (ticket string)")]
    NotADeposit,
    /// The receiver is no tz4 address.
    #[error("the receiver: {0}")]
    Receiver(AddressError),
    /// The amount is not above zero, or beyond 64 bits.
    #[error("the amount is not in 1 to 2^64 - 1")]
    Amount,
    /// The account would have more than 64 bits can say.
    #[error("the account cannot hold so many")]
    Overflow,
}

/// A deposit by a call of layer 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deposit<'b> {
    /// The receiver.
    pub receiver: Tz4,
    /// The ticket.
    pub ticket: StringTicket<'b>,
    /// The amount.
    pub amount: u64,
}

/// Reads the payload of a call.
///
/// # Errors
/// If it is no deposit that can be credited.
pub fn read(payload: &[u8]) -> Result<Deposit<'_>, DepositError> {
    let node = Node::parse(payload).map_err(DepositError::NoTicket)?;
    let [receiver, ticket] = node.pair().ok_or(DepositError::NotADeposit)?;
    let receiver = receiver.string().ok_or(DepositError::NotADeposit)?;
    let ticket = StringTicket::from_node(ticket).map_err(DepositError::NoTicket)?;
    let receiver = address::parse(Kind::Tz4, receiver).map_err(DepositError::Receiver)?;
    let receiver = receiver.try_into();
    let amount = ticket.amount.filter(|amount| *amount > 0);
    Ok(Deposit {
        receiver: receiver.map_err(|_| DepositError::NotADeposit)?,
        ticket,
        amount: amount.ok_or(DepositError::Amount)?,
    })
}

/// The outcome of a deposit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deposited {
    /// It is credited.
    Credited,
    /// It is not.
    Refused(DepositError),
}

/// Credits a deposit, unless the account [overflows](DepositError::Overflow).
///
/// # Errors
/// If the machine refuses a host call.
pub fn deposit_ticket(
    memory: &mut Memory,
    store: &impl ReadStore,
    deposit: &Deposit<'_>,
) -> Result<Deposited, HostError> {
    let hash = deposit.ticket.hash();
    let balance = memory.balance(store, &deposit.receiver, &hash)?;
    let Some(balance) = balance.checked_add(deposit.amount) else {
        return Ok(Deposited::Refused(DepositError::Overflow));
    };
    memory.set_balance(store, &deposit.receiver, &hash, balance)?;
    memory.describe(store, &hash, || describe(&deposit.ticket))?;
    Ok(Deposited::Credited)
}

/// The description of a ticket, as the layout keeps it.
fn describe(ticket: &StringTicket<'_>) -> Vec<u8> {
    [&ticket.ticketer.encode()[..], ticket.content.as_bytes()].concat()
}
