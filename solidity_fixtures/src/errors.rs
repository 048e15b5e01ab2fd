//! `Errors.sol`: fails in every way, at any depth.

use alloy_primitives::{Address, B256, Bytes};

use crate::{abi::Word, fixture::artifact};

artifact!(FIXTURE, fixture, "Errors");

/// A way to fail, as the contract numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "the names are what Solidity and the EVM call them"
)]
pub enum Kind {
    /// A custom error without arguments.
    Plain,
    /// A custom error with words, a text and bytes.
    Detailed,
    /// `revert("a reason")`.
    Reason,
    /// A reason of 1,000 zero bytes.
    LongReason,
    /// Nothing said.
    Silent,
    Assert,
    Underflow,
    PopEmpty,
    OutOfBounds,
    Invalid,
    OutOfGas,
    /// Memory as far as it goes.
    EndlessMemory,
    ReturnDataOutOfBounds,
    /// SSTORE in a static call.
    StaticWrite,
    /// `abi.decode` of too few bytes.
    ShortDecode,
    /// A call with more ether than there is.
    NoEther,
}

/// All of them, in the contract's order.
pub const KINDS: [Kind; 16] = [
    Kind::Plain,
    Kind::Detailed,
    Kind::Reason,
    Kind::LongReason,
    Kind::Silent,
    Kind::Assert,
    Kind::Underflow,
    Kind::PopEmpty,
    Kind::OutOfBounds,
    Kind::Invalid,
    Kind::OutOfGas,
    Kind::EndlessMemory,
    Kind::ReturnDataOutOfBounds,
    Kind::StaticWrite,
    Kind::ShortDecode,
    Kind::NoEther,
];

impl Kind {
    fn word(self) -> B256 {
        (self as u64).word()
    }
}

/// Creation code.
#[must_use]
pub fn deploy() -> Bytes {
    FIXTURE.deploy(&[])
}

/// Fails `depth` frames below the first.
#[must_use]
pub fn fail(kind: Kind, depth: u64) -> Bytes {
    FIXTURE.call("fail(uint256,uint256)", &[kind.word(), depth.word()])
}

/// [`fail`] with so much gas, caught: returns and logs what it said.
#[must_use]
pub fn caught(kind: Kind, depth: u64, gas: u64) -> Bytes {
    let arguments = [kind.word(), depth.word(), gas.word()];
    FIXTURE.call("caught(uint256,uint256,uint256)", &arguments)
}

/// [`fail`] three frames down, caught and thrown again as [`detailed`].
#[must_use]
pub fn translated(kind: Kind) -> Bytes {
    FIXTURE.call("translated(uint256)", &[kind.word()])
}

/// Returns how many frames survived: 1,000 a [`caught`].
#[must_use]
pub fn survived() -> Bytes {
    FIXTURE.call("survived()", &[])
}

/// Topic of `Caught(uint256 indexed kind, bytes why)`.
#[must_use]
pub fn caught_event() -> B256 {
    FIXTURE.topic("Caught(uint256,bytes)")
}

/// Revert data of [`Kind::Plain`].
#[must_use]
pub fn plain() -> Bytes {
    FIXTURE.error("Plain()", &[])
}

/// Revert data of [`Kind::Detailed`] and of [`translated`].
#[must_use]
pub fn detailed(who: Address, depth: u64, tag: B256, text: &str, data: &[u8]) -> Bytes {
    let words = [who.word(), depth.word(), tag];
    FIXTURE.error_with(
        "Detailed(address,uint256,bytes32,string,bytes)",
        &words,
        &[text.as_bytes(), data],
    )
}
