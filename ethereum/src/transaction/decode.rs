//! From raw bytes to a transaction.

use crate::keccak::{keccak256, keccak256_of};
use alloc::vec::Vec;
use alloy_primitives::{B256, U256};

use super::{
    AccessListItem, Authorization, Deposit, Eip1559, Eip2930, Eip7702, Legacy, SignedAuthorization,
    SignedTransaction, Transaction, tx_type,
};
use crate::Signature;
use crate::rlp::{self, Decoder, Encode, Prefix};

/// Bytes that are no transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// No bytes at all.
    #[error("no bytes")]
    Empty,
    /// Not the RLP that its type asks for.
    #[error("rlp: {0}")]
    Rlp(rlp::Error),
    /// A blob transaction (EIP-4844): a rollup has no blobs of its own.
    #[error("blob transactions are not supported")]
    Blob,
    /// Neither a list nor a known type byte (EIP-2718).
    #[error("unknown transaction type {0:#04x}")]
    UnknownType(u8),
    /// A nonce of 2^64 - 1, which no account can ever have (EIP-2681).
    #[error("nonce is 2^64-1")]
    NonceTooLarge,
    /// A v that is none of 27, 28 and 35 + 2 × chain id + parity (EIP-155), or
    /// whose chain id is above 2^64 - 1.
    #[error("invalid v: {0}")]
    InvalidV(U256),
    /// A parity other than 0 and 1.
    #[error("invalid y parity: {0}")]
    InvalidYParity(u64),
}

impl From<rlp::Error> for DecodeError {
    fn from(error: rlp::Error) -> Self {
        Self::Rlp(error)
    }
}

/// The transaction whose bytes, all of them, are `raw` (EIP-2718 envelope or
/// legacy list).
///
/// # Errors
/// If `raw` is anything but the one canonical encoding of a transaction.
pub fn decode(raw: &[u8]) -> Result<SignedTransaction, DecodeError> {
    let mut signed = decode_with_hash(raw, B256::ZERO)?;
    signed.hash = keccak256(raw);
    Ok(signed)
}

/// As [`decode`], for callers that know keccak256(`raw`) already.
///
/// # Errors
/// As [`decode`].
pub fn decode_with_hash(raw: &[u8], hash: B256) -> Result<SignedTransaction, DecodeError> {
    let signed = decode_any(raw, hash)?;
    if signed.transaction.nonce() == u64::MAX {
        return Err(DecodeError::NonceTooLarge);
    }
    Ok(signed)
}

/// Whatever its nonce.
fn decode_any(raw: &[u8], hash: B256) -> Result<SignedTransaction, DecodeError> {
    let (transaction, signature, signing_hash) = match *raw {
        [] => return Err(DecodeError::Empty),
        [tx_type::ACCESS_LIST, ..] => typed(raw, eip2930)?,
        [tx_type::DYNAMIC_FEE, ..] => typed(raw, eip1559)?,
        [tx_type::BLOB, ..] => return Err(DecodeError::Blob),
        [tx_type::SET_CODE, ..] => typed(raw, eip7702)?,
        [0xc0..=0xff, ..] => legacy(raw)?,
        [first, ..] => return Err(DecodeError::UnknownType(first)),
    };
    Ok(SignedTransaction {
        transaction,
        signature,
        hash,
        signing_hash,
    })
}

/// As [`decode`], of a transaction that a block includes: also a deposit, which
/// nobody may send, and one with the highest nonce, which simulated blocks have.
///
/// # Errors
/// As [`decode`].
pub fn decode_included(raw: &[u8]) -> Result<SignedTransaction, DecodeError> {
    let [tx_type::DEPOSIT, list @ ..] = raw else {
        return decode_any(raw, keccak256(raw));
    };
    let (mut items, _) = only_list(list, 1)?;
    let deposit = Deposit {
        source_hash: items.b256()?,
        from: items.address()?,
        to: items.kind()?,
        mint: items.u256()?,
        value: items.u256()?,
        gas_limit: items.u64()?,
        nonce: items.u64()?,
        input: items.bytes()?,
    };
    items.finish()?;
    let hash = keccak256(raw);
    Ok(SignedTransaction {
        transaction: Transaction::Deposit(deposit),
        signature: Signature::default(),
        hash,
        signing_hash: hash,
    })
}

type Parts = (Transaction, Signature, B256);

/// `type ++ rlp([fields…, y_parity, r, s])`; what is signed is
/// `type ++ rlp([fields…])`.
fn typed(
    raw: &[u8],
    fields: fn(&mut Decoder<'_>) -> Result<Transaction, rlp::Error>,
) -> Result<Parts, DecodeError> {
    let (first, list) = raw.split_at_checked(1).ok_or(DecodeError::Empty)?;
    let (mut items, payload) = only_list(list, 1)?;
    let transaction = fields(&mut items)?;
    let unsigned = before(payload, &items);
    let y_parity = match items.u64()? {
        0 => false,
        1 => true,
        other => return Err(DecodeError::InvalidYParity(other)),
    };
    let signature = Signature {
        y_parity,
        r: items.u256()?,
        s: items.u256()?,
    };
    items.finish()?;

    let prefix = Prefix::list(unsigned.len());
    let hash = keccak256_of(&[first, prefix.as_ref(), unsigned]);
    Ok((transaction, signature, hash))
}

/// `rlp([fields…, v, r, s])`; what is signed is `rlp([fields…])`, or with a
/// chain id `rlp([fields…, chain id, 0, 0])` (EIP-155).
fn legacy(raw: &[u8]) -> Result<Parts, DecodeError> {
    let (mut items, payload) = only_list(raw, 0)?;
    let mut transaction = Legacy {
        chain_id: None,
        nonce: items.u64()?,
        gas_price: items.u256()?,
        gas_limit: items.u64()?,
        to: items.kind()?,
        value: items.u256()?,
        input: items.bytes()?,
    };
    let unsigned = before(payload, &items);
    let (chain_id, y_parity) = split_v(items.u256()?)?;
    let signature = Signature {
        y_parity,
        r: items.u256()?,
        s: items.u256()?,
    };
    items.finish()?;
    transaction.chain_id = chain_id;

    let mut tail = Vec::new();
    if let Some(chain_id) = chain_id {
        chain_id.encode(&mut tail);
        tail.extend_from_slice(&[rlp::EMPTY_STRING; 2]);
    }
    let prefix = Prefix::list(unsigned.len() + tail.len());
    let hash = keccak256_of(&[prefix.as_ref(), unsigned, &tail]);
    Ok((Transaction::Legacy(transaction), signature, hash))
}

/// The items of the list that `bytes` are, and the bytes of all these items.
fn only_list(bytes: &[u8], offset: usize) -> Result<(Decoder<'_>, &[u8]), rlp::Error> {
    let mut outer = Decoder::at(bytes, offset);
    let items = outer.list()?;
    outer.finish()?;
    let payload = items.rest();
    Ok((items, payload))
}

/// The part of `payload` that `items` has read.
fn before<'a>(payload: &'a [u8], items: &Decoder<'_>) -> &'a [u8] {
    let read = payload.len().saturating_sub(items.rest().len());
    payload.get(..read).unwrap_or_default()
}

/// Chain id and parity from v (EIP-155).
fn split_v(v: U256) -> Result<(Option<u64>, bool), DecodeError> {
    let invalid = DecodeError::InvalidV(v);
    let v = u128::try_from(v).map_err(|_| invalid)?;
    match v {
        27 | 28 => Ok((None, v == 28)),
        35.. => {
            let chain_id = u64::try_from((v - 35) / 2).map_err(|_| invalid)?;
            Ok((Some(chain_id), (v - 35) % 2 == 1))
        }
        _ => Err(invalid),
    }
}

fn eip2930(items: &mut Decoder<'_>) -> Result<Transaction, rlp::Error> {
    Ok(Transaction::AccessList(Eip2930 {
        chain_id: items.u64()?,
        nonce: items.u64()?,
        gas_price: items.u256()?,
        gas_limit: items.u64()?,
        to: items.kind()?,
        value: items.u256()?,
        input: items.bytes()?,
        access_list: items.vec(access_list_item)?,
    }))
}

fn eip1559(items: &mut Decoder<'_>) -> Result<Transaction, rlp::Error> {
    Ok(Transaction::DynamicFee(Eip1559 {
        chain_id: items.u64()?,
        nonce: items.u64()?,
        max_priority_fee_per_gas: items.u256()?,
        max_fee_per_gas: items.u256()?,
        gas_limit: items.u64()?,
        to: items.kind()?,
        value: items.u256()?,
        input: items.bytes()?,
        access_list: items.vec(access_list_item)?,
    }))
}

fn eip7702(items: &mut Decoder<'_>) -> Result<Transaction, rlp::Error> {
    Ok(Transaction::SetCode(Eip7702 {
        chain_id: items.u64()?,
        nonce: items.u64()?,
        max_priority_fee_per_gas: items.u256()?,
        max_fee_per_gas: items.u256()?,
        gas_limit: items.u64()?,
        to: items.address()?,
        value: items.u256()?,
        input: items.bytes()?,
        access_list: items.vec(access_list_item)?,
        authorization_list: items.vec(authorization)?,
    }))
}

fn access_list_item(list: &mut Decoder<'_>) -> Result<AccessListItem, rlp::Error> {
    let mut items = list.list()?;
    let item = AccessListItem {
        address: items.address()?,
        storage_keys: items.vec(Decoder::b256)?,
    };
    items.finish()?;
    Ok(item)
}

fn authorization(list: &mut Decoder<'_>) -> Result<SignedAuthorization, rlp::Error> {
    let mut items = list.list()?;
    let authorization = Authorization {
        chain_id: items.u256()?,
        address: items.address()?,
        nonce: items.u64()?,
    };
    let (y_parity, r, s) = (items.u8()?, items.u256()?, items.u256()?);
    items.finish()?;
    Ok(SignedAuthorization::new_unchecked(
        authorization,
        y_parity,
        r,
        s,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::{Address, Bytes, TxKind};

    #[test]
    fn a_deposit_is_included_but_never_sent() {
        let deposit = Deposit {
            source_hash: B256::repeat_byte(1),
            from: Address::repeat_byte(2),
            to: TxKind::Call(Address::repeat_byte(3)),
            mint: U256::from(4),
            value: U256::from(5),
            gas_limit: 6,
            input: Bytes::from_static(&[7; 40]),
            nonce: 0,
        };
        let raw = deposit.encode();
        let included = decode_included(&raw).unwrap();
        assert_eq!(included.transaction, Transaction::Deposit(deposit));
        assert_eq!(included.hash, keccak256(&raw));
        assert_eq!(included.encode(), raw);
        assert_eq!(
            decode(&raw),
            Err(DecodeError::UnknownType(tx_type::DEPOSIT))
        );
        assert!(decode_included(&raw[..raw.len() - 1]).is_err());
    }
}
