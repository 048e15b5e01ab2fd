//! Accounts.

use crate::table::{Size, Value};
use alloy_primitives::{B256, KECCAK256_EMPTY, U256};

/// An account without its slots and code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// The number of transactions sent (or contracts created).
    pub nonce: u64,
    /// The balance in wei.
    pub balance: U256,
    /// The keccak-256 hash of the code; of no bytes if there is none.
    pub code_hash: B256,
}

impl Default for Account {
    fn default() -> Self {
        Self {
            nonce: 0,
            balance: U256::ZERO,
            code_hash: KECCAK256_EMPTY,
        }
    }
}

impl Account {
    /// True if the account counts as absent (EIP-161).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nonce == 0 && self.balance.is_zero() && !self.has_code()
    }

    /// True if it has code, be it a delegation (EIP-7702).
    #[must_use]
    pub fn has_code(&self) -> bool {
        self.code_hash != KECCAK256_EMPTY
    }
}

/// An account's bytes: 40 without code, 72 with.
#[derive(Clone, Copy, Debug)]
pub struct AccountBytes {
    bytes: [u8; 72],
    len: usize,
}

impl AsRef<[u8]> for AccountBytes {
    fn as_ref(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// Nonce (8 bytes, big-endian), balance (32), code hash (32, left out where
/// there is no code).
impl Value for Account {
    type Bytes = AccountBytes;
    const SIZE: Size = Size::Short;
    // `commit` writes the long form where the old value was long.
    const SHRINKS: bool = false;

    fn encode(&self) -> AccountBytes {
        let mut encoded = self.encode_long();
        if !self.has_code() {
            encoded.len = 40;
        }
        encoded
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (nonce, rest) = bytes.split_first_chunk()?;
        let (balance, rest) = rest.split_first_chunk::<32>()?;
        let code_hash = match rest {
            [] => KECCAK256_EMPTY,
            hash => B256::new(hash.try_into().ok()?),
        };
        Some(Self {
            nonce: u64::from_be_bytes(*nonce),
            balance: U256::from_be_bytes(*balance),
            code_hash,
        })
    }
}

impl Account {
    /// The 72 bytes with the code hash, also if there is no code.
    fn encode_long(&self) -> AccountBytes {
        let mut bytes = [0; 72];
        let (nonce, rest) = bytes.split_at_mut(8);
        let (balance, code_hash) = rest.split_at_mut(32);
        nonce.copy_from_slice(&self.nonce.to_be_bytes());
        balance.copy_from_slice(&self.balance.to_be_bytes::<32>());
        code_hash.copy_from_slice(self.code_hash.as_slice());
        AccountBytes { bytes, len: 72 }
    }
}

/// An account that had code before: always in the long form, so that no old
/// code hash stays behind.
#[derive(Clone, Copy, Debug)]
pub struct LongAccount(pub Account);

impl Value for LongAccount {
    type Bytes = AccountBytes;
    const SIZE: Size = Size::Short;
    const SHRINKS: bool = false;

    fn encode(&self) -> AccountBytes {
        self.0.encode_long()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        Account::decode(bytes).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_account_without_code_takes_40_bytes() {
        let account = Account {
            nonce: 1,
            balance: U256::from(2),
            ..Account::default()
        };
        assert_eq!(account.encode().as_ref().len(), 40);
        assert_eq!(LongAccount(account).encode().as_ref().len(), 72);
        assert_eq!(
            Account::decode(LongAccount(account).encode().as_ref()),
            Some(account)
        );
    }

    #[test]
    fn short_bytes_are_no_account() {
        for len in (0..72).filter(|len| *len != 40) {
            assert_eq!(Account::decode(&[0; 72][..len]), None, "{len} bytes");
        }
    }

    proptest! {
        #[test]
        fn an_account_survives_a_round_trip(nonce: u64, balance: [u8; 32], code_hash: [u8; 32]) {
            let account = Account { nonce, balance: U256::from_be_bytes(balance), code_hash: code_hash.into() };
            prop_assert_eq!(Account::decode(account.encode().as_ref()), Some(account));
        }
    }
}
