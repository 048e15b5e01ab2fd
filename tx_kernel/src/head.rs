//! The consumed part of the queue.

use crate::layout::{HEAD, STAGED_HEAD};
use host::{HostError, ReadStore, Store};
use rollup::{Calls, Cursor};

/// Facts about the last commit for the next run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The first external input that is not consumed.
    pub cursor: Cursor,
    /// The first page of external inputs that may still exist, though the cursor is
    /// past it: pages are deleted after the commit that consumes them.
    pub oldest_page: u32,
    /// The level that it was committed at.
    pub level: u32,
    /// The work done at that level so far, in units of the budget.
    pub level_work: u64,
    /// The bytes of external inputs that waited after it.
    pub backlog: u64,
    /// True if messages to layer 1 may wait: where not, nobody looks.
    pub outgoing: bool,
    /// The lane of calls.
    pub calls: Calls,
}

/// The length before [`Head::calls`], which stand last.
const ONE_LANE_LEN: usize = 8 + 4 + 4 + 8 + 8 + 1;

const LEN: usize = ONE_LANE_LEN + Calls::LEN;

impl Head {
    /// Nothing is consumed of a rollup that was originated at `level`.
    pub(crate) fn first(level: u32) -> Self {
        Self {
            cursor: Cursor { level, offset: 0 },
            oldest_page: level,
            calls: Calls::first(level),
            ..Self::default()
        }
    }

    /// The head; `None` before the first commit.
    ///
    /// # Errors
    /// If the machine refuses, or the bytes are no head.
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
        let (backlog, rest) = rest.split_at_mut(8);
        let (_, calls) = rest.split_at_mut(1);
        cursor.copy_from_slice(&self.cursor.encode());
        oldest_page.copy_from_slice(&self.oldest_page.to_be_bytes());
        level.copy_from_slice(&self.level.to_be_bytes());
        level_work.copy_from_slice(&self.level_work.to_be_bytes());
        backlog.copy_from_slice(&self.backlog.to_be_bytes());
        calls.copy_from_slice(&self.calls.encode());
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (cursor, rest) = bytes.split_first_chunk()?;
        let (oldest_page, rest) = rest.split_first_chunk()?;
        let (level, rest) = rest.split_first_chunk()?;
        let (level_work, rest) = rest.split_first_chunk()?;
        let (backlog, rest) = rest.split_first_chunk()?;
        let (outgoing, calls) = rest.split_first()?;
        let (cursor, level) = (Cursor::decode(cursor), u32::from_be_bytes(*level));
        Some(Self {
            cursor,
            oldest_page: u32::from_be_bytes(*oldest_page),
            level,
            calls: match calls.try_into() {
                Ok(calls) => Calls::decode(calls)?,
                Err(_) if calls.is_empty() => Calls::of_one_lane(cursor, level),
                Err(_) => return None,
            },
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
            calls: Calls::first(9),
        };
        assert_eq!(Head::decode(&head.encode()), Some(head));
        assert_eq!(Head::decode(&head.encode()[1..]), None);
        let one_lane = Head {
            calls: Calls::of_one_lane(head.cursor, head.level),
            ..head
        };
        assert_eq!(Head::decode(&head.encode()[..ONE_LANE_LEN]), Some(one_lane));
    }
}
