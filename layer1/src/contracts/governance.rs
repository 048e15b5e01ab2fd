//! Who decides on upgrades: passes on what its owner says.
//!
//! `parameter bytes`: the payload.

use super::frame::Frame;
use crate::account::{Account, Address};
use crate::call::Call;
use crate::failure::Failure;
use crate::michelson::Michelson;
use crate::value::{Type, Value};

/// The contract's storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Governance {
    /// The only one whom it heeds: stands for those who sign on the real layer 1.
    pub owner: Account,
    /// The rollup.
    pub rollup: [u8; 20],
}

pub(super) fn entrypoint(name: &str) -> Option<Type> {
    (name == "default").then(Vec::<u8>::ty)
}

impl Governance {
    pub(super) fn call(&self, frame: &Frame<'_>, parameter: Value) -> Result<Vec<Call>, Failure> {
        let payload: Vec<u8> = frame.take(parameter)?;
        frame.check(frame.sender == self.owner, "NOT_THE_OWNER")?;
        let rollup = Address::from(Account::Rollup(self.rollup));
        Ok(vec![Call::to_rollup(
            rollup,
            Value::right(Value::Bytes(payload)),
        )])
    }

    /// The call that says `payload` to the contract with this hash.
    #[must_use]
    pub fn say(contract: [u8; 20], payload: Vec<u8>) -> Call {
        Call::new(Account::originated(contract).into(), payload)
    }
}
