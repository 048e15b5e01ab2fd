//! `Transient.sol`: storage that lasts one transaction (EIP-1153).

use alloy_primitives::{Address, U256};
use alloy_sol_types::sol;

use crate::typed::{calldata, creation_code, revert_data, topics};

sol!(Transient, "artifacts/Transient.json");

creation_code! {
    /// Creation code.
    fn deploy() => Transient;
}

calldata! {
    /// Sets the number for this transaction.
    fn set(number: u64) => Transient::setCall { number: U256::from(number) };

    /// Keeps the number plus one in storage.
    fn keep() => Transient::keepCall;

    /// Sets the number in one call and keeps it in another.
    fn set_and_keep(number: u64) => Transient::setAndKeepCall { number: U256::from(number) };

    /// Sets the number, sets another in a call that reverts, keeps what is there.
    fn set_and_revert(number: u64) => Transient::setAndRevertCall { number: U256::from(number) };

    /// Sets 1; another contract sets its own to 2, and ours, by DELEGATECALL, to 3.
    fn share(other: Address) => Transient::shareCall { other };

    /// Returns whether a static call could set it.
    fn set_statically() => Transient::setStaticallyCall;

    /// Enters under a lock, itself `times` times more; from one on it reverts with [`locked`].
    fn enter(times: u64) => Transient::enterCall { times: U256::from(times) };

    /// Fills so many slots and keeps their sum.
    fn fill(count: u64) => Transient::fillCall { count: U256::from(count) };

    /// Returns what was kept.
    fn kept() => Transient::keptCall;
}

topics! {
    saw => Transient::Saw;
}

revert_data! {
    /// Revert data of entering twice.
    fn locked() => Transient::Locked;
}
