//! The inboxes of the newest levels.

use std::collections::BTreeMap;
use std::sync::Arc;

/// The levels whose inboxes are kept.
const KEPT: usize = 4_096;

/// The bytes of all inboxes that are kept, as far as there are two of them.
const KEPT_BYTES: usize = 16 << 20;

/// The inboxes of the newest levels, all messages of each.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inboxes {
    by_level: BTreeMap<u32, Arc<[Vec<u8>]>>,
    bytes: usize,
}

impl Inboxes {
    pub(crate) fn get(&self, level: u32) -> Option<&Arc<[Vec<u8>]>> {
        self.by_level.get(&level)
    }

    /// Adds an inbox, and forgets the oldest where there are too many.
    pub(crate) fn insert(&mut self, level: u32, inbox: Vec<Vec<u8>>) {
        self.bytes += size(&inbox);
        if let Some(old) = self.by_level.insert(level, inbox.into()) {
            self.bytes -= size(&old);
        }
        while self.by_level.len() > KEPT || self.by_level.len() > 1 && self.bytes > KEPT_BYTES {
            let Some((_, old)) = self.by_level.pop_first() else {
                return;
            };
            self.bytes -= size(&old);
        }
    }

    /// The oldest level that is kept.
    pub(crate) fn oldest(&self) -> Option<u32> {
        self.by_level.keys().next().copied()
    }

    /// Forgets a level and those after it.
    pub(crate) fn forget_from(&mut self, level: u32) {
        for gone in self.by_level.split_off(&level).values() {
            self.bytes -= size(gone);
        }
    }
}

fn size(inbox: &[Vec<u8>]) -> usize {
    inbox.iter().map(Vec::len).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_go_where_there_are_too_many_levels_or_bytes() {
        let mut inboxes = Inboxes::default();
        for level in 0..5_000 {
            inboxes.insert(level, vec![vec![1]]);
        }
        assert_eq!((inboxes.oldest(), inboxes.bytes), (Some(904), 4_096));
        inboxes.insert(5_000, vec![vec![0; KEPT_BYTES]]);
        assert_eq!((inboxes.oldest(), inboxes.bytes), (Some(5_000), KEPT_BYTES));
        inboxes.insert(5_001, vec![vec![0; KEPT_BYTES + 1]]);
        assert_eq!(inboxes.oldest(), Some(5_001));
        inboxes.forget_from(5_001);
        assert_eq!((inboxes.oldest(), inboxes.bytes), (None, 0));
    }
}
