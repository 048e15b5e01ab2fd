//! Accounts with keys, for tests.

use alloy_primitives::{Address, B256, Bytes, TxKind, U256, keccak256};
use ethereum::SignedTransaction;
use ethereum::authorization_hash;
use ethereum::signature::{Signature, address_of_secret};
use ethereum::transaction::{Authorization, Eip1559, SignedAuthorization, Transaction, sign};

/// Wei for a unit of gas that every test transaction offers at most.
pub const MAX_FEE: u64 = 100_000_000_000;

/// An account that signs.
#[derive(Clone, Debug)]
pub struct User {
    secret: [u8; 32],
    /// Its address.
    pub address: Address,
    /// The nonce of its next transaction.
    pub nonce: u64,
}

impl User {
    /// The account of this name: the same on every run.
    ///
    /// # Panics
    /// Never: the hash of a name is a key, but for chances that do not happen.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let secret = keccak256(name).0;
        let address = address_of_secret(&secret).expect("a secret key");
        Self {
            secret,
            address,
            nonce: 0,
        }
    }

    /// Signs anything.
    ///
    /// # Panics
    /// Never: the key is valid.
    #[must_use]
    pub fn sign(&self, transaction: Transaction) -> SignedTransaction {
        sign(transaction, &self.secret).expect("a secret key signs")
    }

    /// Signs a hash.
    ///
    /// # Panics
    /// Never: the key is valid.
    #[must_use]
    pub fn sign_hash(&self, hash: &B256) -> Signature {
        ethereum::signature::sign(hash, &self.secret).expect("a secret key signs")
    }

    /// Signs a delegation of this account's code to `to` (EIP-7702).
    #[must_use]
    pub fn delegate(&self, chain_id: U256, to: Address, nonce: u64) -> SignedAuthorization {
        let authorization = Authorization {
            chain_id,
            address: to,
            nonce,
        };
        let Signature { r, s, y_parity } = self.sign_hash(&authorization_hash(&authorization));
        SignedAuthorization::new_unchecked(authorization, y_parity.into(), r, s)
    }

    /// Signs a transaction with the next nonce.
    #[must_use]
    #[expect(
        clippy::too_many_arguments,
        reason = "what differs between transactions, in the order of its fields"
    )]
    pub fn send(
        &mut self,
        chain_id: u64,
        to: TxKind,
        value: U256,
        input: Bytes,
        gas_limit: u64,
    ) -> SignedTransaction {
        let nonce = self.nonce;
        self.nonce += 1;
        self.sign(Transaction::DynamicFee(Eip1559 {
            chain_id,
            nonce,
            max_priority_fee_per_gas: U256::from(1),
            max_fee_per_gas: U256::from(MAX_FEE),
            gas_limit,
            to,
            value,
            input,
            access_list: Vec::new(),
        }))
    }
}
