//! Why a batch is dropped.

use ethereum::DecodeError;

/// Why a batch is dropped, whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadBatch {
    /// It ends too early.
    #[error("batch cut short")]
    Short,
    /// It goes on behind its last transaction.
    #[error("{0} bytes behind the last transaction of the batch")]
    Trailing(usize),
    /// It holds no transaction.
    #[error("batch without transactions")]
    Empty,
    /// Flags that mean nothing.
    #[error("unknown flags of a batch: {0:#04x}")]
    Flags(u8),
    /// More transactions or keys than its bytes can hold.
    #[error("batch of {transactions} transactions and {keys} keys: too many")]
    TooMany {
        /// The transactions that it says to hold.
        transactions: u64,
        /// The keys that it says to hold.
        keys: u64,
    },
    /// Its raw transactions have more bytes than it may unfold to.
    #[error("batch that unfolds to {0} bytes: too many")]
    TooLong(u64),
    /// Its raw transactions have other bytes than it says.
    #[error("batch that does not unfold to {0} bytes")]
    WrongLength(usize),
    /// A transaction's first two bytes mean nothing.
    #[error("unknown shape of a transaction: {0:02x} {1:02x}")]
    Shape(u8, u8),
    /// A number that is too large.
    #[error("number out of range")]
    Number,
    /// The byte before a word means nothing.
    #[error("unknown word: {0:#04x}")]
    Word(u8),
    /// A key, word or selector that is not there.
    #[error("index {0} out of range")]
    Index(u64),
    /// A word with more than 20 bytes, as a receiver.
    #[error("word {0} is no address")]
    NoAddress(u64),
    /// A row does not unfold to a transaction.
    #[error("{0}")]
    Transaction(DecodeError),
    /// No key has this index in the table of known keys.
    #[error("key {0} is unknown")]
    UnknownKey(u64),
    /// A key that is no point of the curve.
    #[error("key {0} of the batch is not on the curve")]
    InvalidKey(usize),
    /// A signature that is not by the key that the batch says.
    #[error("a signature is not by the key that the batch says")]
    Signature,
}
