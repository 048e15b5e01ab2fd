//! `Wallet.sol`: code for accounts with a key (EIP-7702).

use alloy_primitives::{Address, B256, Bytes, U256};

use crate::{abi::Word, fixture::artifact};

artifact!(FIXTURE, fixture, "Wallet");
artifact!(OTHER, other, "OtherWallet");

/// Creation code of the wallet.
#[must_use]
pub fn deploy() -> Bytes {
    FIXTURE.deploy(&[])
}

/// Creation code of another wallet, whose [`run`] counts by a hundred.
#[must_use]
pub fn deploy_other() -> Bytes {
    OTHER.deploy(&[])
}

/// Pays two at once, if the account itself asks; else reverts with [`not_myself`].
#[must_use]
pub fn pay_both(first: Address, second: Address, value: U256) -> Bytes {
    let arguments = [first.word(), second.word(), value.word()];
    FIXTURE.call("payBoth(address,address,uint256)", &arguments)
}

/// Counts a run in the account's first slot.
#[must_use]
pub fn run() -> Bytes {
    FIXTURE.call("run()", &[])
}

/// Logs what EXTCODESIZE, EXTCODEHASH and EXTCODECOPY say of an account.
#[must_use]
pub fn look(there: Address) -> Bytes {
    FIXTURE.call("look(address)", &[there.word()])
}

/// Calls an account's [`run`] with what came along; returns whether it succeeded.
#[must_use]
pub fn relay(to: Address) -> Bytes {
    FIXTURE.call("relay(address)", &[to.word()])
}

/// Topic of `Ran(address indexed self, address indexed by, uint256 runs)`.
#[must_use]
pub fn ran() -> B256 {
    FIXTURE.topic("Ran(address,address,uint256)")
}

/// Topic of `Other(address indexed self, uint256 runs)`.
#[must_use]
pub fn other_ran() -> B256 {
    OTHER.topic("Other(address,uint256)")
}

/// Revert data of a [`pay_both`] by someone else.
#[must_use]
pub fn not_myself(caller: Address) -> Bytes {
    FIXTURE.error("NotMyself(address)", &[caller.word()])
}

/// The slot that counts the runs.
pub const RUNS_SLOT: U256 = U256::ZERO;
