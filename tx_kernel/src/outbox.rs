//! Tickets that leave: all withdrawals of one transaction are one message to
//! layer 1, which happens there whole or not at all.

use crate::encoding::StringTicket;
use alloc::vec::Vec;
use messages::outbox::{Entrypoint, MAX_MESSAGE, Message, Transaction};

/// Tickets for a contract of layer 1.
#[derive(Clone, Copy, Debug)]
pub struct Withdrawal<'b> {
    /// The hash of the contract (`KT1…`).
    pub destination: &'b [u8; 20],
    /// The ticket.
    pub ticket: StringTicket<'b>,
    /// The entrypoint.
    pub entrypoint: Entrypoint<'b>,
}

/// The message of a transaction's withdrawals; `None` if it is longer than
/// layer 1 takes.
#[must_use]
pub fn message(withdrawals: &[Withdrawal<'_>]) -> Option<Vec<u8>> {
    let calls = withdrawals.iter().map(|withdrawal| Transaction {
        parameters: withdrawal.ticket.node,
        destination: *withdrawal.destination,
        entrypoint: withdrawal.entrypoint,
    });
    let message = Message::Batch(calls.collect()).encode();
    (message.len() <= MAX_MESSAGE).then_some(message)
}
