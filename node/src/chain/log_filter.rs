//! Which logs a client asks for.

use super::chain::Block;
use super::log_index::Key;
use crate::rpc::json;
use alloy_primitives::{Address, B256, Bloom, BloomInput, Log};
use serde_json::Value;

/// Addresses and topics of the logs that are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogFilter {
    addresses: Vec<Address>,
    topics: Vec<Vec<B256>>,
    /// For each condition the alternatives' bits, hashed once.
    blooms: Vec<Vec<Bloom>>,
}

impl LogFilter {
    /// The logs of any of `addresses` (none: of any contract) whose topics have,
    /// at each position, one of the words given (none: any word, but there must
    /// be one).
    #[must_use]
    pub fn new(addresses: Vec<Address>, topics: Vec<Vec<B256>>) -> Self {
        let bits = |bytes: &[u8]| Bloom::from(BloomInput::Raw(bytes));
        let mut blooms = vec![
            addresses
                .iter()
                .map(|address| bits(address.as_slice()))
                .collect(),
        ];
        for words in &topics {
            blooms.push(words.iter().map(|word| bits(word.as_slice())).collect());
        }
        blooms.retain(|alternatives: &Vec<Bloom>| !alternatives.is_empty());
        Self {
            addresses,
            topics,
            blooms,
        }
    }

    /// What a log must have, one of each: conditions that leave nothing open.
    pub fn conditions(&self) -> impl Iterator<Item = Vec<Key>> {
        let addresses = self.addresses.iter().copied().map(Key::Address).collect();
        let topics = self.topics.iter().enumerate().map(|(position, words)| {
            let key = |word: &B256| Key::Topic(position, *word);
            words.iter().map(key).collect()
        });
        std::iter::once(addresses)
            .chain(topics)
            .filter(|alternatives: &Vec<Key>| !alternatives.is_empty())
    }

    /// Whether `log` is wanted.
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

    /// Whether a block with this filter of all its logs may have a wanted one.
    #[must_use]
    pub fn may_match(&self, bloom: &Bloom) -> bool {
        self.blooms
            .iter()
            .all(|alternatives| alternatives.iter().any(|bits| bloom.contains(bits)))
    }

    /// The wanted logs of `block`, as JSON.
    pub fn of_block(&self, block: &Block, into: &mut Vec<Value>) {
        if block.transactions.is_empty() || !self.may_match(&block.header.logs_bloom) {
            return;
        }
        let wanted = block.logs().filter(|(_, _, log)| self.matches(log));
        into.extend(wanted.map(|(index, number, log)| json::log(block, index, number, log)));
    }
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
