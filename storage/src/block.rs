//! Blocks as they are kept: header, transactions, receipts.

use crate::codec::{Reader, put_bytes, put_number, put_word};
use crate::table::{Size, Value};
use alloc::vec::Vec;
use alloy_primitives::{Address, B256, Bytes, Log};

/// A header behind its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredHeader {
    /// keccak-256 of `rlp`.
    pub hash: B256,
    /// The header in RLP.
    pub rlp: Bytes,
}

impl Value for StoredHeader {
    type Bytes = Vec<u8>;
    const SIZE: Size = Size::Long;
    const SHRINKS: bool = false;

    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(32 + self.rlp.len());
        bytes.extend_from_slice(self.hash.as_slice());
        bytes.extend_from_slice(&self.rlp);
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (hash, rlp) = bytes.split_first_chunk()?;
        Some(Self {
            hash: B256::new(*hash),
            rlp: Bytes::copy_from_slice(rlp),
        })
    }
}

/// The hash in front of a header, alone: one small read for BLOCKHASH.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeaderHash(pub B256);

impl Value for HeaderHash {
    type Bytes = [u8; 32];
    const SIZE: Size = Size::Hash;
    const SHRINKS: bool = false;

    fn encode(&self) -> [u8; 32] {
        self.0.0
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        bytes.first_chunk().map(|hash| Self(B256::new(*hash)))
    }
}

/// A transaction of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredTransaction {
    /// Its sender.
    pub sender: Address,
    /// Its bytes, as an envelope of EIP-2718 or a legacy list.
    pub raw: Bytes,
}

/// The transactions of a block, in order. Each lies as its sender, then its
/// length (LEB128) and bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transactions(pub Vec<StoredTransaction>);

impl Value for Transactions {
    type Bytes = Vec<u8>;
    const SIZE: Size = Size::Long;
    const SHRINKS: bool = false;

    fn encode(&self) -> Vec<u8> {
        let size = self
            .0
            .iter()
            .map(|transaction| 20 + 3 + transaction.raw.len())
            .sum();
        let mut bytes = Vec::with_capacity(size);
        for transaction in &self.0 {
            bytes.extend_from_slice(transaction.sender.as_slice());
            put_bytes(&mut bytes, &transaction.raw);
        }
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let mut transactions = Vec::new();
        while !reader.is_empty() {
            transactions.push(StoredTransaction {
                sender: reader.address()?,
                raw: Bytes::copy_from_slice(reader.bytes()?),
            });
        }
        Some(Self(transactions))
    }
}

/// The result of a transaction. All else in a receipt follows from it and
/// the block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredReceipt {
    /// True if it succeeded.
    pub success: bool,
    /// The gas that it used, refunds taken off, what its bytes cost included.
    pub gas_used: u64,
    /// The part of it that was paid for its bytes on layer 1.
    pub data_gas: u64,
    /// Its logs.
    pub logs: Vec<Log>,
}

/// The receipts of a block, in order. Each lies as flags (1 byte: 1 success, 2 bytes
/// were paid for), gas used, the part paid for bytes if the flag says so, number of logs, and for each log address, number of topics, topics (without
/// leading zeros behind their length) and data; numbers and lengths in LEB128.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipts(pub Vec<StoredReceipt>);

impl Value for Receipts {
    type Bytes = Vec<u8>;
    const SIZE: Size = Size::Long;
    const SHRINKS: bool = false;

    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(8 * self.0.len());
        for receipt in &self.0 {
            let paid = receipt.data_gas > 0;
            bytes.push(u8::from(receipt.success) | u8::from(paid) << 1);
            put_number(&mut bytes, receipt.gas_used);
            if paid {
                put_number(&mut bytes, receipt.data_gas);
            }
            put_number(&mut bytes, receipt.logs.len() as u64);
            for log in &receipt.logs {
                bytes.extend_from_slice(log.address.as_slice());
                put_number(&mut bytes, log.topics().len() as u64);
                for topic in log.topics() {
                    put_word(&mut bytes, topic);
                }
                put_bytes(&mut bytes, &log.data.data);
            }
        }
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let mut receipts = Vec::new();
        while !reader.is_empty() {
            receipts.push(receipt(&mut reader)?);
        }
        Some(Self(receipts))
    }
}

fn receipt(reader: &mut Reader<'_>) -> Option<StoredReceipt> {
    let flags = reader.byte()?;
    let gas_used = reader.number()?;
    let data_gas = if flags & 2 == 0 { 0 } else { reader.number()? };
    let logs = (0..reader.number()?)
        .map(|_| log(reader))
        .collect::<Option<_>>()?;
    Some(StoredReceipt {
        success: flags & 1 != 0,
        gas_used,
        data_gas,
        logs,
    })
}

fn log(reader: &mut Reader<'_>) -> Option<Log> {
    let address = reader.address()?;
    let topics = (0..reader.number()?)
        .map(|_| reader.word())
        .collect::<Option<_>>()?;
    Log::new(address, topics, Bytes::copy_from_slice(reader.bytes()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn logs() -> impl Strategy<Value = Log> {
        let topics = proptest::collection::vec(any::<[u8; 32]>(), 0..=4);
        (any::<[u8; 20]>(), topics, any::<Vec<u8>>()).prop_map(|(address, topics, data)| {
            let topics = topics.into_iter().map(B256::new).collect();
            Log::new_unchecked(address.into(), topics, data.into())
        })
    }

    proptest! {
        #[test]
        fn receipts_survive_a_round_trip(
            fields in proptest::collection::vec((any::<bool>(), any::<u64>(), any::<bool>(), proptest::collection::vec(logs(), 0..3)), 0..4)
        ) {
            let receipts = Receipts(
                fields.into_iter().map(|(success, gas_used, paid, logs)| {
                    let data_gas = if paid { gas_used / 2 } else { 0 };
                    StoredReceipt { success, gas_used, data_gas, logs }
                }).collect(),
            );
            prop_assert_eq!(Receipts::decode(&receipts.encode()), Some(receipts));
        }

        #[test]
        fn transactions_survive_a_round_trip(raws: Vec<Vec<u8>>, sender: [u8; 20]) {
            let transactions = Transactions(
                raws.into_iter().map(|raw| StoredTransaction { sender: sender.into(), raw: raw.into() }).collect(),
            );
            prop_assert_eq!(Transactions::decode(&transactions.encode()), Some(transactions));
        }

        #[test]
        fn any_bytes_are_receipts_or_not(bytes: Vec<u8>) {
            let _ = Receipts::decode(&bytes);
            let _ = Transactions::decode(&bytes);
        }
    }
}
