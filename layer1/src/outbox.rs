//! Which outbox messages are cemented, executed, expired.
//!
//! Every so many levels somebody commits to the rollup's state; when the
//! commitment has stood unrefuted for long enough it is cemented, and what was
//! in the outbox up to its level can be executed, once, until it expires.

use std::collections::BTreeMap;

/// Parameters of layer 1, in levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// The level of the rollup's origination: commitments are counted from it.
    pub origination: u32,
    /// Levels from one commitment to the next: 1 at least.
    pub commitment_period: u32,
    /// Levels that a published commitment can be refuted for.
    pub challenge_window: u32,
    /// Levels before the newest cemented one whose messages can be executed.
    pub max_active_levels: u32,
}

impl Default for Parameters {
    /// Short, for a devnet: 4 levels, 16 levels; messages live for 80,640.
    fn default() -> Self {
        Self {
            origination: 0,
            commitment_period: 4,
            challenge_window: 16,
            max_active_levels: 80_640,
        }
    }
}

/// The position of an outbox message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OutboxPosition {
    /// The level that wrote it.
    pub level: u32,
    /// Its number in that level, from 0.
    pub index: u32,
}

/// The status of an outbox message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// No commitment covers it; one will at the end of this level.
    InOutbox {
        /// The commitment's level.
        commitment: u32,
    },
    /// Its commitment can still be refuted.
    Cementing {
        /// From which level on it can be executed.
        executable_at: u32,
    },
    /// Anybody can execute it.
    Executable,
    /// It was executed.
    Executed {
        /// At which level.
        at: u32,
    },
    /// Nobody executed it in time.
    Expired,
}

/// All messages that the rollup wrote.
#[derive(Clone, Debug, Default)]
pub struct Outbox {
    messages: BTreeMap<OutboxPosition, Vec<u8>>,
    executed: BTreeMap<OutboxPosition, u32>,
}

impl Parameters {
    /// The level of the commitment that covers `level`.
    #[must_use]
    pub const fn commitment(&self, level: u32) -> u32 {
        let period = if self.commitment_period == 0 {
            1
        } else {
            self.commitment_period
        };
        let since = level.saturating_sub(self.origination);
        let periods = since.div_ceil(period);
        self.origination
            .saturating_add(periods.saturating_mul(period))
    }

    /// From which level on what stands in the outbox of `level` can be executed:
    /// a commitment is published one level after its own.
    #[must_use]
    pub const fn executable_at(&self, level: u32) -> u32 {
        self.commitment(level)
            .saturating_add(1)
            .saturating_add(self.challenge_window)
    }

    /// The newest commitment that is cemented at level `now`; none before the
    /// first.
    #[must_use]
    pub fn cemented(&self, now: u32) -> Option<u32> {
        let last = now
            .checked_sub(1)?
            .checked_sub(self.challenge_window)?
            .checked_sub(self.origination)?;
        Some(self.origination + last - last % self.commitment_period.max(1))
    }
}

impl Outbox {
    /// Adds what a level wrote.
    pub fn add(&mut self, level: u32, messages: Vec<Vec<u8>>) {
        for (index, message) in (0..).zip(messages) {
            self.messages
                .insert(OutboxPosition { level, index }, message);
        }
    }

    /// Adds a message at its place.
    pub(crate) fn put(&mut self, place: OutboxPosition, message: Vec<u8>) {
        self.messages.insert(place, message);
    }

    /// Says which messages were executed, and at which level.
    pub(crate) fn set_executions(&mut self, executed: BTreeMap<OutboxPosition, u32>) {
        self.executed = executed;
    }

    /// Which messages were executed, and at which level.
    pub(crate) const fn executions(&self) -> &BTreeMap<OutboxPosition, u32> {
        &self.executed
    }

    /// Forgets what `level` and those after it wrote.
    pub(crate) fn forget_from(&mut self, level: u32) {
        self.messages.split_off(&OutboxPosition { level, index: 0 });
    }

    /// The bytes of a message.
    #[must_use]
    pub fn get(&self, place: &OutboxPosition) -> Option<&[u8]> {
        self.messages.get(place).map(Vec::as_slice)
    }

    /// All messages, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (OutboxPosition, &[u8])> {
        self.messages
            .iter()
            .map(|(place, bytes)| (*place, &bytes[..]))
    }

    /// The messages of a level.
    pub fn of_level(&self, level: u32) -> impl Iterator<Item = (OutboxPosition, &[u8])> {
        let from = OutboxPosition { level, index: 0 };
        let to = OutboxPosition {
            level,
            index: u32::MAX,
        };
        self.messages
            .range(from..=to)
            .map(|(place, bytes)| (*place, &bytes[..]))
    }

    /// The status of a message at level `now`.
    #[must_use]
    pub fn status(&self, place: OutboxPosition, now: u32, parameters: &Parameters) -> Status {
        if let Some(&at) = self.executed.get(&place) {
            return Status::Executed { at };
        }
        match parameters.cemented(now) {
            Some(cemented) if cemented >= place.level => {
                if cemented - place.level < parameters.max_active_levels {
                    Status::Executable
                } else {
                    Status::Expired
                }
            }
            _ if now <= parameters.commitment(place.level) => Status::InOutbox {
                commitment: parameters.commitment(place.level),
            },
            _ => Status::Cementing {
                executable_at: parameters.executable_at(place.level),
            },
        }
    }

    /// From which level on all messages can be executed; none if there is none.
    #[must_use]
    pub fn all_executable_at(&self, parameters: &Parameters) -> Option<u32> {
        let (last, _) = self.messages.last_key_value()?;
        Some(parameters.executable_at(last.level))
    }

    pub(crate) fn executed(&mut self, place: OutboxPosition, at: u32) {
        self.executed.insert(place, at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARAMETERS: Parameters = Parameters {
        origination: 2,
        commitment_period: 4,
        challenge_window: 10,
        max_active_levels: 20,
    };

    fn status(level: u32, now: u32) -> Status {
        Outbox::default().status(OutboxPosition { level, index: 0 }, now, &PARAMETERS)
    }

    #[test]
    fn a_message_goes_from_the_outbox_to_cemented_to_expired() {
        // Commitments at levels 2, 6, 10, …; that of 6 is published at 7.
        assert_eq!(status(3, 6), Status::InOutbox { commitment: 6 });
        let executable_at = 17;
        assert_eq!(status(3, 7), Status::Cementing { executable_at });
        assert_eq!(status(6, 16), Status::Cementing { executable_at });
        assert_eq!(status(3, 17), Status::Executable);
        assert_eq!(status(6, 17), Status::Executable);
        assert_eq!(status(7, 17), Status::Cementing { executable_at: 21 });
        // Cemented up to 22 at level 33; up to 26 at level 37.
        assert_eq!(status(3, 33), Status::Executable);
        assert_eq!(status(3, 37), Status::Expired);
        assert_eq!(status(6, 37), Status::Expired);
        assert_eq!(status(7, 37), Status::Executable);
    }

    #[test]
    fn what_can_be_executed_is_what_is_cemented() {
        for level in 2..50 {
            for now in level + 1..100 {
                let cemented = PARAMETERS.cemented(now).is_some_and(|to| to >= level);
                assert_eq!(cemented, now >= PARAMETERS.executable_at(level));
            }
        }
    }
}
