//! `Counter.sol`: an event, a custom error, a revert string, a panic.

use alloy_primitives::U256;
use alloy_sol_types::sol;

use crate::typed::{calldata, creation_code, revert_data, topics};

sol!(Counter, "artifacts/Counter.json");

/// Above this, [`set`] refuses with [`too_large`].
pub const MOST: u64 = 1_000_000;

/// The revert text of [`decrement`] at zero.
pub const ALREADY_ZERO: &str = "already zero";

/// The slot that holds the number.
pub const NUMBER_SLOT: U256 = U256::ZERO;

creation_code! {
    /// The data of the transaction that deploys it.
    fn deploy() => Counter;
}

calldata! {
    /// Adds one and emits [`incremented`].
    fn increment() => Counter::incrementCall;

    /// Takes one; at zero reverts with the text [`ALREADY_ZERO`].
    fn decrement() => Counter::decrementCall;

    /// Sets the number and emits [`was_set`]; above [`MOST`] reverts with [`too_large`].
    fn set(to: u64) => Counter::setCall { to: U256::from(to) };

    /// Returns the number.
    fn number() => Counter::numberCall;

    /// Returns the number divided by `by`; zero panics with code 0x12.
    fn divide(by: u64) => Counter::divideCall { by: U256::from(by) };
}

topics! {
    incremented => Counter::Incremented;
    was_set => Counter::Set;
}

revert_data! {
    /// Revert data of [`set`] to more than [`MOST`].
    fn too_large(given: u64) => Counter::TooLarge {
        given: U256::from(given),
        most: U256::from(MOST),
    };
}

#[cfg(test)]
mod tests {
    use alloy_primitives::hex;

    use super::*;

    #[test]
    fn calldata_is_a_selector_and_words() {
        assert_eq!(number()[..], hex!("8381f58a"));
        assert_eq!(
            set(0x0102)[..],
            hex!("60fe47b1" "0000000000000000000000000000000000000000000000000000000000000102")
        );
    }
}
