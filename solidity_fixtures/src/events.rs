//! `Events.sol`: logs with none to four topics, and an indexed parameter of every kind.

use alloy_primitives::{Address, B256, Bytes, I256, U256};

use crate::{abi::Word, fixture::artifact};

artifact!(FIXTURE, fixture, "Events");

/// Creation code.
#[must_use]
pub fn deploy() -> Bytes {
    FIXTURE.deploy(&[])
}

/// Indexed `uint256`, `int256` and `uint8`; an `int8` in the data.
#[must_use]
pub fn numbers(a: U256, b: I256, c: u8, d: i8) -> Bytes {
    let d = I256::unchecked_from(d).into_raw();
    let arguments = [a.word(), b.into_raw().word(), u64::from(c).word(), d.word()];
    FIXTURE.call("numbers(uint256,int256,uint8,int8)", &arguments)
}

/// Indexed `address`, `bool` and `bytes32`; a `bytes4` in the data.
#[must_use]
pub fn words(who: Address, yes: bool, word: B256, part: [u8; 4]) -> Bytes {
    let part = B256::right_padding_from(&part);
    let arguments = [who.word(), yes.word(), word, part];
    FIXTURE.call("words(address,bool,bytes32,bytes4)", &arguments)
}

/// The text, indexed as `string` and as `bytes` (its hash), and plain as both.
#[must_use]
pub fn texts(text: &str) -> Bytes {
    FIXTURE.call_with("texts(string)", &[], &[text.as_bytes()])
}

/// An indexed list of squares and an indexed `uint16[3]` (their hashes), and the list plain.
#[must_use]
pub fn lists(length: u64) -> Bytes {
    FIXTURE.call("lists(uint256)", &[length.word()])
}

/// An indexed struct (its hash) and an indexed enum, and a struct plain.
#[must_use]
pub fn structs(x: i64, y: i64) -> Bytes {
    let word = |number: i64| I256::unchecked_from(number).into_raw().word();
    FIXTURE.call("structs(int64,int64)", &[word(x), word(y)])
}

/// An indexed function: address and selector.
#[must_use]
pub fn functions() -> Bytes {
    FIXTURE.call("functions()", &[])
}

/// An anonymous event with four indexed parameters, one with none, an event without parameters.
#[must_use]
pub fn unnamed() -> Bytes {
    FIXTURE.call("unnamed()", &[])
}

/// So many logs.
#[must_use]
pub fn many(count: u64) -> Bytes {
    FIXTURE.call("many(uint256)", &[count.word()])
}

/// The first topic of the event with this signature.
///
/// # Panics
/// Where the contract has no such event.
#[must_use]
pub fn topic(signature: &str) -> B256 {
    FIXTURE.topic(signature)
}
