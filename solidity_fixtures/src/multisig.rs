//! `Multisig.sol`: does what enough of its three owners signed (EIP-712).

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::{Eip712Domain, SolStruct, sol};

use crate::typed::{calldata, creation_code, revert_data, topics};

sol!(Multisig, "artifacts/Multisig.json");

creation_code! {
    /// Creation code, with owners and how many must sign.
    fn deploy(owners: [Address; 3], threshold: u64) => Multisig {
        owner0: owners[0],
        owner1: owners[1],
        owner2: owners[2],
        threshold_: U256::from(threshold),
    };
}

/// An action of the wallet.
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

sol! {
    /// An [`Action`], as its owners sign it.
    struct Transaction {
        address to;
        uint256 value;
        bytes data;
        uint256 nonce;
    }
}

/// The hash that the owners of the wallet at `wallet` sign, computed here (EIP-712).
#[must_use]
pub fn digest(chain_id: u64, wallet: Address, action: &Action) -> B256 {
    let domain = Eip712Domain {
        chain_id: Some(U256::from(chain_id)),
        verifying_contract: Some(wallet),
        ..Eip712Domain::default()
    };
    let signed = Transaction {
        to: action.to,
        value: action.value,
        data: action.data.clone(),
        nonce: U256::from(action.nonce),
    };
    signed.eip712_signing_hash(&domain)
}

calldata! {
    /// Returns the wallet's own [`digest`].
    fn ask_digest(action: &Action) => Multisig::digestCall {
        to: action.to,
        value: action.value,
        nonce_: U256::from(action.nonce),
        data: action.data.clone(),
    };

    /// Does it; `signatures` are r, s, v (65 bytes) each, in the order of their signers' addresses.
    fn execute(action: &Action, signatures: &[[u8; 65]]) => Multisig::executeCall {
        to: action.to,
        value: action.value,
        data: action.data.clone(),
        signatures: signatures.concat().into(),
    };
}

topics! {
    executed => Multisig::Executed;
}

revert_data! {
    /// Revert data of too few signatures.
    fn too_few(given: u64, needed: u64) => Multisig::TooFew {
        given: U256::from(given),
        needed: U256::from(needed),
    };

    /// Revert data of a signature by someone else, or for something else.
    fn not_an_owner(signer: Address) => Multisig::NotAnOwner { signer };

    /// Revert data of a signature that is not in its place, or there twice.
    fn out_of_order(signer: Address) => Multisig::OutOfOrder { signer };

    /// Revert data of a signature that nobody made, or with a high s.
    fn bad_signature(index: u64) => Multisig::BadSignature { index: U256::from(index) };
}
