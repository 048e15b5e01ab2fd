//! `Factory.sol`: deploys [`crate::child`] by CREATE2, at addresses known beforehand.

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};

use crate::{abi::Word, child, fixture::artifact};

artifact!(FIXTURE, fixture, "Factory");

/// The data of the transaction that deploys the factory itself.
#[must_use]
pub fn deploy() -> Bytes {
    FIXTURE.deploy(&[])
}

/// Deploys a child, with the value sent along; emits [`deployed`], returns the child's address.
/// The same salt and value a second time reverts.
#[must_use]
pub fn deploy_child(salt: B256, value: U256) -> Bytes {
    FIXTURE.call("deploy(bytes32,uint256)", &[salt, value.word()])
}

/// Returns the address that [`deploy_child`] will give.
#[must_use]
pub fn predict(salt: B256, value: U256) -> Bytes {
    FIXTURE.call("predict(bytes32,uint256)", &[salt, value.word()])
}

/// Topic of `Deployed(address indexed child, bytes32 indexed salt, uint256 value)`.
#[must_use]
pub fn deployed() -> B256 {
    FIXTURE.topic("Deployed(address,bytes32,uint256)")
}

/// The child's address, computed here (EIP-1014).
#[must_use]
pub fn child_address(factory: Address, salt: B256, value: U256) -> Address {
    factory.create2(salt, keccak256(child::deploy(value)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi;

    #[test]
    fn calls_carry_salt_and_value() {
        let salt = B256::repeat_byte(7);
        let call = deploy_child(salt, U256::from(9));
        assert_eq!(call[..4], abi::selector("deploy(bytes32,uint256)")[..]);
        assert_eq!(call[4..36], salt[..]);
        assert_eq!(call[36..], U256::from(9).word()[..]);
    }

    #[test]
    fn the_factory_carries_its_childs_creation_code() {
        let child = &child::fixture().creation_code;
        assert!(
            FIXTURE
                .deployed_code
                .windows(child.len())
                .any(|code| code == &child[..])
        );
    }
}
