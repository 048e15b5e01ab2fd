//! Transaction → inbox messages: how a raw transaction travels to the kernel.
//!
//! An external message holds `00 ++ rollup address ++ input`; an input is a
//! whole transaction, the announcement of one and its chunks where it does not fit a
//! message, or a batch of them.

use crate::inputs::batch::write::{SenderKey, Writer};
use crate::inputs::format::{
    ANNOUNCEMENT, CHUNK, EXTERNAL, FRAME, MAX_CHUNK, MAX_SIMPLE, SIMPLE, TARGETED,
};
use alloc::vec::Vec;
use alloy_primitives::{B256, keccak256};
use ethereum::SignedTransaction;

/// The inbox messages, inbox tag included, that bring the transaction `raw` to
/// the rollup with this address (the 20 bytes behind `sr1…`).
///
/// ```
/// let messages = evm_kernel::inputs::encode::messages(&[7; 20], &[0xc0]);
/// assert_eq!(messages.len(), 1);
/// assert_eq!(&messages[0][..3], &[1, 0, 7]);
/// assert_eq!(messages[0].last(), Some(&0xc0));
/// ```
#[must_use]
pub fn messages(rollup: &[u8; 20], raw: &[u8]) -> Vec<Vec<u8>> {
    let hash = keccak256(raw);
    if raw.len() <= MAX_SIMPLE {
        let mut message = head(rollup, SIMPLE, &hash, raw.len());
        message.extend_from_slice(raw);
        return alloc::vec![message];
    }
    let chunks: Vec<(&[u8], B256)> = raw
        .chunks(MAX_CHUNK)
        .map(|chunk| (chunk, keccak256(chunk)))
        .collect();
    let mut messages = alloc::vec![announcement(rollup, &hash, &chunks)];
    for (index, (chunk, chunk_hash)) in (0_u16..).zip(&chunks) {
        let mut message = head(rollup, CHUNK, &hash, 2 + 32 + chunk.len());
        message.extend_from_slice(&index.to_le_bytes());
        message.extend_from_slice(chunk_hash.as_slice());
        message.extend_from_slice(chunk);
        messages.push(message);
    }
    messages
}

/// The way in which transactions are put into batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batching {
    /// The address of the rollup, the 20 bytes behind `sr1…`.
    pub rollup: [u8; 20],
    /// The chain id of the transactions.
    pub chain_id: u64,
    /// True if y of each signature's point is there: 32 bytes more for each
    /// transaction, and a quarter less work for the kernel.
    pub points: bool,
}

/// The inbox messages, inbox tag included, that bring transactions in this order, each
/// with its key: batches, and single messages for what is alone between two batches or
/// fits none.
#[must_use]
pub fn batches(
    batching: &Batching,
    transactions: &[(SignedTransaction, SenderKey)],
) -> Vec<Vec<u8>> {
    let Batching {
        rollup,
        chain_id,
        points,
    } = batching;
    let mut messages = Vec::new();
    let mut rest = transactions;
    while let Some(((first, _), others)) = rest.split_first() {
        let mut writer = Writer::new(rollup, *chain_id, *points);
        let taken = rest
            .iter()
            .take_while(|(signed, key)| writer.push(signed, key).is_ok())
            .count();
        if taken > 1 {
            messages.push(writer.message());
            rest = rest.get(taken..).unwrap_or_default();
        } else {
            messages.extend(self::messages(rollup, &first.encode()));
            rest = others;
        }
    }
    messages
}

fn announcement(rollup: &[u8; 20], hash: &B256, chunks: &[(&[u8], B256)]) -> Vec<u8> {
    let mut message = head(rollup, ANNOUNCEMENT, hash, 2 + 32 * chunks.len());
    let count = u16::try_from(chunks.len()).unwrap_or(u16::MAX);
    message.extend_from_slice(&count.to_le_bytes());
    for (_, chunk_hash) in chunks {
        message.extend_from_slice(chunk_hash.as_slice());
    }
    message
}

fn head(rollup: &[u8; 20], tag: u8, hash: &B256, rest: usize) -> Vec<u8> {
    let mut message = Vec::with_capacity(FRAME + rest);
    message.extend_from_slice(&[EXTERNAL, TARGETED]);
    message.extend_from_slice(rollup);
    message.push(tag);
    message.extend_from_slice(hash.as_slice());
    message
}

#[cfg(test)]
mod tests {
    use super::*;
    use host::MAX_MESSAGE;

    const ROLLUP: [u8; 20] = [0x5a; 20];

    #[test]
    fn the_largest_transaction_of_one_message_fills_it() {
        let messages = messages(&ROLLUP, &alloc::vec![0xab; MAX_SIMPLE]);
        assert_eq!(messages.len(), 1);
        assert_eq!(messages[0].len(), MAX_MESSAGE);
    }

    #[test]
    fn a_longer_transaction_travels_in_chunks_that_make_it_again() {
        let raw: Vec<u8> = (0..10_000_u32).map(|byte| byte as u8).collect();
        let hash = keccak256(&raw);
        let messages = messages(&ROLLUP, &raw);
        assert_eq!(messages.len(), 1 + 3);
        assert!(messages.iter().all(|message| message.len() <= MAX_MESSAGE));
        for message in &messages {
            assert_eq!(message[..2], [1, 0]);
            assert_eq!(message[2..22], ROLLUP);
            assert_eq!(message[23..55], hash.0);
        }
        assert_eq!(messages[0][22], 1);
        assert_eq!(messages[0][55..57], [3, 0]);
        let mut whole = Vec::new();
        for (index, message) in messages[1..].iter().enumerate() {
            assert_eq!(message[22], 2);
            assert_eq!(usize::from(message[55]), index);
            let announced = &messages[0][57 + 32 * index..][..32];
            assert_eq!(&message[57..89], announced);
            assert_eq!(keccak256(&message[89..]).0, announced);
            whole.extend_from_slice(&message[89..]);
        }
        assert_eq!(whole, raw);
    }
}
