//! Tez into the rollup: has them made into tickets and sends these.
//!
//! `parameter or (ticket %callback …) (pair %deposit (address %evm_address)
//! (bytes %l2_address))`.

use super::frame::Frame;
use crate::account::{Account, Address, Mutez};
use crate::call::Call;
use crate::failure::Failure;
use crate::michelson::Michelson;
use crate::value::{Ticket, Type, Value};

/// The bridge's storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bridge {
    /// The issuer of the tickets.
    pub exchanger: [u8; 20],
    /// The deposit whose tickets are not here yet: rollup and routing.
    pub request: Option<(Address, Vec<u8>)>,
}

pub(super) fn entrypoint(name: &str) -> Option<Type> {
    match name {
        "deposit" => Some(<(Address, Vec<u8>)>::ty()),
        "callback" => Some(Ticket::ty()),
        _ => None,
    }
}

impl Bridge {
    pub(super) fn call(
        &mut self,
        frame: &Frame<'_>,
        entrypoint: &str,
        parameter: Value,
    ) -> Result<Vec<Call>, Failure> {
        if entrypoint == "deposit" {
            let request = frame.take(parameter)?;
            frame.check(self.request.is_none(), "deposit locked")?;
            self.request = Some(request);
            let mint = Account::originated(self.exchanger).at("mint");
            let callback = frame.account().at("callback");
            return Ok(vec![Call::paid(mint, frame.amount, callback)]);
        }
        let ticket: Ticket = frame.take(parameter)?;
        let brought = frame.sender == Account::originated(self.exchanger);
        frame.check(brought, "NOT_THE_EXCHANGER")?;
        let request = self.request.take();
        let (rollup, routing) = request.ok_or_else(|| frame.fail("no deposit is pending"))?;
        Ok(vec![Call::deposit(rollup, routing, ticket)])
    }

    /// The call that deposits `amount` at the bridge with this hash, for whom
    /// `routing` names.
    #[must_use]
    pub fn deposit(bridge: [u8; 20], rollup: [u8; 20], routing: Vec<u8>, amount: Mutez) -> Call {
        let rollup = Address::from(Account::Rollup(rollup));
        let bridge = Account::originated(bridge).at("deposit");
        Call::paid(bridge, amount, (rollup, routing))
    }
}
