//! A call of an entrypoint: what operations and contracts ask for.

use crate::account::{Address, Mutez};
use crate::michelson::Michelson;
use crate::value::{Ticket, Value};

/// A call of somebody's entrypoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Whose, and which.
    pub destination: Address,
    /// The tez that go with it.
    pub amount: Mutez,
    /// The parameter.
    pub parameter: Value,
}

impl Call {
    /// A call without tez.
    pub(crate) fn new(destination: Address, parameter: impl Michelson) -> Self {
        Self::paid(destination, Mutez::ZERO, parameter)
    }

    /// A call with tez.
    pub(crate) fn paid(destination: Address, amount: Mutez, parameter: impl Michelson) -> Self {
        Self {
            destination,
            amount,
            parameter: parameter.into_value(),
        }
    }

    /// The rollup's entry for deposits: `Left (Left (Pair routing ticket))`.
    pub(crate) fn deposit(rollup: Address, routing: Vec<u8>, ticket: Ticket) -> Self {
        let deposit = (routing, ticket).into_value();
        Self::to_rollup(rollup, Value::left(Value::left(deposit)))
    }

    /// A call of the rollup.
    pub(crate) const fn to_rollup(rollup: Address, parameter: Value) -> Self {
        Self {
            destination: rollup,
            amount: Mutez::ZERO,
            parameter,
        }
    }
}
