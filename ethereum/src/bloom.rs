//! Bloom filters over the addresses and topics of logs (Yellow Paper §4.3.1).

use crate::keccak::keccak256;
use alloc::collections::BTreeMap;
use alloy_primitives::{Address, B256, Bloom};

use crate::Log;

/// Adds logs to filters, and hashes each address and each topic once only.
///
/// Keep one for a block: the tokens, events and holders of its transactions
/// repeat, and a hash costs more than everything else here.
#[derive(Clone, Debug, Default)]
pub struct LogsBloom {
    addresses: BTreeMap<Address, Bits>,
    topics: BTreeMap<B256, Bits>,
}

/// The three bits (0 to 2047) that an entry sets.
type Bits = [u16; 3];

impl LogsBloom {
    /// Knows no hash yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            addresses: BTreeMap::new(),
            topics: BTreeMap::new(),
        }
    }

    /// The filter of one receipt's logs.
    pub fn of(&mut self, logs: &[Log]) -> Bloom {
        let mut bloom = Bloom::ZERO;
        for log in logs {
            let bits = self
                .addresses
                .entry(log.address)
                .or_insert_with(|| bits_of(&log.address[..]));
            set(&mut bloom, *bits);
            for topic in log.topics() {
                let bits = self
                    .topics
                    .entry(*topic)
                    .or_insert_with(|| bits_of(&topic[..]));
                set(&mut bloom, *bits);
            }
        }
        bloom
    }
}

/// The filter of some logs, for callers with no others.
#[must_use]
pub fn logs_bloom(logs: &[Log]) -> Bloom {
    LogsBloom::new().of(logs)
}

/// The low 11 bits of the first three 16-bit words of the hash.
fn bits_of(entry: &[u8]) -> Bits {
    let [a, b, c, d, e, f, ..] = keccak256(entry).0;
    [[a, b], [c, d], [e, f]].map(|word| u16::from_be_bytes(word) & 0x7ff)
}

/// Bit 0 is the lowest bit of the last byte.
fn set(bloom: &mut Bloom, bits: Bits) {
    for bit in bits {
        let byte = Bloom::len_bytes() - 1 - usize::from(bit / 8);
        if let Some(byte) = bloom.0.get_mut(byte) {
            *byte |= 1 << (bit % 8);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use alloy_primitives::{Bytes, address, b256};

    #[test]
    fn our_filter_is_alloys() {
        let logs = vec![
            Log::new_unchecked(
                address!("0x00000000219ab540356cbb839cbe05303d7705fa"),
                vec![
                    b256!("0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"),
                    B256::ZERO,
                ],
                Bytes::from_static(b"not in the filter"),
            ),
            Log::new_unchecked(Address::ZERO, vec![B256::ZERO], Bytes::new()),
        ];
        let mut expected = Bloom::ZERO;
        for log in &logs {
            expected.accrue(alloy_primitives::BloomInput::Raw(log.address.as_slice()));
            for topic in log.topics() {
                expected.accrue(alloy_primitives::BloomInput::Raw(topic.as_slice()));
            }
        }
        let mut block = LogsBloom::new();
        assert_eq!(block.of(&logs), expected);
        assert_eq!(block.of(&logs), expected, "from remembered hashes");
        assert_eq!(block.of(&[]), Bloom::ZERO);
    }
}
