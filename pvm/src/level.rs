//! Inputs and results of a level.

use crate::context::Meter;
use crate::durable::Durable;
use crate::engine::Trap;
use crate::profile::Profile;
use kernel_module::Counted;
use kernel_module::imports::IMPORTS;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// The messages of one level, without those that layer 1 adds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inbox {
    /// The timestamp of the predecessor block, in seconds since 1970.
    pub timestamp: i64,
    /// The hash of the predecessor block.
    pub predecessor: [u8; 32],
    /// Whole messages, the inbox tag included.
    pub messages: Vec<Vec<u8>>,
}

impl Inbox {
    /// All messages of the level: `Start_of_level`, `Info_per_level`, these,
    /// `End_of_level`.
    #[must_use]
    pub fn wrapped(&self) -> Vec<Vec<u8>> {
        let mut info = vec![0, 3];
        info.extend(self.timestamp.to_be_bytes());
        info.extend(self.predecessor);
        let mut all = Vec::with_capacity(self.messages.len() + 3);
        all.push(vec![0, 1]);
        all.push(info);
        all.extend(self.messages.iter().cloned());
        all.push(vec![0, 2]);
        all
    }
}

/// The end of a level.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Status {
    /// The kernel had no more to do.
    Yielded,
    /// It asked for one reboot too many; unread messages are lost.
    TooManyReboots,
    /// Its new kernel was no good: the previous one is back, and unread
    /// messages are lost.
    UpgradeFailed {
        /// The fault.
        reason: String,
    },
    /// The rollup is stuck forever.
    Stuck {
        /// The reason.
        reason: String,
    },
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Yielded => f.write_str("yielded"),
            Self::TooManyReboots => f.write_str("too many reboots"),
            Self::UpgradeFailed { reason } => write!(f, "upgrade failed: {reason}"),
            Self::Stuck { reason } => write!(f, "stuck forever: {reason}"),
        }
    }
}

/// One call of the kernel. What is measured is 0 with [`Metering::Off`](crate::Metering::Off).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunReport {
    /// Executed wasm instructions (1 for each, and 1 for each call, and 1 for
    /// each byte of bulk copies and fills; block structure is free).
    pub instructions: u64,
    /// Steps that the slow machine takes for the run, about: those of code and host calls are
    /// counted by its rules, those before the first instruction by the module's size
    /// (docs/machine.md, "Ticks").
    pub ticks: u64,
    /// The most wasm calls open at once, the entry point's included. Host
    /// calls do not count, unless they go through a table.
    pub max_call_depth: u32,
    /// The number of calls of each host function.
    pub host_calls: BTreeMap<String, u64>,
    /// Bytes that `read_input` and `store_read` moved into the kernel.
    pub bytes_read: u64,
    /// Bytes that `store_write` and `write_output` moved out of it.
    pub bytes_written: u64,
    /// The time of the run, instantiation included.
    pub wall: Duration,
    /// Why it trapped, where it did. Its writes are kept all the same.
    pub trap: Option<Trap>,
    /// True if it was the module's stack guard that trapped (`evm-rollup guard`); false too if
    /// nothing was counted.
    pub guard_struck: bool,
    /// The instructions by opcode, with [`Metering::Profile`].
    ///
    /// [`Metering::Profile`]: crate::Metering::Profile
    pub profile: Option<Profile>,
}

impl RunReport {
    /// True if it trapped.
    #[must_use]
    pub const fn trapped(&self) -> bool {
        self.trap.is_some()
    }

    /// Why it trapped, in words.
    #[must_use]
    pub fn trap_words(&self) -> Option<String> {
        Some(self.trap?.in_words(self.guard_struck))
    }
}

/// The report of a level.
#[derive(Clone, Debug)]
pub struct LevelReport {
    /// The level.
    pub level: u32,
    /// Its end.
    pub status: Status,
    /// The calls of the kernel, one at least unless the rollup is stuck.
    pub runs: Vec<RunReport>,
    /// The number of messages that no run has read, of all that the level had: they are lost.
    pub unread: usize,
    /// The outbox messages.
    pub outbox: Vec<Vec<u8>>,
    /// The storage at the end of the level.
    pub durable: Durable,
    /// The storage after each move onto one of [`Options::checkpoints`](crate::Options::checkpoints), in
    /// order.
    pub checkpoints: Vec<Durable>,
    /// The texts of `write_debug`, with [`DebugSink::Capture`](crate::DebugSink::Capture).
    pub debug: Vec<String>,
}

impl LevelReport {
    /// The hash of the storage at the end of the level.
    #[must_use]
    pub fn durable_root(&self) -> [u8; 32] {
        self.durable.root_hash()
    }
}

impl RunReport {
    pub(crate) fn measured(&mut self, meter: &Meter, counted: Counted, start_ticks: u64) {
        self.instructions = counted.instructions;
        self.ticks = start_ticks + counted.ticks + meter.ticks;
        self.max_call_depth = counted.max_depth;
        self.guard_struck = counted.guard_struck;
        let marks = meter.profile.clone();
        self.profile = marks.map(|marks| marks.finish(counted.instructions));
        self.bytes_read = meter.read;
        self.bytes_written = meter.written;
        self.host_calls = IMPORTS
            .iter()
            .zip(meter.calls)
            .filter(|(_, count)| *count > 0)
            .map(|(import, count)| (import.name.to_owned(), count))
            .collect();
    }
}
