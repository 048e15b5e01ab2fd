//! The context of a call.

use crate::account::{Account, Mutez};
use crate::failure::Failure;
use crate::ledger::Ledger;
use crate::michelson::Michelson;
use crate::value::{Ticket, TicketId, Value};
use std::borrow::Cow;

/// The call, and what its code may do.
#[derive(Debug)]
pub(crate) struct Frame<'l> {
    /// All balances.
    pub(crate) ledger: &'l mut Ledger,
    /// The hash of the contract itself.
    pub(crate) own: [u8; 20],
    /// The caller.
    pub(crate) sender: Account,
    /// The amount that came with the call.
    pub(crate) amount: Mutez,
    /// The rollup of this layer 1.
    pub(crate) rollup: [u8; 20],
    /// `NOW`: seconds since 1970.
    pub(crate) now: i64,
}

impl Frame<'_> {
    /// The contract itself.
    pub(crate) const fn account(&self) -> Account {
        Account::originated(self.own)
    }

    /// `FAILWITH`.
    pub(crate) fn fail(&self, why: impl Into<Cow<'static, str>>) -> Failure {
        Failure::FailWith {
            contract: self.account(),
            why: why.into(),
        }
    }

    /// Fails unless `holds`.
    pub(crate) fn check(&self, holds: bool, why: &'static str) -> Result<(), Failure> {
        if holds { Ok(()) } else { Err(self.fail(why)) }
    }

    /// The parameter in its Rust type: it was checked against the Michelson type
    /// before.
    pub(crate) fn take<T: Michelson>(&self, parameter: Value) -> Result<T, Failure> {
        T::from_value(parameter).ok_or_else(|| self.fail("BAD_PARAMETER"))
    }

    /// `TICKET`: new tickets `Pair 0 None` of the contract's own, for itself.
    pub(crate) fn mint(&mut self, amount: u128) -> Result<Ticket, Failure> {
        self.check(amount > 0, "NO_TICKETS")?;
        let id = TicketId::of(self.own);
        let ticket = Ticket { id, amount };
        self.ledger.mint(self.account(), &ticket)?;
        Ok(ticket)
    }

    /// Destroys tickets that came with the call, which the contract must have
    /// made itself.
    pub(crate) fn burn(&mut self, ticket: &Ticket) -> Result<(), Failure> {
        let own = ticket.id == TicketId::of(self.own);
        self.check(own, "WRONG_TICKETER")?;
        self.ledger.burn(self.account(), ticket)
    }
}
