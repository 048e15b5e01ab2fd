//! Tez to tickets and back. A ticket is worth a mutez.
//!
//! `parameter or (pair %burn address (ticket …)) (address %mint)`.

use super::frame::Frame;
use crate::account::{Address, Mutez};
use crate::call::Call;
use crate::failure::Failure;
use crate::michelson::Michelson;
use crate::value::{Ticket, Type, Value};

/// The exchanger; it has no storage. Its tez are those behind the tickets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exchanger;

pub(super) fn entrypoint(name: &str) -> Option<Type> {
    match name {
        "mint" => Some(Address::ty()),
        "burn" => Some(<(Address, Ticket)>::ty()),
        _ => None,
    }
}

pub(super) fn call(
    frame: &mut Frame<'_>,
    entrypoint: &str,
    parameter: Value,
) -> Result<Vec<Call>, Failure> {
    if entrypoint == "mint" {
        let callback: Address = frame.take(parameter)?;
        let ticket = frame.mint(frame.amount.0.into())?;
        return Ok(vec![Call::new(callback, ticket)]);
    }
    let (receiver, ticket): (Address, Ticket) = frame.take(parameter)?;
    frame.check(frame.amount == Mutez::ZERO, "NO_TEZ_WANTED")?;
    frame.burn(&ticket)?;
    let amount = u64::try_from(ticket.amount).map_err(|_| Failure::Overflow)?;
    Ok(vec![Call::paid(receiver, Mutez(amount), ())])
}
