//! Well-known contracts, in the bytes that other chains run: `known/README.md` says where
//! they are from.

use alloy_primitives::{Address, B256, Bytes, U256, address, hex, keccak256};
use alloy_sol_types::{SolCall, SolValue, sol};

sol! {
    interface IMulticall3 {
        struct Call3 {
            address target;
            bool allowFailure;
            bytes callData;
        }
        function aggregate3(Call3[] calls) external payable;
    }
    interface IPermit2 {
        function approve(address token, address spender, uint160 amount, uint48 expiration);
        function transferFrom(address from, address to, uint160 amount, address token);
    }
    interface ICreate2Deployer {
        function deploy(uint256 value, bytes32 salt, bytes code);
    }
    interface IErc20Preset {
        function mint(address to, uint256 amount);
        function approve(address spender, uint256 amount);
        function transfer(address to, uint256 amount);
        function balanceOf(address account);
    }
    interface IErc721Preset {
        function mint(address to);
    }
    interface IErc1155Preset {
        function mint(address to, uint256 id, uint256 amount, bytes data);
        function grantRole(bytes32 role, address account);
    }
}

/// The address of Multicall3 on most chains.
pub const MULTICALL3: Address = address!("0xcA11bde05977b3631167028862bE2a173976CA11");

/// The address of Permit2 on most chains.
pub const PERMIT2: Address = address!("0x000000000022D473030F116dDEE9F6B43aC78BA3");

/// The address of the deterministic deployment proxy on most chains.
pub const DETERMINISTIC_DEPLOYER: Address = address!("0x4e59b44847b379578588920cA78FbF26c0B4956C");

/// The address of Safe's singleton factory on most chains.
pub const SINGLETON_FACTORY: Address = address!("0x914d7Fec6aaC8cd542e72Bca78B30650d45643d7");

/// The address of the `Create2Deployer` on most chains.
pub const CREATE2_DEPLOYER: Address = address!("0x13b0D85CcB8bf860b6b79AF3029fCA081AE9beF2");

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident, $file:literal;)*) => {$(
        $(#[$doc])*
        ///
        /// # Panics
        /// Never: the file is hex.
        #[must_use]
        pub fn $name() -> Bytes {
            let text = include_str!(concat!("../known/", $file, ".hex")).trim_end();
            hex::decode(text).expect("hex digits").into()
        }
    )*};
}

codes! {
    /// The code at [`MULTICALL3`].
    multicall3, "multicall3";
    /// The code at [`PERMIT2`], with zeros for the chain's id and the domain separator.
    permit2, "permit2";
    /// The code at [`DETERMINISTIC_DEPLOYER`].
    deterministic_deployer, "deterministic_deployment_proxy";
    /// The code at [`SINGLETON_FACTORY`].
    singleton_factory, "safe_singleton_factory";
    /// The code at [`CREATE2_DEPLOYER`].
    create2_deployer, "create2_deployer";
    /// Creation code of OpenZeppelin's ERC-20 preset: behind it stand name and symbol.
    erc20_preset, "erc20_preset";
    /// Creation code of OpenZeppelin's ERC-721 preset: behind it stand name, symbol and URI.
    erc721_preset, "erc721_preset";
    /// Creation code of OpenZeppelin's ERC-1155 preset: behind it stands the URI.
    erc1155_preset, "erc1155_preset";
}

macro_rules! calls {
    ($($(#[$doc:meta])* $name:ident($($field:ident: $ty:ty),*) => $interface:ident :: $call:ident { $($value:tt)* };)*) => {$(
        $(#[$doc])*
        #[must_use]
        pub fn $name($($field: $ty),*) -> Bytes {
            $interface::$call { $($value)* }.abi_encode().into()
        }
    )*};
}

calls! {
    /// Multicall3: these calls, all of which succeed or none.
    aggregate(calls: Vec<(Address, Bytes)>) => IMulticall3::aggregate3Call {
        calls: calls
            .into_iter()
            .map(|(target, input)| IMulticall3::Call3 {
                target,
                allowFailure: false,
                callData: input,
            })
            .collect(),
    };
    /// Permit2: `spender` may move all of the sender's tokens, for ever.
    permit(token: Address, spender: Address) => IPermit2::approveCall {
        token,
        spender,
        amount: U256::MAX.wrapping_to(),
        expiration: U256::MAX.wrapping_to(),
    };
    /// Permit2: moves one token that the owner permitted.
    permitted_transfer(token: Address, from: Address, to: Address) => IPermit2::transferFromCall {
        from,
        to,
        amount: U256::ONE.wrapping_to(),
        token,
    };
    /// Create2Deployer: a contract by its creation code.
    deploy(salt: B256, code: Bytes) => ICreate2Deployer::deployCall {
        value: U256::ZERO,
        salt,
        code,
    };
    /// ERC-20 preset: new tokens.
    erc20_mint(to: Address, amount: U256) => IErc20Preset::mintCall { to, amount };
    /// ERC-20 preset: what `spender` may move.
    erc20_approve(spender: Address, amount: U256) => IErc20Preset::approveCall { spender, amount };
    /// ERC-20 preset: moves the sender's tokens.
    erc20_transfer(to: Address, amount: U256) => IErc20Preset::transferCall { to, amount };
    /// ERC-20 preset: how many an account has.
    erc20_balance(account: Address) => IErc20Preset::balanceOfCall { account };
    /// ERC-721 preset: the next token.
    erc721_mint(to: Address) => IErc721Preset::mintCall { to };
    /// ERC-1155 preset: new tokens of a kind.
    erc1155_mint(to: Address, id: U256, amount: U256) => IErc1155Preset::mintCall {
        to,
        id,
        amount,
        data: Bytes::new(),
    };
    /// ERC-721 and ERC-1155 presets: `account` may mint.
    let_mint(account: Address) => IErc1155Preset::grantRoleCall {
        role: keccak256("MINTER_ROLE"),
        account,
    };
}

/// Constructor arguments that are texts, to stand behind creation code.
#[must_use]
pub fn texts(texts: &[&str]) -> Vec<u8> {
    let owned = |at: usize| {
        texts
            .get(at)
            .map(|text| (*text).to_owned())
            .unwrap_or_default()
    };
    match texts.len() {
        1 => (owned(0),).abi_encode_params(),
        2 => (owned(0), owned(1)).abi_encode_params(),
        _ => (owned(0), owned(1), owned(2)).abi_encode_params(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::{b256, keccak256};

    /// The codes have the `EXTCODEHASH` that they have on Ethereum.
    #[test]
    fn codes_have_the_hashes_that_they_have_elsewhere() {
        assert_eq!(
            keccak256(multicall3()),
            b256!("0xd5c15df687b16f2ff992fc8d767b4216323184a2bbc6ee2f9c398c318e770891")
        );
        for deployer in [deterministic_deployer(), singleton_factory()] {
            assert_eq!(
                keccak256(deployer),
                b256!("0x2fa86add0aed31f33a762c9d88e807c475bd51d0f52bd0955754b2608f7e4989")
            );
        }
    }
}
