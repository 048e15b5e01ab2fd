//! What [`crate::factory`] makes: it remembers who made it and with what.

use alloy_primitives::{Address, Bytes, U256};

use crate::{abi::Word, fixture::artifact};

artifact!(FIXTURE, fixture, "Child");

/// Creation code with the child's value.
#[must_use]
pub fn deploy(value: U256) -> Bytes {
    FIXTURE.deploy(&[value.word()])
}

/// Returns the address that made it.
#[must_use]
pub fn creator() -> Bytes {
    FIXTURE.call("creator()", &[])
}

/// Returns the value it was made with.
#[must_use]
pub fn value() -> Bytes {
    FIXTURE.call("value()", &[])
}

/// Sends all it holds to `heir` by SELFDESTRUCT; the code stays (EIP-6780).
#[must_use]
pub fn close(heir: Address) -> Bytes {
    FIXTURE.call("close(address)", &[heir.word()])
}
