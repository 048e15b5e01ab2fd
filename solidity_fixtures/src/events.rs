//! `Events.sol`: logs with none to four topics, and an indexed parameter of every kind.

use alloy_primitives::{Address, B256, I256, U256};
use alloy_sol_types::sol;

use crate::typed::{calldata, creation_code};

sol!(
    #[allow(missing_docs, reason = "its enum has no documentation in an interface")]
    Events,
    "artifacts/Events.json"
);

creation_code! {
    /// Creation code.
    fn deploy() => Events;
}

calldata! {
    /// Indexed `uint256`, `int256` and `uint8`; an `int8` in the data.
    fn numbers(a: U256, b: I256, c: u8, d: i8) => Events::numbersCall { a, b, c, d };

    /// Indexed `address`, `bool` and `bytes32`; a `bytes4` in the data.
    fn words(who: Address, yes: bool, word: B256, part: [u8; 4]) => Events::wordsCall {
        who,
        yes,
        word,
        part: part.into(),
    };

    /// The text, indexed as `string` and as `bytes` (its hash), and plain as both.
    fn texts(text: &str) => Events::textsCall { text: text.into() };

    /// An indexed list of squares and an indexed `uint16[3]` (their hashes), and the list plain.
    fn lists(length: u64) => Events::listsCall { length: U256::from(length) };

    /// An indexed struct (its hash) and an indexed enum, and a struct plain.
    fn structs(x: i64, y: i64) => Events::structsCall { x, y };

    /// An indexed function: address and selector.
    fn functions() => Events::functionsCall;

    /// An anonymous event with four indexed parameters, one with none, an event without parameters.
    fn unnamed() => Events::unnamedCall;

    /// So many logs.
    fn many(count: u64) => Events::manyCall { count: U256::from(count) };
}
