//! The two lanes of the queue, and how they share a level.
//!
//! Calls of layer 1 (deposits, decisions, forced transactions) do not wait behind
//! what anybody posts: calls of layer 1 have pages and a cursor of their own, and come
//! first. While external inputs wait, calls take at most half of a level's budget, so
//! neither lane starves the other. In each lane inputs are taken in the inbox's order.

use crate::queue::Cursor;

/// A lane of the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Calls of layer 1.
    Calls,
    /// External inputs.
    External,
}

/// The position of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// In which lane.
    pub lane: Lane,
    /// The cursor in its pages.
    pub cursor: Cursor,
}

/// The commit's facts about the lane of calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// The first call that no commit has consumed.
    pub cursor: Cursor,
    /// The first page of calls that may still exist, though the cursor is past it.
    pub oldest_page: u32,
    /// Pages of earlier levels hold both lanes, in the queue's tree: a kernel that had
    /// one lane wrote them. 0 once the cursor is past them.
    pub since: u32,
    /// The bytes of calls that waited.
    pub backlog: u64,
    /// The work that calls took at the commit's level so far, in units of the budget.
    pub work: u64,
    /// True if external inputs come first at the commit's level.
    pub external_first: bool,
    /// True if external inputs wait, and none was taken at the commit's level.
    pub external_waits: bool,
}

/// The first page in the tree of each lane that is not consumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needed {
    /// In the tree of external inputs.
    pub queue: u32,
    /// In the tree of calls.
    pub calls: u32,
}

impl Calls {
    /// The bytes of [`Calls::encode`].
    pub const LEN: usize = 8 + 4 + 4 + 8 + 8 + 1;

    /// Nothing of the lane is consumed, whose first page is that of `level`.
    #[must_use]
    pub const fn first(level: u32) -> Self {
        Self {
            cursor: Cursor { level, offset: 0 },
            oldest_page: level,
            since: 0,
            backlog: 0,
            work: 0,
            external_first: false,
            external_waits: false,
        }
    }

    /// After the commit of a kernel that had one lane: it was made at `level`, and
    /// `cursor` is its first input that was not consumed. What waits there is of both
    /// lanes, in order; calls are found there first.
    #[must_use]
    pub const fn of_one_lane(cursor: Cursor, level: u32) -> Self {
        let next = level.saturating_add(1);
        let mut calls = Self::first(next);
        if cursor.level < next {
            calls.cursor = cursor;
            calls.since = next;
        }
        calls
    }

    /// The first page that is still needed, `external` being the cursor of the other lane.
    #[must_use]
    pub fn needed(&self, external: Cursor) -> Needed {
        let queue = if self.cursor.level < self.since {
            external.level.min(self.cursor.level)
        } else {
            external.level
        };
        Needed {
            queue,
            calls: self.cursor.level.max(self.since),
        }
    }

    /// Numbers big-endian, in the order of the fields; then the flags: 1 external
    /// inputs come first, 2 they wait.
    #[must_use]
    pub fn encode(&self) -> [u8; Self::LEN] {
        let flags = u8::from(self.external_first) | u8::from(self.external_waits) << 1;
        let mut bytes = [flags; Self::LEN];
        let (cursor, rest) = bytes.split_at_mut(8);
        let (oldest_page, rest) = rest.split_at_mut(4);
        let (since, rest) = rest.split_at_mut(4);
        let (backlog, rest) = rest.split_at_mut(8);
        let (work, _) = rest.split_at_mut(8);
        cursor.copy_from_slice(&self.cursor.encode());
        oldest_page.copy_from_slice(&self.oldest_page.to_be_bytes());
        since.copy_from_slice(&self.since.to_be_bytes());
        backlog.copy_from_slice(&self.backlog.to_be_bytes());
        work.copy_from_slice(&self.work.to_be_bytes());
        bytes
    }

    /// The record behind its bytes.
    #[must_use]
    pub fn decode(bytes: &[u8; Self::LEN]) -> Option<Self> {
        let (cursor, rest) = bytes.split_first_chunk()?;
        let (oldest_page, rest) = rest.split_first_chunk()?;
        let (since, rest) = rest.split_first_chunk()?;
        let (backlog, rest) = rest.split_first_chunk()?;
        let (work, rest) = rest.split_first_chunk()?;
        let flags = rest.first()?;
        Some(Self {
            cursor: Cursor::decode(cursor),
            oldest_page: u32::from_be_bytes(*oldest_page),
            since: u32::from_be_bytes(*since),
            backlog: u64::from_be_bytes(*backlog),
            work: u64::from_be_bytes(*work),
            external_first: flags & 1 != 0,
            external_waits: flags & 2 != 0,
        })
    }
}

/// The shares of a level's work that the lanes have, as the level goes on.
#[derive(Clone, Copy, Debug)]
pub struct Shares {
    /// The most work of calls while external inputs wait.
    half: u64,
    /// The work that calls took at this level.
    calls: u64,
    external_first: bool,
    /// True if an external input was taken at this level.
    external_taken: bool,
}

impl Shares {
    /// The shares of a level with this budget; `last` is what the last commit says,
    /// and `resumed` whether it was made at this level.
    ///
    /// If a level took no external input though some waited (budgets may be so small
    /// that one call fills a level), external ones come first at the next.
    #[must_use]
    pub const fn new(level_budget: u64, last: &Calls, resumed: bool) -> Self {
        Self {
            half: level_budget / 2,
            calls: if resumed { last.work } else { 0 },
            external_first: if resumed {
                last.external_first
            } else {
                last.external_waits
            },
            external_taken: resumed && !last.external_waits,
        }
    }

    /// True if the next input is an external one, if one waits.
    #[must_use]
    pub const fn external_first(&self) -> bool {
        self.external_first && !self.external_taken
    }

    /// True if calls may take `work` more while external inputs wait. The first call
    /// of a level may, however small the budget is.
    #[must_use]
    pub const fn allow(&self, work: u64) -> bool {
        self.calls == 0 || self.calls.saturating_add(work) <= self.half
    }

    /// Counts the work of a call.
    pub const fn call(&mut self, work: u64) {
        self.calls = self.calls.saturating_add(work);
    }

    /// Notes that an external input is taken.
    pub const fn external(&mut self) {
        self.external_taken = true;
    }

    /// The facts for the commit that follows `last`: the first call that is not
    /// consumed, the bytes of all that wait, and whether external inputs wait.
    #[must_use]
    pub fn commit(
        &self,
        last: &Calls,
        cursor: Cursor,
        backlog: u64,
        external_waits: bool,
    ) -> Calls {
        Calls {
            cursor,
            oldest_page: last.cursor.level.max(last.since),
            since: if cursor.level < last.since {
                last.since
            } else {
                0
            },
            backlog,
            work: self.calls,
            external_first: self.external_first,
            external_waits: external_waits && !self.external_taken,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(level: u32, offset: u32) -> Cursor {
        Cursor { level, offset }
    }

    #[test]
    fn the_record_survives_a_round_trip() {
        for (external_first, external_waits) in [(true, false), (false, true)] {
            let calls = Calls {
                cursor: at(1, 2),
                oldest_page: 3,
                since: 4,
                backlog: 5,
                work: 6,
                external_first,
                external_waits,
            };
            assert_eq!(Calls::decode(&calls.encode()), Some(calls));
        }
    }

    #[test]
    fn pages_of_both_lanes_are_needed_until_both_are_past_them() {
        let calls = Calls::of_one_lane(at(5, 8), 9);
        let needed = |calls: Calls, external| {
            let Needed { queue, calls } = calls.needed(external);
            (queue, calls)
        };
        assert_eq!(needed(calls, at(5, 8)), (5, 10));
        assert_eq!(needed(calls, at(7, 0)), (5, 10));
        let shares = Shares::new(100, &calls, false);
        let further = shares.commit(&calls, at(8, 0), 0, true);
        assert_eq!(needed(further, at(7, 0)), (7, 10));
        assert_eq!(needed(further, at(9, 0)), (8, 10));
        let past = shares.commit(&further, at(10, 0), 0, true);
        assert_eq!((past.since, past.oldest_page), (0, 10));
        assert_eq!(needed(past, at(7, 0)), (7, 10));
        // Where nothing waited there are no such pages.
        assert_eq!(Calls::of_one_lane(at(10, 0), 9), Calls::first(10));
    }

    #[test]
    fn calls_take_half_but_the_first_always_has_room() {
        let last = Calls::first(1);
        let mut shares = Shares::new(100, &last, false);
        assert!(shares.allow(1_000));
        shares.call(30);
        assert!(shares.allow(20));
        assert!(!shares.allow(21));
        // A reboot changes nothing of that, the next level does.
        let commit = shares.commit(&last, at(1, 9), 0, false);
        assert!(!Shares::new(100, &commit, true).allow(21));
        assert!(Shares::new(100, &commit, false).allow(21));
    }

    #[test]
    fn external_inputs_come_first_after_a_level_without_them() {
        let last = Calls::first(1);
        let mut shares = Shares::new(100, &last, false);
        assert!(!shares.external_first());
        let starved = shares.commit(&last, at(1, 9), 0, true);
        assert!(Shares::new(100, &starved, false).external_first());
        // Not at the same level, which began with calls.
        assert!(!Shares::new(100, &starved, true).external_first());
        shares.external();
        let shared = shares.commit(&last, at(1, 9), 0, true);
        assert!(!Shares::new(100, &shared, false).external_first());
        // Nothing waits: nobody is starved.
        let alone = Shares::new(100, &last, false).commit(&last, at(1, 9), 0, false);
        assert!(!Shares::new(100, &alone, false).external_first());
    }

    #[test]
    fn a_reboot_keeps_who_comes_first() {
        let last = Calls {
            external_waits: true,
            ..Calls::first(1)
        };
        let mut shares = Shares::new(100, &last, false);
        let commit = shares.commit(&last, at(1, 9), 0, true);
        assert!(Shares::new(100, &commit, true).external_first());
        shares.external();
        let commit = shares.commit(&last, at(1, 9), 0, true);
        assert!(!Shares::new(100, &commit, true).external_first());
    }
}
