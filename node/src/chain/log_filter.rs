//! Filters of logs by address and topic.

use alloy_primitives::{Address, B256, Bloom, Log, keccak256};
use std::collections::HashSet;

/// A property that a log can be found by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LogKey {
    /// The contract that made it.
    Address(Address),
    /// The topic at this position.
    Topic(usize, B256),
}

/// A filter of logs by address and topic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogFilter {
    addresses: HashSet<Address>,
    topics: Vec<HashSet<B256>>,
    /// For each condition the alternatives' bits, hashed once.
    blooms: Vec<Vec<Bits>>,
}

/// The three bits of a bloom filter that a property sets.
type Bits = [u16; 3];

impl LogFilter {
    /// The logs of any of `addresses` (none: of any contract) whose topics have,
    /// at each position, one of the words given (none: any word, but there must
    /// be one).
    #[must_use]
    pub fn new(addresses: Vec<Address>, topics: Vec<Vec<B256>>) -> Self {
        let addresses: HashSet<Address> = addresses.into_iter().collect();
        let topics: Vec<HashSet<B256>> = topics
            .into_iter()
            .map(|words| words.into_iter().collect())
            .collect();
        let mut blooms: Vec<Vec<Bits>> = vec![
            addresses
                .iter()
                .map(|address| bits(address.as_slice()))
                .collect(),
        ];
        for words in &topics {
            blooms.push(words.iter().map(|word| bits(word.as_slice())).collect());
        }
        blooms.retain(|alternatives| !alternatives.is_empty());
        blooms.iter_mut().for_each(|bits| bits.sort_unstable());
        Self {
            addresses,
            topics,
            blooms,
        }
    }

    /// Its addresses and its topics by position, in order.
    #[must_use]
    pub fn parts(&self) -> (Vec<Address>, Vec<Vec<B256>>) {
        fn sorted<T: Ord + Copy>(words: &HashSet<T>) -> Vec<T> {
            let mut words: Vec<T> = words.iter().copied().collect();
            words.sort_unstable();
            words
        }
        let topics = self.topics.iter().map(sorted).collect();
        (sorted(&self.addresses), topics)
    }

    /// The number of its addresses and topics.
    #[must_use]
    pub fn len(&self) -> usize {
        self.blooms.iter().map(Vec::len).sum()
    }

    /// True if it takes logs of any address with any topics.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.blooms.is_empty()
    }

    /// The conditions: a log has one of the keys of each.
    pub fn conditions(&self) -> impl Iterator<Item = Vec<LogKey>> {
        let addresses = self
            .addresses
            .iter()
            .copied()
            .map(LogKey::Address)
            .collect();
        let topics = self.topics.iter().enumerate().map(|(position, words)| {
            let key = |word: &B256| LogKey::Topic(position, *word);
            words.iter().map(key).collect()
        });
        std::iter::once(addresses)
            .chain(topics)
            .filter(|alternatives: &Vec<LogKey>| !alternatives.is_empty())
    }

    /// Checks if `log` passes.
    #[must_use]
    pub fn matches(&self, log: &Log) -> bool {
        let topics = log.topics();
        (self.addresses.is_empty() || self.addresses.contains(&log.address))
            && self.topics.len() <= topics.len()
            && self
                .topics
                .iter()
                .zip(topics)
                .all(|(wanted, topic)| wanted.is_empty() || wanted.contains(topic))
    }

    /// Checks if a block with this bloom filter may have a log that passes.
    #[must_use]
    pub fn may_match(&self, bloom: &Bloom) -> bool {
        let has = |bit: &u16| {
            // The last byte has the lowest bits.
            let byte = Bloom::len_bytes() - 1 - usize::from(bit / 8);
            bloom
                .0
                .get(byte)
                .is_some_and(|byte| byte >> (bit % 8) & 1 == 1)
        };
        self.blooms
            .iter()
            .all(|alternatives| alternatives.iter().any(|bits| bits.iter().all(has)))
    }
}

/// The bits of a property (yellow paper, section 4.3.1).
fn bits(bytes: &[u8]) -> Bits {
    let hash = keccak256(bytes);
    [0, 2, 4].map(|place| u16::from_be_bytes([hash[place], hash[place + 1]]) & 0x7ff)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::{Bytes, LogData};

    const HERE: Address = Address::repeat_byte(1);
    const THERE: Address = Address::repeat_byte(2);
    const A: B256 = B256::repeat_byte(0xa);
    const B: B256 = B256::repeat_byte(0xb);

    fn log(address: Address, topics: &[B256]) -> Log {
        Log {
            address,
            data: LogData::new_unchecked(topics.to_vec(), Bytes::new()),
        }
    }

    fn wants(addresses: &[Address], topics: &[&[B256]]) -> LogFilter {
        LogFilter::new(
            addresses.to_vec(),
            topics.iter().map(|words| words.to_vec()).collect(),
        )
    }

    #[test]
    fn an_empty_filter_takes_every_log() {
        assert!(wants(&[], &[]).matches(&log(HERE, &[])));
    }

    #[test]
    fn addresses_are_alternatives() {
        let filter = wants(&[HERE, THERE], &[]);
        assert!(filter.matches(&log(THERE, &[A])));
        assert!(!filter.matches(&log(Address::ZERO, &[A])));
    }

    #[test]
    fn topics_are_matched_by_position_with_alternatives() {
        let filter = wants(&[], &[&[A], &[A, B]]);
        assert!(filter.matches(&log(HERE, &[A, B])));
        assert!(filter.matches(&log(HERE, &[A, A, B])));
        assert!(!filter.matches(&log(HERE, &[B, A])));
        assert!(!filter.matches(&log(HERE, &[A])));
    }

    #[test]
    fn an_open_position_wants_any_topic_but_one() {
        let filter = wants(&[], &[&[], &[]]);
        assert!(filter.matches(&log(HERE, &[A, B])));
        assert!(!filter.matches(&log(HERE, &[A])));
    }

    #[test]
    fn the_bloom_rules_blocks_out_and_never_a_match() {
        let logs = [log(HERE, &[A, B])];
        let mut bloom = Bloom::ZERO;
        logs.iter().for_each(|log| bloom.accrue_log(log));
        assert!(wants(&[HERE], &[&[A], &[B]]).may_match(&bloom));
        assert!(wants(&[THERE, HERE], &[]).may_match(&bloom));
        assert!(!wants(&[THERE], &[]).may_match(&bloom));
        assert!(!wants(&[HERE], &[&[Address::ZERO.into_word()]]).may_match(&bloom));
    }
}
