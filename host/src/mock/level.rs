//! Levels of the mock host: messages, runs, reboots.

use super::MockHost;
use super::durable::Cut;
use crate::{Path, reserved};

/// The most runs of one level: the first, and 1,000 reboots.
pub const MAX_RUNS: usize = 1001;

/// A level's messages. Methods add to it and give it back by reference, so a level that is used
/// twice is bound first: `let mut level = Level::default(); level.external(b"a").external(b"b");`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Level {
    /// `Info_per_level`: the predecessor's timestamp, in seconds since 1970.
    pub timestamp: i64,
    /// `Info_per_level`: the predecessor's hash.
    pub predecessor: [u8; 32],
    /// Messages between `Info_per_level` and `End_of_level`, inbox tags included.
    pub messages: Vec<Vec<u8>>,
}

impl Level {
    /// Adds an external message (its inbox tag is put in front).
    pub fn external(&mut self, contents: &[u8]) -> &mut Self {
        self.messages.push([&[1], contents].concat());
        self
    }

    /// Adds an internal message (its inbox tag, 0, is put in front: for one that has it already, as
    /// an encoded message of the crate `messages` has, there is [`Level::raw`]).
    pub fn internal(&mut self, contents: &[u8]) -> &mut Self {
        self.messages.push([&[0], contents].concat());
        self
    }

    /// Adds a message as it is.
    pub fn raw(&mut self, message: &[u8]) -> &mut Self {
        self.messages.push(message.to_vec());
        self
    }
}

/// The end of a level.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// Which level it was.
    pub level: u32,
    /// The number of its runs.
    pub runs: usize,
    /// The number of runs that trapped.
    pub traps: usize,
    /// True if it was ended with the reboot flag still set.
    pub forced: bool,
    /// The number of messages that were never read; they are lost.
    pub unread: usize,
    /// The outbox messages that it wrote.
    pub outbox: Vec<Vec<u8>>,
    /// True if a trap that was asked for did not strike: the level made fewer host calls. It strikes
    /// at a later level, unless [`MockHost::call_off_trap`] calls it off.
    pub trap_left: bool,
}

impl MockHost {
    /// Runs one level: `kernel` is called until it leaves the reboot flag unset.
    ///
    /// Between levels the reboot flag is set and the counter stands at 1,001,
    /// as on the machine.
    ///
    /// # Panics
    /// With the kernel's own panic; only injected traps are caught.
    pub fn run_level(&mut self, level: &Level, mut kernel: impl FnMut(&mut Self)) -> Ended {
        self.open_level(level);
        let mut ended = Ended {
            level: self.level,
            ..Ended::default()
        };
        loop {
            self.durable.cut(reserved::REBOOT.as_bytes(), Cut::Node);
            ended.runs += 1;
            self.set_reboots_left(MAX_RUNS - ended.runs);
            if self.until_trap(&mut kernel).is_some() {
                self.clear_flag(reserved::STUCK);
                self.clear_flag(reserved::UPGRADE_ERROR);
            } else {
                ended.traps += 1;
                self.set(reserved::STUCK.as_bytes(), &[]);
            }
            if self.durable.get(reserved::REBOOT.as_bytes()).is_none() {
                self.clear_flag(reserved::TOO_MANY_REBOOTS);
                break;
            }
            if ended.runs == MAX_RUNS {
                ended.forced = true;
                self.set(reserved::TOO_MANY_REBOOTS.as_bytes(), &[]);
                break;
            }
        }
        ended.unread = std::mem::take(&mut self.inputs).len();
        ended.outbox = std::mem::take(&mut self.outbox);
        ended.trap_left = self.trap.get().is_some();
        // A flag that is still set keeps its value.
        self.durable.value_mut(reserved::REBOOT.as_bytes());
        self.set_reboots_left(MAX_RUNS);
        self.level += 1;
        ended
    }

    /// Puts the level's messages into the inbox, as layer 1 wraps them, and
    /// empties the outbox: what [`MockHost::run_level`] begins with, for tests
    /// that make runs themselves.
    pub fn open_level(&mut self, level: &Level) {
        let info = [
            &[0, 3][..],
            &level.timestamp.to_be_bytes(),
            &level.predecessor,
        ]
        .concat();
        let messages = [vec![0, 1], info]
            .into_iter()
            .chain(level.messages.iter().cloned())
            .chain([vec![0, 2]]);
        let number = self.level;
        self.inputs = (0..)
            .zip(messages)
            .map(|(id, message)| (number, id, message))
            .collect();
        self.outbox.clear();
        self.durable.cut(reserved::REBOOT.as_bytes(), Cut::Node);
        self.set_reboots_left(MAX_RUNS - 1);
    }

    pub(super) fn set_reboots_left(&mut self, left: usize) {
        let left = left as i32;
        self.set(reserved::REBOOT_COUNTER.as_bytes(), &left.to_le_bytes());
    }

    fn clear_flag(&mut self, flag: Path<'_>) {
        self.durable.cut(flag.as_bytes(), Cut::Value);
    }
}
