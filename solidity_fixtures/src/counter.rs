//! `Counter.sol`: an event, a custom error, a revert string, a panic.

use alloy_primitives::{B256, Bytes, U256};

use crate::{abi::Word, fixture::artifact};

artifact!(FIXTURE, fixture, "Counter");

/// Above this, [`set`] refuses with [`too_large`].
pub const MOST: u64 = 1_000_000;

/// The data of the transaction that deploys it.
#[must_use]
pub fn deploy() -> Bytes {
    FIXTURE.deploy(&[])
}

/// Adds one and emits [`incremented`].
#[must_use]
pub fn increment() -> Bytes {
    FIXTURE.call("increment()", &[])
}

/// Takes one; at zero reverts with the text [`ALREADY_ZERO`].
#[must_use]
pub fn decrement() -> Bytes {
    FIXTURE.call("decrement()", &[])
}

/// Sets the number and emits [`was_set`]; above [`MOST`] reverts with [`too_large`].
#[must_use]
pub fn set(to: u64) -> Bytes {
    FIXTURE.call("set(uint256)", &[to.word()])
}

/// Returns the number.
#[must_use]
pub fn number() -> Bytes {
    FIXTURE.call("number()", &[])
}

/// Returns the number divided by `by`; zero panics with [`crate::abi::panic`]`(0x12)`.
#[must_use]
pub fn divide(by: u64) -> Bytes {
    FIXTURE.call("divide(uint256)", &[by.word()])
}

/// The revert text of [`decrement`] at zero.
pub const ALREADY_ZERO: &str = "already zero";

/// Topic of `Incremented(address indexed by, uint256 number)`.
#[must_use]
pub fn incremented() -> B256 {
    FIXTURE.topic("Incremented(address,uint256)")
}

/// Topic of `Set(address indexed by, uint256 from, uint256 to)`.
#[must_use]
pub fn was_set() -> B256 {
    FIXTURE.topic("Set(address,uint256,uint256)")
}

/// Revert data of `TooLarge(given, most)`.
#[must_use]
pub fn too_large(given: u64) -> Bytes {
    FIXTURE.error("TooLarge(uint256,uint256)", &[given.word(), MOST.word()])
}

/// The slot that holds the number.
pub const NUMBER_SLOT: U256 = U256::ZERO;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi;

    #[test]
    fn calls_start_with_their_selectors() {
        assert_eq!(increment()[..], abi::selector("increment()")[..]);
        assert_eq!(set(5), abi::call("set(uint256)", &[5.word()]));
        assert_eq!(number()[..4], [0x83, 0x81, 0xf5, 0x8a]);
    }

    #[test]
    fn the_code_dispatches_on_every_selector_of_the_interface() {
        for signature in FIXTURE.signatures("function") {
            let selector = abi::selector(&signature);
            let found = FIXTURE
                .deployed_code
                .windows(4)
                .any(|bytes| bytes == &selector[..]);
            assert!(found, "{signature}");
        }
    }

    #[test]
    #[should_panic(expected = "Counter has no function incremnt()")]
    fn a_misspelt_function_is_noticed() {
        let _ = FIXTURE.call("incremnt()", &[]);
    }
}
