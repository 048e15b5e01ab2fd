//! `Recursion.sol`: calls itself, as deep as it can or a given number of times.
//!
//! A call hands on 63/64 of the gas (EIP-150), so the transaction gas cap of Osaka (16,777,216)
//! reaches about 450 frames. EVM depth 1,024 takes some 10^11 gas: an `eth_call` without a cap, or
//! a chain without it.

use alloy_primitives::{B256, Bytes};

use crate::{abi::Word, fixture::artifact};

artifact!(FIXTURE, fixture, "Recursion");

/// The data of the transaction that deploys it.
#[must_use]
pub fn deploy() -> Bytes {
    FIXTURE.deploy(&[])
}

/// Calls itself in itself `wanted` times, or until gas or depth ends; stores and emits
/// ([`reached_event`]) how often it did, and returns it.
#[must_use]
pub fn dive(wanted: u64) -> Bytes {
    FIXTURE.call("dive(uint256)", &[wanted.word()])
}

/// [`dive`] without the record.
#[must_use]
pub fn plumb(wanted: u64) -> Bytes {
    FIXTURE.call("plumb(uint256)", &[wanted.word()])
}

/// Makes exactly `calls` calls to itself, two below each, and returns their number.
#[must_use]
pub fn tree(calls: u64) -> Bytes {
    FIXTURE.call("tree(uint256)", &[calls.word()])
}

/// Returns what the last [`dive`] reached.
#[must_use]
pub fn reached() -> Bytes {
    FIXTURE.call("reached()", &[])
}

/// Topic of `Reached(uint256 wanted, uint256 reached)`.
#[must_use]
pub fn reached_event() -> B256 {
    FIXTURE.topic("Reached(uint256,uint256)")
}
