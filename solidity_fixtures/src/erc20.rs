//! `Erc20.sol`: OpenZeppelin's ERC-20; the deployer gets the whole supply.

use alloy_primitives::{Address, B256, U256, keccak256};
use alloy_sol_types::sol;

use crate::typed::{calldata, creation_code, revert_data, topics};

sol!(Erc20, "artifacts/Erc20.json");

creation_code! {
    /// The data of the transaction that deploys it with a supply in the smallest unit.
    fn deploy(supply: U256) => Erc20 { supply };
}

calldata! {
    /// Moves the sender's tokens; emits [`transferred`].
    fn transfer(to: Address, value: U256) => Erc20::transferCall { to, value };

    /// Lets `spender` move up to `value` of the sender's tokens.
    fn approve(spender: Address, value: U256) => Erc20::approveCall { spender, value };

    /// Moves tokens of someone who [`approve`]d the sender.
    fn transfer_from(from: Address, to: Address, value: U256) =>
        Erc20::transferFromCall { from, to, value };

    /// Returns an account's tokens.
    fn balance_of(account: Address) => Erc20::balanceOfCall { account };

    /// Returns what `spender` may still move.
    fn allowance(owner: Address, spender: Address) => Erc20::allowanceCall { owner, spender };

    /// Returns the number of all tokens.
    fn total_supply() => Erc20::totalSupplyCall;
}

topics! {
    transferred => Erc20::Transfer;
    approved => Erc20::Approval;
}

revert_data! {
    /// Revert data of a [`transfer`] of more than there is.
    fn insufficient_balance(sender: Address, balance: U256, needed: U256) =>
        Erc20::ERC20InsufficientBalance { sender, balance, needed };

    /// Revert data of a [`transfer_from`] of more than was approved.
    fn insufficient_allowance(spender: Address, allowance: U256, needed: U256) =>
        Erc20::ERC20InsufficientAllowance { spender, allowance, needed };
}

/// The slot of an account's balance: `_balances` is the contract's first variable.
#[must_use]
pub fn balance_slot(account: Address) -> U256 {
    keccak256([account.into_word(), B256::ZERO].concat()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_selectors() {
        let (a, one) = (Address::ZERO, U256::from(1));
        assert_eq!(transfer(a, one)[..4], [0xa9, 0x05, 0x9c, 0xbb]);
        assert_eq!(approve(a, one)[..4], [0x09, 0x5e, 0xa7, 0xb3]);
        assert_eq!(transfer_from(a, a, one)[..4], [0x23, 0xb8, 0x72, 0xdd]);
        assert_eq!(balance_of(a)[..4], [0x70, 0xa0, 0x82, 0x31]);
        assert_eq!(allowance(a, a)[..4], [0xdd, 0x62, 0xed, 0x3e]);
        assert_eq!(transferred()[..4], [0xdd, 0xf2, 0x52, 0xad]);
        assert_eq!(approved()[..4], [0x8c, 0x5b, 0xe1, 0xe5]);
        assert_eq!(
            insufficient_balance(a, one, one)[..4],
            [0xe4, 0x50, 0xd3, 0x8c]
        );
        assert_eq!(
            insufficient_allowance(a, one, one)[..4],
            [0xfb, 0x8f, 0x41, 0xb2]
        );
    }

    #[test]
    fn deploying_is_the_creation_code_and_the_supply() {
        let data = deploy(U256::from(5));
        let supply = data.strip_prefix(&Erc20::BYTECODE[..]).unwrap();
        assert_eq!(supply, B256::with_last_byte(5));
    }
}
