//! The positions of the logs of each address and topic.

use super::block::Block;
use super::log_filter::{LogFilter, LogKey};
use alloy_primitives::Log;
use std::collections::HashMap;

/// The position of a log in the chain, ordered as the logs are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogPosition {
    /// The number of its block.
    pub block: u32,
    /// Its own number in the block.
    pub log: u32,
}

/// For each address and topic the positions of its logs, in order.
#[derive(Debug, Default)]
pub struct LogIndex(HashMap<LogKey, Vec<LogPosition>>);

impl LogIndex {
    /// Adds the logs of the block after the newest.
    pub fn insert(&mut self, block: &Block) {
        for (_, number, log) in block.logs() {
            let position = LogPosition {
                block: narrow(block.number()),
                log: narrow(number),
            };
            for key in keys(log) {
                self.0.entry(key).or_default().push(position);
            }
        }
    }

    /// Forgets the logs of the newest block.
    pub fn remove(&mut self, block: &Block) {
        let number = narrow(block.number());
        for (_, _, log) in block.logs() {
            for key in keys(log) {
                let Some(positions) = self.0.get_mut(&key) else {
                    continue;
                };
                while positions
                    .pop_if(|position| position.block >= number)
                    .is_some()
                {}
                if positions.is_empty() {
                    self.0.remove(&key);
                }
            }
        }
    }

    /// The positions, in order, of all logs from block `from` to block `to` that
    /// `filter` may pass: those that fulfil the rarest of its conditions. `None` if
    /// it has no condition.
    #[must_use]
    pub fn find(&self, filter: &LogFilter, from: u64, to: u64) -> Option<Vec<LogPosition>> {
        let rarest = filter
            .conditions()
            .map(|alternatives| {
                alternatives
                    .into_iter()
                    .map(|key| self.range(key, from, to))
                    .collect::<Vec<_>>()
            })
            .min_by_key(|found| found.iter().map(|positions| positions.len()).sum::<usize>())?;
        let mut positions = rarest.concat();
        if rarest.len() > 1 {
            positions.sort_unstable();
            positions.dedup();
        }
        Some(positions)
    }

    fn range(&self, key: LogKey, from: u64, to: u64) -> &[LogPosition] {
        let positions = self.0.get(&key).map_or(&[][..], Vec::as_slice);
        let start = positions.partition_point(|position| u64::from(position.block) < from);
        let end = positions.partition_point(|position| u64::from(position.block) <= to);
        positions.get(start..end).unwrap_or_default()
    }
}

fn keys(log: &Log) -> impl Iterator<Item = LogKey> {
    let topics = log.topics().iter().enumerate();
    std::iter::once(LogKey::Address(log.address))
        .chain(topics.map(|(position, topic)| LogKey::Topic(position, *topic)))
}

/// Block and log numbers fit 32 bits: a chain with more would not fit memory.
fn narrow(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::Included;
    use alloy_primitives::{Address, B256, Bytes, LogData};
    use ethereum::{Header, SignedTransaction};
    use storage::block::StoredReceipt;

    const HERE: Address = Address::repeat_byte(1);
    const THERE: Address = Address::repeat_byte(2);
    const A: B256 = B256::repeat_byte(0xa);
    const B: B256 = B256::repeat_byte(0xb);

    fn block(number: u64, logs: &[(Address, &[B256])]) -> Block {
        let logs = logs
            .iter()
            .map(|(address, topics)| Log {
                address: *address,
                data: LogData::new_unchecked(topics.to_vec(), Bytes::new()),
            })
            .collect();
        let transaction = ethereum::transaction::sign(
            ethereum::Transaction::Legacy(ethereum::transaction::Legacy::default()),
            &[1; 32],
        );
        Block {
            hash: B256::ZERO,
            header: Header {
                number,
                ..Header::default()
            },
            size: 0,
            transactions: vec![Included {
                transaction: SignedTransaction::clone(&transaction.unwrap()),
                sender: Address::ZERO,
                receipt: StoredReceipt {
                    success: true,
                    gas_used: 0,
                    data_gas: 0,
                    logs,
                },
                cumulative_gas_used: 0,
                first_log: 0,
            }],
            state: None,
        }
    }

    fn index() -> (LogIndex, Vec<Block>) {
        let blocks = vec![
            block(0, &[(HERE, &[A]), (THERE, &[A, B])]),
            block(1, &[(HERE, &[B, A])]),
            block(2, &[(THERE, &[]), (HERE, &[A, A])]),
        ];
        let mut index = LogIndex::default();
        blocks.iter().for_each(|block| index.insert(block));
        (index, blocks)
    }

    fn places(found: Option<Vec<LogPosition>>) -> Vec<(u32, u32)> {
        let found = found.expect("a condition");
        found.iter().map(|place| (place.block, place.log)).collect()
    }

    #[test]
    fn logs_are_found_by_address_and_by_topic_at_its_position() {
        let (index, _) = index();
        let by = |addresses: &[Address], topics: &[&[B256]], from, to| {
            let topics = topics.iter().map(|words| words.to_vec()).collect();
            let filter = LogFilter::new(addresses.to_vec(), topics);
            places(index.find(&filter, from, to))
        };
        assert_eq!(by(&[HERE], &[], 0, 9), [(0, 0), (1, 0), (2, 1)]);
        assert_eq!(by(&[HERE], &[], 1, 1), [(1, 0)]);
        assert_eq!(by(&[], &[&[A]], 0, 9), [(0, 0), (0, 1), (2, 1)]);
        assert_eq!(by(&[], &[&[], &[A]], 0, 9), [(1, 0), (2, 1)]);
        assert_eq!(by(&[HERE], &[&[B]], 0, 9), [(1, 0)]);
        let both = by(&[HERE, THERE, HERE], &[], 0, 9);
        assert_eq!(both, [(0, 0), (0, 1), (1, 0), (2, 0), (2, 1)]);
        assert_eq!(by(&[Address::ZERO], &[], 0, 9), []);
    }

    #[test]
    fn without_a_condition_nothing_is_looked_up() {
        let (index, _) = index();
        assert_eq!(index.find(&LogFilter::default(), 0, 9), None);
    }

    #[test]
    fn a_block_that_is_taken_back_leaves_no_trace() {
        let (mut index, blocks) = index();
        blocks.iter().rev().for_each(|block| index.remove(block));
        assert!(index.0.is_empty());
    }
}
