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
        /// The callee.
        destination: Address,
        /// The type, in Michelson.
        expected: String,
    },
    /// The type that a batch names is not the entrypoint's.
    #[error("{destination} takes {expected}, which is not the type that the message names")]
    OtherType {
        /// The callee.
        destination: Address,
        /// The type, in Michelson.
        expected: String,
    },
    /// Somebody has less tez than is sent.
    #[error("{account} has {has} and needs {needs}")]
    Balance {
        /// The account.
        account: Account,
        /// The amount that is there.
        has: Mutez,
        /// The amount that is needed.
        needs: Mutez,
    },
    /// Somebody has fewer tickets than are sent.
    #[error("{account} has {has} tickets of {ticketer} and needs {needs}")]
    Tickets {
        /// The account.
        account: Account,
        /// The issuer of the tickets.
        ticketer: Account,
        /// The number that is there.
        has: u128,
        /// The number that is sent.
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
