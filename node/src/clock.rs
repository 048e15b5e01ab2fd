//! The devnet's clock: the machine's, which tests can move.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// The latest time that the clock may be set to: 2^32 seconds more still fit what layer 1
/// calls a timestamp.
pub const LATEST: u64 = (1 << 63) - (1 << 32);

/// The setting of a clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Setting {
    /// Seconds that it is ahead of the machine's.
    pub offset: i64,
    /// The timestamp of the next level, if one is set.
    pub next: Option<u64>,
    /// The seconds from each level to the next, if they are set.
    pub interval: Option<u64>,
}

impl Setting {
    /// The timestamp of a level that runs now, after one at `last`. Levels in quick
    /// succession share a second.
    fn level(&self, last: u64) -> u64 {
        let now = match self.interval {
            Some(interval) => last.saturating_add(interval),
            None => machine().saturating_add_signed(self.offset),
        };
        self.next.unwrap_or(now).max(last)
    }
}

/// Seconds since 1970, as levels are stamped.
#[derive(Debug, Default)]
pub struct Clock(Mutex<Setting>);

impl Clock {
    /// The time.
    #[must_use]
    pub fn now(&self) -> u64 {
        machine().saturating_add_signed(self.lock().offset)
    }

    /// The timestamp of a level that would run now, after one at `last`.
    #[must_use]
    pub fn level(&self, last: u64) -> u64 {
        self.lock().level(last)
    }

    /// Stamps a level that runs now, after one at `last`. A timestamp that was
    /// wanted is used up, and time goes on from there.
    #[must_use]
    pub fn stamp(&self, last: u64) -> u64 {
        let mut setting = self.lock();
        let timestamp = setting.level(last);
        if let Some(next) = setting.next.take() {
            setting.offset = ahead(next);
        }
        timestamp
    }

    /// Moves the clock ahead by `seconds`, from its time or from the newest level's timestamp
    /// `last` if that is later: levels in quick succession run ahead of the clock. Returns the
    /// seconds that it is ahead in all; `None` if it would be later than [`LATEST`].
    pub fn advance(&self, seconds: u64, last: u64) -> Option<i64> {
        let mut setting = self.lock();
        let offset = setting.offset.max(ahead(last));
        let offset = offset.checked_add_unsigned(seconds)?;
        let time = machine().checked_add_signed(offset)?;
        if time > LATEST {
            return None;
        }
        setting.offset = offset;
        Some(offset)
    }

    /// Sets the time; gives the seconds that it is ahead in all.
    pub fn set(&self, time: u64) -> i64 {
        let mut setting = self.lock();
        setting.offset = ahead(time);
        setting.offset
    }

    /// Puts levels so many seconds apart; `None`: no longer. Gives what it was.
    pub fn set_interval(&self, interval: Option<u64>) -> Option<u64> {
        std::mem::replace(&mut self.lock().interval, interval)
    }

    /// Sets the timestamp of the next level.
    pub fn want(&self, timestamp: u64) {
        self.lock().next = Some(timestamp);
    }

    /// The setting, to restore later.
    #[must_use]
    pub fn setting(&self) -> Setting {
        *self.lock()
    }

    /// Restores a setting.
    pub fn restore(&self, setting: Setting) {
        *self.lock() = setting;
    }

    fn lock(&self) -> MutexGuard<'_, Setting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn ahead(time: u64) -> i64 {
    time.checked_signed_diff(machine()).unwrap_or(i64::MAX)
}

/// The machine's clock, in seconds since 1970.
#[expect(
    clippy::disallowed_methods,
    reason = "the devnet plays layer 1, whose clock this is; people are told when something was"
)]
pub(crate) fn machine() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wanted_timestamp_is_used_once_and_time_goes_on_from_there() {
        let clock = Clock::default();
        let later = clock.now() + 1_000_000;
        clock.want(later);
        assert_eq!(clock.level(5), later);
        assert!(clock.stamp(5) >= later);
        assert!(clock.now() >= later);
        assert_eq!(clock.setting().next, None);
    }

    #[test]
    fn levels_may_share_a_second_but_do_not_go_back() {
        let clock = Clock::default();
        let future = clock.now() + 500;
        assert_eq!(clock.stamp(future), future);
        clock.want(1);
        assert_eq!(clock.stamp(future), future);
        // Nor is the clock ahead of the wall's then.
        let clock = Clock::default();
        let mut last = 0;
        for _ in 0..1_000 {
            last = clock.stamp(last);
        }
        assert!(last <= machine());
    }

    #[test]
    fn levels_are_as_far_apart_as_they_are_told() {
        let clock = Clock::default();
        assert_eq!(clock.set_interval(Some(7)), None);
        assert_eq!((clock.stamp(100), clock.level(107)), (107, 114));
        clock.want(200);
        assert_eq!((clock.stamp(107), clock.stamp(200)), (200, 207));
        assert_eq!(clock.set_interval(None), Some(7));
        assert_eq!(clock.stamp(300), 300);
    }

    #[test]
    fn it_is_moved_ahead_and_back_to_a_setting() {
        let clock = Clock::default();
        let before = clock.setting();
        assert_eq!(clock.advance(3600, 0), Some(3600));
        assert_eq!(clock.advance(60, 0), Some(3660));
        for seconds in [u64::MAX, 1 << 63, LATEST] {
            assert_eq!(clock.advance(seconds, 0), None);
        }
        assert_eq!(clock.setting().offset, 3660);
        assert!(clock.now() >= machine() + 3600);
        clock.restore(before);
        assert_eq!(clock.setting(), Setting::default());
    }

    #[test]
    fn it_is_moved_ahead_of_levels_that_ran_ahead_of_it() {
        let clock = Clock::default();
        let last = clock.now() + 20;
        let _ = clock.advance(3600, last);
        assert!(clock.level(last) >= last + 3600);
    }
}
