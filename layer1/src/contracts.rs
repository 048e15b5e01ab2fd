//! The contracts: storage and code, one in each file.
//!
//! Code sees typed values, changes its own storage, mints and burns its own
//! tickets, and emits calls that run after it. It follows the scripts of
//! `contracts/layer1`: a test runs both.

mod bridge;
mod delayed_inbox;
mod exchanger;
mod fast_withdrawal;
mod frame;
mod governance;
#[cfg(test)]
mod scripts;
mod token;
mod token_wrapper;

pub use bridge::Bridge;
pub use delayed_inbox::DelayedInbox;
pub use exchanger::Exchanger;
pub use fast_withdrawal::{Asked, Claim, FastWithdrawal};
pub(crate) use frame::Frame;
pub use governance::{Governance, public};
pub use token::Token;
pub use token_wrapper::TokenWrapper;

use crate::call::Call;
use crate::failure::Failure;
use crate::value::{Type, Value};

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
    /// n of m keys decide on upgrades.
    Governance(Governance),
}

impl Code {
    /// The type of an entrypoint; none if there is no such.
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
            Self::Governance(governance) => governance.call(frame, entrypoint, parameter),
        }
    }
}
