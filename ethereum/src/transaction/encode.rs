//! From a transaction to raw bytes.

use alloc::vec::Vec;

use super::{
    AccessListItem, Deposit, Legacy, SignedAuthorization, SignedTransaction, Transaction, tx_type,
};
use crate::Signature;
use crate::rlp::{Encode, List};

impl SignedTransaction {
    /// The raw bytes: what [`super::decode`] reads and whose keccak256 is the hash.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        encode(&self.transaction, Some(&self.signature))
    }
}

impl Transaction {
    /// The bytes whose keccak256 is signed.
    #[must_use]
    pub fn signing_payload(&self) -> Vec<u8> {
        encode(self, None)
    }

    /// The transaction with a signature, whoever made it.
    #[cfg(feature = "std")]
    #[must_use]
    pub fn with_signature(self, signature: Signature) -> SignedTransaction {
        SignedTransaction {
            hash: crate::keccak256(encode(&self, Some(&signature))),
            signing_hash: crate::keccak256(self.signing_payload()),
            transaction: self,
            signature,
        }
    }
}

impl Deposit {
    /// The raw bytes: what [`super::decode_included`] reads.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let items: [&dyn Encode; 8] = [
            &self.source_hash,
            &self.from,
            &self.to,
            &self.mint,
            &self.value,
            &self.gas_limit,
            // Not of the OP Stack's kind that uses no gas of the block.
            &0_u64,
            &self.input,
        ];
        seal(Some(tx_type::DEPOSIT), &items)
    }
}

/// Signs `transaction` with the 32 bytes of a secret key (RFC 6979: the same
/// inputs give the same signature).
///
/// # Errors
/// [`crate::SignatureError::InvalidSecret`] if `secret` is zero or not below the
/// order of the curve.
#[cfg(feature = "std")]
pub fn sign(
    transaction: Transaction,
    secret: &[u8; 32],
) -> Result<SignedTransaction, crate::SignatureError> {
    let signing_hash = crate::keccak256(transaction.signing_payload());
    Ok(transaction.with_signature(crate::signature::sign(&signing_hash, secret)?))
}

/// These fields, in this order.
macro_rules! fields {
    ($of:expr; $($name:ident),*) => { [$(&$of.$name as &dyn Encode),*] };
}

/// The raw bytes with a signature, or the signed bytes without.
fn encode(transaction: &Transaction, signature: Option<&Signature>) -> Vec<u8> {
    let Signature { y_parity, r, s } = signature.copied().unwrap_or_default();
    let mut items: Vec<&dyn Encode> = Vec::with_capacity(13);
    match transaction {
        Transaction::Legacy(of) => return encode_legacy(of, signature),
        Transaction::Deposit(deposit) => return deposit.encode(),
        Transaction::AccessList(of) => items.extend(fields!(
            of; chain_id, nonce, gas_price, gas_limit, to, value, input, access_list
        )),
        Transaction::DynamicFee(of) => items.extend(fields!(
            of; chain_id, nonce, max_priority_fee_per_gas, max_fee_per_gas, gas_limit, to, value,
            input, access_list
        )),
        Transaction::SetCode(of) => items.extend(fields!(
            of; chain_id, nonce, max_priority_fee_per_gas, max_fee_per_gas, gas_limit, to, value,
            input, access_list, authorization_list
        )),
    }
    if signature.is_some() {
        items.extend::<[&dyn Encode; 3]>([&y_parity, &r, &s]);
    }
    seal(Some(transaction.tx_type()), &items)
}

/// Behind the fields stands the signature, or in its place the chain (EIP-155).
fn encode_legacy(of: &Legacy, signature: Option<&Signature>) -> Vec<u8> {
    let Signature { r, s, .. } = signature.copied().unwrap_or_default();
    let v;
    let mut items: Vec<&dyn Encode> = Vec::with_capacity(9);
    items.extend(fields!(of; nonce, gas_price, gas_limit, to, value, input));
    match (signature, &of.chain_id) {
        (Some(signature), chain_id) => {
            v = signature.v(*chain_id);
            items.extend::<[&dyn Encode; 3]>([&v, &r, &s]);
        }
        (None, Some(chain_id)) => {
            items.extend::<[&dyn Encode; 3]>([chain_id, &0u64, &0u64]);
        }
        (None, None) => {}
    }
    seal(None, &items)
}

/// A list behind its type byte, if it has one.
fn seal(tx_type: Option<u8>, items: &[&dyn Encode]) -> Vec<u8> {
    let list = List(items);
    let mut out = Vec::with_capacity(list.length() + 1);
    out.extend(tx_type);
    list.encode(&mut out);
    out
}

impl Encode for AccessListItem {
    fn length(&self) -> usize {
        List(&[&self.address, &self.storage_keys]).length()
    }

    fn encode(&self, out: &mut Vec<u8>) {
        List(&[&self.address, &self.storage_keys]).encode(out);
    }
}

/// Hands the list of an authorization to `with`.
fn authorization<T>(signed: &SignedAuthorization, with: impl FnOnce(List<'_>) -> T) -> T {
    let (y_parity, r, s) = (signed.y_parity(), signed.r(), signed.s());
    with(List(&[
        &signed.chain_id,
        &signed.address,
        &signed.nonce,
        &y_parity,
        &r,
        &s,
    ]))
}

impl Encode for SignedAuthorization {
    fn length(&self) -> usize {
        authorization(self, |list| list.length())
    }

    fn encode(&self, out: &mut Vec<u8>) {
        authorization(self, |list| list.encode(out));
    }
}
