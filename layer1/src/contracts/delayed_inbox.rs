//! Transactions that the rollup must take: announced, then sent in chunks, for
//! a tez that is burned.
//!
//! `parameter bytes`: a raw Ethereum transaction.

use super::frame::Frame;
use crate::account::{Account, Address, Mutez};
use crate::call::Call;
use crate::failure::Failure;
use crate::michelson::Michelson;
use crate::value::{Type, Value};
use messages::contract::Contract;

/// The most bytes of a chunk.
const MAX_CHUNK: usize = 4000;

/// The minimum price of a message.
const PRICE: Mutez = Mutez::tez(1);

/// The account without a key that burned tez go to.
const BURNED: &str = "tz1burnburnburnburnburnburnburjAYjjX";

const ANNOUNCE: u8 = 0;
const CHUNK: u8 = 1;

/// The contract's storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DelayedInbox {
    /// The rollup.
    pub rollup: [u8; 20],
}

pub(super) fn entrypoint(name: &str) -> Option<Type> {
    (name == "default").then(Vec::<u8>::ty)
}

impl DelayedInbox {
    pub(super) fn call(&self, frame: &Frame<'_>, parameter: Value) -> Result<Vec<Call>, Failure> {
        let transaction: Vec<u8> = frame.take(parameter)?;
        frame.check(frame.amount >= PRICE, "NOT_ENOUGH_TEZ")?;
        frame.check(!transaction.is_empty(), "NO_TRANSACTION")?;
        let chunks = transaction.chunks(MAX_CHUNK);
        let count = u8::try_from(chunks.len()).map_err(|_| frame.fail("TOO_LONG"))?;
        let burned = Contract::from_base58(BURNED).map_err(|_| frame.fail("NO_FIRE"))?;
        let rollup = Address::from(Account::Rollup(self.rollup));
        let message = |tag: u8, rest: &[u8]| {
            let bytes = Value::Bytes([&[tag], rest].concat());
            Call::to_rollup(rollup.clone(), Value::left(Value::right(bytes)))
        };
        let mut calls = vec![
            Call::paid(Account::from(burned).into(), frame.amount, ()),
            message(ANNOUNCE, &[count]),
        ];
        calls.extend(chunks.map(|chunk| message(CHUNK, chunk)));
        Ok(calls)
    }

    /// The call that sends a raw transaction through the contract with this hash,
    /// with the tez that it costs.
    #[must_use]
    pub fn send(contract: [u8; 20], transaction: Vec<u8>) -> Call {
        Call::paid(Account::originated(contract).into(), PRICE, transaction)
    }
}
