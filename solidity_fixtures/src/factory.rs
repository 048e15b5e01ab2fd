//! `Factory.sol`: deploys [`crate::child`] by CREATE2, at addresses known beforehand.

use alloy_primitives::{Address, B256, U256, keccak256};
use alloy_sol_types::sol;

use crate::child;
use crate::typed::{calldata, creation_code, topics};

sol!(Factory, "artifacts/Factory.json");

creation_code! {
    /// The data of the transaction that deploys the factory itself.
    fn deploy() => Factory;
}

calldata! {
    /// Deploys a child, with the value sent along; emits [`deployed`], returns the child's address.
    /// The same salt and value a second time reverts.
    fn deploy_child(salt: B256, value: U256) => Factory::deployCall { salt, value };

    /// Returns the address that [`deploy_child`] will give.
    fn predict(salt: B256, value: U256) => Factory::predictCall { salt, value };
}

topics! {
    deployed => Factory::Deployed;
}

/// The child's address, computed here (EIP-1014).
#[must_use]
pub fn child_address(factory: Address, salt: B256, value: U256) -> Address {
    factory.create2(salt, keccak256(child::deploy(value)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::child::Child;

    #[test]
    fn the_factory_carries_its_childs_creation_code() {
        let child = &Child::BYTECODE;
        assert!(
            Factory::DEPLOYED_BYTECODE
                .windows(child.len())
                .any(|code| code == &child[..])
        );
    }
}
