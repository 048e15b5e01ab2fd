//! The contracts: storage and code, one in each file.
//!
//! Code sees typed values, changes its own storage, mints and burns its own
//! tickets, and emits calls that run after it.

mod bridge;
mod delayed_inbox;
mod exchanger;
mod fast_withdrawal;
mod governance;
mod token;
mod token_wrapper;

pub use bridge::Bridge;
pub use delayed_inbox::DelayedInbox;
pub use exchanger::Exchanger;
pub use fast_withdrawal::{Asked, Claim, FastWithdrawal};
pub use governance::Governance;
pub use token::Token;
pub use token_wrapper::TokenWrapper;

use crate::account::{Account, Address, Mutez};
use crate::chain::Call;
use crate::failure::Failure;
use crate::ledger::Ledger;
use crate::michelson::Michelson;
use crate::value::{Ticket, TicketId, Type, Value};

/// A contract: which code, with its storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Code {
    /// Tez to tickets and back.
    Exchanger(Exchanger),
    /// Tez into the rollup.
    Bridge(Bridge),
    /// A token.
    Token(Token),
    /// A token to tickets, into the rollup, and back.
    TokenWrapper(TokenWrapper),
    /// Withdrawals paid before they are cemented.
    FastWithdrawal(FastWithdrawal),
    /// Transactions that the rollup must take.
    DelayedInbox(DelayedInbox),
    /// Who decides on upgrades.
    Governance(Governance),
}

impl Code {
    /// The type of an entrypoint; none where there is no such.
    #[must_use]
    pub fn entrypoint(&self, name: &str) -> Option<Type> {
        match self {
            Self::Exchanger(_) => exchanger::entrypoint(name),
            Self::Bridge(_) => bridge::entrypoint(name),
            Self::Token(_) => token::entrypoint(name),
            Self::TokenWrapper(_) => token_wrapper::entrypoint(name),
            Self::FastWithdrawal(_) => fast_withdrawal::entrypoint(name),
            Self::DelayedInbox(_) => delayed_inbox::entrypoint(name),
            Self::Governance(_) => governance::entrypoint(name),
        }
    }

    /// Runs an entrypoint; gives the calls that it emits.
    pub(crate) fn call(
        &mut self,
        frame: &mut Frame<'_>,
        entrypoint: &str,
        parameter: Value,
    ) -> Result<Vec<Call>, Failure> {
        match self {
            Self::Exchanger(_) => exchanger::call(frame, entrypoint, parameter),
            Self::Bridge(bridge) => bridge.call(frame, entrypoint, parameter),
            Self::Token(token) => token.call(frame, entrypoint, parameter),
            Self::TokenWrapper(wrapper) => wrapper.call(frame, entrypoint, parameter),
            Self::FastWithdrawal(fast) => fast.call(frame, entrypoint, parameter),
            Self::DelayedInbox(delayed) => delayed.call(frame, parameter),
            Self::Governance(governance) => governance.call(frame, parameter),
        }
    }
}

/// What code knows of the call that it runs for.
#[derive(Debug)]
pub(crate) struct Frame<'l> {
    /// Who has what.
    pub(crate) ledger: &'l mut Ledger,
    /// The hash of the contract itself.
    pub(crate) own: [u8; 20],
    /// Who calls.
    pub(crate) sender: Account,
    /// What came with the call.
    pub(crate) amount: Mutez,
}

impl Frame<'_> {
    /// The contract itself.
    pub(crate) const fn account(&self) -> Account {
        Account::originated(self.own)
    }

    /// `FAILWITH`.
    pub(crate) const fn fail(&self, why: &'static str) -> Failure {
        Failure::FailWith {
            contract: self.account(),
            why,
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

/// A call without tez.
fn call(destination: Address, parameter: impl Michelson) -> Call {
    paid_call(destination, Mutez::ZERO, parameter)
}

fn paid_call(destination: Address, amount: Mutez, parameter: impl Michelson) -> Call {
    Call {
        destination,
        amount,
        parameter: parameter.into_value(),
    }
}

/// The rollup's entry for deposits: `Left (Left (Pair routing ticket))`.
fn deposit(rollup: Address, routing: Vec<u8>, ticket: Ticket) -> Call {
    let deposit = (routing, ticket).into_value();
    to_rollup(rollup, Value::left(Value::left(deposit)))
}

/// A call of the rollup.
const fn to_rollup(rollup: Address, parameter: Value) -> Call {
    Call {
        destination: rollup,
        amount: Mutez::ZERO,
        parameter,
    }
}
