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

/// The raw bytes with a signature, or the signed bytes without.
#[allow(
    clippy::too_many_lines,
    reason = "the fields of each type, in their order"
)]
fn encode(transaction: &Transaction, signature: Option<&Signature>) -> Vec<u8> {
    let Signature { y_parity, r, s } = signature.copied().unwrap_or_default();
    let mut items: Vec<&dyn Encode> = Vec::with_capacity(13);
    match transaction {
        Transaction::Legacy(fields) => return encode_legacy(fields, signature),
        Transaction::Deposit(deposit) => return deposit.encode(),
        Transaction::AccessList(fields) => items.extend::<[&dyn Encode; 8]>([
            &fields.chain_id,
            &fields.nonce,
            &fields.gas_price,
            &fields.gas_limit,
            &fields.to,
            &fields.value,
            &fields.input,
            &fields.access_list,
        ]),
        Transaction::DynamicFee(fields) => items.extend::<[&dyn Encode; 9]>([
            &fields.chain_id,
            &fields.nonce,
            &fields.max_priority_fee_per_gas,
            &fields.max_fee_per_gas,
            &fields.gas_limit,
            &fields.to,
            &fields.value,
            &fields.input,
            &fields.access_list,
        ]),
        Transaction::SetCode(fields) => items.extend::<[&dyn Encode; 10]>([
            &fields.chain_id,
            &fields.nonce,
            &fields.max_priority_fee_per_gas,
            &fields.max_fee_per_gas,
            &fields.gas_limit,
            &fields.to,
            &fields.value,
            &fields.input,
            &fields.access_list,
            &fields.authorization_list,
        ]),
    }
    if signature.is_some() {
        items.extend::<[&dyn Encode; 3]>([&y_parity, &r, &s]);
    }
    seal(Some(transaction.tx_type()), &items)
}

/// Behind the fields stands the signature, or in its place the chain (EIP-155).
fn encode_legacy(fields: &Legacy, signature: Option<&Signature>) -> Vec<u8> {
    let Signature { r, s, .. } = signature.copied().unwrap_or_default();
    let v;
    let mut items: Vec<&dyn Encode> = Vec::with_capacity(9);
    items.extend::<[&dyn Encode; 6]>([
        &fields.nonce,
        &fields.gas_price,
        &fields.gas_limit,
        &fields.to,
        &fields.value,
        &fields.input,
    ]);
    match (signature, &fields.chain_id) {
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

impl SignedAuthorization {
    fn items(&self) -> [&dyn Encode; 6] {
        [
            &self.chain_id,
            &self.address,
            &self.nonce,
            &self.y_parity,
            &self.r,
            &self.s,
        ]
    }
}

impl Encode for SignedAuthorization {
    fn length(&self) -> usize {
        List(&self.items()).length()
    }

    fn encode(&self, out: &mut Vec<u8>) {
        List(&self.items()).encode(out);
    }
}
