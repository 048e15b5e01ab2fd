//! A token to tickets, into the rollup, and back: ticketer, helper and the
//! proxy of withdrawals in one.
//!
//! `parameter or (pair %deposit nat (pair bytes address)) (pair %withdraw
//! address (ticket …))`.

use super::frame::Frame;
use crate::account::{Account, Address, Mutez};
use crate::call::Call;
use crate::failure::Failure;
use crate::michelson::Michelson;
use crate::value::{Ticket, Type, Value};

/// The wrapper's storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenWrapper {
    /// The token that it wraps.
    pub token: [u8; 20],
}

pub(super) fn entrypoint(name: &str) -> Option<Type> {
    match name {
        "deposit" => Some(<(u128, (Vec<u8>, Address))>::ty()),
        "withdraw" => Some(<(Address, Ticket)>::ty()),
        _ => None,
    }
}

impl TokenWrapper {
    pub(super) fn call(
        &self,
        frame: &mut Frame<'_>,
        entrypoint: &str,
        parameter: Value,
    ) -> Result<Vec<Call>, Failure> {
        frame.check(frame.amount == Mutez::ZERO, "NO_TEZ_WANTED")?;
        let own = Address::from(frame.account());
        let transfer = Account::originated(self.token).at("transfer");
        if entrypoint == "deposit" {
            let (amount, (routing, rollup)): (u128, (Vec<u8>, Address)) = frame.take(parameter)?;
            let ticket = frame.mint(amount)?;
            let depositor = Address::from(frame.sender);
            return Ok(vec![
                Call::new(transfer, (depositor, (own, amount))),
                Call::deposit(rollup, routing, ticket),
            ]);
        }
        let (receiver, ticket): (Address, Ticket) = frame.take(parameter)?;
        frame.burn(&ticket)?;
        Ok(vec![Call::new(transfer, (own, (receiver, ticket.amount)))])
    }

    /// The calls that deposit `amount` tokens at the wrapper with this hash, for
    /// whom `routing` names: the depositor allows it to take them, then has it
    /// do so.
    #[must_use]
    pub fn deposit(
        &self,
        wrapper: [u8; 20],
        rollup: [u8; 20],
        routing: Vec<u8>,
        amount: u128,
    ) -> [Call; 2] {
        let wrapper = Account::originated(wrapper);
        let approve = Account::originated(self.token).at("approve");
        let rollup = Address::from(Account::Rollup(rollup));
        [
            Call::new(approve, (Address::from(wrapper), amount)),
            Call::new(wrapper.at("deposit"), (amount, (routing, rollup))),
        ]
    }
}
