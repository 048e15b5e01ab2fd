//! Withdrawals paid by a provider before their outbox message is cemented; the
//! message then pays the provider.
//!
//! `parameter or (pair %default nat (pair (ticket …) (pair timestamp (pair address
//! (pair bytes bytes))))) (pair %payout_withdrawal nat (pair timestamp (pair
//! address (pair bytes bytes))))`. A provider pays the whole amount, in tez:
//! discounts and tokens are not modelled. What nobody paid early goes to the
//! receiver, of tickets of any ticketer with `%withdraw` too.

use super::frame::Frame;
use crate::account::{Account, Address, Mutez};
use crate::call::Call;
use crate::failure::Failure;
use crate::michelson::{Michelson, Timestamp};
use crate::value::{Ticket, Type, Value};
use messages::micheline::Node;
use std::collections::BTreeMap;

/// The contract's storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FastWithdrawal {
    /// Whose tickets are worth tez.
    pub exchanger: [u8; 20],
    /// The rollup that withdrawals come from.
    pub rollup: [u8; 20],
    /// Early payments, with the account that paid.
    pub paid: BTreeMap<(Claim, u128), Address>,
}

/// Distinguishes withdrawals, besides their amount.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Claim {
    /// The withdrawal's number on the rollup.
    pub id: u128,
    /// When it was made.
    pub timestamp: Timestamp,
    /// The receiver.
    pub receiver: Address,
    /// The user's bytes for providers.
    pub payload: Vec<u8>,
    /// The rollup's account that made it.
    pub caller: Vec<u8>,
}

/// A request to such a contract by an outbox message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Which withdrawal.
    pub claim: Claim,
    /// The tickets that pay for it.
    pub ticket: Ticket,
}

impl Asked {
    /// The parameter of `%default` in a node; none for another.
    #[must_use]
    pub fn read(parameter: Node<'_>) -> Option<Self> {
        let value = Parameter::ty().read(parameter)?;
        let (id, (ticket, details)) = Parameter::from_value(value)?;
        let claim = Claim::new(id, details);
        Some(Self { claim, ticket })
    }
}

type Parameter = (u128, (Ticket, Details));

type Details = (Timestamp, (Address, (Vec<u8>, Vec<u8>)));

impl Claim {
    fn new(id: u128, (timestamp, (receiver, (payload, caller))): Details) -> Self {
        Self {
            id,
            timestamp,
            receiver,
            payload,
            caller,
        }
    }

    /// The call that pays `amount` early, at the contract with this hash.
    #[must_use]
    pub fn pay(self, contract: [u8; 20], amount: Mutez) -> Call {
        let details = (self.receiver, (self.payload, self.caller));
        let parameter = (self.id, (self.timestamp, details));
        Call::paid(
            Account::originated(contract).at("payout_withdrawal"),
            amount,
            parameter,
        )
    }
}

pub(super) fn entrypoint(name: &str) -> Option<Type> {
    match name {
        "default" => Some(Parameter::ty()),
        "payout_withdrawal" => Some(<(u128, Details)>::ty()),
        _ => None,
    }
}

impl FastWithdrawal {
    pub(super) fn call(
        &mut self,
        frame: &Frame<'_>,
        entrypoint: &str,
        parameter: Value,
    ) -> Result<Vec<Call>, Failure> {
        if entrypoint == "payout_withdrawal" {
            let (id, details) = frame.take(parameter)?;
            let claim = Claim::new(id, details);
            frame.check(frame.amount > Mutez::ZERO, "NO_TEZ")?;
            let receiver = claim.receiver.clone();
            let key = (claim, u128::from(frame.amount.0));
            let first = self.paid.insert(key, frame.sender.into()).is_none();
            frame.check(first, "ALREADY_PAID")?;
            return Ok(vec![Call::paid(receiver, frame.amount, ())]);
        }
        let (id, (ticket, details)): Parameter = frame.take(parameter)?;
        frame.check(frame.amount == Mutez::ZERO, "NO_TEZ_WANTED")?;
        // Who else holds tickets could claim what a provider paid.
        let from_rollup = frame.sender == Account::Rollup(self.rollup);
        frame.check(from_rollup, "NOT_THE_ROLLUP")?;
        let ticketer = Account::from(ticket.id.ticketer);
        if ticketer != Account::originated(self.exchanger) {
            let receiver = details.1.0;
            return Ok(vec![Call::new(ticketer.at("withdraw"), (receiver, ticket))]);
        }
        let claim = Claim::new(id, details);
        let receiver = claim.receiver.clone();
        let provider = self.paid.remove(&(claim, ticket.amount));
        let payee = provider.unwrap_or(receiver);
        Ok(vec![Call::new(ticketer.at("burn"), (payee, ticket))])
    }
}
