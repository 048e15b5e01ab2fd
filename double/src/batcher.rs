//! The batcher: messages wait for the next level, and go in operations of layer 1.

use messages::hash::blake2b_256;
use std::collections::HashMap;

/// The most bytes of a message: layer 1 takes 4,096 with the tag.
pub(crate) const MAX_CONTENT: usize = 4_095;

/// The most bytes of the messages of an operation.
const MAX_OPERATION: usize = 32_000;

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) id: [u8; 32],
    pub(crate) counter: u64,
    pub(crate) order: Option<i64>,
    pub(crate) content: Vec<u8>,
}

/// The progress of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// It waits.
    Pending,
    /// A level has it, in an operation and at a place there.
    Included {
        level: u32,
        operation: [u8; 32],
        index: usize,
    },
}

/// The messages of an operation.
pub(crate) type Operation = Vec<Message>;

#[derive(Clone, Debug, Default)]
pub(crate) struct Batcher {
    counter: u64,
    queue: Vec<Message>,
    known: HashMap<[u8; 32], (Stage, Vec<u8>)>,
}

impl Batcher {
    /// Takes a message; gives its id. One that waits already is not taken twice with
    /// `drop_duplicate`.
    pub(crate) fn add(
        &mut self,
        content: Vec<u8>,
        order: Option<i64>,
        drop_duplicate: bool,
    ) -> [u8; 32] {
        let counter = if drop_duplicate { 0 } else { self.counter };
        let id = blake2b_256(&[&counter.to_be_bytes()[..], &content].concat());
        if drop_duplicate && self.known.contains_key(&id) {
            return id;
        }
        self.counter += 1;
        self.known.insert(id, (Stage::Pending, content.clone()));
        self.queue.push(Message {
            id,
            counter,
            order,
            content,
        });
        id
    }

    /// The waiting messages.
    pub(crate) fn queue(&self) -> &[Message] {
        &self.queue
    }

    /// The progress of a message, and its contents.
    pub(crate) fn find(&self, id: &[u8; 32]) -> Option<&(Stage, Vec<u8>)> {
        self.known.get(id)
    }

    /// The operations of a level: at most so many, lower orders first.
    pub(crate) fn take(&mut self, most: usize) -> Vec<Operation> {
        // Those without an order come last; the sort keeps what came first in front.
        self.queue
            .sort_by_key(|message| (message.order.is_none(), message.order));
        let mut operations: Vec<Operation> = Vec::new();
        let mut rest = Vec::new();
        for message in std::mem::take(&mut self.queue) {
            let has_room = |operation: &Operation| {
                let bytes: usize = operation.iter().map(|other| other.content.len() + 4).sum();
                bytes + message.content.len() + 4 <= MAX_OPERATION
            };
            if !rest.is_empty() {
                rest.push(message);
            } else if operations.last().is_some_and(has_room) {
                if let Some(last) = operations.last_mut() {
                    last.push(message);
                }
            } else if operations.len() < most {
                operations.push(vec![message]);
            } else {
                rest.push(message);
            }
        }
        self.queue = rest;
        operations
    }

    /// Takes note that a level has these operations.
    pub(crate) fn included(&mut self, level: u32, operations: &[Operation]) {
        for operation in operations {
            let hash = operation_hash(operation);
            for (index, message) in operation.iter().enumerate() {
                let stage = Stage::Included {
                    level,
                    operation: hash,
                    index,
                };
                self.known
                    .insert(message.id, (stage, message.content.clone()));
            }
        }
    }

    /// Takes back what a level had that is gone: it waits again, or is lost.
    pub(crate) fn back(&mut self, operations: Vec<Operation>, lose: bool) {
        for message in operations.into_iter().flatten() {
            if lose {
                self.known.remove(&message.id);
            } else {
                self.known
                    .insert(message.id, (Stage::Pending, message.content.clone()));
                self.queue.push(message);
            }
        }
    }

    /// Forgets what waits, as a node that starts anew without its queue.
    pub(crate) fn forget(&mut self) {
        for message in std::mem::take(&mut self.queue) {
            self.known.remove(&message.id);
        }
    }
}

/// The hash of an operation, from what it holds.
fn operation_hash(operation: &Operation) -> [u8; 32] {
    let ids: Vec<u8> = operation.iter().flat_map(|message| message.id).collect();
    blake2b_256(&ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_goes_in_order_and_in_operations_of_32_kilobytes() {
        let mut batcher = Batcher::default();
        for order in [3, 1, 2] {
            batcher.add(vec![order; 4_000], Some(i64::from(order)), true);
        }
        batcher.add(vec![9; 4_000], None, true);
        let twice = batcher.add(vec![9; 4_000], None, true);
        assert_eq!(batcher.queue().len(), 4);
        for more in 10..20 {
            batcher.add(vec![more; 4_000], None, false);
        }
        let operations = batcher.take(1);
        let first: Vec<u8> = operations[0]
            .iter()
            .map(|message| message.content[0])
            .collect();
        assert_eq!(first, [1, 2, 3, 9, 10, 11, 12]);
        batcher.included(7, &operations);
        assert!(matches!(
            batcher.find(&twice),
            Some((Stage::Included { level: 7, .. }, _))
        ));
        batcher.back(operations, false);
        assert_eq!(batcher.find(&twice).unwrap().0, Stage::Pending);
        batcher.forget();
        assert!(batcher.find(&twice).is_none());
    }
}
