//! `Memory.sol`: memory, much of it, copied every way.

use alloy_primitives::U256;
use alloy_sol_types::sol;

use crate::typed::{calldata, creation_code, topics};

sol!(Memory, "artifacts/Memory.json");

creation_code! {
    /// Creation code.
    fn deploy() => Memory;
}

calldata! {
    /// Grows memory by so many bytes, the last of them 7, and returns their hash.
    fn grow(size: u64) => Memory::growCall { size: U256::from(size) };

    /// Copies overlapping memory both ways (EIP-5656).
    fn slide(size: u64, by: u64) => Memory::slideCall {
        size: U256::from(size),
        by: U256::from(by),
    };

    /// Returns so many bytes.
    fn give(size: u64) => Memory::giveCall { size: U256::from(size) };

    /// Puts calldata, code, another account's code and returned data together.
    fn gather(size: u64, data: &[u8]) => Memory::gatherCall {
        size: U256::from(size),
        data: data.to_vec().into(),
    };

    /// Sorts so many numbers and returns them.
    fn sort(count: u64) => Memory::sortCall { count: U256::from(count) };
}

topics! {
    hashed => Memory::Hashed;
}
