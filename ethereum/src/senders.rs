//! Senders of transactions and signers of authorizations.

use crate::keccak::keccak256;
use crate::rlp::{Encode, List};
use crate::signature::{Signature, SignatureError, address, recover, recover_key};
use crate::transaction::{Authorization, SignedAuthorization, SignedTransaction};
use alloc::vec::Vec;
use alloy_primitives::{Address, B256};

/// A signer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signer {
    /// The account.
    pub address: Address,
    /// Its public key: x and y, 32 bytes each.
    pub key: [u8; 64],
}

/// The signer of each transaction, in order.
///
/// This is the one place where senders are recovered: give it a block's or a
/// queue page's worth at once.
pub fn signers<'a>(
    transactions: impl IntoIterator<Item = &'a SignedTransaction>,
) -> Vec<Result<Signer, SignatureError>> {
    transactions
        .into_iter()
        .map(|transaction| {
            let key = recover_key(&transaction.signing_hash, &transaction.signature)?;
            Ok(Signer {
                address: address(&key),
                key,
            })
        })
        .collect()
}

/// The account that signed each transaction, in order; see [`signers`].
pub fn senders<'a>(
    transactions: impl IntoIterator<Item = &'a SignedTransaction>,
) -> Vec<Result<Address, SignatureError>> {
    let signers = signers(transactions).into_iter();
    signers.map(|signer| Ok(signer?.address)).collect()
}

/// The account that signed an EIP-7702 authorization.
///
/// # Errors
/// As [`recover`], and if the parity is neither 0 nor 1.
pub fn authority(authorization: &SignedAuthorization) -> Result<Address, SignatureError> {
    let y_parity = match authorization.y_parity() {
        0 => false,
        1 => true,
        other => return Err(SignatureError::InvalidYParity(other)),
    };
    let signature = Signature {
        r: authorization.r(),
        s: authorization.s(),
        y_parity,
    };
    recover(&authorization_hash(authorization), &signature)
}

/// The hash that the account signs in an EIP-7702 authorization.
#[must_use]
pub fn authorization_hash(authorization: &Authorization) -> B256 {
    const MAGIC: u8 = 0x05;
    let list = List(&[
        &authorization.chain_id,
        &authorization.address,
        &authorization.nonce,
    ]);
    let mut message = Vec::with_capacity(1 + list.length());
    message.push(MAGIC);
    list.encode(&mut message);
    keccak256(message)
}
