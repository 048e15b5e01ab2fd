//! The funded accounts of a devnet: keys from a mnemonic (BIP-32, BIP-39, BIP-44).

use alloy_primitives::{Address, B256};
use coins_bip32::ecdsa::SigningKey;
use coins_bip32::xkeys::Parent;
use coins_bip39::{English, Mnemonic, MnemonicError};
use ethereum::transaction::{SignedTransaction, Transaction};
use ethereum::{Signature, SignatureError};

/// The mnemonic that Ethereum's development tools share.
pub const MNEMONIC: &str = "test test test test test test test test test test test junk";

/// An account whose key the node has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its address.
    pub address: Address,
    /// Its secret key, 32 bytes.
    pub key: B256,
}

impl Account {
    /// The account of a secret key; `None` for zero and for numbers from the order of
    /// the curve on.
    #[must_use]
    pub fn of_key(key: B256) -> Option<Self> {
        // The signer of anything that the key signs.
        let probe = B256::repeat_byte(1);
        let signature = ethereum::signature::sign(&probe, &key.0).ok()?;
        let address = ethereum::recover(&probe, &signature).ok()?;
        Some(Self { address, key })
    }

    /// Signs a transaction.
    ///
    /// # Errors
    /// None for an account made by [`Account::of_key`].
    pub fn sign(&self, transaction: Transaction) -> Result<SignedTransaction, SignatureError> {
        ethereum::transaction::sign(transaction, &self.key.0)
    }

    /// Signs a hash.
    ///
    /// # Errors
    /// None for an account made by [`Account::of_key`].
    pub fn sign_hash(&self, hash: &B256) -> Result<Signature, SignatureError> {
        ethereum::signature::sign(hash, &self.key.0)
    }
}

/// The first `count` accounts of [`MNEMONIC`], at `m/44'/60'/0'/0/i`.
///
/// # Errors
/// If the derivation fails, which it does for no `count` below 2^31.
pub fn derive(count: u32) -> Result<Vec<Account>, MnemonicError> {
    derive_from(MNEMONIC, count)
}

/// The first `count` accounts of a mnemonic, at `m/44'/60'/0'/0/i`.
///
/// # Errors
/// If it is no mnemonic.
pub fn derive_from(mnemonic: &str, count: u32) -> Result<Vec<Account>, MnemonicError> {
    // The slow part (2,048 rounds of HMAC) is done once.
    let parent =
        Mnemonic::<English>::new_from_phrase(mnemonic)?.derive_key("m/44'/60'/0'/0", None)?;
    (0..count)
        .map(|index| {
            let child = parent.derive_child(index)?;
            let key: &SigningKey = child.as_ref();
            Ok(Account::of_key(B256::from_slice(&key.to_bytes())))
        })
        .filter_map(Result::transpose)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::{address, b256};

    #[test]
    fn the_first_accounts_are_those_that_every_tool_knows() {
        let accounts = derive(12).unwrap();
        assert_eq!(accounts.len(), 12);
        assert_eq!(
            accounts[0],
            Account {
                address: address!("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"),
                key: b256!("0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"),
            }
        );
        assert_eq!(
            accounts[9],
            Account {
                address: address!("0xa0Ee7A142d267C1f36714E4a8F75612F20a79720"),
                key: b256!("0x2a871d0798f97d79848a013d4936a73bf4cc922c825d33c1cf7073dff6d409c6"),
            }
        );
        assert_eq!(
            accounts[11].address,
            address!("0x71bE63f3384f5fb98995898A86B02Fb2426c5788")
        );
    }

    #[test]
    fn zero_is_no_key() {
        assert_eq!(Account::of_key(B256::ZERO), None);
    }
}
