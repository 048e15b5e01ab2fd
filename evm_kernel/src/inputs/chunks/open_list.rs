//! The announcements that are open, in their order and by transaction.

use super::format::Open;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use alloy_primitives::B256;

/// All that are open, those whose last announcement or chunk is oldest first. What one
/// operation costs hardly depends on how many there are.
#[derive(Debug, Default)]
pub(super) struct OpenList {
    in_order: BTreeMap<u64, Open>,
    /// The places of those of each transaction, rising.
    of: BTreeMap<B256, Vec<u64>>,
    next: u64,
}

impl OpenList {
    pub(super) const fn new() -> Self {
        Self {
            in_order: BTreeMap::new(),
            of: BTreeMap::new(),
            next: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.in_order.len()
    }

    /// All of them, in order.
    pub(super) fn all(&self) -> impl Iterator<Item = Open> {
        self.in_order.values().copied()
    }

    /// Those of a transaction, in order.
    pub(super) fn of(&self, transaction: B256) -> impl Iterator<Item = Open> {
        let places = self.of.get(&transaction).into_iter().flatten();
        places.filter_map(|place| self.in_order.get(place).copied())
    }

    /// Adds one behind all others.
    pub(super) fn push(&mut self, open: Open) {
        self.of.entry(open.transaction).or_default().push(self.next);
        self.in_order.insert(self.next, open);
        self.next += 1;
    }

    /// Removes the one with the same hash, if it is there.
    pub(super) fn remove(&mut self, open: &Open) {
        let Some(places) = self.of.get_mut(&open.transaction) else {
            return;
        };
        let in_order = &mut self.in_order;
        places.retain(|place| {
            let found = in_order.get(place).is_some_and(|known| known.id == open.id);
            if found {
                in_order.remove(place);
            }
            !found
        });
        if places.is_empty() {
            self.of.remove(&open.transaction);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_is_pushed_again_stands_last() {
        let open = |id: u8, transaction: u8| Open {
            id: B256::repeat_byte(id),
            transaction: B256::repeat_byte(transaction),
            level: 1,
            progress: false,
        };
        let mut list = OpenList::default();
        for open in [open(1, 7), open(2, 8), open(3, 7)] {
            list.push(open);
        }
        list.remove(&open(1, 7));
        list.push(open(1, 7));
        // It is not there.
        list.remove(&open(4, 7));
        let ids = |all: Vec<Open>| all.iter().map(|open| open.id[0]).collect::<Vec<_>>();
        assert_eq!(ids(list.all().collect()), [2, 3, 1]);
        assert_eq!(ids(list.of(B256::repeat_byte(7)).collect()), [3, 1]);
        list.remove(&open(2, 8));
        assert_eq!((list.len(), list.of(B256::repeat_byte(8)).count()), (2, 0));
    }
}
