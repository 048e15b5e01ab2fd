//! `Memory.sol`: memory, much of it, copied every way.

use alloy_primitives::{B256, Bytes};

use crate::{abi::Word, fixture::artifact};

artifact!(FIXTURE, fixture, "Memory");

/// Creation code.
#[must_use]
pub fn deploy() -> Bytes {
    FIXTURE.deploy(&[])
}

/// Grows memory by so many bytes, the last of them 7, and returns their hash.
#[must_use]
pub fn grow(size: u64) -> Bytes {
    FIXTURE.call("grow(uint256)", &[size.word()])
}

/// Copies overlapping memory both ways (EIP-5656).
#[must_use]
pub fn slide(size: u64, by: u64) -> Bytes {
    FIXTURE.call("slide(uint256,uint256)", &[size.word(), by.word()])
}

/// Returns so many bytes.
#[must_use]
pub fn give(size: u64) -> Bytes {
    FIXTURE.call("give(uint256)", &[size.word()])
}

/// Puts calldata, code, another account's code and returned data together.
#[must_use]
pub fn gather(size: u64, data: &[u8]) -> Bytes {
    FIXTURE.call_with("gather(uint256,bytes)", &[size.word()], &[data])
}

/// Sorts so many numbers and returns them.
#[must_use]
pub fn sort(count: u64) -> Bytes {
    FIXTURE.call("sort(uint256)", &[count.word()])
}

/// Topic of `Hashed(uint256 size, bytes32 hash)`.
#[must_use]
pub fn hashed() -> B256 {
    FIXTURE.topic("Hashed(uint256,bytes32)")
}
