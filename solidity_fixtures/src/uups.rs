//! `Uups.sol`: a proxy (ERC-1967) whose implementation upgrades itself (ERC-1822).

use alloy_primitives::{Address, B256, Bytes, U256, b256};

use crate::{abi::Word, fixture::artifact};

artifact!(PROXY, proxy, "Proxy");
artifact!(V1, v1, "BoxV1");
artifact!(V2, v2, "BoxV2");

/// The slot of the implementation: keccak256("eip1967.proxy.implementation") - 1.
pub const IMPLEMENTATION_SLOT: B256 =
    b256!("360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc");

/// Creation code of the proxy; `initialise` is called on it at once.
#[must_use]
pub fn deploy_proxy(implementation: Address, initialise: &[u8]) -> Bytes {
    PROXY.deploy_with(&[implementation.word()], &[initialise])
}

/// Creation code of the first implementation.
#[must_use]
pub fn deploy_v1() -> Bytes {
    V1.deploy(&[])
}

/// Creation code of the second implementation.
#[must_use]
pub fn deploy_v2() -> Bytes {
    V2.deploy(&[])
}

/// Makes `owner` the owner, once.
#[must_use]
pub fn initialise(owner: Address) -> Bytes {
    V1.call("initialise(address)", &[owner.word()])
}

/// Sets the second version's factor, once.
#[must_use]
pub fn initialise_v2(factor: u64) -> Bytes {
    V2.call("initialiseV2(uint256)", &[factor.word()])
}

/// Changes the implementation and calls `data` on it, if there is any.
#[must_use]
pub fn upgrade(implementation: Address, data: &[u8]) -> Bytes {
    V1.call_with(
        "upgradeToAndCall(address,bytes)",
        &[implementation.word()],
        &[data],
    )
}

/// Keeps a value.
#[must_use]
pub fn store(value: u64) -> Bytes {
    V1.call("store(uint256)", &[value.word()])
}

/// Returns the value.
#[must_use]
pub fn value() -> Bytes {
    V1.call("value()", &[])
}

/// Returns 1 or 2.
#[must_use]
pub fn version() -> Bytes {
    V1.call("version()", &[])
}

/// Second version: multiplies the value with the factor and returns it.
#[must_use]
pub fn multiply() -> Bytes {
    V2.call("multiply()", &[])
}

/// Topic of `Upgraded(address indexed implementation)`.
#[must_use]
pub fn upgraded() -> B256 {
    PROXY.topic("Upgraded(address)")
}

/// Revert data of an upgrade by someone else.
#[must_use]
pub fn not_owner(caller: Address) -> Bytes {
    V1.error("NotOwner(address)", &[caller.word()])
}

/// Revert data of an upgrade to something that is no implementation.
#[must_use]
pub fn not_an_implementation(given: Address) -> Bytes {
    V1.error("NotAnImplementation(address)", &[given.word()])
}

/// Revert data of a second initialisation; the implementation itself has version 2⁶⁴ - 1.
#[must_use]
pub fn already_initialised(version: u64) -> Bytes {
    V1.error("AlreadyInitialised(uint64)", &[version.word()])
}

/// Revert data of an upgrade called on the implementation itself.
#[must_use]
pub fn only_by_proxy() -> Bytes {
    V1.error("OnlyByProxy()", &[])
}

/// The slot of the value: behind the owner and the version, which share one.
pub const VALUE_SLOT: U256 = U256::ONE;
