//! `Erc721.sol`: OpenZeppelin's ERC-721; anyone may mint.

use alloy_primitives::{Address, U256};
use alloy_sol_types::sol;

use crate::typed::{calldata, creation_code, revert_data, topics};

sol!(Erc721, "artifacts/Erc721.json");

creation_code! {
    /// The data of the transaction that deploys it.
    fn deploy() => Erc721;
}

calldata! {
    /// Makes token `id`; asks `to` first if it is a contract.
    fn mint(to: Address, id: U256) => Erc721::mintCall { to, id };

    /// Lets `to` move token `id`.
    fn approve(to: Address, id: U256) => Erc721::approveCall { to, tokenId: id };

    /// Lets `operator` move all of the sender's tokens, or no more.
    fn set_approval_for_all(operator: Address, approved: bool) =>
        Erc721::setApprovalForAllCall { operator, approved };

    /// Moves token `id`.
    fn transfer_from(from: Address, to: Address, id: U256) =>
        Erc721::transferFromCall { from, to, tokenId: id };

    /// Moves token `id`; asks `to` first if it is a contract.
    fn safe_transfer_from(from: Address, to: Address, id: U256) =>
        Erc721::safeTransferFrom_0Call { from, to, tokenId: id };

    /// Returns the owner of token `id`; reverts with [`nonexistent_token`] if there is none.
    fn owner_of(id: U256) => Erc721::ownerOfCall { tokenId: id };

    /// Returns how many tokens an account has.
    fn balance_of(owner: Address) => Erc721::balanceOfCall { owner };
}

topics! {
    transferred => Erc721::Transfer;
}

revert_data! {
    /// Revert data of asking after a token that is not there.
    fn nonexistent_token(id: U256) => Erc721::ERC721NonexistentToken { tokenId: id };

    /// Revert data of a token sent to a contract that does not take it.
    fn invalid_receiver(receiver: Address) => Erc721::ERC721InvalidReceiver { receiver };

    /// Revert data of moving a token without being allowed to.
    fn insufficient_approval(operator: Address, id: U256) =>
        Erc721::ERC721InsufficientApproval { operator, tokenId: id };
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
