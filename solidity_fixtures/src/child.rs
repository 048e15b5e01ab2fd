//! The contract that [`crate::factory`] makes: it remembers its maker and its arguments.

use alloy_primitives::{Address, U256};
use alloy_sol_types::sol;

use crate::typed::{calldata, creation_code};

sol!(Child, "artifacts/Child.json");

creation_code! {
    /// Creation code with the child's value.
    fn deploy(value: U256) => Child { value_: value };
}

calldata! {
    /// Returns the address that made it.
    fn creator() => Child::creatorCall;

    /// Returns the value it was made with.
    fn value() => Child::valueCall;

    /// Sends all it holds to `heir` by SELFDESTRUCT; the code stays (EIP-6780).
    fn close(heir: Address) => Child::closeCall { heir };
}
