//! Tickets that come in: a contract of layer 1 calls the rollup, whose type is
//! `pair string (ticket string)`, with the address of who gets them.
//!
//! Whoever calls may, for a ticket is its ticketer and its content, and layer 1
//! makes nobody else's. What cannot be credited stays in the rollup, locked.

use crate::encoding::{StringTicket, Tz4};
use crate::memory::Memory;
use alloc::vec::Vec;
use core::fmt;
use host::{HostError, ReadStore};
use messages::address::{self, AddressError, Kind};
use messages::error::DecodeError;
use messages::micheline::Node;

/// Why tickets are not credited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DepositError {
    /// The call brings no string ticket.
    NoTicket(DecodeError),
    /// Not of the rollup's type.
    NotADeposit,
    /// The receiver is no tz4 address.
    Receiver(AddressError),
    /// The amount is not above zero, or beyond 64 bits.
    Amount,
    /// The account would have more than 64 bits can say.
    Overflow,
}

impl fmt::Display for DepositError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTicket(error) => write!(f, "no string ticket: {error}"),
            Self::NotADeposit => f.write_str("not of type pair string (ticket string)"),
            Self::Receiver(error) => write!(f, "the receiver: {error}"),
            Self::Amount => f.write_str("the amount is not in 1 to 2^64 - 1"),
            Self::Overflow => f.write_str("the account cannot hold so many"),
        }
    }
}

impl core::error::Error for DepositError {}

/// What a call of layer 1 deposits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deposit<'b> {
    /// Who gets it.
    pub receiver: Tz4,
    /// What.
    pub ticket: StringTicket<'b>,
    /// How many.
    pub amount: u64,
}

/// Reads the payload of a call.
///
/// # Errors
/// Where it is no deposit that can be credited.
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

/// Credits a deposit.
///
/// # Errors
/// Where the machine refuses; within, [`DepositError::Overflow`].
pub fn deposit_ticket(
    memory: &mut Memory,
    store: &impl ReadStore,
    deposit: &Deposit<'_>,
) -> Result<Result<(), DepositError>, HostError> {
    let hash = deposit.ticket.hash();
    let balance = memory.balance(store, &deposit.receiver, &hash)?;
    let Some(balance) = balance.checked_add(deposit.amount) else {
        return Ok(Err(DepositError::Overflow));
    };
    memory.set_balance(store, &deposit.receiver, &hash, balance)?;
    memory.describe(store, &hash, || describe(&deposit.ticket))?;
    Ok(Ok(()))
}

/// What a ticket is, as the layout keeps it.
fn describe(ticket: &StringTicket<'_>) -> Vec<u8> {
    [&ticket.ticketer.encode()[..], ticket.content.as_bytes()].concat()
}
