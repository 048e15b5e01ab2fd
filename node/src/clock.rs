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
        let setting = self.lock();
        let wanted = setting
            .next
            .unwrap_or_else(|| machine().saturating_add_signed(setting.offset));
        wanted.max(last.saturating_add(1))
    }

    /// Stamps a level that runs now, after one at `last`. A timestamp that was
    /// wanted is used up, and time goes on from there.
    #[must_use]
    pub fn stamp(&self, last: u64) -> u64 {
        let mut setting = self.lock();
        if let Some(next) = setting.next.take() {
            setting.offset = ahead(next);
        }
        machine()
            .saturating_add_signed(setting.offset)
            .max(last.saturating_add(1))
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
    reason = "the devnet plays layer 1, whose clock this is"
)]
fn machine() -> u64 {
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
    fn levels_never_share_a_timestamp_nor_go_back() {
        let clock = Clock::default();
        let future = clock.now() + 500;
        assert_eq!(clock.stamp(future), future + 1);
        clock.want(1);
        assert_eq!(clock.stamp(future), future + 1);
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
