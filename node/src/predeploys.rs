//! Contracts that development tools expect on every chain, at their known addresses, with
//! the code that they have elsewhere.

use crate::genesis::GenesisAccount;
use alloy_primitives::{Address, B256, Bytes, U256, address, keccak256};

/// The deterministic deployer, through which CREATE2 scripts deploy.
pub const DETERMINISTIC_DEPLOYER: Address = address!("0x4e59b44847b379578588920cA78FbF26c0B4956C");

/// Safe's singleton factory; its code is that of the deterministic deployer.
pub const SAFE_SINGLETON_FACTORY: Address = address!("0x914d7Fec6aaC8cd542e72Bca78B30650d45643d7");

/// Multicall3: many calls in one.
pub const MULTICALL3: Address = address!("0xcA11bde05977b3631167028862bE2a173976CA11");

/// Permit2: allowances by signature.
pub const PERMIT2: Address = address!("0x000000000022D473030F116dDEE9F6B43aC78BA3");

/// Runtime code in hexadecimal.
const DEPLOYER_CODE: &str = include_str!("../predeploys/deterministic_deployer.hex");
const MULTICALL3_CODE: &str = include_str!("../predeploys/multicall3.hex");
/// With the immutables of Ethereum's chain.
const PERMIT2_CODE: &str = include_str!("../predeploys/permit2.hex");

/// Offsets of the chain's number and of the domain separator (EIP-712) in the code of Permit2.
const PERMIT2_CHAIN_ID: usize = 6_945;
const PERMIT2_DOMAIN: usize = 6_983;

/// The contracts, on the chain with this number.
#[must_use]
pub fn accounts(chain_id: u64) -> [(Address, GenesisAccount); 4] {
    let account = |code: Bytes| GenesisAccount {
        // As that of any contract (EIP-161).
        nonce: 1,
        code,
        ..GenesisAccount::default()
    };
    let deployer = decode(DEPLOYER_CODE);
    [
        (DETERMINISTIC_DEPLOYER, account(deployer.clone().into())),
        (SAFE_SINGLETON_FACTORY, account(deployer.into())),
        (MULTICALL3, account(decode(MULTICALL3_CODE).into())),
        (PERMIT2, account(permit2(chain_id))),
    ]
}

fn decode(digits: &str) -> Vec<u8> {
    hex::decode(digits.trim()).unwrap_or_default()
}

/// Permit2 with its immutables, as its constructor sets them on this chain.
fn permit2(chain_id: u64) -> Bytes {
    let chain = U256::from(chain_id).to_be_bytes::<32>();
    let domain = keccak256(
        [
            keccak256("EIP712Domain(string name,uint256 chainId,address verifyingContract)"),
            keccak256("Permit2"),
            B256::from(chain),
            PERMIT2.into_word(),
        ]
        .concat(),
    );
    let mut code = decode(PERMIT2_CODE);
    for (at, word) in [(PERMIT2_CHAIN_ID, chain), (PERMIT2_DOMAIN, domain.0)] {
        if let Some(place) = code.get_mut(at..at + 32) {
            place.copy_from_slice(&word);
        }
    }
    code.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::b256;

    #[test]
    fn the_codes_are_those_of_other_chains() {
        let accounts = accounts(1);
        let hash = |index: usize| keccak256(&accounts[index].1.code);
        let deployer = b256!("0x2fa86add0aed31f33a762c9d88e807c475bd51d0f52bd0955754b2608f7e4989");
        assert_eq!((hash(0), hash(1)), (deployer, deployer));
        let multicall = b256!("0xd5c15df687b16f2ff992fc8d767b4216323184a2bbc6ee2f9c398c318e770891");
        assert_eq!(hash(2), multicall);
        // The domain separator is computed as it was there.
        let permit2 = b256!("0xc67d1657868aa5146eaf24fb879fb1fdec3d2d493b3683a61c9c2f4fb2851131");
        assert_eq!(hash(3), permit2);
        let domain = b256!("0x866a5aba21966af95d6c7ab78eb2b2fc913915c28be3b9aa07cc04ff903e3f28");
        assert_eq!(accounts[3].1.code[PERMIT2_DOMAIN..][..32], domain.0);
    }
}
