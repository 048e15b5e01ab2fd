//! `Recursion.sol`: calls itself, as deep as it can or a given number of times.
//!
//! A call hands on 63/64 of the gas (EIP-150), so the transaction gas cap of Osaka (16,777,216)
//! reaches about 450 frames. EVM depth 1,024 takes some 10^11 gas: an `eth_call` without a cap, or
//! a chain without it.

use alloy_primitives::U256;
use alloy_sol_types::sol;

use crate::typed::{calldata, creation_code, topics};

sol!(Recursion, "artifacts/Recursion.json");

creation_code! {
    /// The data of the transaction that deploys it.
    fn deploy() => Recursion;
}

calldata! {
    /// Calls itself in itself `wanted` times, or until gas or depth ends; stores and emits
    /// ([`reached_event`]) how often it did, and returns it.
    fn dive(wanted: u64) => Recursion::diveCall { wanted: U256::from(wanted) };

    /// [`dive`] without the record.
    fn plumb(wanted: u64) => Recursion::plumbCall { wanted: U256::from(wanted) };

    /// Makes exactly `calls` calls to itself, two below each, and returns their number.
    fn tree(calls: u64) => Recursion::treeCall { calls: U256::from(calls) };

    /// Returns what the last [`dive`] reached.
    fn reached() => Recursion::reachedCall;
}

topics! {
    reached_event => Recursion::Reached;
}
