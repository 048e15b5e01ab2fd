//! `Erc20.sol`: OpenZeppelin's ERC-20; the deployer gets the whole supply.

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};

use crate::{abi::Word, fixture::artifact};

artifact!(FIXTURE, fixture, "Erc20");

/// The data of the transaction that deploys it with a supply in the smallest unit.
#[must_use]
pub fn deploy(supply: U256) -> Bytes {
    FIXTURE.deploy(&[supply.word()])
}

/// Moves the sender's tokens; emits [`transferred`].
#[must_use]
pub fn transfer(to: Address, value: U256) -> Bytes {
    FIXTURE.call("transfer(address,uint256)", &[to.word(), value.word()])
}

/// Lets `spender` move up to `value` of the sender's tokens.
#[must_use]
pub fn approve(spender: Address, value: U256) -> Bytes {
    FIXTURE.call("approve(address,uint256)", &[spender.word(), value.word()])
}

/// Moves tokens of someone who [`approve`]d the sender.
#[must_use]
pub fn transfer_from(from: Address, to: Address, value: U256) -> Bytes {
    let arguments = [from.word(), to.word(), value.word()];
    FIXTURE.call("transferFrom(address,address,uint256)", &arguments)
}

/// Returns an account's tokens.
#[must_use]
pub fn balance_of(account: Address) -> Bytes {
    FIXTURE.call("balanceOf(address)", &[account.word()])
}

/// Returns what `spender` may still move.
#[must_use]
pub fn allowance(owner: Address, spender: Address) -> Bytes {
    FIXTURE.call(
        "allowance(address,address)",
        &[owner.word(), spender.word()],
    )
}

/// Topic of `Transfer(address indexed from, address indexed to, uint256 value)`.
#[must_use]
pub fn transferred() -> B256 {
    FIXTURE.topic("Transfer(address,address,uint256)")
}

/// Topic of `Approval(address indexed owner, address indexed spender, uint256 value)`.
#[must_use]
pub fn approved() -> B256 {
    FIXTURE.topic("Approval(address,address,uint256)")
}

/// Revert data of a [`transfer`] of more than there is.
#[must_use]
pub fn insufficient_balance(sender: Address, balance: U256, needed: U256) -> Bytes {
    let arguments = [sender.word(), balance.word(), needed.word()];
    FIXTURE.error(
        "ERC20InsufficientBalance(address,uint256,uint256)",
        &arguments,
    )
}

/// Revert data of a [`transfer_from`] of more than was approved.
#[must_use]
pub fn insufficient_allowance(spender: Address, allowance: U256, needed: U256) -> Bytes {
    let arguments = [spender.word(), allowance.word(), needed.word()];
    FIXTURE.error(
        "ERC20InsufficientAllowance(address,uint256,uint256)",
        &arguments,
    )
}

/// The slot of an account's balance: `_balances` is the contract's first variable.
#[must_use]
pub fn balance_slot(account: Address) -> U256 {
    keccak256([account.word(), B256::ZERO].concat()).into()
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
        let supply = data.strip_prefix(&FIXTURE.creation_code[..]).unwrap();
        assert_eq!(supply, U256::from(5).word());
    }
}
