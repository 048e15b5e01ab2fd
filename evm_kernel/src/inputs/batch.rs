//! Batches: many transactions in one message, in few bytes, with what makes their
//! signatures cheap to check.
//!
//! A batch is `05` and what follows here; `leb` is unsigned LEB128, `bytes` a `leb`
//! length and that many bytes.
//!
//! | bytes | what |
//! | --- | --- |
//! | 1 | flags: 1 each signature has the y of its point; no other is set |
//! | `leb` | chain id of all transactions that have one |
//! | `leb` | bytes of all raw transactions together, at most [`MAX_UNFOLDED`] and 32 for each byte here |
//! | `leb` | number of transactions, 1 at least |
//! | `leb` | number of keys, at most as many |
//! | each key | `leb`: 0, and the key follows (x and y, 32 bytes each); else 1 and its index in the kernel's table of known keys |
//! | each transaction | see below |
//!
//! A transaction:
//!
//! | bytes | what |
//! | --- | --- |
//! | 1 | bits 0 to 2 its type: 0, 1, 2, 4; 3 is a legacy transaction without a chain id. Bit 3 parity of the signature's point. Bits 4 and 5 receiver: 0 none (it creates), 1 20 bytes, 2 a word of the batch, 3 that of the transaction before. Bit 6: signed by the key after the one that was used for the first time last. Bit 7: its nonce is the one after this key's last in the batch, or 0 |
//! | 1 | what follows: 1 fees, 2 gas limit, 4 value, 8 data, 16 access list; no other bit. Fees and gas limit are else those of the transaction before (zero for the first), value is zero, data and access list are empty |
//! | `leb` | which of the keys signed, unless bit 6 |
//! | `leb` | nonce, unless bit 7 |
//! | `number`, `number` | if fees follow: most price of a unit of gas, and for types 2 and 4 the most for the producer |
//! | `number` | gas limit, if it follows |
//! | 20, or `leb` | receiver: address (1), or index of a word (2) |
//! | `number` | value, if it follows |
//! | `data` | call data, if it follows |
//! | `bytes` | access list in RLP, if it follows |
//! | `bytes` | authorization list in RLP, for type 4 |
//! | 32, 32 | r, s |
//! | 32 | y of the signature's point, if the batch has it |
//!
//! A `number` is a byte, its lowest five bits an exponent e and the highest three a
//! code, and a mantissa of 0, 1, 2, 3, 4, 6 or 8 bytes for the codes 0 to 6; for 7 its
//! length stands before it in a byte. It is the mantissa times 10^e.
//!
//! `data` is a `leb` length. In a transaction that creates, the bytes follow. Else, the
//! first four bytes (if there are as many) are a byte, 0 and the four bytes follow, or
//! 1 and the index of a selector of the batch: each that stands as four bytes is one.
//! Then words of 32 bytes as far as they fill the length, each a byte and what it says:
//!
//! | byte | the word |
//! | --- | --- |
//! | `00` to `20` | that many bytes follow, behind zeros |
//! | `21` to `40` | that many less 32 follow, before zeros |
//! | `41` | a `number` |
//! | `42` | the sender's address |
//! | `43` | the word of the batch whose index follows (`leb`) |
//! | `80` to `ff` | the word of the batch with this index less 128 |
//!
//! The rest of the data, below 32 bytes, follows as it is. The words of the batch are
//! its receivers of 20 bytes (behind zeros), and the words of data of which four bytes
//! or more stand there, in their order.

mod error;
pub(crate) mod held;
pub mod keys;
mod read;
#[cfg(test)]
mod tests;
mod words;
pub mod write;

pub use error::BadBatch;
pub use read::{Batch, Key, Unfolded};

/// The most bytes of all raw transactions of a batch together.
pub const MAX_UNFOLDED: usize = 64 * 1024;

/// Flag: each signature has the y of its point.
const POINTS: u8 = 1;

/// Bits of a transaction's first byte.
mod shape {
    pub(super) const TYPE: u8 = 0b111;
    pub(super) const PARITY: u8 = 1 << 3;
    pub(super) const RECEIVER: u8 = 0b11 << 4;
    pub(super) const CREATE: u8 = 0;
    pub(super) const ADDRESS: u8 = 1 << 4;
    pub(super) const WORD: u8 = 2 << 4;
    pub(super) const SAME: u8 = 3 << 4;
    pub(super) const NEXT_KEY: u8 = 1 << 6;
    pub(super) const NEXT_NONCE: u8 = 1 << 7;
    /// The type of a legacy transaction without a chain id.
    pub(super) const UNPROTECTED: u8 = 3;
}

/// Bits of a transaction's second byte: what follows.
mod follows {
    pub(super) const FEES: u8 = 1;
    pub(super) const GAS: u8 = 2;
    pub(super) const VALUE: u8 = 4;
    pub(super) const DATA: u8 = 8;
    pub(super) const ACCESS: u8 = 16;
    pub(super) const ALL: u8 = 31;
}
