//! A transaction whose sender is known.

use crate::transaction::SignedTransaction;
use alloc::boxed::Box;
use alloy_primitives::{Address, Bytes};

/// A transaction with its sender and its bytes; `T` may be a box of it, or what
/// was made of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovered<T = SignedTransaction> {
    /// The transaction.
    pub transaction: T,
    /// The account that signed it.
    pub sender: Address,
    /// The key that signed it (x and y, 32 bytes each), unless it is in the table of
    /// known keys or nobody has it.
    pub key: Option<Box<[u8; 64]>>,
    /// Its bytes, as an envelope of EIP-2718 or a legacy list.
    pub raw: Bytes,
}

impl Recovered<Box<SignedTransaction>> {
    /// A transaction of this sender's, whose key nobody asks for.
    #[must_use]
    pub fn of(sender: Address, transaction: SignedTransaction) -> Self {
        Self {
            sender,
            key: None,
            raw: transaction.encode().into(),
            transaction: Box::new(transaction),
        }
    }
}
