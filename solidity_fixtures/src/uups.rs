//! `Uups.sol`: a proxy (ERC-1967) whose implementation upgrades itself (ERC-1822).

use alloy_primitives::{Address, B256, U256, b256};
use alloy_sol_types::sol;

use crate::typed::{calldata, creation_code, revert_data, topics};

sol!(Proxy, "artifacts/Proxy.json");
sol!(BoxV1, "artifacts/BoxV1.json");
sol!(BoxV2, "artifacts/BoxV2.json");

/// The slot of the implementation: keccak256("eip1967.proxy.implementation") - 1.
pub const IMPLEMENTATION_SLOT: B256 =
    b256!("360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc");

/// The slot of the value: behind the owner and the version, which share one.
pub const VALUE_SLOT: U256 = U256::ONE;

creation_code! {
    /// Creation code of the proxy; `initialise` is called on it at once.
    fn deploy_proxy(implementation: Address, initialise: &[u8]) => Proxy {
        implementation,
        initialise: initialise.to_vec().into(),
    };

    /// Creation code of the first implementation.
    fn deploy_v1() => BoxV1;

    /// Creation code of the second implementation.
    fn deploy_v2() => BoxV2;
}

calldata! {
    /// Makes `owner` the owner, once.
    fn initialise(owner: Address) => BoxV1::initialiseCall { owner_: owner };

    /// Sets the second version's factor, once.
    fn initialise_v2(factor: u64) => BoxV2::initialiseV2Call { factor_: U256::from(factor) };

    /// Changes the implementation and calls `data` on it, if there is any.
    fn upgrade(implementation: Address, data: &[u8]) => BoxV1::upgradeToAndCallCall {
        implementation,
        data: data.to_vec().into(),
    };

    /// Keeps a value.
    fn store(value: u64) => BoxV1::storeCall { value_: U256::from(value) };

    /// Returns the value.
    fn value() => BoxV1::valueCall;

    /// Returns 1 or 2.
    fn version() => BoxV1::versionCall;

    /// Second version: multiplies the value with the factor and returns it.
    fn multiply() => BoxV2::multiplyCall;
}

topics! {
    upgraded => Proxy::Upgraded;
}

revert_data! {
    /// Revert data of an upgrade by someone else.
    fn not_owner(caller: Address) => BoxV1::NotOwner { caller };

    /// Revert data of an upgrade to something that is no implementation.
    fn not_an_implementation(given: Address) => BoxV1::NotAnImplementation { given };

    /// Revert data of a second initialisation; the implementation itself has version 2⁶⁴ - 1.
    fn already_initialised(version: u64) => BoxV1::AlreadyInitialised { version };

    /// Revert data of an upgrade called on the implementation itself.
    fn only_by_proxy() => BoxV1::OnlyByProxy;
}
