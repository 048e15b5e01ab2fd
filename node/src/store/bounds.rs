//! The bounds of what a node keeps in memory and on disk, each with its number.

use std::time::Duration;

/// The bytes of the store's pages that are kept in memory.
pub const CACHE: usize = 64 << 20;

/// The free bytes of the disk below which nothing is written: the store is read, and goes
/// on by itself as soon as there is more.
pub const MIN_FREE: u64 = 64 << 20;

/// The newest blocks that are in memory.
pub const RECENT_BLOCKS: usize = 256;

/// The bytes of the newest blocks that are in memory, as far as there are two of them.
pub const RECENT_BYTES: u64 = 32 << 20;

/// The older blocks that are in memory since somebody asked for them.
pub const CACHED_BLOCKS: usize = 64;

/// Their bytes.
pub const CACHED_BYTES: u64 = 16 << 20;

/// The blocks that are remembered after they left the chain.
pub const REMOVED_BLOCKS: usize = 1_024;

/// The states that go with a new one at most, where more are no longer kept.
pub const AT_ONCE: usize = 64;

/// The newest levels whose messages a node in front of a rollup keeps.
pub const INBOXES: u32 = 4_096;

/// The most transactions that wait for one commit of the pool.
pub const POOL_BATCH: usize = 1_024;

/// The bytes of records of durable storage that are kept in memory.
pub const RECORD_BYTES: usize = 32 << 20;

/// The bytes of records that are read or written for states in memory, after which these
/// are begun anew, as their roots alone. In memory a record takes some three times its bytes.
pub const HELD_BYTES: u64 = 32 << 20;

/// Of so many versions what dies with one is kept whole, so that not more of them hang on
/// each other, about.
pub const DELTAS: u64 = 64;

/// The states that are kept besides those that are asked for, for who still reads them.
pub const READ_STATES: u64 = 8;

/// The bytes of records of a new state that are in memory until they are committed.
pub const WRITTEN_BYTES: usize = 16 << 20;

/// The changes that are in the log and not in the tables yet, at most: who writes waits then.
pub const BEHIND: usize = 64;

/// Their bytes, about.
pub const BEHIND_BYTES: usize = 8 << 20;

/// The changes that go into the tables at once, at most, and after which they go at the latest.
pub const TOGETHER: usize = 16;

/// Longest time that a change stays in the log alone, if nobody asks for the tables.
pub const LINGER: Duration = Duration::from_millis(100);

/// The pause after changes could not be put into the tables.
pub const AGAIN: Duration = Duration::from_secs(1);

/// Longest time that changes are still put into the tables when the node ends; the others stay in the log.
pub const FAREWELL: Duration = Duration::from_millis(1_500);

/// The bytes of a change from which on it goes into the tables at once, not into the log.
pub const LOGGED_BYTES: usize = 8 << 20;

/// The bytes of the log's pages that are kept in memory.
pub const LOG_CACHE: usize = 4 << 20;
