//! Why an operation fails.

use crate::account::{Account, Address, Mutez};
use messages::DecodeError;
use std::borrow::Cow;

/// Why an operation fails. Nothing of it has happened then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// There is nobody with this address.
    #[error("there is no contract {0}")]
    NoContract(Account),
    /// The contract has no such entrypoint.
    #[error("there is no entrypoint {0}")]
    NoEntrypoint(Address),
    /// The parameter is not of the entrypoint's type.
    #[error("the parameter of {destination} must be {expected}")]
    IllTyped {
        /// What was called.
        destination: Address,
        /// The type, in Michelson.
        expected: String,
    },
    /// The type that a batch names is not the entrypoint's.
    #[error("{destination} takes {expected}, which is not the type that the message names")]
    OtherType {
        /// What was called.
        destination: Address,
        /// The type, in Michelson.
        expected: String,
    },
    /// Somebody has less tez than is sent.
    #[error("{account} has {has} and needs {needs}")]
    Balance {
        /// Who.
        account: Account,
        /// How much there is.
        has: Mutez,
        /// How much is sent.
        needs: Mutez,
    },
    /// Somebody has fewer tickets than are sent.
    #[error("{account} has {has} tickets of {ticketer} and needs {needs}")]
    Tickets {
        /// Who.
        account: Account,
        /// Who made the tickets.
        ticketer: Account,
        /// How many there are.
        has: u128,
        /// How many are sent.
        needs: u128,
    },
    /// Tez sent to a rollup, which can hold none.
    #[error("a rollup takes no tez")]
    TezToRollup,
    /// Only contracts with code may call a rollup.
    #[error("{0} has no code: only contracts can call a rollup")]
    CallerWithoutCode(Account),
    /// An inbox message longer than 4,096 bytes.
    #[error("an inbox message of {0} bytes: 4,096 are the most")]
    MessageTooLong(usize),
    /// More of something than there can be.
    #[error("a sum overflows")]
    Overflow,
    /// The contract refuses.
    #[error("{contract} fails with {why:?}")]
    FailWith {
        /// Which contract.
        contract: Account,
        /// Its word.
        why: Cow<'static, str>,
    },
    /// More internal operations than layer 1 would run.
    #[error("too many internal operations")]
    TooManyOperations,
    /// A message that layer 1 cannot read.
    #[error("the message cannot be read: {0}")]
    Unreadable(DecodeError),
    /// A whitelist for a rollup that is open to all.
    #[error("the rollup is public: it has no whitelist")]
    PublicRollup,
}
