//! `Multisig.sol`: does what enough of its three owners signed (EIP-712).

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};

use crate::{abi::Word, fixture::artifact};

artifact!(FIXTURE, fixture, "Multisig");

/// Creation code, with owners and how many must sign.
#[must_use]
pub fn deploy(owners: [Address; 3], threshold: u64) -> Bytes {
    let [first, second, third] = owners.map(Word::word);
    FIXTURE.deploy(&[first, second, third, threshold.word()])
}

/// What the wallet should do.
#[derive(Clone, Debug)]
pub struct Action {
    /// Whom it calls.
    pub to: Address,
    /// Wei that it sends along.
    pub value: U256,
    /// The call's data.
    pub data: Bytes,
    /// The number of the action, from zero.
    pub nonce: u64,
}

/// What the owners of the wallet at `wallet` sign, computed here (EIP-712).
#[must_use]
pub fn digest(chain_id: u64, wallet: Address, action: &Action) -> B256 {
    let domain = [
        keccak256("EIP712Domain(uint256 chainId,address verifyingContract)"),
        chain_id.word(),
        wallet.word(),
    ];
    let content = [
        keccak256("Transaction(address to,uint256 value,bytes data,uint256 nonce)"),
        action.to.word(),
        action.value.word(),
        keccak256(&action.data),
        action.nonce.word(),
    ];
    let (domain, content) = (keccak256(domain.concat()), keccak256(content.concat()));
    keccak256([&[0x19, 1], &domain[..], &content[..]].concat())
}

/// Returns the wallet's own [`digest`].
#[must_use]
pub fn ask_digest(action: &Action) -> Bytes {
    FIXTURE.call_with(
        "digest(address,uint256,uint256,bytes)",
        &[action.to.word(), action.value.word(), action.nonce.word()],
        &[&action.data],
    )
}

/// Does it; `signatures` are r, s, v (65 bytes) each, in the order of their signers' addresses.
#[must_use]
pub fn execute(action: &Action, signatures: &[[u8; 65]]) -> Bytes {
    FIXTURE.call_with(
        "execute(address,uint256,bytes,bytes)",
        &[action.to.word(), action.value.word()],
        &[&action.data, &signatures.concat()],
    )
}

/// Topic of `Executed(uint256 indexed nonce, address indexed to, bytes result)`.
#[must_use]
pub fn executed() -> B256 {
    FIXTURE.topic("Executed(uint256,address,bytes)")
}

/// Revert data of too few signatures.
#[must_use]
pub fn too_few(given: u64, needed: u64) -> Bytes {
    FIXTURE.error("TooFew(uint256,uint256)", &[given.word(), needed.word()])
}

/// Revert data of a signature by someone else, or for something else.
#[must_use]
pub fn not_an_owner(signer: Address) -> Bytes {
    FIXTURE.error("NotAnOwner(address)", &[signer.word()])
}

/// Revert data of a signature that is not in its place, or there twice.
#[must_use]
pub fn out_of_order(signer: Address) -> Bytes {
    FIXTURE.error("OutOfOrder(address)", &[signer.word()])
}

/// Revert data of a signature that nobody made, or with a high s.
#[must_use]
pub fn bad_signature(index: u64) -> Bytes {
    FIXTURE.error("BadSignature(uint256)", &[index.word()])
}
