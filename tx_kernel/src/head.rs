//! How far the queue is consumed.

use crate::layout::{HEAD, STAGED_HEAD};
use host::{HostError, ReadStore, Store};
use rollup::Cursor;

/// What the next run needs to know of the last commit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The first input that is not consumed.
    pub cursor: Cursor,
    /// The first page that may still exist, though the cursor is past it: pages
    /// are deleted after the commit that consumes them.
    pub oldest_page: u32,
    /// The level that it was committed at.
    pub level: u32,
    /// The work done at that level so far, in units of the budget.
    pub level_work: u64,
    /// The bytes that waited in the queue after it.
    pub backlog: u64,
    /// Whether messages to layer 1 may wait: where not, nobody looks.
    pub outgoing: bool,
}

const LEN: usize = 8 + 4 + 4 + 8 + 8 + 1;

impl Head {
    /// Nothing is consumed of a rollup that was originated at `level`.
    pub(crate) fn first(level: u32) -> Self {
        Self {
            cursor: Cursor { level, offset: 0 },
            oldest_page: level,
            ..Self::default()
        }
    }

    /// The head; `None` before the first commit.
    ///
    /// # Errors
    /// Where the machine refuses, or the bytes are no head.
    pub fn load(store: &impl ReadStore) -> Result<Option<Self>, HostError> {
        let mut bytes = [0; LEN];
        match store.read_small(HEAD, &mut bytes)? {
            None => Ok(None),
            Some(len) => {
                let head = bytes.get(..len).and_then(Self::decode);
                head.map(Some).ok_or(HostError::GenericInvalidAccess)
            }
        }
    }

    pub(crate) fn write(&self, store: &mut impl Store) -> Result<(), HostError> {
        store.store_write(STAGED_HEAD, 0, &self.encode())
    }

    fn encode(&self) -> [u8; LEN] {
        let mut bytes = [u8::from(self.outgoing); LEN];
        let (cursor, rest) = bytes.split_at_mut(8);
        let (oldest_page, rest) = rest.split_at_mut(4);
        let (level, rest) = rest.split_at_mut(4);
        let (level_work, rest) = rest.split_at_mut(8);
        let (backlog, _) = rest.split_at_mut(8);
        cursor.copy_from_slice(&self.cursor.encode());
        oldest_page.copy_from_slice(&self.oldest_page.to_be_bytes());
        level.copy_from_slice(&self.level.to_be_bytes());
        level_work.copy_from_slice(&self.level_work.to_be_bytes());
        backlog.copy_from_slice(&self.backlog.to_be_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (cursor, rest) = bytes.split_first_chunk()?;
        let (oldest_page, rest) = rest.split_first_chunk()?;
        let (level, rest) = rest.split_first_chunk()?;
        let (level_work, rest) = rest.split_first_chunk()?;
        let (backlog, rest) = rest.split_first_chunk()?;
        let [outgoing] = rest else {
            return None;
        };
        Some(Self {
            cursor: Cursor::decode(cursor),
            oldest_page: u32::from_be_bytes(*oldest_page),
            level: u32::from_be_bytes(*level),
            level_work: u64::from_be_bytes(*level_work),
            backlog: u64::from_be_bytes(*backlog),
            outgoing: *outgoing == 1,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_survives_a_round_trip() {
        let head = Head {
            cursor: Cursor {
                level: 1,
                offset: 2,
            },
            oldest_page: 3,
            level: 4,
            level_work: 5,
            backlog: 6,
            outgoing: true,
        };
        assert_eq!(Head::decode(&head.encode()), Some(head));
        assert_eq!(Head::decode(&head.encode()[1..]), None);
    }
}
