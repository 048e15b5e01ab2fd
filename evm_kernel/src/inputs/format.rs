//! The format of external messages: what [`encode`](super::encode) writes and
//! `decode` reads.
//!
//! An external message holds `00 ++ rollup address ++ input`. An input is one of
//!
//! | bytes | what it is |
//! | --- | --- |
//! | `00 ++ hash ++ transaction` | a whole transaction, behind its keccak-256 |
//! | `01 ++ hash ++ count ++ chunk hashes` | a transaction will come in chunks |
//! | `02 ++ hash ++ index ++ chunk hash ++ chunk` | one of them |
//! | `05 ++ batch` | many transactions: see [`batch`](super::batch) |
//!
//! Count and index are u16, little-endian.

pub use crate::environment::source::MAX_TRANSACTION;

pub use rollup::budget::DROPPED;

use crate::environment::source::ChunkSet;
use host::MAX_MESSAGE;

/// Inbox tag of an external message.
pub const EXTERNAL: u8 = 1;

/// Frame tag: for the rollup whose address follows.
pub const TARGETED: u8 = 0;

/// Input tag of a whole transaction.
pub const SIMPLE: u8 = 0;

/// Input tag of an announcement.
pub const ANNOUNCEMENT: u8 = 1;

/// Input tag of a chunk.
pub const CHUNK: u8 = 2;

/// Input tag of a batch: see [`batch`](super::batch).
pub const BATCH: u8 = 5;

/// The bytes in front of a transaction in its message: inbox tag, frame tag,
/// rollup address, input tag, transaction hash.
pub const FRAME: usize = 1 + 1 + 20 + 1 + 32;

/// The most bytes of a transaction that fits one message.
pub const MAX_SIMPLE: usize = MAX_MESSAGE - FRAME;

/// The most bytes of a chunk: its index and its hash stand before it.
pub const MAX_CHUNK: usize = MAX_MESSAGE - FRAME - 2 - 32;

/// The most chunks of a transaction.
pub const MAX_CHUNKS: usize = MAX_TRANSACTION.div_ceil(MAX_CHUNK);
const _: () = assert!(MAX_CHUNKS <= ChunkSet::BITS as usize);

/// The name of an input: nobody can change one that is taken and leave its name.
/// The part up to the hash of the rest, if it holds that hash.
#[must_use]
pub fn name(input: &[u8]) -> &[u8] {
    let len = match input {
        [SIMPLE, ..] => 1 + 32,
        [CHUNK, ..] => 1 + 32 + 2 + 32,
        _ => input.len(),
    };
    input.get(..len).unwrap_or(input)
}

/// The price of recovering a signature, in units of the budget.
pub const RECOVERY: u64 = 25_000;

/// The highest price of reading, decoding and recovering an input, in units of the
/// budget.
pub const INPUT: u64 = RECOVERY + rollup::budget::BYTE * MAX_MESSAGE as u64;

/// The price of a whole transaction of `len` bytes besides its gas, in units of
/// the budget: its message, its bytes and its signature.
#[must_use]
pub const fn overhead(len: usize) -> u64 {
    rollup::budget::MESSAGE + RECOVERY + rollup::budget::BYTE * len as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every byte that is part of the name changes it, no other does.
    fn named_by(tag: u8, len: usize, named: usize) {
        let mut input = alloc::vec![tag; len];
        let before = name(&input).to_vec();
        for at in 1..len {
            input[at] ^= 1;
            assert_eq!(name(&input) != before, at < named, "tag {tag}, byte {at}");
            input[at] ^= 1;
        }
    }

    #[test]
    fn hashes_name_what_they_vouch_for() {
        named_by(SIMPLE, 150, 33);
        named_by(CHUNK, 150, 67);
    }

    #[test]
    fn all_bytes_name_what_no_hash_vouches_for() {
        named_by(ANNOUNCEMENT, 150, 150);
        named_by(rollup::inbox::TRANSFER, 150, 150);
        named_by(SIMPLE, 20, 20);
    }
}
