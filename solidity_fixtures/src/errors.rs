//! `Errors.sol`: fails in every way, at any depth.

use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::sol;

use crate::typed::{calldata, creation_code, revert_data, topics};

sol!(Errors, "artifacts/Errors.json");

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
    fn number(self) -> U256 {
        U256::from(self as u64)
    }
}

creation_code! {
    /// Creation code.
    fn deploy() => Errors;
}

calldata! {
    /// Fails `depth` frames below the first.
    fn fail(kind: Kind, depth: u64) => Errors::failCall {
        kind: kind.number(),
        depth: U256::from(depth),
    };

    /// [`fail`] with so much gas, caught: returns and logs what it said.
    fn caught(kind: Kind, depth: u64, gas: u64) => Errors::caughtCall {
        kind: kind.number(),
        depth: U256::from(depth),
        gas_: U256::from(gas),
    };

    /// [`fail`] three frames down, caught and thrown again as [`detailed`].
    fn translated(kind: Kind) => Errors::translatedCall { kind: kind.number() };

    /// Returns how many frames survived: 1,000 a [`caught`].
    fn survived() => Errors::survivedCall;
}

topics! {
    caught_event => Errors::Caught;
}

revert_data! {
    /// Revert data of [`Kind::Plain`].
    fn plain() => Errors::Plain;

    /// Revert data of [`Kind::Detailed`] and of [`translated`].
    fn detailed(who: Address, depth: u64, tag: B256, text: &str, data: &[u8]) => Errors::Detailed {
        who,
        depth: U256::from(depth),
        tag,
        text: text.into(),
        data: data.to_vec().into(),
    };
}
