//! `Erc721.sol`: OpenZeppelin's ERC-721; anyone may mint.

use alloy_primitives::{Address, B256, Bytes, U256};

use crate::{abi::Word, fixture::artifact};

artifact!(FIXTURE, fixture, "Erc721");

/// The data of the transaction that deploys it.
#[must_use]
pub fn deploy() -> Bytes {
    FIXTURE.deploy(&[])
}

/// Makes token `id`; asks `to` first if it is a contract.
#[must_use]
pub fn mint(to: Address, id: U256) -> Bytes {
    FIXTURE.call("mint(address,uint256)", &[to.word(), id.word()])
}

/// Lets `to` move token `id`.
#[must_use]
pub fn approve(to: Address, id: U256) -> Bytes {
    FIXTURE.call("approve(address,uint256)", &[to.word(), id.word()])
}

/// Lets `operator` move all of the sender's tokens, or no more.
#[must_use]
pub fn set_approval_for_all(operator: Address, approved: bool) -> Bytes {
    FIXTURE.call(
        "setApprovalForAll(address,bool)",
        &[operator.word(), approved.word()],
    )
}

/// Moves token `id`.
#[must_use]
pub fn transfer_from(from: Address, to: Address, id: U256) -> Bytes {
    FIXTURE.call(
        "transferFrom(address,address,uint256)",
        &[from.word(), to.word(), id.word()],
    )
}

/// Moves token `id`; asks `to` first if it is a contract.
#[must_use]
pub fn safe_transfer_from(from: Address, to: Address, id: U256) -> Bytes {
    FIXTURE.call(
        "safeTransferFrom(address,address,uint256)",
        &[from.word(), to.word(), id.word()],
    )
}

/// Returns the owner of token `id`; reverts with [`nonexistent_token`] if there is none.
#[must_use]
pub fn owner_of(id: U256) -> Bytes {
    FIXTURE.call("ownerOf(uint256)", &[id.word()])
}

/// Returns how many tokens an account has.
#[must_use]
pub fn balance_of(owner: Address) -> Bytes {
    FIXTURE.call("balanceOf(address)", &[owner.word()])
}

/// Topic of `Transfer(address indexed from, address indexed to, uint256 indexed id)`.
#[must_use]
pub fn transferred() -> B256 {
    FIXTURE.topic("Transfer(address,address,uint256)")
}

/// Revert data of asking after a token that is not there.
#[must_use]
pub fn nonexistent_token(id: U256) -> Bytes {
    FIXTURE.error("ERC721NonexistentToken(uint256)", &[id.word()])
}

/// Revert data of a token sent to a contract that does not take it.
#[must_use]
pub fn invalid_receiver(receiver: Address) -> Bytes {
    FIXTURE.error("ERC721InvalidReceiver(address)", &[receiver.word()])
}

/// Revert data of moving a token without being allowed to.
#[must_use]
pub fn insufficient_approval(operator: Address, id: U256) -> Bytes {
    FIXTURE.error(
        "ERC721InsufficientApproval(address,uint256)",
        &[operator.word(), id.word()],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_selectors() {
        let (a, one) = (Address::ZERO, U256::from(1));
        assert_eq!(owner_of(one)[..4], [0x63, 0x52, 0x21, 0x1e]);
        assert_eq!(transfer_from(a, a, one)[..4], [0x23, 0xb8, 0x72, 0xdd]);
        assert_eq!(safe_transfer_from(a, a, one)[..4], [0x42, 0x84, 0x2e, 0x0e]);
        assert_eq!(set_approval_for_all(a, true)[..4], [0xa2, 0x2c, 0xb4, 0x65]);
        assert_eq!(approve(a, one)[..4], [0x09, 0x5e, 0xa7, 0xb3]);
        assert_eq!(balance_of(a)[..4], [0x70, 0xa0, 0x82, 0x31]);
        assert_eq!(mint(a, one)[..4], [0x40, 0xc1, 0x0f, 0x19]);
        assert_eq!(nonexistent_token(one)[..4], [0x7e, 0x27, 0x32, 0x89]);
    }
}
