//! `Transient.sol`: storage that lasts one transaction (EIP-1153).

use alloy_primitives::{Address, B256, Bytes};

use crate::{abi::Word, fixture::artifact};

artifact!(FIXTURE, fixture, "Transient");

/// Creation code.
#[must_use]
pub fn deploy() -> Bytes {
    FIXTURE.deploy(&[])
}

/// Sets the number for this transaction.
#[must_use]
pub fn set(number: u64) -> Bytes {
    FIXTURE.call("set(uint256)", &[number.word()])
}

/// Keeps the number plus one in storage.
#[must_use]
pub fn keep() -> Bytes {
    FIXTURE.call("keep()", &[])
}

/// Sets the number in one call and keeps it in another.
#[must_use]
pub fn set_and_keep(number: u64) -> Bytes {
    FIXTURE.call("setAndKeep(uint256)", &[number.word()])
}

/// Sets the number, sets another in a call that reverts, keeps what is there.
#[must_use]
pub fn set_and_revert(number: u64) -> Bytes {
    FIXTURE.call("setAndRevert(uint256)", &[number.word()])
}

/// Sets 1; another contract sets its own to 2, and ours, by DELEGATECALL, to 3.
#[must_use]
pub fn share(other: Address) -> Bytes {
    FIXTURE.call("share(address)", &[other.word()])
}

/// Returns whether a static call could set it.
#[must_use]
pub fn set_statically() -> Bytes {
    FIXTURE.call("setStatically()", &[])
}

/// Enters under a lock, itself `times` times more; from one on it reverts with [`locked`].
#[must_use]
pub fn enter(times: u64) -> Bytes {
    FIXTURE.call("enter(uint256)", &[times.word()])
}

/// Fills so many slots and keeps their sum.
#[must_use]
pub fn fill(count: u64) -> Bytes {
    FIXTURE.call("fill(uint256)", &[count.word()])
}

/// Returns what was kept.
#[must_use]
pub fn kept() -> Bytes {
    FIXTURE.call("kept()", &[])
}

/// Topic of `Saw(uint256 number)`.
#[must_use]
pub fn saw() -> B256 {
    FIXTURE.topic("Saw(uint256)")
}

/// Revert data of entering twice.
#[must_use]
pub fn locked() -> Bytes {
    FIXTURE.error("Locked()", &[])
}
